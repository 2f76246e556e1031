// The upstream leg: login, commands on, replies back.
#include <cassert>
#include <utility>

#include "proxy/session/session.h"

namespace gatepost::session {

using pop3::ClientCodec;
using pop3::ReplyShape;
using pop3::ResponseCode;
using pop3::Verb;

void Session::start_login(pop3::Credentials credentials) {
  server_ = &settings_->router->route(credentials.user);
  enter(State::login);
  // NOLINTNEXTLINE(modernize-make-unique): *this is an UpstreamLogin's owner only in here (private)
  login_.reset(new UpstreamLogin(services_, *settings_, *server_, std::move(credentials), *this));
}

void Session::on_login_outcome() {
  LoginOutcome outcome = login_->take_outcome();
  services_.counters.logins[outcome.result].add();
  say(outcome.reply);
  if (outcome.result != LoginResult::ok) return login_failed(outcome);
  login_.reset();
  upstream_ = std::move(outcome.transport);
  upstream_codec_ = std::move(outcome.codec);
  upstream_capabilities_ = std::move(outcome.capabilities);
  upstream_depth_ = upstream_capabilities_.has("PIPELINING") ? settings_->limits.pipeline : 1;
  upstream_->set_observer(this);
  upstream_moved_ = services_.timers.now();
  client_moved_ = services_.timers.now();
  client_codec_.set_mode(pop3::ServerCodec::Mode::transaction);
  enter(State::transaction);
}

void Session::login_failed(const LoginOutcome& outcome) {
  ++failed_logins_;
  services_.log.warning("login_failed", {{"id", id_},
                                         {"listener", settings_->listener},
                                         {"client", client_->peer().to_string()},
                                         {"user", user_},
                                         {"upstream", server_->address.to_string()},
                                         {"result", to_string(outcome.result)},
                                         {"problem", outcome.problem}});
  user_.clear();
  if (failed_logins_ >= settings_->limits.login_attempts) {
    return finish(EndReason::too_many_errors, "too many failed logins");
  }
  enter(State::authorization);
  login_since_ = entered_;
}

bool Session::send_commands() {
  bool moved = false;
  while (Exchange* next = ledger_.next_to_send(upstream_depth_)) {
    if (next->verb == Verb::quit) {
      // QUIT deletes: the answers before it must have left for the client.
      if (client_->unsent() > 0) break;
      if (quit_forfeited_) {
        finish(client_end_reason(), "left before it had all answers, QUIT not passed on");
        return true;
      }
    }
    upstream_->send(ByteChain(services_.pool, next->text));
    upstream_codec_.expect({.shape = next->shape});
    ledger_.sent(*next, services_.timers.now());
    if (ledger_.outstanding() == 1) upstream_moved_ = services_.timers.now();
    moved = true;
  }
  return moved;
}

bool Session::send_local_replies() {
  bool moved = false;
  while (!ledger_.empty() && ledger_.front().stage == Exchange::Stage::local) {
    say(ledger_.front().text);
    ledger_.pop();
    moved = true;
  }
  return moved;
}

bool Session::read_replies() {
  bool moved = send_local_replies();
  while ((state_ == State::transaction || state_ == State::update) &&
         client_->unsent() < kMaxUnsent) {
    const ClientCodec::Event event = upstream_codec_.next(upstream_->received());
    if (event == ClientCodec::Event::need_data) break;
    moved = true;
    upstream_moved_ = services_.timers.now();
    switch (event) {
      case ClientCodec::Event::status:
        on_status();
        break;
      case ClientCodec::Event::body_data:
        relay(upstream_codec_.take_body());
        break;
      case ClientCodec::Event::body_end:
        exchange_done(true);
        break;
      case ClientCodec::Event::continuation:
      case ClientCodec::Event::protocol_error:
        upstream_lost("protocol: " + upstream_codec_.error());
        break;
      case ClientCodec::Event::need_data:
        break;
    }
  }
  return moved;
}

void Session::on_status() {
  const pop3::Status& status = upstream_codec_.status();
  say(status.wire());
  // The codec knows only replies that were asked for, so there is an exchange to it.
  Exchange& exchange = ledger_.front();
  assert(exchange.stage == Exchange::Stage::sent);
  if (status.ok && exchange.shape == ReplyShape::multi) {
    exchange.stage = Exchange::Stage::replying;
  } else {
    exchange_done(status.ok);
  }
}

void Session::exchange_done(bool ok) {
  const Exchange& exchange = ledger_.front();
  const Verb verb = exchange.verb;
  if (verb == Verb::retr && ok) {
    ++messages_;
    services_.counters.messages_retrieved.add();
    services_.counters.retr.observe(services_.timers.now() - exchange.sent_at);
  }
  ledger_.pop();
  if (verb == Verb::quit) return finish(EndReason::quit, {});
  static_cast<void>(send_local_replies());
}

/// Upstream is gone, silent or not to be trusted any more.
void Session::upstream_lost(std::string problem) {
  static_cast<void>(send_local_replies());
  if (!ledger_.empty() && ledger_.front().stage != Exchange::Stage::replying) {
    const bool quitting = ledger_.front().verb == Verb::quit;
    say(pop3::err(ResponseCode::sys_temp, quitting
                                              ? "Mail server lost, deletions may not have been done"
                                              : "Mail server lost"));
  }
  finish(EndReason::upstream_lost, std::move(problem));
}

void Session::relay(ByteChain&& bytes) {
  octets_out_ += bytes.size();
  services_.counters.octets_to_clients.add(bytes.size());
  client_->send(std::move(bytes));
}

}  // namespace gatepost::session
