// The client's leg: TLS, lines, commands after login.
#include <utility>

#include "proxy/net/tls_from_start.h"
#include "proxy/session/notes.h"
#include "proxy/session/session.h"

namespace gatepost::session {

using pop3::Command;
using pop3::ServerCodec;
using pop3::Verb;

namespace {

TlsVersionLabel version_label(std::string_view version) {
  if (version == "TLSv1.3") return TlsVersionLabel::tls1_3;
  if (version == "TLSv1.2") return TlsVersionLabel::tls1_2;
  if (version == "TLSv1.1") return TlsVersionLabel::tls1_1;
  if (version == "TLSv1") return TlsVersionLabel::tls1_0;
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
  if (services_.tape != nullptr) client_ = net::without_tap(std::move(client_));
  const net::TlsLayer& layer = legacy_tls() ? *settings_->legacy_tls : *settings_->client_tls;
  auto wrapped = handshake == State::implicit_handshake
                     ? net::wrap_from_start(layer, std::move(client_), services_.pool)
                     : layer.wrap(std::move(client_), services_.pool);
  if (!wrapped) {
    return finish(wrapped.error().code == ErrorCode::protocol ? EndReason::protocol_error
                                                              : EndReason::internal,
                  wrapped.error().detail);
  }
  client_ = std::move(*wrapped);
  client_->set_observer(this);
  enter(handshake);
}

/// The tape hears the connection as it stands now: before TLS, or inside it.
void Session::listen_to_client() {
  client_ = net::listen_to(std::move(client_), services_.tape, net::Tap::kClient);
  client_->set_observer(this);
}

/// Whether this client is one of the old devices that get old TLS.
bool Session::legacy_tls() const {
  return settings_->legacy_tls && !facts_.address.unix_socket &&
         any_contains(settings_->legacy_tls_networks, facts_.address.ip);
}

bool Session::handshake_step() {
  if (!client_->established()) return false;
  if (services_.tape != nullptr) {
    services_.tape->secured(net::Tap::kClient, *client_->tls());
    listen_to_client();
  }
  count_tls();
  note_tls(page_, *settings_, *client_->tls(), legacy_tls());
  lobby_->authorization.on_tls(*client_->tls());
  const bool implicit = state_ == State::implicit_handshake;
  if (implicit) {
    greet();
  } else {
    enter(State::authorization);
    login_since_ = entered_;
  }
  return true;
}

void Session::count_tls() {
  const net::TlsFacts& facts = *client_->tls();
  services_.counters.tls_versions[version_label(facts.version)].add();
  services_.counters.tls_ciphers[cipher_label(facts.cipher)].add();
  if (facts.resumed) services_.counters.tls_resumed.add();
  if (legacy_tls()) services_.counters.tls_legacy.add();
}

bool Session::may_read_client() const {
  const bool reading = state_ == State::authorization || state_ == State::sasl ||
                       state_ == State::relay || may_read_commands();
  return reading && !ledger_.full() && client_->unsent() < kMaxUnsent;
}

/// Whether what the client says after login can be dealt with now.
bool Session::may_read_commands() const {
  return state_ == State::transaction && !ledger_.full() && !mailbox_preparing() &&
         !(mailbox_ && mailbox_->listing());
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
    on_client_event(event);
    client_codec_.wipe();  // also after the login somebody may send a password
  }
  return moved;
}

void Session::on_client_event(ServerCodec::Event event) {
  switch (event) {
    case ServerCodec::Event::command:
      return on_command(client_codec_.command());
    case ServerCodec::Event::bad_command:
      if (state_ == State::relay) return break_off(client_codec_.error());
      if (state_ == State::sasl) {
        lobby_->authorization.break_off();
        return on_verdict({Authorization::Next::bad, client_codec_.error()});
      }
      return bad_command(client_codec_.error());
    case ServerCodec::Event::sasl_line:
      if (state_ == State::relay) return on_relay_line(client_codec_.sasl_line());
      return on_verdict(lobby_->authorization.respond(client_codec_.sasl_line()));
    case ServerCodec::Event::protocol_error:
      return turn_away(client_codec_.error(), EndReason::protocol_error);
    case ServerCodec::Event::need_data:
      return;
  }
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
  if (state_ == State::transaction) return on_transaction_command(command);
  const Authorization::Verdict verdict = lobby_->authorization.on_command(command);
  note_refused(page_, *settings_, command, verdict, lobby_->authorization.login_allowed());
  on_verdict(verdict);
}

/// Our answer to CAPA after login.
std::string Session::capabilities() const {
  return pop3::capa_reply({.logged_in = true,
                           .upstream = upstream_capabilities_.get(),
                           .implementation = settings_->implementation,
                           .expire = policy_ ? policy_->expire() : std::nullopt});
}

void Session::on_transaction_command(const Command& command) {
  tell_ahead(command);
  if (mailbox_ && mailbox_->take(command, ledger_)) {
    if (command.verb == Verb::quit) enter(State::update);
    return;
  }
  switch (command.verb) {
    case Verb::quit:
      ledger_.add_forwarded(command);
      return enter(State::update);
    case Verb::retr:
    case Verb::top:
      return forward_message(command);
    case Verb::stat:
    case Verb::list:
    case Verb::dele:
    case Verb::noop:
    case Verb::rset:
    case Verb::uidl:
      return ledger_.add_forwarded(command, for_upstream(command));
    case Verb::lang:
      if (upstream_capabilities_->has("LANG")) return ledger_.add_forwarded(command);
      return ledger_.add_local(command.verb, pop3::err("LANG is not offered here"));
    case Verb::capa:
      return ledger_.add_local(command.verb, capabilities());
    case Verb::stls:
    case Verb::utf8:
    case Verb::xclient:
      return ledger_.add_local(command.verb, pop3::err(std::string(pop3::to_string(command.verb)) +
                                                       " is for before the login"));
    default:
      return ledger_.add_local(command.verb, pop3::err("You are logged in already"));
  }
}

void Session::say(std::string_view reply) { relay(ByteChain(services_.pool, reply)); }

}  // namespace gatepost::session
