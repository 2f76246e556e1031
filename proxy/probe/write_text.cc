#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "proxy/probe/probe.h"
#include "proxy/probe/write.h"

namespace gatepost::probe {

namespace {

constexpr std::size_t kIndent = 17;

const char* yes_or_no(bool value) { return value ? "yes" : "no"; }

const char* word(Finding finding, const char* yes = "yes", const char* no = "no") {
  if (finding == Finding::unknown) return "could not be found out";
  return finding == Finding::yes ? yes : no;
}

std::string milliseconds(Microseconds time) {
  return fmt::format("{:.1f} ms", static_cast<double>(time.count()) / 1000.0);
}

class Writer {
 public:
  void heading(std::string_view text) { out_ += fmt::format("\n{}\n", text); }
  /// "  name           value"; without a name it goes on with the one before.
  void line(std::string_view name, std::string_view value) {
    out_ += fmt::format("  {:<{}}{}\n", name, kIndent - 2, value);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }
  std::string& out() { return out_; }

 private:
  std::string out_;
};

void write_addresses(Writer& writer, const Report& report) {
  const char* name = "address";
  for (const Attempt& attempt : report.addresses) {
    writer.line(std::exchange(name, ""),
                attempt.connected_after
                    ? fmt::format("{} connected in {}", attempt.address,
                                  milliseconds(*attempt.connected_after))
                    : fmt::format("{} {}", attempt.address, printable(attempt.problem)));
  }
}

void write_talk(Writer& writer, const Report& report) {
  if (report.greeting) writer.line("greeting", printable(*report.greeting));
  if (!report.problem.empty()) writer.line("problem", printable(report.problem));
  if (!report.reached) return;
  if (report.round_trip) {
    writer.line("round trip",
                fmt::format("{} (median of {})", milliseconds(*report.round_trip), kRoundTrips));
  }
  writer.line("APOP", yes_or_no(report.apop));
  writer.line("XCLIENT", yes_or_no(report.xclient));
  const Capa* capa = report.capa();
  writer.line(
      "PIPELINING",
      fmt::format("{}; two commands at once: {}",
                  capa != nullptr && capa->has("PIPELINING") ? "announced" : "not announced",
                  word(report.pipelining, "answered", "not answered")));
  if (!report.implicit_tls) writer.line("STLS", word(report.stls));
}

bool contains(const std::vector<std::string>& lines, const std::string& line) {
  return std::ranges::find(lines, line) != lines.end();
}

void write_capabilities(Writer& writer, const Report& report) {
  const Capa* last = report.capa();
  if (last == nullptr) return;
  writer.heading("Capabilities");
  if (!last->problem.empty()) return writer.line("none", printable(last->problem));
  const bool compare = report.capa_plain && report.capa_plain->problem.empty() && report.capa_tls;
  std::size_t shown = 0;
  const auto item = [&](std::string_view mark, const std::string& line) {
    if (++shown <= kMaxShownItems) writer.out() += fmt::format("  {} {}\n", mark, printable(line));
  };
  for (const std::string& line : last->lines) {
    item(compare && !contains(report.capa_plain->lines, line) ? "+" : " ", line);
  }
  if (!compare) return;
  for (const std::string& line : report.capa_plain->lines) {
    if (!contains(last->lines, line)) item("-", line);
  }
  writer.out() += "  (+ only inside TLS, - only in plain text)\n";
}

void write_certificate(Writer& writer, std::size_t number, const tls::SeenCertificate& one) {
  writer.heading(fmt::format("Certificate {}", number));
  writer.line("subject", printable(one.subject));
  writer.line("issuer", printable(one.issuer));
  std::string names;
  for (std::size_t i = 0; i < std::min(one.names.size(), kMaxShownItems); ++i) {
    names += (names.empty() ? "" : ", ") + printable(one.names[i]);
  }
  if (!names.empty()) writer.line("names", names);
  writer.line("valid",
              fmt::format("{} to {}", date_text(one.not_before), date_text(one.not_after)));
  writer.line("key", fmt::format("{}, {} bits", one.key, one.key_bits));
  writer.line("signed with", one.signature_algorithm);
  writer.line("SHA-256", one.sha256);
  writer.line("pin", one.spki_pin);
}

void write_tls(Writer& writer, const Report& report) {
  const TlsReport& tls = *report.tls;
  writer.heading("TLS");
  for (const VersionTried& tried : tls.versions) {
    writer.line(tls::to_string(tried.version),
                tried.accepted ? "accepted" : "not accepted: " + printable(tried.problem));
  }
  if (!tls.best) return;
  const tls::Inspection& best = *tls.best;
  writer.line("cipher", best.cipher);
  writer.line("key exchange", best.group.empty() ? "RSA" : best.group);
  writer.line(
      "with Gatepost",
      word(tls.usable, "works") +
          (tls.usable_problem.empty() ? std::string() : ": " + printable(tls.usable_problem)));
  if (!report.implicit_tls) {
    writer.line("injection", fmt::format("{}: {}", word(report.injectable, "VULNERABLE", "safe"),
                                         printable(report.injection_detail)));
  }
  for (std::size_t i = 0; i < best.chain.size(); ++i) {
    write_certificate(writer, i + 1, best.chain[i]);
  }
  const tls::PeerVerdict& verdict = best.verdict;
  writer.heading("Verdict on the certificate");
  writer.line("trusted", verdict.trusted ? "yes" : "no: " + verdict.trust_problem);
  writer.line("name", fmt::format("{} {}", verdict.name_matches ? "matches" : "does not match",
                                  printable(report.server_name)));
  writer.line("in time", yes_or_no(verdict.in_time));
  writer.line("self-signed", yes_or_no(verdict.self_signed));
}

/// What is bad must not be overlooked.
std::string_view mark(Level level) { return level == Level::bad ? "BAD" : to_string(level); }

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, kMaxShown)) {
    if (c == '\\') {
      result += "\\\\";
    } else if (c >= 0x20 && c < 0x7f) {
      result += c;
    } else {
      fmt::format_to(std::back_inserter(result), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return text.size() > kMaxShown ? result + "..." : result;
}

std::string date_text(std::chrono::system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string as_text(const Report& report, const Judgement& judgement) {
  Writer writer;
  writer.out() = report.target + "\n";
  write_addresses(writer, report);
  write_talk(writer, report);
  write_capabilities(writer, report);
  if (report.tls) write_tls(writer, report);
  writer.heading("Judgement");
  for (const Remark& remark : judgement.remarks) writer.line(mark(remark.level), remark.text);
  if (judgement.upstream) {
    writer.heading("For the configuration");
    writer.out() += configuration_of(*judgement.upstream) + "\n";
  }
  return writer.take();
}

}  // namespace gatepost::probe
