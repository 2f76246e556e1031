#include "proxy/trace/command_mask.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/pop3/ascii.h"
#include "proxy/pop3/command.h"
#include "proxy/pop3/sasl.h"

namespace gatepost::trace {

using pop3::Verb;
using Kind = pop3::Mechanism::Kind;

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (pop3::to_upper(c) >= 'A' && pop3::to_upper(c) <= 'Z'); }

/// Asterisks; what makes a line a line, or a bad one, stays.
std::string asterisks(std::string_view text, bool keep_blanks) {
  std::string result(text);
  for (char& c : result) {
    const bool stays = pop3::is_control(c) || (keep_blanks && (c == ' ' || c == '\t'));
    if (!stays) c = '*';
  }
  return result;
}

/// The verb that a line begins with, whatever follows; `unknown` for none.
Verb verb_of(std::string_view line) {
  const std::string word = pop3::to_upper(line.substr(0, line.find_first_of(" \t\r\n")));
  for (std::size_t i = 0; i < static_cast<std::size_t>(Verb::unknown); ++i) {
    const auto verb = static_cast<Verb>(i);
    if (word == to_string(verb)) return verb;
  }
  return Verb::unknown;
}

/// Of HTTP requests, which end a session.
std::size_t http_method(std::string_view line) {
  constexpr std::array<std::string_view, 8> kMethods = {"GET ",     "POST ",    "HEAD ",  "PUT ",
                                                        "OPTIONS ", "CONNECT ", "PATCH ", "PRI "};
  for (const std::string_view method : kMethods) {
    if (line.starts_with(method)) return method.size();
  }
  return 0;
}

bool is_secret(Verb verb) {
  return verb == Verb::user || verb == Verb::pass || verb == Verb::apop || verb == Verb::auth ||
         verb == Verb::xclient;
}

/// The arguments of XCLIENT: numbers that are no addresses stay.
std::string mask_xclient(std::string_view arguments) {
  std::string result;
  while (!arguments.empty()) {
    const std::size_t end = std::min(arguments.find(' '), arguments.size());
    const std::string_view word = arguments.substr(0, end);
    const std::size_t equals = word.find('=');
    const std::string key = pop3::to_upper(word.substr(0, equals));
    const bool stays = key == "PORT" || key == "DESTPORT" || key == "TTL" || key == "PROTO" ||
                       key == "CLIENT-TRANSPORT";
    if (equals == std::string_view::npos || stays) {
      result += stays ? std::string(word) : mask_value(word);
    } else {
      result.append(word.substr(0, equals + 1)).append(mask_value(word.substr(equals + 1)));
    }
    const std::size_t taken = std::min(end + 1, arguments.size());
    result.append(arguments.substr(end, taken - end));
    arguments.remove_prefix(taken);
  }
  return result;
}

}  // namespace

std::string mask_value(std::string_view value) {
  std::string result(value);
  for (char& c : result) {
    if (is_digit(c)) {
      c = '1';
    } else if (is_letter(c)) {
      c = pop3::hex_value(c) >= 0 ? (c == pop3::to_upper(c) ? 'A' : 'a')
                                  : (c == pop3::to_upper(c) ? 'X' : 'x');
    }
  }
  return result;
}

std::string CommandMask::name(std::string_view user) {
  if (!names_.keep()) known_.add_name(user);
  return names_.of(user);
}

std::string CommandMask::mask(std::string_view line) {
  answer_ = Answer::line;
  std::size_t size = line.size();
  if (line.ends_with('\n')) --size;
  if (line.substr(0, size).ends_with('\r')) --size;
  std::string result = mask_command(line.substr(0, size));
  result.append(line.substr(size));
  return result;
}

std::string CommandMask::mask_command(std::string_view line) {
  const Verb verb = verb_of(line);
  // Inside AUTH a line of base64 may look like a verb alone.
  const bool alone = !line.contains(' ') && is_secret(verb);
  if (verb == Verb::unknown || (in_auth_ && alone)) {
    if (in_auth_) return mask_response(line);
    const std::size_t method = http_method(line);
    if (method == 0) {
      known_.add_secret(line);
      return asterisks(line, false);
    }
    return std::string(line.substr(0, method)) + asterisks(line.substr(method), true);
  }
  in_auth_ = false;
  const std::size_t blank = std::min(line.find(' '), line.size());
  const std::size_t begin = std::min(blank + 1, line.size());
  const std::string_view arguments = line.substr(begin);
  const std::string head(line.substr(0, begin));
  switch (verb) {
    case Verb::pass:
      known_.add_secret(arguments);
      return head + asterisks(arguments, false);
    case Verb::user:
      return head + name(arguments);
    case Verb::apop: {
      const std::size_t last = arguments.rfind(' ');
      if (last == std::string_view::npos) return head + asterisks(arguments, true);
      std::string digest(arguments.substr(last + 1));
      known_.add_secret(digest);
      for (char& c : digest) c = pop3::hex_value(c) >= 0 ? '0' : '*';
      return head + name(arguments.substr(0, last)) + ' ' + digest;
    }
    case Verb::auth:
      return mask_auth(line, arguments.substr(0, arguments.find(' ')), arguments.contains(' '));
    case Verb::xclient:
      return head + mask_xclient(arguments);
    case Verb::retr:
    case Verb::top:
      answer_ = Answer::message;
      break;
    case Verb::capa:
      answer_ = Answer::list;
      break;
    case Verb::list:
    case Verb::uidl:
    case Verb::lang:
      if (arguments.find_first_not_of(' ') == std::string_view::npos) answer_ = Answer::list;
      break;
    default:
      break;
  }
  // Numbers, and what a bad command has in their place.
  std::string masked(arguments);
  if (verb != Verb::lang) {
    std::ranges::replace_if(
        masked, [](char c) { return !is_digit(c) && c != ' ' && !pop3::is_control(c); }, 'x');
  }
  return head + masked;
}

std::string CommandMask::mask_auth(std::string_view line, std::string_view mechanism,
                                   bool has_response) {
  if (mechanism.empty()) {
    answer_ = Answer::list;
    return std::string(line);
  }
  in_auth_ = true;
  step_ = 0;
  mechanism_ = pop3::to_upper(mechanism);
  kind_ = pop3::Mechanism::find(mechanism_).kind();
  const auto head = static_cast<std::size_t>(mechanism.data() + mechanism.size() - line.data());
  // One of no known name may be a password that was put in the wrong place.
  std::string result(line.substr(0, head));
  if (!pop3::is_mechanism_name(mechanism_)) {
    const std::size_t begin = head - mechanism.size();
    known_.add_secret(mechanism);
    result.replace(begin, mechanism.size(), asterisks(mechanism, false));
  }
  if (!has_response) return result;
  return result + ' ' + mask_response(line.substr(head + 1));
}

/// A line of the dialog, or what followed AUTH in its line.
std::string CommandMask::mask_response(std::string_view line) {
  if (line == "*" || line == "=") return std::string(line);
  std::optional<std::string> message = pop3::base64_decode(line);
  if (!message || message->empty()) {
    known_.add_secret(line);
    return asterisks(line, false);
  }
  std::string encoded = pop3::base64_encode(mask_message(*message));
  known_.add_secret(*message);
  wipe(*message);
  ++step_;
  // Base64 in an unusual form may be one octet longer or shorter than ours.
  if (encoded.size() != line.size()) return asterisks(line, false);
  return encoded;
}

std::string CommandMask::mask_message(std::string_view message) {
  switch (kind_) {
    case Kind::plain: {
      const std::size_t first = message.find('\0');
      const std::size_t second =
          first == std::string_view::npos ? first : message.find('\0', first + 1);
      if (second == std::string_view::npos) break;
      known_.add_secret(message.substr(second + 1));
      std::string result;
      if (first > 0) result = name(message.substr(0, first));
      result += '\0';
      result += name(message.substr(first + 1, second - first - 1));
      return result + '\0' + asterisks(message.substr(second + 1), false);
    }
    case Kind::login:
      if (step_ == 0) return name(message);
      break;
    case Kind::cram_md5: {
      const std::size_t last = message.rfind(' ');
      if (last == std::string_view::npos) break;
      known_.add_secret(message.substr(last + 1));
      return name(message.substr(0, last)) + ' ' + std::string(message.size() - last - 1, '0');
    }
    case Kind::scram:
      return mask_fields(message, ',');
    case Kind::xoauth2:
    case Kind::oauthbearer:
      return mask_fields(message, '\x01');
    case Kind::refused:
      break;
  }
  return asterisks(message, false);
}

/// "user=joe", "n,a=joe,", "auth=Bearer TOKEN", "r=NONCE", …, with separators between them.
std::string CommandMask::mask_fields(std::string_view message, char separator) {
  std::string result;
  while (!message.empty()) {
    const std::size_t end = std::min(message.find(separator), message.size());
    const std::string_view field = message.substr(0, end);
    // The header of RFC 5801 in front of OAUTHBEARER's fields.
    if (separator != ',' && (field.starts_with("n,") || field.starts_with("y,"))) {
      result += mask_fields(field, ',');
    } else {
      result += mask_attribute(field, separator != ',');
    }
    if (end < message.size()) result += separator;
    message.remove_prefix(std::min(end + 1, message.size()));
  }
  return result;
}

std::string CommandMask::mask_attribute(std::string_view attribute, bool first_word_stays) {
  const std::size_t equals = attribute.find('=');
  if (equals == std::string_view::npos) {
    return attribute.size() <= 1 ? std::string(attribute) : asterisks(attribute, false);
  }
  const std::string_view key = attribute.substr(0, equals);
  const std::string_view value = attribute.substr(equals + 1);
  std::string result(attribute.substr(0, equals + 1));
  if (key == "user" || key == "n" || key == "a") return result + name(value);
  if (key == "c" || key == "i" || key == "m") return result + std::string(value);  // of SCRAM
  if (key == "port") return result + mask_value(value);
  // The scheme: "Bearer".
  const std::size_t blank = first_word_stays ? value.find(' ') : std::string_view::npos;
  if (blank == std::string_view::npos) {
    known_.add_secret(value);
    return result + asterisks(value, false);
  }
  known_.add_secret(value.substr(blank + 1));
  return result.append(value.substr(0, blank + 1)) + asterisks(value.substr(blank + 1), false);
}

}  // namespace gatepost::trace
