#include "proxy/metrics/exporter.h"

#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <utility>

#include "filters/verdict.h"
#include "proxy/metrics/families.h"
#include "proxy/metrics/retention_families.h"
#include "proxy/metrics/room_families.h"

namespace gatepost::metrics {
namespace {

using filters::MessageCounters;
using session::Counters;
using Workers = std::vector<const Counters*>;
using Messages = std::vector<const MessageCounters*>;

/// One sample for each value of the enum, from `first` on, zeros too: rates need a start.
template <class Of, class Enum>
MetricFamily with_each(MetricFamily to, const std::vector<const Of*>& workers,
                       CellsBy<Enum> Of::* cells, const char* label, Enum first = Enum{}) {
  using filters::to_string;
  for (auto i = std::to_underlying(first); i < std::to_underlying(Enum::count_); ++i) {
    const auto which = static_cast<Enum>(i);
    to = with(std::move(to), sum(workers, cells, which), {{label, std::string(to_string(which))}});
  }
  return to;
}

double seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

MetricFamily certificate_expiries(const std::vector<CertificateFacts>& certificates) {
  // A series given twice would make Prometheus refuse the whole scrape: the earliest expiry counts.
  std::map<std::string, double> expiries;
  for (const CertificateFacts& certificate : certificates) {
    const double expiry = seconds(certificate.expiry);
    const auto [at, is_new] = expiries.emplace(certificate.name, expiry);
    if (!is_new) at->second = std::min(at->second, expiry);
  }
  MetricFamily to = gauge("certificate_expiry_timestamp_seconds",
                          "When the certificate expires, in seconds since 1970.");
  for (const auto& [name, expiry] : expiries) {
    to = with(std::move(to), expiry, {{"certificate", name}});
  }
  return to;
}

using Scanners = std::vector<std::shared_ptr<const filters::ScannerCounters>>;

/// One sample for each scanner.
template <class Value>
MetricFamily with_scanners(MetricFamily to, const Scanners& scanners, Value value) {
  for (const auto& one : scanners) {
    to = with(std::move(to), static_cast<double>(value(*one)), {{"scanner", one->name}});
  }
  return to;
}

/// One gauge for each upstream server.
template <class Value>
MetricFamily with_servers(MetricFamily to, const std::vector<ServerFacts>& servers, Value value) {
  for (const ServerFacts& one : servers) {
    to = with(std::move(to), static_cast<double>(value(one)),
              {{"pool", one.pool}, {"server", one.server}});
  }
  return to;
}

}  // namespace

class Exporter::Collection final : public prometheus::Collectable {
 public:
  Collection(Workers workers, std::function<ProcessFacts()> facts, Messages messages,
             RetentionWorkers retention)
      : workers_(std::move(workers)),
        messages_(std::move(messages)),
        retention_(std::move(retention)),
        facts_(std::move(facts)) {}

  [[nodiscard]] std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> out;
    add_sessions(out);
    add_tls(out);
    add_worker_state(out);
    add_messages(out);
    add_process(out);
    return out;
  }

 private:
  using Out = std::vector<MetricFamily>;
  void add_sessions(Out& out) const;
  void add_tls(Out& out) const;
  void add_worker_state(Out& out) const;
  void add_messages(Out& out) const;
  void add_process(Out& out) const;
  static void add_files(Out& out, const ProcessFacts& facts);
  static void add_upstreams(Out& out, const ProcessFacts& facts);
  static void add_rules(Out& out, const ProcessFacts& facts);
  static void add_scanners(Out& out, const ProcessFacts& facts);

  [[nodiscard]] MetricFamily total(Cell MessageCounters::* cell, std::string name,
                                   std::string help) const {
    return with(counter(std::move(name), std::move(help)), sum(messages_, cell));
  }
  [[nodiscard]] MetricFamily total(Cell Counters::* cell, std::string name,
                                   std::string help) const {
    return with(counter(std::move(name), std::move(help)), sum(workers_, cell));
  }
  [[nodiscard]] MetricFamily level(Cell Counters::* cell, std::string name,
                                   std::string help) const {
    return with(gauge(std::move(name), std::move(help)), sum(workers_, cell));
  }

  Workers workers_;
  Messages messages_;
  RetentionWorkers retention_;
  std::function<ProcessFacts()> facts_;
};

void Exporter::Collection::add_sessions(Out& out) const {
  out.push_back(total(&Counters::sessions_started, "sessions_total", "Client sessions begun."));
  out.push_back(level(&Counters::sessions_active, "sessions_active", "Client sessions now."));
  out.push_back(with_each(counter("sessions_ended_total", "Client sessions ended, by reason."),
                          workers_, &Counters::sessions_ended, "reason"));
  out.push_back(with_each(counter("logins_total", "Login attempts, by result."), workers_,
                          &Counters::logins, "result"));
  out.push_back(total(&Counters::logins_delayed, "logins_delayed_total",
                      "Login attempts that had to wait because of failed ones before."));
  out.push_back(with_each(counter("commands_total", "Well-formed commands of clients."), workers_,
                          &Counters::commands, "command"));
  out.push_back(total(&Counters::bad_commands, "bad_commands_total",
                      "Lines of clients that were no well-formed command."));
  out.push_back(total(&Counters::messages_retrieved, "messages_retrieved_total",
                      "RETR commands answered to the end."));
  out.push_back(total(&Counters::octets_from_clients, "client_received_bytes_total",
                      "POP3 bytes received from clients, without TLS framing."));
  out.push_back(total(&Counters::octets_to_clients, "client_sent_bytes_total",
                      "POP3 bytes sent to clients, without TLS framing."));
  out.push_back(histogram(workers_, &Counters::upstream_connect, "upstream_connect_seconds",
                          "Time until the connection to upstream stood, implicit TLS included."));
  out.push_back(histogram(workers_, &Counters::upstream_login, "upstream_login_seconds",
                          "Time from connected to logged in upstream."));
  out.push_back(histogram(workers_, &Counters::retr, "retr_seconds",
                          "Time from RETR sent upstream to its last byte queued to the client."));
}

void Exporter::Collection::add_tls(Out& out) const {
  using session::TlsVersionLabel;
  static_assert(std::to_underlying(TlsVersionLabel::none) == 0);
  out.push_back(with_each(counter("tls_handshakes_total", "TLS handshakes with clients completed."),
                          workers_, &Counters::tls_versions, "version", TlsVersionLabel::tls1_0));
  out.push_back(with(counter("plaintext_sessions_total", "Client sessions that never used TLS."),
                     sum(workers_, &Counters::tls_versions, TlsVersionLabel::none)));
  out.push_back(with_each(counter("tls_ciphers_total", "TLS handshakes with clients, by cipher."),
                          workers_, &Counters::tls_ciphers, "cipher"));
  out.push_back(total(&Counters::tls_resumed, "tls_resumed_total",
                      "TLS handshakes with clients that resumed a session."));
  out.push_back(total(&Counters::tls_legacy, "tls_legacy_total",
                      "TLS handshakes with clients of the networks that get old TLS."));
  out.push_back(
      with_each(counter("tls_handshake_failures_total", "TLS handshakes with clients that failed."),
                workers_, &Counters::handshake_failures, "reason"));
}

void Exporter::Collection::add_worker_state(Out& out) const {
  out.push_back(histogram(workers_, &Counters::loop_lag, "loop_lag_seconds",
                          "How late the timers of the event loops go off."));
  out.push_back(level(&Counters::io_blocks, "io_blocks", "I/O blocks of 64 KiB held by sessions."));
  out.push_back(level(&Counters::accept_paused, "accept_paused",
                      "Workers that accept no connection at the moment."));
}

void Exporter::Collection::add_messages(Out& out) const {
  using Of = MessageCounters;
  out.push_back(with_each(counter("messages_total",
                                  "Messages that went through a chain with scanners, by the worst "
                                  "of their verdicts."),
                          messages_, &Of::causes, "cause"));
  out.push_back(with_each(
      counter("message_actions_total", "What became of these messages: the action of the policy."),
      messages_, &Of::actions, "action"));
  out.push_back(histogram(messages_, &Of::verdict_time, "verdict_seconds",
                          "From the retrieval to the verdict."));
  out.push_back(total(&Of::octets_scanned, "scanned_bytes_total",
                      "Octets of the messages that went through a chain."));
  MetricFamily memory =
      counter("verdict_memory_lookups_total", "Verdicts looked for in the verdict memory.");
  memory = with(std::move(memory), sum(messages_, &Of::remembered), {{"result", "hit"}});
  memory = with(std::move(memory), sum(messages_, &Of::not_remembered), {{"result", "miss"}});
  out.push_back(std::move(memory));
  out.push_back(total(&Of::ladder_started, "waiting_retrievals_total",
                      "Retrievals in which +OK went ahead of the verdict."));
  out.push_back(total(&Of::ladder_lines, "waiting_lines_total",
                      "Header lines said to clients while they waited for a verdict."));
  out.push_back(total(&Of::refused_again, "refused_again_total",
                      "Messages refused because their scan had timed out shortly before."));
  out.push_back(total(&Of::broken_off, "deliveries_broken_off_total",
                      "Connections broken because no answer was possible any more."));
  MetricFamily ahead =
      counter("read_ahead_messages_total", "Messages fetched before they were asked for.");
  ahead = with(std::move(ahead), sum(messages_, &Of::read_ahead_used), {{"result", "used"}});
  ahead = with(std::move(ahead), sum(messages_, &Of::read_ahead_wasted), {{"result", "wasted"}});
  out.push_back(std::move(ahead));
  out.push_back(
      total(&Of::spool_failures, "spool_failures_total", "Messages that could not be spooled."));
  MetricFamily shadows = counter("shadow_messages_total",
                                 "Messages that a chain's shadow looked at as well, by whether it "
                                 "came to the same result.");
  shadows = with(std::move(shadows), sum(messages_, &Of::shadow_same), {{"result", "same"}});
  shadows = with(std::move(shadows), sum(messages_, &Of::shadow_differs), {{"result", "differs"}});
  shadows =
      with(std::move(shadows), sum(messages_, &Of::shadow_left_out), {{"result", "left_out"}});
  out.push_back(std::move(shadows));
  out.push_back(with(gauge("rewrite_held_bytes",
                           "Octets that rules have written into messages under way, and that are "
                           "held for them."),
                     sum(messages_, &Of::rewrite_held), {}));
  out.push_back(total(&Of::quarantine_failures, "quarantine_failures_total",
                      "Messages that the quarantine could not take."));
}

void Exporter::Collection::add_rules(Out& out, const ProcessFacts& facts) {
  std::map<std::pair<std::string, std::string>, std::uint64_t> applied;
  for (const auto& one : facts.rules) applied[{one->chain, one->rule}] += one->applied.load();
  MetricFamily to = counter("rule_messages_total", "Messages to which a rule applied.");
  for (const auto& [names, count] : applied) {
    to = with(std::move(to), static_cast<double>(count),
              {{"chain", names.first}, {"rule", names.second}});
  }
  out.push_back(std::move(to));
}

void Exporter::Collection::add_scanners(Out& out, const ProcessFacts& facts) {
  using Of = filters::ScannerCounters;
  MetricFamily verdicts = counter("scanner_verdicts_total", "What scanners said of messages.");
  for (const auto& one : facts.scanners) {
    for (std::size_t i = 0; i < std::size(one->verdicts); ++i) {
      const auto cause = static_cast<config::Cause>(i);
      verdicts = with(std::move(verdicts), static_cast<double>(one->verdicts[i].load()),
                      {{"scanner", one->name}, {"cause", std::string(filters::to_string(cause))}});
    }
  }
  out.push_back(std::move(verdicts));
  const auto each = [&](MetricFamily to, auto value) {
    out.push_back(with_scanners(std::move(to), facts.scanners, value));
  };
  each(counter("scanner_seconds_total", "Time that scans took, waiting for a place not included."),
       [](const Of& of) { return static_cast<double>(of.microseconds.load()) / 1e6; });
  each(counter("scanner_bytes_total", "Octets shown to the scanner."),
       [](const Of& of) { return of.octets.load(); });
  each(gauge("scanner_running", "Scans under way."),
       [](const Of& of) { return of.running.load(); });
  each(gauge("scanner_waiting", "Messages that wait for a place."),
       [](const Of& of) { return of.waiting.load(); });
  each(gauge("scanner_paused_workers", "Workers that ask nothing after too many failures."),
       [](const Of& of) { return of.breaker_open.load(); });
  each(counter("scanner_pauses_total", "Times that a worker stopped asking after failures."),
       [](const Of& of) { return of.breaker_trips.load(); });
  each(gauge("scanner_effective",
             "1 where the last self-test was fine in every worker: the known-bad sample was found, "
             "and the known-good one was not."),
       [&facts](const Of& of) { return effective(of, facts.workers) ? 1 : 0; });
  MetricFamily tests = counter("scanner_self_tests_total", "Self-tests of scanners, by result.");
  for (const auto& one : facts.scanners) {
    tests = with(std::move(tests), static_cast<double>(one->self_tests_passed.load()),
                 {{"scanner", one->name}, {"result", "ok"}});
    tests = with(std::move(tests), static_cast<double>(one->self_tests_failed.load()),
                 {{"scanner", one->name}, {"result", "failed"}});
  }
  out.push_back(std::move(tests));
  out.push_back(with(gauge("spool_bytes", "Octets spooled at the moment."),
                     static_cast<double>(facts.spool_octets)));
  out.push_back(with(gauge("verdict_memory_entries", "Verdicts kept in mind."),
                     static_cast<double>(facts.remembered_verdicts)));
}

void Exporter::Collection::add_process(Out& out) const {
  const ProcessFacts facts = facts_();
  out.push_back(with(gauge("workers", "Worker threads."), static_cast<double>(facts.workers)));
  MetricFamily silent = gauge("worker_blocked_seconds",
                              "Seconds for which a blocked worker has not turned; 0: it turns.");
  for (std::size_t i = 0; i < facts.silent_seconds.size(); ++i) {
    silent = with(std::move(silent), static_cast<double>(facts.silent_seconds[i]),
                  {{"worker", std::to_string(i)}});
  }
  out.push_back(std::move(silent));
  add_files(out, facts);
  add_upstreams(out, facts);
  add_scanners(out, facts);
  add_rules(out, facts);
  add_retention(out, retention_, facts);
  add_room(out, facts);
  out.push_back(with(gauge("build_info", "Always 1; the labels tell what is running."), 1,
                     {{"version", facts.version}, {"tls_library", facts.tls_library}}));
  MetricFamily reloads = counter("config_reloads_total", "Configuration reloads, by result.");
  reloads = with(reloads, static_cast<double>(facts.reloads_succeeded), {{"result", "ok"}});
  reloads = with(reloads, static_cast<double>(facts.reloads_failed), {{"result", "failed"}});
  out.push_back(std::move(reloads));
  MetricFamily upgrades = counter("upgrades_total", "Upgrades, by result.");
  upgrades = with(upgrades, static_cast<double>(facts.upgrades_succeeded), {{"result", "ok"}});
  upgrades = with(upgrades, static_cast<double>(facts.upgrades_failed), {{"result", "failed"}});
  out.push_back(std::move(upgrades));
  out.push_back(with(gauge("config_last_reload_success", "Whether the last reload was accepted."),
                     facts.last_reload_succeeded ? 1 : 0));
  out.push_back(
      with(gauge("start_time_seconds", "When the process started, in seconds since 1970."),
           seconds(facts.started)));
  out.push_back(with(counter("log_lines_lost_total", "Log lines that could not be written."),
                     static_cast<double>(facts.log_lines_lost)));
  out.push_back(with(gauge("draining", "1 while the gateway goes down and takes no new sessions."),
                     facts.draining ? 1 : 0));
}

void Exporter::Collection::add_files(Out& out, const ProcessFacts& facts) {
  out.push_back(certificate_expiries(facts.certificates));
  MetricFamily stale =
      gauge("stale_files",
            "Files named by the configuration that cannot be used as they are now; "
            "what they held before stays in force.");
  out.push_back(with(std::move(stale), static_cast<double>(facts.stale_files)));
  MetricFamily refreshes =
      counter("file_refreshes_total", "Times that changed files were read again, by result.");
  refreshes =
      with(refreshes, static_cast<double>(facts.file_refreshes_succeeded), {{"result", "ok"}});
  refreshes =
      with(refreshes, static_cast<double>(facts.file_refreshes_failed), {{"result", "failed"}});
  out.push_back(std::move(refreshes));
}

void Exporter::Collection::add_upstreams(Out& out, const ProcessFacts& facts) {
  out.push_back(with_servers(gauge("upstream_up", "1 for a server that is not known to be down."),
                             facts.servers, [](const auto& one) { return one.up ? 1 : 0; }));
  out.push_back(with_servers(gauge("upstream_sessions", "Sessions at an upstream server now."),
                             facts.servers, [](const auto& one) { return one.sessions; }));
  out.push_back(with(gauge("guarded_networks", "Client networks that are kept in mind."),
                     static_cast<double>(facts.guarded_networks)));
  out.push_back(with(gauge("guarded_users", "User names with failed logins kept in mind."),
                     static_cast<double>(facts.guarded_users)));
}

bool effective(const filters::ScannerCounters& scanner, std::uint64_t workers) {
  return scanner.ineffective == 0 && scanner.self_tests_passed >= workers;
}

Exporter::Exporter(std::vector<const session::Counters*> workers,
                   std::function<ProcessFacts()> facts,
                   std::vector<const filters::MessageCounters*> messages,
                   std::vector<const filters::RetentionCounters*> retention)
    : collection_(std::make_unique<Collection>(std::move(workers), std::move(facts),
                                               std::move(messages), std::move(retention))) {}
Exporter::~Exporter() = default;

std::string Exporter::render() const {
  const prometheus::TextSerializer serializer;
  return serializer.Serialize(collection_->Collect());
}

}  // namespace gatepost::metrics
