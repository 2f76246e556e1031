#include "proxy/pop3/server_codec.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/secret.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::pop3 {

namespace {

constexpr char kTlsHandshake = 0x16;  // content type of a ClientHello; no line starts with it
// Without DELETE, which a person may type who means DELE.
constexpr std::array<std::string_view, 8> kHttpMethods = {"GET ",     "POST ",    "HEAD ",  "PUT ",
                                                          "OPTIONS ", "CONNECT ", "PATCH ", "PRI "};

/// "XYZZY / HTTP/1.1": pages may invent methods. Not PASS, whose argument is the client's business.
bool is_request_line(std::string_view line) {
  constexpr std::string_view kVersion = " HTTP/1.1";
  return line.size() > kVersion.size() &&
         line.substr(line.size() - kVersion.size()).starts_with(" HTTP/") &&
         to_upper(line.substr(0, 5)) != "PASS ";
}

/// "Host: x". No command of POP3 has a colon in its verb.
bool is_header_field(std::string_view line) { return line.substr(0, line.find(' ')).contains(':'); }

/// A browser that was talked into speaking to us: what follows the request line would be commands.
bool looks_like_http(std::string_view line) {
  return std::ranges::any_of(kHttpMethods, [&](auto method) { return line.starts_with(method); }) ||
         is_request_line(line) || is_header_field(line);
}

std::size_t line_limit(ServerCodec::Mode mode) {
  switch (mode) {
    case ServerCodec::Mode::login:
      return ServerCodec::kMaxLoginLine;
    case ServerCodec::Mode::sasl:
      return ServerCodec::kMaxSaslLine;
    case ServerCodec::Mode::transaction:
      break;
  }
  return ServerCodec::kMaxCommandLine;
}

void wipe_command(Command& command) {
  gatepost::wipe(command.text);
  gatepost::wipe(command.digest);
  if (command.initial_response) gatepost::wipe(*command.initial_response);
}

}  // namespace

void ServerCodec::wipe() {
  reader_.wipe();
  forget_command();
}

void ServerCodec::forget_command() {
  if (std::exchange(command_used_, false)) wipe_command(command_);
}

ServerCodec::Event ServerCodec::next(ByteChain& in) {
  if (broken_) return Event::protocol_error;
  forget_command();
  if (!reader_.mid_line() && !in.empty() && in.front().front() == kTlsHandshake) {
    return broken("This is POP3, not TLS");
  }
  switch (reader_.next(in, line_limit(mode_))) {
    case LineReader::Outcome::need_data:
      return Event::need_data;
    case LineReader::Outcome::bare_lf:
      return broken("Lines must end with CRLF");
    case LineReader::Outcome::too_long:
      if (looks_like_http(reader_.line())) return broken("This is POP3, not HTTP");
      return bad("Line too long");
    case LineReader::Outcome::line:
      break;
  }
  return read_line();
}

ServerCodec::Event ServerCodec::read_line() {
  const std::string_view line = reader_.line();
  if (mode_ == Mode::sasl) {
    if (breaks_lines(line)) return bad("Forbidden character in line");
    return Event::sasl_line;
  }
  if (looks_like_http(line)) return broken("This is POP3, not HTTP");
  Result<Command> parsed = parse_command(line);
  if (!parsed) return bad(parsed.error().detail);
  command_ = std::move(*parsed);
  command_used_ = true;
  wipe_command(*parsed);  // a short string that was moved keeps its characters
  return Event::command;
}

ServerCodec::Event ServerCodec::bad(std::string_view text) {
  error_ = text;
  return Event::bad_command;
}

ServerCodec::Event ServerCodec::broken(std::string_view text) {
  broken_ = true;
  error_ = text;
  return Event::protocol_error;
}

}  // namespace gatepost::pop3
