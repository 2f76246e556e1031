// How a session ends: the client leaves, upstream is lost, the gateway goes down; and what is said
// of it afterwards.
#include <utility>

#include "proxy/session/notes.h"
#include "proxy/session/session.h"
#include "proxy/tls/handshake_failure.h"

namespace gatepost::session {

namespace {

HandshakeFailure label(tls::HandshakeFailure failure) {
  switch (failure) {
    case tls::HandshakeFailure::not_tls:
      return HandshakeFailure::not_tls;
    case tls::HandshakeFailure::no_shared_version:
      return HandshakeFailure::no_shared_version;
    case tls::HandshakeFailure::no_shared_cipher:
      return HandshakeFailure::no_shared_cipher;
    case tls::HandshakeFailure::no_alpn:
      return HandshakeFailure::no_alpn;
    case tls::HandshakeFailure::no_certificate:
      return HandshakeFailure::no_certificate;
    case tls::HandshakeFailure::bad_certificate:
      return HandshakeFailure::bad_certificate;
    case tls::HandshakeFailure::peer_alert:
      return HandshakeFailure::peer_alert;
    case tls::HandshakeFailure::closed:
      return HandshakeFailure::closed;
    case tls::HandshakeFailure::other:
      return HandshakeFailure::other;
  }
  return HandshakeFailure::other;
}

}  // namespace

/// A client that ended only its own direction still gets its answers. But whether it got the ones
/// on their way cannot be known any more, so a QUIT behind them, which would delete, is forfeited.
void Session::note_client_end() {
  if (state_ != State::transaction && state_ != State::update) return;
  if (!client_->end() || quit_sent()) return;
  if (client_end_reason() == EndReason::client_error) {
    return abort(EndReason::client_error, client_->end()->detail);
  }
  if (ledger_.owes_client() || !held_reply_.empty() || client_->unsent() > 0) {
    quit_forfeited_ = true;
  }
}

bool Session::quit_sent() const {
  if (settlement() != nullptr) return true;  // it counts already
  return state_ == State::update && !ledger_.empty() && ledger_.front().verb == pop3::Verb::quit &&
         ledger_.front().stage != Exchange::Stage::queued;
}

EndReason Session::client_end_reason() const {
  const ErrorCode code = client_->end()->code;
  const bool orderly = code == ErrorCode::closed || code == ErrorCode::truncated;
  return orderly ? EndReason::client_closed : EndReason::client_error;
}

/// Nothing moves any more: has one of the connections ended?
void Session::look_at_ends() {
  if (state_ == State::transaction || state_ == State::update) {
    // While the client does not take what it has, the end of a reply may not have been looked at.
    const bool all_read = upstream_->received().empty() && client_->unsent() < kMaxUnsent;
    // A message that has come whole is given to the client first. After QUIT upstream may go.
    if (upstream_->end() && all_read && !message_received() && !answer_held()) {
      const Error& why = *upstream_->end();
      return upstream_lost(why.detail);
    }
  }
  if (!client_->end()) return;
  const Error& why = *client_->end();
  const EndReason reason = client_end_reason();
  switch (state_) {
    case State::implicit_handshake:
    case State::stls_handshake: {
      if (services_.tape != nullptr) services_.tape->failed(net::Tap::kClient, why);
      const auto failure = tls::handshake_failure(*client_);
      services_.counters.handshake_failures[label(failure.value_or(tls::HandshakeFailure::other))]
          .add();
      return finish(EndReason::handshake_failed, why.detail);
    }
    case State::relay:
    case State::delayed:
    case State::login:
      services_.counters.logins[LoginResult::client_gone].add();
      return finish(reason, why.detail);
    case State::transaction:
      if (!ledger_.empty() || mailbox_preparing()) return;
      [[fallthrough]];
    case State::opening:
    case State::authorization:
    case State::sasl:
      // All answers have left; without a reset a client that ended only its own direction gets
      // them.
      return finish(reason, why.detail);
    case State::update:
      return;  // QUIT is upstream already: its outcome belongs into the log
    case State::closing:
      if (client_->unsent() == 0) enter(State::ended);
      return;
    case State::ended:
    case State::count_:
      return;
  }
}

void Session::drain() {
  if (services_.tape != nullptr) services_.tape->drained();
  switch (state_) {
    case State::implicit_handshake:
    case State::stls_handshake:
      abort(EndReason::drained, {});
      break;
    case State::login:
      draining_ = true;  // the password is upstream: its answer decides
      return;
    case State::relay:
    case State::delayed:
      services_.counters.logins[LoginResult::unavailable].add();
      [[fallthrough]];
    case State::opening:
    case State::authorization:
    case State::sasl:
      say_going_down();
      break;
    default:
      return;
  }
  if (state_ == State::ended) return over();
  pump();
}

void Session::say_going_down() {
  say(pop3::err(pop3::ResponseCode::sys_temp, "Server is going down, try again later"));
  finish(EndReason::drained, {});
}

void Session::cut(EndReason reason) {
  if (state_ == State::ended) return;
  if (services_.tape != nullptr) services_.tape->cut(reason);
  abort(reason, {});
  over();
}

/// The last words were said: let them reach the client, then end.
void Session::finish(EndReason reason, std::string problem) {
  if (state_ == State::closing || state_ == State::ended) return;
  if (mid_reply()) {
    // Part of a message is out: only a broken connection says that it is not whole.
    return abort(reason, std::move(problem));
  }
  reason_ = reason;
  problem_ = std::move(problem);
  let_message_go(problem_.empty() ? to_string(reason) : problem_);
  end_ahead();
  if (lobby_) lobby_->desk.cancel();
  if (upstream_) {
    upstream_->close(reason == EndReason::quit ? net::CloseMode::flush : net::CloseMode::abort);
  }
  ledger_.clear();
  client_->close(net::CloseMode::flush);
  client_moved_ = services_.timers.now();
  enter(State::closing);
}

/// Breaks both connections, so that nobody takes what was sent for complete.
void Session::abort(EndReason reason, std::string problem) {
  if (state_ == State::ended) return;
  if (state_ != State::closing) {
    reason_ = reason;
    problem_ = std::move(problem);
  }
  let_message_go(problem_.empty() ? to_string(reason_) : problem_);
  end_ahead();
  if (lobby_) lobby_->desk.cancel();
  ledger_.clear();
  if (upstream_) upstream_->close(net::CloseMode::abort);
  client_->close(net::CloseMode::abort);
  enter(State::ended);
}

void Session::over() {
  timer_->stop();
  services_.counters.sessions_active.subtract();
  services_.counters.sessions_ended[reason_].add();
  const bool plain = client_->tls() == nullptr && !facts_.secure &&
                     reason_ != EndReason::handshake_failed &&
                     settings_->client_tls_mode != config::ListenerTls::implicit;
  if (plain) services_.counters.tls_versions[TlsVersionLabel::none].add();
  note_end(page_, reason_, problem_, commands_, messages_);
  write_log();
  if (services_.tape != nullptr) services_.tape->over(reason_);
  home_.on_session_ended(*this);
}

}  // namespace gatepost::session
