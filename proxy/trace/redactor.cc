#include "proxy/trace/redactor.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/secret.h"
#include "proxy/pop3/ascii.h"
#include "proxy/pop3/reply.h"
#include "proxy/pop3/sasl.h"

namespace gatepost::trace {

namespace {

/// Replies that may be owed; beyond it they are not told apart, and all is masked.
constexpr std::size_t kMaxOwed = 4096;

char masked(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return 'x';
  if (c >= '0' && c <= '9') return '9';
  return static_cast<unsigned char>(c) >= 0x80 ? static_cast<char>(0xFF) : c;
}

char asterisk(char c) { return pop3::is_control(c) ? c : '*'; }

void append_asterisks(std::string_view text, std::string& out) {
  for (const char c : text) out += asterisk(c);
}

/// Response codes say nothing of anybody, and Gatepost looks at them.
bool is_known_code(std::string_view code) {
  constexpr std::array<std::string_view, 7> kCodes = {
      "AUTH", "IN-USE", "LOGIN-DELAY", "SYS/PERM", "SYS/TEMP", "UTF8", "XCLIENT"};
  return std::ranges::find(kCodes, code) != kCodes.end();
}

/// What asks for name or password in words ("Username:") is shown, other challenges are not.
std::string mask_challenge(std::string_view text) {
  constexpr std::size_t kPrompt = 16;
  std::optional<std::string> message = pop3::base64_decode(text);
  if (!message) return text.empty() ? std::string() : std::string(text.size(), '*');
  const bool prompt = message->size() <= kPrompt && message->ends_with(':');
  return prompt ? std::string(text) : pop3::base64_encode(std::string(message->size(), '*'));
}

}  // namespace

void BodyMask::step(char c) {
  switch (state_) {
    case State::line_start:
      state_ = c == '.' ? State::dot : c == '\r' ? State::cr : State::text;
      return;
    case State::dot:
      state_ = c == '\r' ? State::dot_cr : State::text;
      return;
    case State::dot_cr:
    case State::cr:
      if (c == '\n') {
        state_ = state_ == State::cr ? State::line_start : State::done;
      } else {
        state_ = c == '\r' ? State::cr : State::text;
      }
      return;
    case State::text:
      if (c == '\r') state_ = State::cr;
      return;
    case State::done:
      return;
  }
}

/// Whether `c` is held, because it may belong to the name of a field.
bool BodyMask::hold(char c, std::string& out) {
  if (!naming_) return false;
  if (c > ' ' && c <= '~' && c != ':' && held_.size() < kMaxName) {
    held_ += c;
    return true;
  }
  naming_ = false;
  if (c == ':') {
    out += std::exchange(held_, {});
  } else {
    flush(out);
  }
  return false;
}

void BodyMask::feed(std::string_view& text, std::string& out) {
  std::size_t i = 0;
  for (; i < text.size() && !done(); ++i) {
    const char c = text[i];
    const bool first_dot = c == '.' && state_ == State::line_start;
    step(c);
    if (first_dot) {
      naming_ = false;
      empty_ = false;
      out += c;
      continue;
    }
    if (hold(c, out)) {
      empty_ = false;
      continue;
    }
    out += masked(c);
    if (c == '\n') {
      if (empty_) header_ = false;
      naming_ = header_;
      empty_ = true;
    } else if (c != '\r') {
      empty_ = false;
    }
  }
  text.remove_prefix(i);
}

void BodyMask::flush(std::string& out) {
  naming_ = false;
  for (const char c : held_) out += masked(c);
  held_.clear();
}

Redactor::Redactor(const Names& names, Confidences& known, bool messages)
    : mask_(names, known), known_(known), messages_(messages), owed_{Answer::line} {}

Redactor::~Redactor() {
  wipe(command_);
  wipe(reply_);
}

/// Moves text to `line` up to the end of the line, and says whether it is whole. One that is too
/// long goes to `out` as it comes.
bool Redactor::take_line(std::string_view& text, std::string& line, bool& too_long,
                         std::string& out) {
  const std::size_t lf = text.find('\n');
  const std::size_t n = lf == std::string_view::npos ? text.size() : lf + 1;
  const std::string_view piece = text.substr(0, n);
  text.remove_prefix(n);
  if (!too_long && line.size() + n > kMaxHeldLine) {
    too_long = true;
    too_long_ok_ = line.starts_with("+OK") || (line.empty() && piece.starts_with("+OK"));
    append_asterisks(line, out);
    wipe(line);
  }
  if (too_long) {
    append_asterisks(piece, out);
  } else {
    if (line.capacity() < line.size() + n) {
      // By hand: std::string would free the smaller room with a password still in it.
      std::string larger;
      larger.reserve(std::max(2 * line.size(), line.size() + n));
      larger = line;
      wipe(line);
      line.swap(larger);
    }
    line.append(piece);
  }
  return lf != std::string_view::npos;
}

void Redactor::commands(std::string_view text, std::string& out) {
  while (!text.empty()) {
    if (!take_line(text, command_, command_too_long_, out)) return;
    Answer answer = Answer::line;
    if (!std::exchange(command_too_long_, false)) {
      out += mask_.mask(command_);
      answer = mask_.answer();
    }
    wipe(command_);
    if (owed_.size() < kMaxOwed) owed_.push_back(answer);
  }
}

void Redactor::replies(std::string_view text, std::string& out) {
  while (!text.empty()) {
    if (reading_ == Reading::message && !messages_) {
      body_.feed(text, out);
      if (body_.done()) reading_ = Reading::status;
      continue;
    }
    if (!take_line(text, reply_, reply_too_long_, out)) return;
    reply_line(out);
    wipe(reply_);
  }
}

void Redactor::reply_line(std::string& out) {
  const bool too_long = std::exchange(reply_too_long_, false);
  if (reading_ != Reading::status) {
    const bool ends = !too_long && after_crlf_ && reply_ == ".\r\n";
    // Of a line that was too long only LF is known to have been its end.
    after_crlf_ = !too_long && reply_.ends_with("\r\n");
    known_.mask_text(reply_);
    out += reply_;
    if (ends) reading_ = Reading::status;
    return;
  }
  if (too_long) {
    if (owed_.empty()) return;
    const Answer answer = owed_.front();
    owed_.pop_front();
    if (too_long_ok_) begin_body(answer);
    return;
  }
  out += mask_status(reply_);
}

/// The first line of a reply, with its line end.
std::string Redactor::mask_status(std::string_view line) {
  std::size_t size = line.size() - 1;
  if (line.substr(0, size).ends_with('\r')) --size;
  const std::string_view rest = line.substr(size);
  line = line.substr(0, size);
  std::string result;
  if (owed_.empty()) {
    // Nobody asked: it may be anything.
    const std::size_t head = line.starts_with("+OK") ? 3 : line.starts_with("-ERR") ? 4 : 0;
    result = line.substr(0, head);
    append_asterisks(line.substr(head), result);
    return result.append(rest);
  }
  const Answer answer = owed_.front();
  owed_.pop_front();
  if (line.starts_with('+') && !line.starts_with("+OK")) {
    const std::size_t head = std::min<std::size_t>(line.starts_with("+ ") ? 2 : 1, line.size());
    result.append(line.substr(0, head)).append(mask_challenge(line.substr(head)));
    return result.append(rest);
  }
  const auto status = pop3::parse_status(line);
  if (!status) {
    append_asterisks(line, result);
    return result.append(rest);
  }
  std::size_t head = status->ok ? 3 : 4;
  const std::string code = status->code();
  if (is_known_code(code)) {
    const std::size_t bracket = line.find(']');
    if (bracket != std::string_view::npos) head = bracket + 1;
  }
  result = line.substr(0, head);
  std::string text(line.substr(head));
  known_.mask_status(text);
  result.append(text).append(rest);
  if (status->ok) begin_body(answer);
  return result;
}

/// What follows a first line.
void Redactor::begin_body(Answer answer) {
  if (answer == Answer::line) return;
  reading_ = answer == Answer::list ? Reading::list : Reading::message;
  after_crlf_ = true;
  body_ = BodyMask();
}

void Redactor::flush_commands(std::string& out) {
  if (command_.empty()) return;
  append_asterisks(command_, out);
  wipe(command_);
  command_too_long_ = true;
}

void Redactor::flush_replies(std::string& out) {
  body_.flush(out);
  if (reply_.empty()) return;
  too_long_ok_ = reply_.starts_with("+OK");
  append_asterisks(reply_, out);
  wipe(reply_);
  reply_too_long_ = true;
}

}  // namespace gatepost::trace
