#include "proxy/session/login_desk.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proxy/pop3/reply.h"
#include "proxy/session/notes.h"

namespace gatepost::session {

using pop3::ResponseCode;

namespace {

/// What XCLIENT changes of a client, as one text: a connection is not for whom it was not opened.
/// Our own TLS with the client may come later, so it does not count.
std::string told_upstream(const net::ClientFacts& facts) {
  return fmt::format("{} {} {}", facts.address.to_string(), facts.session_id, facts.forwarded);
}

/// Whether it does not matter there that a connection sends UTF-8.
bool downgrades(const upstream::Server& server) { return server.utf8 == config::Utf8::downgrade; }

}  // namespace

LoginDesk::LoginDesk(const Services& services, const Settings& settings,
                     const net::ClientFacts& facts, Journal::Page& page, Owner& owner)
    : services_(services), settings_(settings), facts_(facts), page_(page), owner_(owner) {}

LoginDesk::~LoginDesk() = default;

bool LoginDesk::open_ahead() {
  route_ = settings_.router->route(settings_.listener, facts_);
  if (route_ == nullptr) return false;
  upstream::Opening::Owner& self = *this;
  note_route(page_, settings_, facts_, "", route_);
  const upstream::Environment environment{services_.timers, services_.connector, services_.pool,
                                          &page_, services_.tape};
  ahead_ = std::make_unique<upstream::PoolOpening>(environment, settings_.timeouts, *route_->pool,
                                                   facts_, "", self);
  return true;
}

Result<std::string> LoginDesk::take_timestamp() {
  server_ = ahead_->server();
  Result<upstream::Opened> opened = ahead_->take();
  if (!opened) return std::unexpected(std::move(opened.error()));
  services_.counters.upstream_connect.observe(opened->connect_time);
  opened->transport->set_observer(nullptr);
  place_ = std::make_unique<UpstreamPlace>();
  place_->pool = route_->pool.get();
  place_->server = server_;
  place_->lease = ahead_->take_lease();
  place_->opened = std::move(*opened);
  place_for_ = told_upstream(facts_);
  note_warning(services_.log, *place_);
  return place_->opened.timestamp;
}

Duration LoginDesk::take_turn(std::string_view user) const {
  return services_.guard.take_turn(facts_.address, user, services_.timers.now());
}

void LoginDesk::refuse(LoginResult result, std::string reply, std::string problem) {
  refusal_ = std::make_unique<LoginOutcome>();
  refusal_->result = result;
  refusal_->reply = std::move(reply);
  refusal_->problem = std::move(problem);
}

void LoginDesk::start(LoginRequest request) {
  kind_ = request.kind;
  mechanism_ = request.mechanism;
  named_ = !request.user.empty();
  upstream_user_.clear();
  server_ = nullptr;
  route_ = named_ ? settings_.router->route(settings_.listener, facts_, request.user)
                  : settings_.router->route(settings_.listener, facts_);
  note_route(page_, settings_, facts_, request.user, route_);
  if (services_.tape != nullptr) services_.tape->routed(route_);
  if (route_ == nullptr) {
    return refuse(LoginResult::refused,
                  pop3::err(ResponseCode::auth, "No mail server for this user"), "no route");
  }
  if (named_ && !name_user(request)) return;
  if (kind_ == LoginRequest::Kind::relay) {
    const std::optional<pop3::Capabilities> known = route_->pool->known_capabilities();
    if (known && !mechanism_.relayed_by(*known)) {
      return refuse(LoginResult::unavailable, pop3::err("Mechanism is not offered here"),
                    "upstream does not offer " + mechanism_.name());
    }
  }
  std::optional<UpstreamPlace> place = place_that_fits(request);
  if (!place && kind_ == LoginRequest::Kind::apop) {
    return refuse(LoginResult::unavailable,
                  pop3::err(ResponseCode::sys_temp, "APOP is not possible any more"),
                  "no connection for APOP");
  }
  UpstreamLogin::Owner& self = *this;
  if (place) {
    server_ = place->server;
    login_ = std::make_unique<UpstreamLogin>(services_, settings_, page_, std::move(*place),
                                             std::move(request), self);
  } else {
    login_ = std::make_unique<UpstreamLogin>(services_, settings_, page_, *route_->pool, facts_,
                                             std::move(request), self);
  }
  login_->start();
}

bool LoginDesk::refuse_name(std::string problem) {
  refuse(LoginResult::refused, pop3::err(ResponseCode::auth, "No mail server for this user"),
         std::move(problem));
  return false;
}

/// Gives the user the name that upstream knows, also inside the message of a dialog. False when
/// that cannot be: the request is refused.
bool LoginDesk::name_user(LoginRequest& request) {
  Result<std::string> name = route_->form.apply(request.user);
  if (!name) return refuse_name(std::move(name.error().detail));
  upstream_user_ = *name;
  note_names(page_, *route_, request.user, upstream_user_);
  if (settings_.master) {
    name = upstream::UserForm(settings_.master->form, false, "").apply(*name);
    if (!name) return refuse_name(std::move(name.error().detail));
    request.secret = Secret(settings_.master->password.reveal());
  }
  if (*name == request.user) return true;
  if (request.kind == LoginRequest::Kind::relay) {
    Result<std::string> message =
        pop3::sasl_with_user(request.mechanism.kind(), request.secret.reveal(), *name);
    if (!message) {
      refuse(LoginResult::unavailable, pop3::err(message.error().detail), message.error().detail);
      return false;
    }
    request.secret = Secret(*message);
    wipe(*message);
  }
  request.user = std::move(*name);
  return true;
}

/// The connection that was opened ahead, if it leads where this request belongs.
std::optional<UpstreamPlace> LoginDesk::place_that_fits(const LoginRequest& request) {
  std::optional<UpstreamPlace> place;
  if (place_) place = std::move(*std::exchange(place_, nullptr));
  const bool fits = place && place->pool == route_->pool.get() && place->alive() &&
                    place_for_ == told_upstream(facts_) &&
                    (request.utf8 || !place->utf8 || downgrades(*place->server));
  if (fits) return place;
  if (place) let_go(std::move(*place));
  return std::nullopt;
}

/// Closes it. It is destroyed later: this may be inside its own callback.
void LoginDesk::let_go(UpstreamPlace place) {
  place.opened.transport->close(net::CloseMode::abort);
  dropped_.push_back(std::move(place.opened.transport));
}

void LoginDesk::tidy() {
  dropped_.clear();
  std::erase_if(retired_, [](const auto& login) { return login->drained(); });
}

Result<std::string> LoginDesk::user_in(std::string_view message) const {
  return pop3::sasl_user(mechanism_.kind(), message);
}

void LoginDesk::respond(Secret message) {
  if (!challenged()) return;  // upstream has gone: the outcome says so
  if (!named_) {
    LoginRequest answer;
    answer.kind = LoginRequest::Kind::relay;
    answer.mechanism = mechanism_;
    answer.user = pop3::sasl_user(mechanism_.kind(), message.reveal()).value_or("");
    answer.secret = std::move(message);
    named_ = true;
    if (!name_user(answer)) return login_->break_off();
    message = std::move(answer.secret);
  }
  login_->respond(message);
}

void LoginDesk::break_off(std::string_view text) {
  if (!challenged()) return;
  login_->break_off();
  refuse(LoginResult::cancelled, pop3::err(text), std::string(text));
}

void LoginDesk::drop() {
  server_ = nullptr;
  if (!login_) return;
  login_->cancel();
  retired_.push_back(std::move(login_));
}

LoginOutcome LoginDesk::take_outcome() {
  if (login_ && login_->server() != nullptr) server_ = login_->server();
  LoginOutcome outcome =
      refusal_ ? std::move(*std::exchange(refusal_, nullptr)) : login_->take_outcome();
  if (outcome.result != LoginResult::ok) {
    std::optional<UpstreamPlace> left = std::exchange(outcome.place, std::nullopt);
    place_ = left ? std::make_unique<UpstreamPlace>(std::move(*left)) : nullptr;
  }
  if (login_ && outcome.result != LoginResult::ok) retired_.push_back(std::move(login_));
  return outcome;
}

void LoginDesk::cancel() {
  if (ahead_) ahead_->cancel();
  if (login_) login_->cancel();
  if (place_) let_go(std::move(*std::exchange(place_, nullptr)));
}

}  // namespace gatepost::session
