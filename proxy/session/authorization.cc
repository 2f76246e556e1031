#include "proxy/session/authorization.h"

#include <utility>

#include "proxy/pop3/reply.h"
#include "proxy/pop3/xclient.h"

namespace gatepost::session {

using pop3::Command;
using pop3::Mechanism;
using pop3::SaslDialog;
using pop3::Verb;

namespace {

using Next = Authorization::Next;
using Verdict = Authorization::Verdict;

Verdict refuse(std::string_view text) { return {Next::answer, pop3::err(text)}; }
Verdict bad(std::string_view text) { return {Next::bad, std::string(text)}; }

void apply(pop3::Xclient& said, net::ClientFacts& facts) {
  if (said.address) {
    facts.address.ip = *said.address;
    facts.address.unix_socket = false;
  }
  if (said.port) facts.address.port = *said.port;
  if (said.local_address) {
    facts.local.ip = *said.local_address;
    facts.local.unix_socket = false;
  }
  if (said.local_port) facts.local.port = *said.local_port;
  if (said.secure) facts.secure = *said.secure;
  if (said.hops) facts.hops = *said.hops;
  if (!said.session.empty()) facts.session_id = std::move(said.session);
  if (!said.server_name.empty()) facts.server_name = std::move(said.server_name);
  if (!said.forward.empty()) facts.forwarded = std::move(said.forward);
  // What was known was about the connection of whoever says this.
  facts.tls_version.clear();
  facts.tls_cipher.clear();
  facts.certificate.clear();
}

}  // namespace

std::string Authorization::greeting(std::string_view timestamp) const {
  std::string text = trusted() ? "[XCLIENT] Gatepost ready" : "Gatepost ready";
  if (!timestamp.empty()) text.append(" ").append(timestamp);
  return pop3::ok(text);
}

bool Authorization::trusted() const {
  // Whoever may open our Unix socket is trusted: its permissions say who that is.
  return settings_.xclient && (facts_.address.unix_socket ||
                               any_contains(settings_.trusted_networks, facts_.address.ip));
}

bool Authorization::login_allowed() const {
  return settings_.client_tls_mode != config::ListenerTls::starttls || facts_.secure ||
         facts_.address.unix_socket ||
         any_contains(settings_.cleartext_login_networks, facts_.address.ip);
}

void Authorization::on_tls(const net::TlsFacts& tls) {
  tls_ = true;
  user_.clear();
  utf8_ = false;
  began_ = false;
  if (facts_.secure) return;  // the client's own TLS ended in front of us
  facts_.secure = true;
  facts_.tls_version = tls.version;
  facts_.tls_cipher = tls.cipher;
  facts_.certificate = tls.certificate;
  if (facts_.server_name.empty()) facts_.server_name = tls.server_name;
}

Verdict Authorization::on_command(Command& command) {
  const bool credentials = command.verb == Verb::user || command.verb == Verb::pass ||
                           command.verb == Verb::apop || command.verb == Verb::auth;
  if (credentials && !login_allowed()) return refuse("TLS required, use STLS first");
  began_ = began_ || credentials;
  switch (command.verb) {
    case Verb::user:
      user_ = std::move(command.text);
      return {Next::answer, pop3::ok("Send PASS")};
    case Verb::pass:
      return on_pass(command);
    case Verb::apop:
      return on_apop(command);
    case Verb::auth:
      return on_auth(command);
    case Verb::stls:
      return on_stls();
    case Verb::utf8:
      return on_utf8();
    case Verb::xclient:
      return on_xclient(command);
    case Verb::capa:
      return capabilities();
    case Verb::quit:
      return {Next::leave, pop3::ok("Bye")};
    default:
      return refuse("Log in first");
  }
}

LoginRequest Authorization::take_request() {
  request_.utf8 = utf8_;
  user_.clear();
  return std::exchange(request_, LoginRequest());
}

Verdict Authorization::on_pass(Command& command) {
  if (user_.empty()) return refuse("Send USER first");
  request_.kind = LoginRequest::Kind::password;
  request_.user = user_;
  request_.secret = Secret(command.text);
  method_ = "USER";
  return {Next::log_in, {}};
}

Verdict Authorization::on_apop(Command& command) {
  if (!apop_) return refuse("APOP is not offered here");
  request_.kind = LoginRequest::Kind::apop;
  request_.user = std::move(command.text);
  request_.secret = Secret(command.digest);
  method_ = "APOP";
  return {Next::log_in, {}};
}

Verdict Authorization::on_auth(const Command& command) {
  if (command.text.empty()) return mechanisms();  // older clients ask for the list like this
  Mechanism mechanism = Mechanism::find(command.text);
  switch (mechanism.use()) {
    case Mechanism::Use::password:
      sasl_ = SaslDialog::start(command.text);
      method_ = command.text;
      return on_sasl_step(sasl_->begin(command.initial_response));
    case Mechanism::Use::relay:
      return start_relay(std::move(mechanism), command.initial_response);
    case Mechanism::Use::refused:
      break;
  }
  return refuse(mechanism.refusal());
}

Verdict Authorization::start_relay(Mechanism mechanism,
                                   const std::optional<std::string>& initial_response) {
  const std::optional<pop3::Capabilities> known = known_upstream();
  if (known && !mechanism.relayed_by(*known)) return refuse("Mechanism is not offered here");
  method_ = mechanism.name();
  if (mechanism.client_first()) {
    relayed_ = std::move(mechanism);
    if (!initial_response) return {Next::ask, "+ \r\n"};
    return on_first_message(*initial_response == "=" ? "" : *initial_response);
  }
  if (initial_response) return bad("This mechanism has no initial response");
  if (settings_.router->route(settings_.listener, facts_) == nullptr) {
    return refuse("The mail server depends on the user, use another mechanism");
  }
  request_.kind = LoginRequest::Kind::relay;
  request_.mechanism = std::move(mechanism);
  return {Next::log_in, {}};
}

Verdict Authorization::respond(std::string_view line) {
  if (sasl_) return on_sasl_step(sasl_->respond(line));
  if (line == "*") {
    break_off();
    return bad("Authentication cancelled");
  }
  return on_first_message(line);
}

/// What the client says first in a dialog that will be upstream's.
Verdict Authorization::on_first_message(std::string_view line) {
  Mechanism mechanism = std::move(*std::exchange(relayed_, std::nullopt));
  std::optional<std::string> message = pop3::base64_decode(line);
  if (!message) return bad("Response is not base64");
  Result<std::string> user = pop3::sasl_user(mechanism.kind(), *message);
  if (user) {
    request_.kind = LoginRequest::Kind::relay;
    request_.user = std::move(*user);
    request_.secret = Secret(*message);
    request_.mechanism = std::move(mechanism);
  }
  wipe(*message);
  if (!user) return bad(user.error().detail);
  return {Next::log_in, {}};
}

Verdict Authorization::on_sasl_step(SaslDialog::Step step) {
  if (step == SaslDialog::Step::challenge) return {Next::ask, sasl_->challenge()};
  SaslDialog dialog = std::move(*std::exchange(sasl_, std::nullopt));
  if (step == SaslDialog::Step::failed) return bad(dialog.error());
  pop3::Credentials credentials = dialog.take_credentials();
  request_.kind = LoginRequest::Kind::password;
  request_.user = std::move(credentials.user);
  request_.secret = std::move(credentials.password);
  return {Next::log_in, {}};
}

void Authorization::break_off() {
  sasl_.reset();
  relayed_.reset();
}

Verdict Authorization::on_stls() const {
  if (tls_ || facts_.secure) return refuse("TLS is active already");
  if (settings_.client_tls_mode != config::ListenerTls::starttls) {
    return refuse("STLS is not offered here");
  }
  return {Next::start_tls, pop3::ok("Begin TLS")};
}

/// RFC 6856 section 2: what upstream is known to do is promised here, and said there at login.
Verdict Authorization::on_utf8() {
  const std::optional<pop3::Capabilities> known = known_upstream();
  if (!known || !known->has("UTF8")) return refuse("UTF8 is not offered here");
  utf8_ = true;
  return {Next::answer, pop3::ok("UTF8 it is")};
}

Verdict Authorization::on_xclient(const Command& command) {
  if (!trusted()) {
    return {Next::answer, pop3::ok("You are not from trusted IP - ignoring")};
  }
  if (began_) return refuse("XCLIENT comes before the login");
  Result<pop3::Xclient> said = pop3::parse_xclient(command.text);
  if (!said) return refuse(said.error().detail);
  apply(*said, facts_);
  apop_ = false;  // upstream was told of somebody else
  return {Next::introduced, pop3::ok("Updated")};
}

Verdict Authorization::capabilities() const {
  const std::optional<pop3::Capabilities> known = known_upstream();
  const pop3::Capabilities* upstream = known ? &*known : nullptr;
  return {Next::answer, pop3::capa_reply({.stls_possible = settings_.client_tls_mode ==
                                                               config::ListenerTls::starttls &&
                                                           !tls_ && !facts_.secure,
                                          .login_allowed = login_allowed(),
                                          .upstream = upstream,
                                          .mechanisms = offered_mechanisms(upstream),
                                          .implementation = settings_.implementation})};
}

Verdict Authorization::mechanisms() const {
  const std::optional<pop3::Capabilities> known = known_upstream();
  std::string reply = "+OK Mechanisms follow\r\n";
  for (const std::string& name : offered_mechanisms(known ? &*known : nullptr)) {
    reply.append(name).append("\r\n");
  }
  return {Next::answer, reply += ".\r\n"};
}

/// Without those that would fail here: SCRAM's proof covers the name, which a route may change.
std::vector<std::string> Authorization::offered_mechanisms(
    const pop3::Capabilities* upstream) const {
  std::vector<std::string> offered = pop3::offered_mechanisms(upstream);
  const upstream::Route* route = settings_.router->route(settings_.listener, facts_);
  if (route != nullptr && route->form.changes_names()) {
    std::erase_if(offered, [](const std::string& name) { return name.starts_with("SCRAM-"); });
  }
  return offered;
}

/// Only of the servers that will serve this client for certain.
std::optional<pop3::Capabilities> Authorization::known_upstream() const {
  const upstream::Route* route = settings_.router->route(settings_.listener, facts_);
  return route == nullptr ? std::nullopt : route->pool->known_capabilities();
}

}  // namespace gatepost::session
