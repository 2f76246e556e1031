#include "proxy/pop3/command.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <utility>

#include "proxy/pop3/ascii.h"
#include "proxy/pop3/sasl.h"

namespace gatepost::pop3 {

namespace {

constexpr std::size_t kVerbs = static_cast<std::size_t>(Verb::count_);
constexpr std::array<std::string_view, kVerbs> kNames = {
    "USER", "PASS", "APOP", "AUTH", "XCLIENT", "STLS", "CAPA", "QUIT", "STAT", "LIST",
    "RETR", "DELE", "NOOP", "RSET", "TOP",     "UIDL", "UTF8", "LANG", "OTHER"};

Verb find_verb(std::string_view word) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(Verb::unknown); ++i) {
    if (std::ranges::equal(word, kNames[i], {}, [](char c) { return to_upper(c); })) {
      return static_cast<Verb>(i);
    }
  }
  return Verb::unknown;
}

std::unexpected<Error> refuse(std::string_view text) {
  return fail(ErrorCode::protocol, std::string(text));
}

std::string_view without_trailing_blanks(std::string_view text) {
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

bool is_base64_char(char c) {
  const char upper = to_upper(c);
  return (upper >= 'A' && upper <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
         c == '=';
}

/// The value of one or more digits, kMaxNumber + 1 for all that is larger; nothing for other text.
std::optional<std::uint32_t> parse_number(std::string_view word) {
  if (word.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : word) {
    if (c < '0' || c > '9') return std::nullopt;
    value = std::min<std::uint64_t>(value * 10 + static_cast<std::uint64_t>(c - '0'),
                                    std::uint64_t{kMaxNumber} + 1);
  }
  return static_cast<std::uint32_t>(value);
}

Result<Command> parse_message(Command command, std::string_view word) {
  const std::optional<std::uint32_t> number = parse_number(word);
  if (!number) return refuse("Message number expected");
  if (*number == 0) return refuse("Message numbers start at 1");
  if (*number > kMaxNumber) return refuse("No such message");
  command.message = number;
  return command;
}

Result<Command> parse_top(Command command, std::string_view rest) {
  const std::size_t blank = rest.find(' ');
  if (blank == std::string_view::npos) return refuse("TOP needs a message and a number of lines");
  const std::optional<std::uint32_t> lines = parse_number(rest.substr(blank + 1));
  if (!lines) return refuse("Number of lines expected");
  command.lines = std::min(*lines, kMaxNumber);
  return parse_message(std::move(command), rest.substr(0, blank));
}

Result<Command> parse_auth(Command command, std::string_view rest) {
  if (rest.empty()) return command;
  const std::size_t blank = rest.find(' ');
  const std::string_view mechanism = rest.substr(0, blank);
  if (!is_mechanism_name(mechanism)) {
    return refuse("Not a SASL mechanism");
  }
  command.text = to_upper(mechanism);
  if (blank == std::string_view::npos) return command;
  const std::string_view response = rest.substr(blank + 1);
  if (response.empty() || !std::ranges::all_of(response, is_base64_char)) {
    return refuse("Initial response is not base64");
  }
  command.initial_response = response;
  return command;
}

/// The digest is the last word: there are names with blanks in them.
Result<Command> parse_apop(Command command, std::string_view rest) {
  const std::size_t blank = rest.rfind(' ');
  if (blank == std::string_view::npos) return refuse("APOP needs a name and a digest");
  const std::string_view digest = rest.substr(blank + 1);
  if (!is_safe_user(rest.substr(0, blank))) return refuse("Not a user name");
  if (!is_hex_digest(digest)) return refuse("Not an APOP digest");
  command.text = rest.substr(0, blank);
  command.digest = digest;
  return command;
}

Result<Command> parse_lang(Command command, std::string_view tag) {
  // RFC 6856 section 3: a language tag, or "*" for what the server prefers.
  const auto allowed = [](char c) { return is_mechanism_char(c) || c == '*'; };
  if (tag.size() > kMaxLanguageTag || !std::ranges::all_of(tag, allowed)) {
    return refuse("Not a language tag");
  }
  command.text = tag;
  return command;
}

}  // namespace

std::string_view to_string(Verb verb) {
  assert(verb < Verb::count_);
  return kNames[static_cast<std::size_t>(verb)];
}

Command Command::of(Verb verb) {
  Command command;
  command.verb = verb;
  return command;
}

Command Command::of(Verb verb, std::uint32_t message) {
  Command command = of(verb);
  command.message = message;
  return command;
}

ReplyShape Command::reply_shape() const {
  switch (verb) {
    case Verb::retr:
    case Verb::top:
    case Verb::capa:
      return ReplyShape::multi;
    case Verb::list:
    case Verb::uidl:
      return message ? ReplyShape::single : ReplyShape::multi;
    case Verb::auth:
    case Verb::lang:
      return text.empty() ? ReplyShape::multi : ReplyShape::single;
    default:
      return ReplyShape::single;
  }
}

std::string Command::wire() const {
  assert(verb >= Verb::stls && verb < Verb::unknown);
  std::string line(to_string(verb));
  if (message) line += ' ' + std::to_string(*message);
  if (verb == Verb::lang && !text.empty()) line += ' ' + text;
  if (verb == Verb::top) line += ' ' + std::to_string(lines);
  return line += "\r\n";
}

Result<Command> parse_command(std::string_view line) {
  if (breaks_lines(line)) return refuse("Forbidden character in line");
  const std::size_t blank = line.find(' ');
  const std::string_view word = line.substr(0, blank);
  if (word.empty()) return refuse("Command expected");
  const std::string_view rest =
      blank == std::string_view::npos ? std::string_view() : line.substr(blank + 1);
  Command command;
  command.verb = find_verb(word);
  if (command.verb != Verb::pass && std::ranges::any_of(line, is_control)) {
    return refuse("Forbidden character in line");
  }
  const std::string_view argument = without_trailing_blanks(rest);
  switch (command.verb) {
    case Verb::user:
      if (!is_safe_user(rest)) return refuse("Not a user name");
      command.text = rest;
      return command;
    case Verb::pass:
      if (!is_safe_argument(rest)) return refuse("Not a password");
      command.text = rest;
      return command;
    case Verb::xclient:
      command.text = rest;
      return command;
    case Verb::apop:
      return parse_apop(std::move(command), argument);
    case Verb::auth:
      return parse_auth(std::move(command), argument);
    case Verb::list:
    case Verb::uidl:
      if (argument.empty()) return command;
      [[fallthrough]];
    case Verb::retr:
    case Verb::dele:
      return parse_message(std::move(command), argument);
    case Verb::top:
      return parse_top(std::move(command), argument);
    case Verb::lang:
      return parse_lang(std::move(command), argument);
    case Verb::unknown:
      return command;
    default:
      if (!argument.empty()) return refuse("No argument expected");
      return command;
  }
}

}  // namespace gatepost::pop3
