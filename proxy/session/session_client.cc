// The client's leg: TLS, commands before login, commands after it.
#include <utility>

#include "proxy/session/session.h"

namespace gatepost::session {

using pop3::Command;
using pop3::SaslDialog;
using pop3::ServerCodec;
using pop3::Verb;

namespace {

TlsVersionLabel version_label(std::string_view version) {
  if (version == "TLSv1.3") return TlsVersionLabel::tls1_3;
  if (version == "TLSv1.2") return TlsVersionLabel::tls1_2;
  return TlsVersionLabel::other;
}

CipherLabel cipher_label(std::string_view cipher) {
  const auto has = [cipher](std::string_view part) { return cipher.contains(part); };
  if (has("CHACHA20")) return CipherLabel::chacha20_poly1305;
  if (has("GCM") && has("128")) return CipherLabel::aes_128_gcm;
  if (has("GCM") && has("256")) return CipherLabel::aes_256_gcm;
  return CipherLabel::other;
}

}  // namespace

/// Wraps the client's connection; the handshake is under way afterwards, or the session has ended.
void Session::start_tls(State handshake) {
  auto wrapped = settings_->client_tls->wrap(std::move(client_), services_.pool);
  if (!wrapped) {
    return finish(wrapped.error().code == ErrorCode::protocol ? EndReason::protocol_error
                                                              : EndReason::internal,
                  wrapped.error().detail);
  }
  client_ = std::move(*wrapped);
  client_->set_observer(this);
  enter(handshake);
}

bool Session::handshake_step() {
  if (!client_->established()) return false;
  count_tls();
  const bool implicit = state_ == State::implicit_handshake;
  enter(State::authorization);
  login_since_ = entered_;
  if (implicit) say(pop3::ok("Gatepost ready"));
  return true;
}

void Session::count_tls() {
  const net::TlsFacts& facts = *client_->tls();
  services_.counters.tls_versions[version_label(facts.version)].add();
  services_.counters.tls_ciphers[cipher_label(facts.cipher)].add();
  if (facts.resumed) services_.counters.tls_resumed.add();
}

bool Session::may_read_client() const {
  const bool reading =
      state_ == State::authorization || state_ == State::sasl || state_ == State::transaction;
  return reading && !ledger_.full() && client_->unsent() < kMaxUnsent;
}

bool Session::read_client() {
  bool moved = false;
  while (may_read_client()) {
    ByteChain& in = client_->received();
    const std::size_t before = in.size();
    const ServerCodec::Event event = client_codec_.next(in);
    const std::size_t used = before - in.size();
    octets_in_ += used;
    services_.counters.octets_from_clients.add(used);
    if (event == ServerCodec::Event::need_data) break;
    moved = true;
    client_moved_ = services_.timers.now();
    switch (event) {
      case ServerCodec::Event::command:
        on_command(client_codec_.command());
        break;
      case ServerCodec::Event::bad_command:
        if (state_ == State::sasl) {
          sasl_.reset();
          client_codec_.set_mode(ServerCodec::Mode::login);
          enter(State::authorization);
        }
        bad_command(client_codec_.error());
        break;
      case ServerCodec::Event::sasl_line:
        on_sasl_step(sasl_->respond(client_codec_.sasl_line()));
        break;
      case ServerCodec::Event::protocol_error:
        turn_away(client_codec_.error(), EndReason::protocol_error);
        break;
      case ServerCodec::Event::need_data:
        break;
    }
  }
  return moved;
}

/// Ends the session with -ERR, unless that would be taken for an answer that is still owed.
void Session::turn_away(std::string_view text, EndReason reason) {
  if (ledger_.empty()) say(pop3::err(text));
  finish(reason, std::string(text));
}

/// -ERR for what is not a command here, in turn; too many of them in a row end the session.
void Session::bad_command(std::string_view text) {
  services_.counters.bad_commands.add();
  if (++bad_commands_ > settings_->limits.bad_commands) {
    return turn_away("Too many bad commands", EndReason::too_many_errors);
  }
  if (state_ == State::transaction) {
    ledger_.add_local(Verb::unknown, pop3::err(text));
  } else {
    say(pop3::err(text));
  }
}

void Session::on_command(Command& command) {
  services_.counters.commands[command.verb].add();
  ++commands_;
  if (command.verb == Verb::unknown) return bad_command("Unknown command");
  bad_commands_ = 0;
  if (state_ == State::transaction) {
    on_transaction_command(command);
  } else {
    on_authorization_command(command);
  }
}

void Session::on_authorization_command(Command& command) {
  const bool credentials = command.verb == Verb::user || command.verb == Verb::pass ||
                           command.verb == Verb::apop || command.verb == Verb::auth;
  if (credentials && !login_allowed()) {
    wipe(command.text);
    client_codec_.wipe();
    return say(pop3::err("TLS required, use STLS first"));
  }
  switch (command.verb) {
    case Verb::user:
      user_ = std::move(command.text);
      return say(pop3::ok("Send PASS"));
    case Verb::pass: {
      if (user_.empty()) {
        wipe(command.text);
        client_codec_.wipe();
        return say(pop3::err("Send USER first"));
      }
      pop3::Credentials login{user_, Secret(command.text)};
      wipe(command.text);
      client_codec_.wipe();
      return start_login(std::move(login));
    }
    case Verb::auth:
      return on_auth(command);
    case Verb::stls:
      return on_stls();
    case Verb::capa:
      return say(capabilities());
    case Verb::quit:
      say(pop3::ok("Bye"));
      return finish(EndReason::quit, {});
    case Verb::apop:
      return say(pop3::err("APOP is not offered here"));
    default:
      return say(pop3::err("Log in first"));
  }
}

bool Session::login_allowed() const {
  return settings_->client_tls_mode != config::ListenerTls::starttls || client_->tls() != nullptr ||
         client_->peer().unix_socket ||
         any_contains(settings_->cleartext_login_networks, client_->peer().ip);
}

std::string Session::capabilities() const {
  const bool in_clear = client_->tls() == nullptr;
  const bool logged_in = state_ == State::transaction;
  const bool silent = upstream_capabilities_.empty();  // then TOP and UIDL may be there or not
  return pop3::capa_reply(
      {.logged_in = logged_in,
       .stls_possible =
           !logged_in && in_clear && settings_->client_tls_mode == config::ListenerTls::starttls,
       .login_allowed = login_allowed(),
       .top = !logged_in || silent || upstream_capabilities_.has("TOP"),
       .uidl = !logged_in || silent || upstream_capabilities_.has("UIDL")});
}

void Session::on_stls() {
  if (client_->tls() != nullptr) return say(pop3::err("TLS is active already"));
  if (settings_->client_tls_mode != config::ListenerTls::starttls) {
    return say(pop3::err("STLS is not offered here"));
  }
  if (!client_->received().empty() || client_codec_.mid_line()) {
    // Sent in clear but meant to be taken for TLS (RFC 2595 section 4): an attack or a broken
    // client; nothing of it may be run.
    say(pop3::err("Nothing may follow STLS before TLS"));
    return finish(EndReason::protocol_error, "bytes sent behind STLS before TLS");
  }
  say(pop3::ok("Begin TLS"));
  user_.clear();  // said in clear, so not to be believed
  start_tls(State::stls_handshake);
}

void Session::on_auth(const Command& command) {
  if (command.text.empty()) {
    // Older clients ask for the list of mechanisms like this.
    return say("+OK Mechanisms follow\r\nPLAIN\r\nLOGIN\r\n.\r\n");
  }
  sasl_ = SaslDialog::start(command.text);
  if (!sasl_) return say(pop3::err("Mechanism is not offered here"));
  client_codec_.set_mode(ServerCodec::Mode::sasl);
  enter(State::sasl);
  on_sasl_step(sasl_->begin(command.initial_response));
}

void Session::on_sasl_step(SaslDialog::Step step) {
  client_codec_.wipe();
  if (step == SaslDialog::Step::challenge) return say(sasl_->challenge());
  client_codec_.set_mode(ServerCodec::Mode::login);
  if (step == SaslDialog::Step::failed) {
    enter(State::authorization);
    bad_command(sasl_->error());
    return sasl_.reset();
  }
  pop3::Credentials login = sasl_->take_credentials();
  sasl_.reset();
  user_ = login.user;
  start_login(std::move(login));
}

void Session::on_transaction_command(const Command& command) {
  switch (command.verb) {
    case Verb::quit:
      ledger_.add_forwarded(command);
      return enter(State::update);
    case Verb::stat:
    case Verb::list:
    case Verb::retr:
    case Verb::dele:
    case Verb::noop:
    case Verb::rset:
    case Verb::top:
    case Verb::uidl:
      return ledger_.add_forwarded(command);
    case Verb::capa:
      return ledger_.add_local(command.verb, capabilities());
    case Verb::stls:
      return ledger_.add_local(command.verb, pop3::err("STLS is for before the login"));
    default:
      return ledger_.add_local(command.verb, pop3::err("You are logged in already"));
  }
}

void Session::say(std::string_view reply) { relay(ByteChain(services_.pool, reply)); }

}  // namespace gatepost::session
