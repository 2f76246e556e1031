#include "proxy/trace/replay.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "filters/scan/scan_desk.h"
#include "proxy/base/stepped_background.h"
#include "proxy/base/virtual_time.h"
#include "proxy/guard/guard.h"
#include "proxy/session/session.h"
#include "proxy/trace/stage.h"

namespace gatepost::trace {

namespace {

using Kind = Event::Kind;
using Leg = net::Tap::Leg;

constexpr std::array kCodes = {ErrorCode::protocol, ErrorCode::closed,  ErrorCode::truncated,
                               ErrorCode::refused,  ErrorCode::network, ErrorCode::tls,
                               ErrorCode::timeout,  ErrorCode::limit,   ErrorCode::config,
                               ErrorCode::system};

ErrorCode code_of(std::string_view word) {
  const auto* const at =
      std::ranges::find_if(kCodes, [word](ErrorCode c) { return to_string(c) == word; });
  return at != kCodes.end() ? *at : ErrorCode::network;
}

session::EndReason reason_of(std::string_view word) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(session::EndReason::count_); ++i) {
    const auto reason = static_cast<session::EndReason>(i);
    if (to_string(reason) == word) return reason;
  }
  return session::EndReason::drained;
}

PeerAddress address_of(const std::string& text) {
  PeerAddress peer;
  const auto ip = IpAddress::parse(text);
  peer.unix_socket = text == "unix";
  if (ip) peer.ip = *ip;
  peer.port = 1;
  return peer;
}

/// What of a trace can be played, and what can be said of it.
struct Script {
  std::vector<Event> events;
  std::shared_ptr<const RouteFacts> route;  ///< null: nobody wanted to log in
  Scope scope;
  std::vector<std::string> notes;
};

Script prepare(const Recorded& recorded) {
  Script script;
  bool over = false;
  for (const Event& event : recorded.events) {
    if (event.kind == Kind::dropped) {
      script.notes.emplace_back("a part of the trace is missing: compared up to there");
      break;
    }
    // The last one is of the login that succeeded, if one did.
    if (event.kind == Kind::route) script.route = event.route;
    script.events.push_back(event);
    over = over || event.kind == Kind::over;
    if (event.kind == Kind::login && script.route && script.route->retention) {
      script.notes.emplace_back(
          "a policy decided what the client saw, by what it knew of the mailbox: compared up to "
          "the login");
      break;
    }
  }
  over = over && script.events.back().kind == Kind::over;
  script.scope.to_the_end = over;
  if (!over && script.notes.empty()) {
    script.notes.emplace_back("the trace ends before the session: compared up to there");
  }
  const auto makes_fit = [](const ServerFacts& server) {
    return server.utf8 == config::Utf8::downgrade;
  };
  if (script.route &&
      (script.route->chain || std::ranges::any_of(script.route->servers, makes_fit))) {
    script.scope.messages = false;
    script.notes.emplace_back(
        "messages went through a chain: here they do not, and are not compared");
  }
  return script;
}

class Replay final : StageEar, session::Session::Home {
 public:
  explicit Replay(Script script)
      : script_(std::move(script)),
        desk_({time_, connector_, pool_, background_}, log_),
        host_{time_, pool_, background_, messages_, desk_},
        retention_{.timers = time_,
                   .background = background_,
                   .log = log_,
                   .counters = removals_,
                   .clock = [] { return std::int64_t{0}; }},
        services_{time_,   connector_, pool_,
                  log_,    counters_,  guard_,
                  host_,   retention_, filters::inspection_maker(host_),
                  journal_},
        started_(time_.now()) {}
  ~Replay() { session_.reset(); }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  Deeds play() {
    begin();
    read_upstream();
    for (const Event& event : script_.events) {
      if (ended_ && event.kind != Kind::over) continue;
      at(event.ms);
      if (event.kind == Kind::said && event.leg != net::Tap::kClient) {
        lines_[event.leg] += lines_in(event.text);
      }
      if (event.kind == Kind::heard && event.leg != net::Tap::kClient) {
        if (script_.scope.messages) waiting_[event.leg].push_back({event, lines_[event.leg]});
      } else if (event.leg != net::Tap::kClient) {
        waiting_[event.leg].push_back({event, 0});
      } else {
        perform(event);
      }
      settle();
    }
    deeds_.over = ended_ ? reason() : std::string();
    return std::move(deeds_);
  }

 private:
  /// What comes from upstream, not before the session has said so many lines.
  struct Held {
    Event event;
    std::size_t lines = 0;
  };

  static std::size_t lines_in(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  }

  void begin() {
    const Beginning& told = *script_.events.front().beginning;
    auto settings = std::make_shared<session::Settings>();
    settings->listener = "replay";
    settings->client_tls_mode = told.tls;
    if (told.tls != config::ListenerTls::none) settings->client_tls = tls_;
    const std::vector everybody = {*IpNetwork::parse("0.0.0.0/0"), *IpNetwork::parse("::/0")};
    if (told.cleartext_login) settings->cleartext_login_networks = everybody;
    if (told.trusted) settings->trusted_networks = everybody;
    settings->xclient = told.xclient;
    settings->apop = told.apop;
    settings->implementation = told.implementation;
    settings->timeouts = told.timeouts;
    settings->limits.login_attempts = told.login_attempts;
    settings->limits.pipeline = std::max(told.pipeline, 1U);
    settings->limits.bad_commands = told.bad_commands;
    settings->limits.failed_login_delay_max = Duration(0);  // the trace says when
    guard_.configure(settings->limits);
    settings->router = router(told);

    net::ClientFacts facts;
    facts.address = address_of(told.client);
    facts.local = address_of(told.local);
    facts.secure = told.secure;
    facts.hops = told.hops;
    StageEar& ear = *this;
    client_ = std::make_unique<StageWire>(net::Tap::kClient, ear);
    session::Session::Home& home = *this;
    session_ = std::make_unique<session::Session>(
        "replay", services_, settings, client_->make_transport(pool_), std::move(facts), home);
    settle();
  }

  [[nodiscard]] std::shared_ptr<const upstream::Router> router(const Beginning& told) {
    std::vector<upstream::Route> routes;
    const RouteFacts* const known = script_.route            ? script_.route.get()
                                    : told.route.has_value() ? &*told.route
                                                             : nullptr;
    if (known != nullptr && known->found) {
      upstream::Route& route = routes.emplace_back();
      if (!told.route) route.conditions.users = {"*"};
      route.form = upstream::UserForm(known->form, known->lower_case, known->default_domain,
                                      known->device_suffix);
      config::Pool pool;
      pool.name = "replay";
      pool.retries = std::max(known->attempts, 1U) - 1;
      route.pool = std::make_shared<const upstream::Pool>(pool, servers(*known));
    }
    return std::make_shared<const upstream::Router>(std::move(routes));
  }

  /// The one that the session met first is asked first.
  [[nodiscard]] std::vector<upstream::Server> servers(const RouteFacts& route) {
    std::vector<upstream::Server> servers;
    std::vector<std::size_t> met;
    for (const Event& event : script_.events) {
      if (event.kind == Kind::connecting) met.push_back(event.number);
    }
    for (std::size_t i = 0; i < route.servers.size(); ++i) {
      const ServerFacts& facts = route.servers[i];
      upstream::Server& server = servers.emplace_back();
      server.address = {.host = std::to_string(i), .port = 110, .path = {}};
      const auto at = std::ranges::find(met, i);
      server.priority = static_cast<std::uint32_t>(at - met.begin());
      server.security = facts.security;
      if (facts.security != upstream::Security::none) server.tls = tls_;
      server.xclient = facts.xclient;
      server.initial_response = facts.initial_response;
      server.state = std::make_shared<upstream::ServerState>(config::HealthCheck());
      if (facts.known) server.state->learned(facts.known->body, facts.known->greeting);
    }
    return servers;
  }

  /// Where messages went through a chain, upstream's replies are given to the commands that they
  /// answered, whatever came in between.
  void read_upstream() {
    if (script_.scope.messages) return;
    std::map<Leg, std::pair<std::string, std::string>> told;
    for (const Event& event : script_.events) {
      if (event.leg == net::Tap::kClient) continue;
      if (event.kind == Kind::said) told[event.leg].first += event.text;
      if (event.kind == Kind::heard) told[event.leg].second += event.text;
    }
    for (const auto& [leg, both] : told) {
      const auto replies = cut_replies(both.second, answers_to(both.first));
      const auto commands = cut_lines(both.first);
      for (std::size_t i = 0; i < replies.size(); ++i) {
        const std::string command(i == 0 || i > commands.size() ? "" : commands[i - 1]);
        replies_[leg].emplace(command, std::string(replies[i]));
      }
    }
  }

  void answer(Leg leg, const std::string& command) {
    auto& known = replies_[leg];
    const auto at = known.find(command);
    if (at == known.end()) return;
    answers_.emplace_back(leg, std::move(at->second));
    known.erase(at);
  }

  Leg connecting(const Endpoint& server) override {
    deeds_.connects.push_back(std::stoul(server.host));
    return ++legs_;
  }
  void said(Leg leg, std::string_view text) override {
    deeds_.legs[leg].say(now(), text);
    said_lines_[leg] += lines_in(text);
    if (leg == net::Tap::kClient || script_.scope.messages) return;
    for (const std::string_view line : cut_lines(text)) answer(leg, std::string(line));
  }
  void closed(Leg leg, net::CloseMode mode) override {
    deeds_.legs[leg].closings.emplace_back(mode == net::CloseMode::flush ? "flush" : "abort");
  }
  void on_session_ended(session::Session& /*session*/) override { ended_ = true; }

  [[nodiscard]] std::uint64_t now() const {
    return static_cast<std::uint64_t>((time_.now() - started_).count());
  }
  [[nodiscard]] std::string reason() const {
    for (std::size_t i = 0; i < static_cast<std::size_t>(session::EndReason::count_); ++i) {
      const auto reason = static_cast<session::EndReason>(i);
      if (counters_.sessions_ended[reason].get() > 0) return std::string(to_string(reason));
    }
    return {};
  }

  void at(std::uint64_t ms) {
    time_.advance_to(started_ + Duration(ms));
    settle();
  }

  /// Until nothing moves.
  void settle() {
    constexpr int kMaxTurns = 1'000'000;
    for (int i = 0; i < kMaxTurns && turn(); ++i) {
    }
  }

  bool turn() {
    if (ended_) return false;
    if (!answers_.empty()) {
      const auto [leg, text] = std::move(answers_.front());
      answers_.pop_front();
      if (StageWire* const wire = connector_.wire(leg)) wire->deliver(text);
      return true;
    }
    if (background_.turn()) return true;
    if ((session_->waits_for() & session::kOwnTurn) != 0) {
      time_.advance_to(time_.now() + session::Session::kTurn);
      return true;
    }
    for (auto& [leg, held] : waiting_) {
      if (held.empty() || !is_due(leg, held.front())) continue;
      const Event event = std::move(held.front().event);
      held.pop_front();
      perform(event);
      return true;
    }
    return false;
  }

  /// Whether the session can hear it.
  [[nodiscard]] bool is_due(Leg leg, const Held& held) {
    StageWire* const wire = connector_.wire(leg);
    switch (held.event.kind) {
      case Kind::connected:
        return connector_.awaits(leg);
      case Kind::failed:
        return connector_.awaits(leg) || wire != nullptr;
      case Kind::secured:
        return wire != nullptr && wire->awaits_tls();
      case Kind::heard:
        return wire != nullptr && !wire->awaits_tls() && said_lines_[leg] >= held.lines;
      case Kind::ended:
        return wire != nullptr && answers_.empty();
      default:
        return true;
    }
  }

  void perform(const Event& event) {
    StageWire* const wire =
        event.leg == net::Tap::kClient ? client_.get() : connector_.wire(event.leg);
    switch (event.kind) {
      case Kind::heard:
        return wire->deliver(event.text);
      case Kind::connected:
        if (!connector_.awaits(event.leg)) return;  // a trace may say it of anybody
        connector_.accept(event.leg);
        if (!script_.scope.messages) answer(event.leg, "");
        return;
      case Kind::failed:
        if (connector_.awaits(event.leg)) return connector_.fail(event.leg, code_of(event.text));
        return wire->end(code_of(event.text));
      case Kind::secured:
        return wire->secure(event.text);
      case Kind::ended:
        return wire->end(code_of(event.text));
      case Kind::drained:
        return session_->drain();
      case Kind::cut:
        return session_->cut(reason_of(event.text));
      default:
        return;
    }
  }

  Script script_;
  Deeds deeds_;
  BlockPool pool_;
  VirtualTime time_;
  SteppedBackground background_;
  NoLog log_;
  StageConnector connector_{pool_, *this};
  std::shared_ptr<StageTls> tls_ = std::make_shared<StageTls>();
  session::Counters counters_;
  guard::Guard guard_;
  filters::MessageCounters messages_;
  filters::RetentionCounters removals_;
  filters::ScanDesk desk_;
  filters::Host host_;
  filters::RetentionHost retention_;
  Journal journal_;
  session::Services services_;
  const Instant started_;
  std::unique_ptr<StageWire> client_;
  std::unique_ptr<session::Session> session_;
  Leg legs_ = 0;
  std::map<Leg, std::size_t> lines_;       // that the trace said so far
  std::map<Leg, std::size_t> said_lines_;  // that the session said
  std::map<Leg, std::deque<Held>> waiting_;
  std::map<Leg, std::multimap<std::string, std::string>> replies_;
  std::deque<std::pair<Leg, std::string>> answers_;
  bool ended_ = false;
};

}  // namespace

Played replay(const Recorded& recorded) {
  Script script = prepare(recorded);
  const Deeds trace = Deeds::of(script.events);
  std::string client_said;
  for (const Event& event : script.events) {
    if (event.kind == Kind::heard && event.leg == net::Tap::kClient) client_said += event.text;
  }
  const Scope scope = script.scope;
  Played played;
  played.notes = script.notes;
  played.deeds = Replay(std::move(script)).play();
  played.difference = compare(trace, played.deeds, client_said, scope);
  return played;
}

}  // namespace gatepost::trace
