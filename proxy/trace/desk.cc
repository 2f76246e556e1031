#include "proxy/trace/desk.h"

#include <algorithm>
#include <utility>

#include "proxy/base/secret.h"
#include "proxy/trace/line.h"
#include "proxy/trace/take.h"

namespace gatepost::trace {

namespace {

using Kind = Event::Kind;

std::string address(const PeerAddress& peer) {
  return peer.unix_socket ? "unix" : mask_value(peer.ip.to_string());
}

RouteFacts facts_of(const upstream::Route* route, const session::Settings& settings, Instant now,
                    const Names& names, const Confidences* known) {
  RouteFacts facts;
  if (route == nullptr) return facts;
  facts.found = true;
  facts.form = names.of_form(route->conditions.user);
  facts.lower_case = route->conditions.lower_case;
  facts.default_domain = names.of(route->conditions.default_domain);
  facts.device_suffix = route->conditions.device_suffix;
  facts.chain = route->chain.value_or(settings.chain) != nullptr;
  facts.retention = route->retention.value_or(settings.retention) != nullptr;
  facts.attempts = static_cast<std::uint32_t>(route->pool->attempts());
  for (const upstream::Server& server : route->pool->servers()) {
    ServerFacts& said = facts.servers.emplace_back();
    said.security = server.security;
    said.xclient = server.xclient;
    said.initial_response = server.initial_response;
    said.utf8 = server.utf8;
    said.known = server.state->announcement(now);
    if (said.known && said.known->greeting && known != nullptr) {
      known->mask_status(*said.known->greeting);
    }
  }
  return facts;
}

class SessionRecording final : public Recording {
 public:
  SessionRecording(const session::Services& services, const session::Settings& settings,
                   const net::ClientFacts& facts)
      : services_(services), settings_(settings), started_(services.timers.now()), facts_(facts) {
    services_.tape = this;
    remember(settings.router->route(settings.listener, facts));
  }
  void add(std::shared_ptr<detail::Trace> trace, std::string_view id) {
    Take& take = *takes_.emplace_back(std::make_unique<Take>(std::move(trace), std::string(id)));
    take.note(0, {.kind = Kind::begin, .session = {}, .text = {}, .beginning = beginning(take)});
  }
  [[nodiscard]] bool empty() const { return takes_.empty(); }
  [[nodiscard]] const session::Services& services() const override { return services_; }

  Leg connecting(const Endpoint& server) override {
    const auto at = std::ranges::find(servers_, server);
    const auto number = static_cast<std::uint64_t>(at - servers_.begin());
    if (at == servers_.end()) servers_.push_back(server);
    ++legs_;
    each({.kind = Kind::connecting, .session = {}, .leg = legs_, .text = {}, .number = number});
    return legs_;
  }
  void connected(Leg leg) override { note(Kind::connected, leg, {}); }
  void failed(Leg leg, const Error& why) override {
    note(Kind::failed, leg, std::string(to_string(why.code)));
  }
  void secured(Leg leg, const net::TlsFacts& facts) override {
    note(Kind::secured, leg, std::string(facts.version));
  }
  void heard(Leg leg, const ByteChain& bytes) override { text(leg, true, bytes); }
  void said(Leg leg, const ByteChain& bytes) override { text(leg, false, bytes); }
  void ended(Leg leg, const Error& why) override {
    note(Kind::ended, leg, std::string(to_string(why.code)));
  }
  void closed(Leg leg, net::CloseMode mode) override {
    for (const auto& take : takes_) take->flush(leg);
    note(Kind::closed, leg, mode == net::CloseMode::flush ? "flush" : "abort");
  }

  void named(std::string_view user) override {
    for (const auto& take : takes_) take->named(user);
    drop();
  }
  void routed(const upstream::Route* route) override {
    remember(route);
    for (const auto& take : takes_) {
      take->note(now(),
                 {.kind = Kind::route,
                  .session = {},
                  .text = {},
                  .route = std::make_shared<const RouteFacts>(facts_of(
                      route, settings_, services_.timers.now(), take->names(), &take->known()))});
    }
    drop();
  }
  void logged_in(std::string_view account) override {
    std::erase_if(takes_, [account](const auto& take) { return !take->logged_in(account); });
    note(Kind::login, 0, {});
  }
  void drained() override { note(Kind::drained, 0, {}); }
  void cut(session::EndReason reason) override {
    note(Kind::cut, 0, std::string(to_string(reason)));
  }
  void over(session::EndReason reason) override {
    for (Leg leg = 0; leg <= legs_; ++leg) {
      for (const auto& take : takes_) take->flush(leg);
    }
    note(Kind::over, 0, std::string(to_string(reason)));
    takes_.clear();
  }

 private:
  /// Servers have the numbers that they have in the route's list.
  void remember(const upstream::Route* route) {
    if (route == nullptr) return;
    servers_.clear();
    for (const upstream::Server& server : route->pool->servers()) {
      servers_.push_back(server.address);
    }
  }

  [[nodiscard]] std::uint64_t now() const {
    return static_cast<std::uint64_t>((services_.timers.now() - started_).count());
  }

  std::shared_ptr<const Beginning> beginning(Take& take) const {
    auto result = std::make_shared<Beginning>();
    const session::Settings& s = settings_;
    result->tls = s.client_tls_mode;
    result->apop = s.apop;
    result->xclient = s.xclient;
    result->trusted = any_contains(s.trusted_networks, facts_.address.ip);
    result->cleartext_login = any_contains(s.cleartext_login_networks, facts_.address.ip);
    result->implementation = s.implementation;
    result->client = address(facts_.address);
    result->local = address(facts_.local);
    result->secure = facts_.secure;
    result->hops = facts_.hops;
    if (const upstream::Route* const route = s.router->route(s.listener, facts_)) {
      result->route = facts_of(route, s, services_.timers.now(), take.names(), nullptr);
    }
    result->timeouts = s.timeouts;
    result->login_attempts = s.limits.login_attempts;
    result->pipeline = s.limits.pipeline;
    result->bad_commands = s.limits.bad_commands;
    return result;
  }

  void note(Kind kind, Leg leg, std::string what) {
    each({.kind = kind, .session = {}, .leg = leg, .text = std::move(what)});
  }
  void each(const Event& event) {
    for (const auto& take : takes_) take->note(now(), event);
    drop();
  }
  void text(Leg leg, bool in, const ByteChain& bytes) {
    if (takes_.empty()) return;
    std::string whole = bytes.to_string();  // one piece, as it came
    for (const auto& take : takes_) take->text(now(), leg, in, whole);
    wipe(whole);
    drop();
  }
  void drop() {
    std::erase_if(takes_, [](const auto& take) { return take->done(); });
  }

  session::Services services_;  // with this as the tape
  const session::Settings& settings_;
  const Instant started_;
  const net::ClientFacts facts_;
  std::vector<std::unique_ptr<Take>> takes_;
  std::vector<Endpoint> servers_;
  Leg legs_ = 0;
};

}  // namespace

TraceDesk::~TraceDesk() {
  for (const auto& trace : traces_) {
    trace->timer->stop();
    trace->over = true;
  }
}

Result<Ticket> TraceDesk::begin(Order order, std::shared_ptr<Sink> sink) {
  std::erase_if(traces_, [](const auto& trace) { return trace->over; });
  if (traces_.size() >= kMaxTraces) {
    return fail(ErrorCode::limit, "there are too many traces already");
  }
  auto trace = std::make_shared<detail::Trace>();
  const std::chrono::seconds lasts = std::clamp(order.lasts, std::chrono::seconds(1), kMaxTime);
  trace->order = std::move(order);
  trace->sink = std::move(sink);
  trace->timer = timers_.make_timer([weak = std::weak_ptr(trace)] {
    if (const auto expired = weak.lock()) expired->end("time");
  });
  trace->timer->start(lasts);
  traces_.push_back(trace);
  return Ticket([this, trace] {
    trace->timer->stop();
    trace->over = true;
    std::erase(traces_, trace);
  });
}

std::unique_ptr<Recording> TraceDesk::record(std::string_view id, const session::Services& services,
                                             const session::Settings& settings,
                                             const net::ClientFacts& facts) {
  if (traces_.empty()) return nullptr;
  auto recording = std::make_unique<SessionRecording>(services, settings, facts);
  for (const auto& trace : traces_) {
    const auto& from = trace->order.client;
    const bool elsewhere = from && (facts.address.unix_socket || !from->contains(facts.address.ip));
    if (!trace->over && !elsewhere) recording->add(trace, id);
  }
  if (recording->empty()) return nullptr;
  return recording;
}

}  // namespace gatepost::trace
