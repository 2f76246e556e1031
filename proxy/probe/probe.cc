#include "proxy/probe/probe.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "proxy/probe/conversation.h"
#include "proxy/tls/client_context.h"

namespace gatepost::probe {

namespace {

using pop3::ReplyShape;
using tls::InspectedVersion;

constexpr std::uint16_t kTlsPort = 995;
// For a server that does not close after QUIT.
constexpr Duration kAfterQuit = std::chrono::seconds{2};
constexpr std::array kNewestFirst = {InspectedVersion::tls1_3, InspectedVersion::tls1_2,
                                     InspectedVersion::tls1_1, InspectedVersion::tls1_0};

using ConversationPtr = std::unique_ptr<Conversation>;
using Clock = std::chrono::steady_clock;

Microseconds since(Clock::time_point start) {
  return std::chrono::duration_cast<Microseconds>(Clock::now() - start);
}

Finding finding(bool value) { return value ? Finding::yes : Finding::no; }

/// RFC 1939 section 7: the timestamp is a msg-id of RFC 822.
bool has_timestamp(std::string_view greeting) {
  const std::size_t open = greeting.find('<');
  if (open == std::string_view::npos) return false;
  const std::string_view stamp = greeting.substr(open, greeting.find('>', open) - open);
  return greeting.find('>', open) != std::string_view::npos &&
         stamp.find('@') != std::string_view::npos && stamp.find(' ') == std::string_view::npos;
}

class Probe {
 public:
  explicit Probe(const Options& options)
      : options_(options),
        network_(options.timeout, options.timeout * kWholeTimeouts),
        place_(options.target) {
    report_.target = options.target.to_string();
    report_.server_name = options.server_name.empty() ? options.target.host : options.server_name;
    report_.implicit_tls = options.mode == Mode::implicit ||
                           (options.mode == Mode::automatic && options.target.port == kTlsPort);
  }

  Result<Report> run() &&;

 private:
  [[nodiscard]] bool find_addresses();
  [[nodiscard]] bool connect_to(const Endpoint& place);
  void look_at_plain();
  [[nodiscard]] Result<void> look_at_versions();
  void look_at_usable();
  void look_at_pipelining();
  void look_at_injection();

  [[nodiscard]] Result<void> greeted(Conversation& conversation);
  [[nodiscard]] Capa ask_capabilities(Conversation& conversation);
  void measure(Conversation& conversation);
  [[nodiscard]] Result<ConversationPtr> secured(const net::TlsLayer& layer);
  [[nodiscard]] Result<std::unique_ptr<tls::Inspector>> inspector(InspectedVersion version) const;
  [[nodiscard]] bool tls_wanted() const;

  const Options& options_;
  Network network_;
  Endpoint place_;  // the address that answered: all connections go to one machine
  std::optional<InspectedVersion> best_;
  Report report_;
};

Result<Report> Probe::run() && {
  // A CA file or a name that cannot be used is told before anything is sent.
  if (auto tried = inspector(InspectedVersion::tls1_3); !tried) {
    return std::unexpected(tried.error());
  }
  if (!find_addresses()) return std::move(report_);
  if (!report_.implicit_tls) look_at_plain();
  if (tls_wanted()) {
    if (auto looked = look_at_versions(); !looked) return std::unexpected(looked.error());
    if (best_) look_at_usable();
    if (best_ && !report_.implicit_tls) look_at_injection();
  }
  if (report_.reached) look_at_pipelining();
  return std::move(report_);
}

bool Probe::connect_to(const Endpoint& place) {
  Attempt attempt{.address = place.to_string(), .connected_after = {}, .problem = {}};
  const auto start = Clock::now();
  const auto connected = network_.connect(place);
  if (connected) {
    attempt.connected_after = since(start);
  } else {
    // The address stands beside it already.
    attempt.problem = connected.error().detail;
    if (attempt.problem.starts_with(attempt.address + ": ")) {
      attempt.problem.erase(0, attempt.address.size() + 2);
    }
  }
  report_.addresses.push_back(std::move(attempt));
  return connected.has_value();
}

bool Probe::find_addresses() {
  if (place_.is_unix()) {
    if (!connect_to(place_)) report_.problem = report_.addresses.front().problem;
    return report_.problem.empty();
  }
  auto addresses = network_.resolve(place_.host);
  if (!addresses) {
    report_.problem = addresses.error().detail;
    return false;
  }
  addresses->resize(std::min(addresses->size(), kMaxAddresses));
  bool found = false;
  for (const IpAddress& address : *addresses) {
    Endpoint place;
    place.host = address.to_string();
    place.port = options_.target.port;
    if (connect_to(place) && !std::exchange(found, true)) place_ = place;
  }
  if (!found) report_.problem = "no address can be connected to";
  return found;
}

/// The first greeting is the one reported.
Result<void> Probe::greeted(Conversation& conversation) {
  const auto greeting = conversation.reply();
  if (!greeting) return std::unexpected(greeting.error());
  if (!report_.greeting) {
    std::string line = greeting->status.wire();
    line.resize(line.size() - 2);
    report_.apop = has_timestamp(line);
    report_.xclient = line.starts_with("+OK [XCLIENT]");
    report_.greeting = std::move(line);
  }
  if (!greeting->status.ok) return fail(ErrorCode::refused, "refused: " + greeting->status.text);
  report_.reached = true;
  return {};
}

Capa Probe::ask_capabilities(Conversation& conversation) {
  auto reply = conversation.ask("CAPA", ReplyShape::multi);
  if (!reply) return {.lines = {}, .problem = reply.error().detail};
  if (!reply->status.ok) return {.lines = {}, .problem = "-ERR " + reply->status.text};
  return {.lines = std::move(reply->lines), .problem = {}};
}

void Probe::measure(Conversation& conversation) {
  std::vector<Microseconds> times;
  for (std::size_t i = 0; i < kRoundTrips; ++i) {
    const auto start = Clock::now();
    if (!conversation.ask("CAPA", ReplyShape::multi)) break;
    times.push_back(since(start));
  }
  if (times.empty()) return;
  std::ranges::sort(times);
  report_.round_trip = times[times.size() / 2];
}

void Probe::look_at_plain() {
  auto conversation = Conversation::open(network_, place_);
  if (!conversation) {
    report_.problem = conversation.error().detail;
    return;
  }
  if (auto good = greeted(**conversation); !good) {
    report_.problem = good.error().detail;
    return;
  }
  report_.capa_plain = ask_capabilities(**conversation);
  measure(**conversation);
  if (report_.capa_plain->problem.empty() && report_.capa_plain->has("STLS")) {
    report_.stls = Finding::yes;
  } else {
    // Without CAPA nothing is announced; and some have what they do not announce.
    const auto reply = (*conversation)->ask("STLS");
    if (reply) report_.stls = finding(reply->status.ok);
    if (reply && reply->status.ok) return;  // TLS is next: this connection is of no more use
  }
  static_cast<void>((*conversation)->ask("QUIT"));
}

bool Probe::tls_wanted() const {
  if (report_.implicit_tls) return true;
  return report_.reached && options_.mode != Mode::plain &&
         (report_.stls == Finding::yes || options_.mode == Mode::stls);
}

Result<std::unique_ptr<tls::Inspector>> Probe::inspector(InspectedVersion version) const {
  return tls::Inspector::create(
      {.version = version, .ca_file = options_.ca_file, .server_name = report_.server_name});
}

/// A connection after its handshake. With TLS from the first octet the greeting is still to come.
Result<ConversationPtr> Probe::secured(const net::TlsLayer& layer) {
  auto conversation = Conversation::open(network_, place_);
  if (!conversation) return conversation;
  if (!report_.implicit_tls) {
    if (auto good = greeted(**conversation); !good) return std::unexpected(good.error());
    const auto reply = (*conversation)->ask("STLS");
    if (!reply) return std::unexpected(reply.error());
    if (!reply->status.ok) {
      return fail(ErrorCode::refused, "STLS was refused: " + reply->status.text);
    }
  }
  if (auto done = (*conversation)->start_tls(layer); !done) return std::unexpected(done.error());
  return conversation;
}

Result<void> Probe::look_at_versions() {
  TlsReport& report = report_.tls.emplace();
  for (const InspectedVersion version : kNewestFirst) {
    auto layer = inspector(version);
    if (!layer) return std::unexpected(layer.error());
    auto conversation = secured(**layer);
    VersionTried tried{.version = version, .accepted = conversation.has_value(), .problem = {}};
    if (!conversation) tried.problem = conversation.error().detail;
    report.versions.push_back(std::move(tried));
    if (!conversation || best_) continue;

    best_ = version;
    if (const tls::Inspection* seen = (*layer)->seen()) report.best = *seen;
    if (report_.implicit_tls) {
      if (auto good = greeted(**conversation); !good) {
        report_.problem = good.error().detail;
        continue;
      }
    }
    report_.capa_tls = ask_capabilities(**conversation);
    measure(**conversation);
    static_cast<void>((*conversation)->ask("QUIT"));
  }
  std::ranges::reverse(report.versions);
  if (!best_ && report_.implicit_tls) report_.problem = report.versions.back().problem;
  return {};
}

/// With the versions and suites of Gatepost's own connections, which are fewer.
void Probe::look_at_usable() {
  const auto layer = tls::ClientContext::create(
      {.verify = false, .ca_file = {}, .server_name = report_.server_name});
  if (!layer) {
    report_.tls->usable_problem = layer.error().detail;
    return;
  }
  const auto conversation = secured(**layer);
  report_.tls->usable = finding(conversation.has_value());
  if (!conversation) report_.tls->usable_problem = conversation.error().detail;
}

void Probe::look_at_pipelining() {
  Result<std::unique_ptr<tls::Inspector>> layer;
  Result<ConversationPtr> conversation;
  if (best_) {
    layer = inspector(*best_);
    if (!layer) return;
    conversation = secured(**layer);
  } else {
    conversation = Conversation::open(network_, place_);
  }
  if (!conversation) return;
  if ((report_.implicit_tls || !best_) && !greeted(**conversation)) return;
  (*conversation)->send("CAPA\r\nNOOP\r\n");
  if (!(*conversation)->reply(ReplyShape::multi)) return;
  report_.pipelining = finding((*conversation)->reply().has_value());
}

/// A command in the same packet as STLS was sent by nobody knows whom. A server that runs it once
/// TLS stands takes what an attacker said for what the client said (RFC 2595 section 4).
void Probe::look_at_injection() {
  auto layer = inspector(*best_);
  auto conversation = Conversation::open(network_, place_);
  if (!layer || !conversation || !greeted(**conversation)) return;
  (*conversation)->send("STLS\r\nCAPA\r\n");
  const auto reply = (*conversation)->reply();
  if (!reply) {
    report_.injection_detail = reply.error().detail;
    return;
  }
  report_.injectable = Finding::no;
  if (!reply->status.ok) {
    report_.injection_detail = "STLS with a command behind it is refused";
    return;
  }
  if (auto done = (*conversation)->start_tls(**layer); !done) {
    report_.injection_detail = "no TLS then: " + done.error().detail;
    return;
  }
  const auto answer = (*conversation)->ask("QUIT");
  // QUIT has one line of answer, or none. CAPA has more, or is an -ERR ahead of that line.
  if (answer && (!answer->status.ok || (*conversation)->says_more(kAfterQuit))) {
    report_.injectable = Finding::yes;
    report_.injection_detail = "CAPA, sent in plain text, was answered inside TLS";
  } else {
    report_.injection_detail = "what was sent ahead of TLS was dropped";
  }
}

}  // namespace

Result<Report> look_at(const Options& options) { return Probe(options).run(); }

}  // namespace gatepost::probe
