#include "proxy/metrics/exporter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "tests/support/source_folder.h"

namespace gatepost::metrics {
namespace {

using session::Counters;
using ::testing::HasSubstr;
using ::testing::Not;

ProcessFacts facts() {
  ProcessFacts result;
  result.version = "1.2.3";
  result.tls_library = "BoringSSL 17";
  result.started = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000));
  result.workers = 2;
  result.silent_seconds = {0, 0};
  result.certificates = {
      {"default", std::chrono::system_clock::time_point(std::chrono::seconds(1'800'000'000))}};
  result.servers = {{.pool = "main", .server = "192.0.2.1:110", .up = true, .sessions = 3},
                    {.pool = "main", .server = "192.0.2.2:110", .up = false, .sessions = 0}};
  auto scanner = std::make_shared<filters::ScannerCounters>();
  scanner->name = "clamd";
  result.scanners = {std::move(scanner)};
  auto rule = std::make_shared<filters::RuleCounter>();
  rule->chain = "office";
  rule->rule = "mark";
  result.rules = {rule, rule};
  auto policy = std::make_shared<filters::PolicyCounters>();
  policy->name = "archive";
  result.policies = {std::move(policy)};
  return result;
}

std::string render(const std::vector<const Counters*>& workers, ProcessFacts given = facts()) {
  const filters::MessageCounters messages;
  const filters::RetentionCounters retention;
  return Exporter(workers, [&given] { return given; }, {&messages}, {&retention}).render();
}

std::string render() {
  const Counters counters;
  return render({&counters});
}

/// The line of one sample, without its name and labels.
std::string value(const std::string& text, const std::string& series) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(series + ' ')) return line.substr(series.size() + 1);
  }
  return "missing";
}

/// Type and labels of a metric.
struct Shape {
  std::string type;
  std::set<std::string> labels;
  bool operator==(const Shape&) const = default;
};
void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.type;
  for (const auto& label : shape.labels) *out << ' ' << label;
}
using Shapes = std::map<std::string, Shape>;

Shapes rendered_shapes(const std::string& text) {
  Shapes shapes;
  std::string name;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash;
    std::string what;
    if (line.starts_with("# TYPE ")) {
      words >> hash >> what >> name;
      words >> shapes[name].type;
    } else if (!line.starts_with('#')) {
      for (auto at = line.find('{'); at != std::string::npos && line[at] != '}';) {
        const auto equals = line.find('=', at);
        const std::string label = line.substr(at + 1, equals - at - 1);
        if (label != "le") shapes[name].labels.insert(label);
        at = line.find('"', equals + 2) + 1;
      }
    }
  }
  return shapes;
}

/// All `words` in backticks.
std::vector<std::string> code_words(const std::string& cell) {
  std::vector<std::string> words;
  for (auto at = cell.find('`'); at != std::string::npos;) {
    const auto end = cell.find('`', at + 1);
    words.push_back(cell.substr(at + 1, end - at - 1));
    at = cell.find('`', end + 1);
  }
  return words;
}

std::vector<std::vector<std::string>> document_rows() {
  std::ifstream file(gatepost::testing::source_file("docs/metrics.md"));
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| `")) continue;
    std::istringstream cells(line.substr(1));
    auto& row = rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, '|');) row.push_back(cell);
  }
  return rows;
}

TEST(Exporter, SumsTheWorkers) {
  Counters a;
  Counters b;
  a.sessions_started.add(3);
  b.sessions_started.add(4);
  a.sessions_active.add(1);
  b.sessions_ended[session::EndReason::quit].add(5);
  b.logins[session::LoginResult::client_gone].add();
  const std::string text = render({&a, &b});
  EXPECT_EQ(value(text, "gatepost_sessions_total"), "7");
  EXPECT_EQ(value(text, "gatepost_sessions_active"), "1");
  EXPECT_EQ(value(text, R"(gatepost_sessions_ended_total{reason="quit"})"), "5");
  EXPECT_EQ(value(text, R"(gatepost_sessions_ended_total{reason="internal"})"), "0");
  EXPECT_EQ(value(text, R"(gatepost_logins_total{result="client_gone"})"), "1");
}

TEST(Exporter, CountsPlaintextSessionsApartFromHandshakes) {
  Counters counters;
  counters.tls_versions[session::TlsVersionLabel::none].add(2);
  counters.tls_versions[session::TlsVersionLabel::tls1_3].add(3);
  const std::string text = render({&counters});
  EXPECT_EQ(value(text, "gatepost_plaintext_sessions_total"), "2");
  EXPECT_EQ(value(text, R"(gatepost_tls_handshakes_total{version="1.3"})"), "3");
  EXPECT_EQ(value(text, R"(gatepost_tls_handshakes_total{version="1.2"})"), "0");
  EXPECT_THAT(text, Not(HasSubstr("none")));
}

TEST(Exporter, CumulatesHistogramsInSeconds) {
  Counters a;
  Counters b;
  a.retr.observe(std::chrono::milliseconds(1));
  b.retr.observe(std::chrono::milliseconds(100));
  b.retr.observe(std::chrono::milliseconds(200'000));
  const std::string text = render({&a, &b});
  EXPECT_EQ(value(text, R"(gatepost_retr_seconds_bucket{le="0.001"})"), "1");
  EXPECT_EQ(value(text, R"(gatepost_retr_seconds_bucket{le="0.05"})"), "1");
  EXPECT_EQ(value(text, R"(gatepost_retr_seconds_bucket{le="0.1"})"), "2");
  EXPECT_EQ(value(text, R"(gatepost_retr_seconds_bucket{le="120"})"), "2");
  EXPECT_EQ(value(text, R"(gatepost_retr_seconds_bucket{le="+Inf"})"), "3");
  EXPECT_EQ(value(text, "gatepost_retr_seconds_count"), "3");
  EXPECT_EQ(value(text, "gatepost_retr_seconds_sum"), "200.101");
}

TEST(Exporter, TellsTheFactsOfTheProcess) {
  ProcessFacts given = facts();
  given.reloads_succeeded = 2;
  given.reloads_failed = 1;
  given.last_reload_succeeded = false;
  given.log_lines_lost = 9;
  given.silent_seconds = {0, 7};
  given.draining = true;
  const std::string text = render({}, given);
  EXPECT_EQ(value(text, "gatepost_workers"), "2");
  EXPECT_EQ(value(text, R"(gatepost_build_info{version="1.2.3",tls_library="BoringSSL 17"})"), "1");
  EXPECT_EQ(value(text, "gatepost_start_time_seconds"), "1700000000");
  EXPECT_EQ(value(text, R"(gatepost_config_reloads_total{result="ok"})"), "2");
  EXPECT_EQ(value(text, R"(gatepost_config_reloads_total{result="failed"})"), "1");
  EXPECT_EQ(value(text, "gatepost_config_last_reload_success"), "0");
  EXPECT_EQ(value(text, "gatepost_log_lines_lost_total"), "9");
  EXPECT_EQ(value(text, R"(gatepost_worker_blocked_seconds{worker="0"})"), "0");
  EXPECT_EQ(value(text, R"(gatepost_worker_blocked_seconds{worker="1"})"), "7");
  EXPECT_EQ(value(text, "gatepost_draining"), "1");
}

TEST(Exporter, TellsWhatThereIsRoomFor) {
  ProcessFacts given = facts();
  given.spool_octets = 5;
  given.room = {.connections_limit = 10'000,
                .io_blocks_limit = 8'192,
                .spool_limit = 4'000'000'000,
                .quarantine_octets = 17,
                .quarantine_limit = 100};
  given.usage = {.resident_octets = 4'096,
                 .memory_limit = 1'000'000,
                 .cpu_milliseconds = 2'500,
                 .open_descriptors = 41,
                 .descriptors_limit = 20'000};
  const std::string text = render({}, given);
  const std::map<std::string, std::string> expected = {
      {"gatepost_connections_limit", "10000"},
      {"gatepost_io_blocks_limit", "8192"},
      {"gatepost_spool_bytes", "5"},
      {"gatepost_spool_limit_bytes", "4000000000"},
      {"gatepost_quarantine_bytes", "17"},
      {"gatepost_quarantine_limit_bytes", "100"},
      {"gatepost_process_resident_bytes", "4096"},
      {"gatepost_process_memory_limit_bytes", "1000000"},
      {"gatepost_process_cpu_seconds_total", "2.5"},
      {"gatepost_process_open_descriptors", "41"},
      {"gatepost_process_descriptors_limit", "20000"}};
  for (const auto& [name, number] : expected) EXPECT_EQ(value(text, name), number) << name;
}

TEST(Exporter, GivesEachCertificateOnceWithItsEarliestExpiry) {
  using Time = std::chrono::system_clock::time_point;
  ProcessFacts given = facts();
  given.certificates = {{"a", Time(std::chrono::seconds(20))},
                        {"a", Time(std::chrono::seconds(10))},
                        {"b\"\\\n", Time(std::chrono::seconds(30))}};
  const std::string text = render({}, given);
  EXPECT_EQ(value(text, R"(gatepost_certificate_expiry_timestamp_seconds{certificate="a"})"), "10");
  EXPECT_EQ(value(text, R"(gatepost_certificate_expiry_timestamp_seconds{certificate="b\"\\\n"})"),
            "30");
}

TEST(Exporter, HasASampleForEveryValueOfEveryLabel) {
  const std::string text = render();
  const auto samples = [&text](const std::string& name) {
    std::size_t n = 0;
    for (auto at = text.find('\n' + name + '{'); at != std::string::npos;
         at = text.find('\n' + name + '{', at + 1)) {
      ++n;
    }
    return n;
  };
  EXPECT_EQ(samples("gatepost_sessions_ended_total"), CellsBy<session::EndReason>::kSize);
  EXPECT_EQ(samples("gatepost_logins_total"), CellsBy<session::LoginResult>::kSize);
  EXPECT_EQ(samples("gatepost_commands_total"), CellsBy<pop3::Verb>::kSize);
  EXPECT_EQ(samples("gatepost_tls_handshake_failures_total"),
            CellsBy<session::HandshakeFailure>::kSize);
}

TEST(Exporter, TellsOfEachUpstreamServer) {
  const Counters worker;
  const std::string text = render({&worker});
  EXPECT_EQ(value(text, R"(gatepost_upstream_up{pool="main",server="192.0.2.1:110"})"), "1");
  EXPECT_EQ(value(text, R"(gatepost_upstream_up{pool="main",server="192.0.2.2:110"})"), "0");
  EXPECT_EQ(value(text, R"(gatepost_upstream_sessions{pool="main",server="192.0.2.1:110"})"), "3");
}

TEST(Exporter, TellsWhatBecameOfMessages) {
  filters::MessageCounters one;
  filters::MessageCounters two;
  one.causes[config::Cause::infected].add(2);
  two.causes[config::Cause::infected].add();
  two.actions[config::Action::quarantine].add();
  one.remembered.add(4);
  two.not_remembered.add(5);
  one.verdict_time.observe(Duration(3));
  const Counters counters;
  const std::string text =
      Exporter({&counters, &counters}, [] { return facts(); }, {&one, &two}).render();
  EXPECT_EQ(value(text, R"(gatepost_messages_total{cause="infected"})"), "3");
  EXPECT_EQ(value(text, R"(gatepost_messages_total{cause="clean"})"), "0");
  EXPECT_EQ(value(text, R"(gatepost_message_actions_total{action="quarantine"})"), "1");
  EXPECT_EQ(value(text, R"(gatepost_verdict_memory_lookups_total{result="hit"})"), "4");
  EXPECT_EQ(value(text, R"(gatepost_verdict_memory_lookups_total{result="miss"})"), "5");
  EXPECT_EQ(value(text, "gatepost_verdict_seconds_count"), "1");
}

TEST(Exporter, AScannerIsEffectiveWhenItIsSoInEveryWorker) {
  ProcessFacts given = facts();
  filters::ScannerCounters scanner;
  scanner.name = "clamd";
  given.scanners = {{std::shared_ptr<void>(), &scanner}};
  const Counters counters;
  const auto said = [&] {
    return value(render({&counters}, given), R"(gatepost_scanner_effective{scanner="clamd"})");
  };
  EXPECT_EQ(said(), "0");  // no worker has had a self-test
  scanner.self_tests_passed = 1;
  EXPECT_EQ(said(), "0");  // one of two
  scanner.self_tests_passed = 2;
  EXPECT_EQ(said(), "1");
  scanner.ineffective = 1;
  EXPECT_EQ(said(), "0");
  scanner.microseconds = 1'500'000;
  scanner.verdicts[static_cast<std::size_t>(config::Cause::spam)] = 7;
  const std::string text = render({&counters}, given);
  EXPECT_EQ(value(text, R"(gatepost_scanner_seconds_total{scanner="clamd"})"), "1.5");
  EXPECT_EQ(value(text, R"(gatepost_scanner_verdicts_total{scanner="clamd",cause="spam"})"), "7");
}

TEST(Exporter, CountsWhatPoliciesDecide) {
  ProcessFacts given = facts();
  auto real = std::make_shared<filters::PolicyCounters>();
  real->name = "archive";
  real->add(filters::RetentionDecision::removed, 3);
  real->add(filters::RetentionGuard::brake);
  auto dry = std::make_shared<filters::PolicyCounters>();
  dry->name = "archive";
  dry->dry_run = true;
  dry->add(filters::RetentionDecision::removed, 4);
  given.policies = {real, dry};
  const Counters counters;
  const std::string text = render({&counters}, given);
  const auto decided = [&text](std::string_view decision, std::string_view dry_run) {
    return value(text, fmt::format("gatepost_retention_decisions_total{{policy=\"archive\","
                                   "decision=\"{}\",dry_run=\"{}\"}}",
                                   decision, dry_run));
  };
  EXPECT_EQ(decided("removed", "false"), "3");
  EXPECT_EQ(decided("removed", "true"), "4");
  EXPECT_EQ(decided("hidden", "false"), "0");
  EXPECT_EQ(value(text,
                  "gatepost_retention_guards_total{policy=\"archive\",guard=\"brake\","
                  "dry_run=\"false\"}"),
            "1");
}

TEST(Exporter, TellsHowTheStoreDoes) {
  filters::RetentionCounters a;
  filters::RetentionCounters b;
  a.store_load.observe(std::chrono::milliseconds(500));
  b.store_load.observe(std::chrono::milliseconds(1'000));
  b.store_commit.observe(std::chrono::milliseconds(2));
  a.store_errors.add(2);
  b.store_errors.add(3);
  b.hidden_messages.add(7);
  ProcessFacts given = facts();
  const auto text = [&] { return Exporter({}, [&] { return given; }, {}, {&a, &b}).render(); };
  const std::string said = text();
  EXPECT_EQ(value(said, R"(gatepost_retention_store_seconds_sum{call="load"})"), "1.5");
  EXPECT_EQ(value(said, R"(gatepost_retention_store_seconds_count{call="load"})"), "2");
  EXPECT_EQ(value(said, R"(gatepost_retention_store_seconds_count{call="commit"})"), "1");
  EXPECT_EQ(value(said, "gatepost_retention_store_errors_total"), "5");
  EXPECT_EQ(value(said, "gatepost_retention_hidden_messages_total"), "7");
  EXPECT_EQ(value(said, "gatepost_retention_store_up"), "1");
  given.retention_store_up = false;
  EXPECT_EQ(value(text(), "gatepost_retention_store_up"), "0");
}

TEST(Exporter, EveryMetricIsDocumentedWithItsTypeAndLabels) {
  Shapes documented;
  for (const auto& row : document_rows()) {
    ASSERT_GE(row.size(), 4U);
    const auto labels = code_words(row[2]);
    std::istringstream type(row[1]);
    Shape& shape = documented[code_words(row[0]).at(0)];
    type >> shape.type;
    shape.labels = {labels.begin(), labels.end()};
  }
  EXPECT_EQ(rendered_shapes(render()), documented);
}

TEST(Exporter, EveryDocumentedLabelValueExists) {
  const std::string text = render();
  for (const auto& row : document_rows()) {
    const auto labels = code_words(row.at(2));
    if (labels.size() != 1) continue;
    const bool is_histogram = row[1].find("histogram") != std::string::npos;
    const std::string name = code_words(row[0]).at(0) + (is_histogram ? "_count" : "");
    for (const auto& word : code_words(row.at(3))) {
      EXPECT_THAT(text, HasSubstr(name + '{' + labels[0] + "=\"" + word + '"'));
    }
  }
}

TEST(Exporter, PromtoolHasNothingToSay) {
  std::FILE* pipe = ::popen("promtool check metrics 1>&2", "w");
  ASSERT_NE(pipe, nullptr);
  const std::string text = render();
  EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), pipe), text.size());
  EXPECT_EQ(::pclose(pipe), 0) << "promtool (package prometheus) refused or is missing:\n" << text;
}

}  // namespace
}  // namespace gatepost::metrics
