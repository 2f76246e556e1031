// What is said to upstream to log in, and what of its answer the log may hear.
#include <utility>

#include <fmt/format.h>

#include "proxy/pop3/sasl.h"
#include "proxy/session/upstream_login.h"

namespace gatepost::session {

using pop3::Expected;
using pop3::ResponseCode;

namespace {

/// RFC 5034 section 4: with an initial response the AUTH line must fit 255 octets.
constexpr std::size_t kMaxAuthLine = 255;

}  // namespace

void UpstreamLogin::start_login() {
  const std::string& user = request_.user;
  switch (request_.kind) {
    case LoginRequest::Kind::password:
      return authenticate();
    case LoginRequest::Kind::apop:
      enter(State::apop);
      return send_secret(fmt::format("APOP {} ", user), request_.secret.reveal(), {});
    case LoginRequest::Kind::relay:
      break;
  }
  if (!request_.mechanism.relayed_by(*place_.opened.capabilities)) {
    return give_up(ResponseCode::none, "Mechanism is not offered here",
                   "upstream does not offer " + request_.mechanism.name());
  }
  if (!request_.mechanism.client_first()) {
    enter(State::dialog);
    return send(fmt::format("AUTH {}\r\n", request_.mechanism.name()), {.continuation = true});
  }
  start_auth(request_.mechanism.name(), pop3::base64_encode(request_.secret.reveal()));
}

UpstreamLogin::Way UpstreamLogin::way_to(const pop3::Capabilities& capabilities) {
  if (capabilities.has_sasl("PLAIN")) return Way::plain;
  if (capabilities.empty() || capabilities.has("USER")) return Way::user;
  return capabilities.has_sasl("LOGIN") ? Way::login : Way::none;
}

void UpstreamLogin::authenticate() {
  way_ = way_to(*place_.opened.capabilities);
  switch (way_) {
    case Way::user:
      if (hurry_ == Hurry::to_ask) return say_user_and_password();
      enter(State::user);
      return send(fmt::format("USER {}\r\n", request_.user), {});
    case Way::plain:
      return start_auth("PLAIN", pop3::sasl_plain_message(request_.user, request_.secret.reveal()));
    case Way::login:
      message_ = Secret(pop3::base64_encode(request_.user));
      enter(State::auth_login);
      return send("AUTH LOGIN\r\n", {.continuation = true});
    case Way::none:
      return give_up(ResponseCode::sys_perm, "Mail server accepts no password here",
                     "upstream offers neither USER nor SASL PLAIN or LOGIN");
  }
}

/// In one write, where the server announced USER: PASS is answered whatever became of USER.
void UpstreamLogin::say_user_and_password() {
  enter(State::user_and_pass);
  send_secret(fmt::format("USER {}\r\nPASS ", request_.user), request_.secret.reveal(), {});
  if (state_ == State::user_and_pass) place_.opened.codec.expect({});
}

/// AUTH with the message behind it, or alone where that would be too long. Wipes `message`.
void UpstreamLogin::start_auth(std::string_view mechanism, std::string message) {
  const std::string command = fmt::format("AUTH {} ", mechanism);
  const bool fits = command.size() + message.size() + 2 <= kMaxAuthLine && !message.empty();
  enter(State::auth);
  if (fits && place_.server->initial_response) {
    message_ = Secret();
    if (request_.kind == LoginRequest::Kind::relay) enter(State::dialog);
    send_secret(command, message, {.continuation = request_.kind == LoginRequest::Kind::relay});
  } else {
    message_ = Secret(message);
    send(fmt::format("AUTH {}\r\n", mechanism), {.continuation = true});
  }
  wipe(message);
}

/// What waited for upstream's "+".
void UpstreamLogin::send_message() {
  const Secret message = std::exchange(message_, Secret());
  const bool relay = request_.kind == LoginRequest::Kind::relay;
  const bool more = state_ == State::auth_login && !message.empty();
  if (state_ == State::auth_login && message.empty()) {
    std::string password = pop3::base64_encode(request_.secret.reveal());
    enter(State::answer);
    send_secret("", password, {});
    return wipe(password);
  }
  enter(more ? State::auth_login : relay ? State::dialog : State::answer);
  send_secret("", message.reveal(), {.continuation = relay || more});
}

/// Upstream's words for the log. A server that repeats what it was told must not bring it there:
/// of a relayed dialog, in which anything may be secret, only the response code is kept.
std::string UpstreamLogin::without_secrets(const pop3::Status& status) const {
  const std::string& text = status.text;
  const std::string code = status.code();
  if (request_.kind == LoginRequest::Kind::relay) {
    return code.empty() ? "-ERR" : fmt::format("-ERR [{}]", code);
  }
  const std::string_view secret = request_.secret.reveal();
  std::string message = pop3::sasl_plain_message(request_.user, secret);
  std::string encoded = pop3::base64_encode(secret);
  const bool repeats = text.contains(secret) || text.contains(message) || text.contains(encoded);
  wipe(message);
  wipe(encoded);
  return repeats ? "-ERR (text withheld: it repeats the password)" : "-ERR " + text;
}

void UpstreamLogin::send(std::string_view line, Expected expected) {
  send_secret(line.substr(0, line.size() - 2), "", expected);
}

void UpstreamLogin::send_secret(std::string_view prefix, std::string_view secret,
                                Expected expected) {
  if (!nothing_ahead()) return;
  std::string line;
  line.reserve(6 + prefix.size() + secret.size() + 2);
  if (hurry_ == Hurry::to_ask) {
    hurry_ = Hurry::asked;
    place_.opened.codec.expect(
        {.shape = pop3::ReplyShape::multi, .form = pop3::DotDecoder::Form::unstuffed});
    place_.opened.codec.expect(expected);
    line = "CAPA\r\n";
  } else if (place_.opened.codec.owed() == 0) {
    // The reply to a continuation line is already owed since the command.
    place_.opened.codec.expect(expected);
  }
  ByteChain out;
  line.append(prefix).append(secret).append("\r\n");
  if (secret.empty()) {
    out.append(services_.pool, line);
  } else {
    out.append_secret(services_.pool, line);  // one piece, so that TLS need not gather it
  }
  wipe(line);
  place_.opened.transport->send(std::move(out));
}

}  // namespace gatepost::session
