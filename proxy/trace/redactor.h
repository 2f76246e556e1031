#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "proxy/trace/command_mask.h"
#include "proxy/trace/names.h"

namespace gatepost::trace {

/// A message on its way, in the form in which POP3 sends it. Lines, dots, names of header fields
/// and what is neither letter nor digit stay; letters become x, digits 9, octets that are not ASCII
/// 0xFF. Whatever the chunks, the outcome is the same.
class BodyMask {
 public:
  /// Octets of a field's name; what is longer is taken for text.
  static constexpr std::size_t kMaxName = 76;

  /// Takes of `text` what belongs to the message, appends it to `out`. Up to kMaxName octets are
  /// held until it is known whether they are a name.
  void feed(std::string_view& text, std::string& out);
  /// What is held, masked.
  void flush(std::string& out);
  [[nodiscard]] bool done() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t { line_start, text, cr, dot, dot_cr, done };
  void step(char c);
  [[nodiscard]] bool hold(char c, std::string& out);

  State state_ = State::line_start;
  bool header_ = true;
  bool naming_ = true;  // the line may still begin with a name
  bool empty_ = true;   // nothing but CR in the line so far
  std::string held_;
};

/// Makes of what goes over one connection, both ways, what may stand in a trace. Octets keep their
/// number and order; a line comes out when it is whole, a message as it goes. Never holds more than
/// a line.
class Redactor {
 public:
  /// Octets of a line that are held; a longer one becomes asterisks.
  static constexpr std::size_t kMaxHeldLine = 20 * 1024;

  /// `messages`: they pass as they are, but for secrets.
  Redactor(const Names& names, Confidences& known, bool messages);
  ~Redactor();
  Redactor(const Redactor&) = delete;
  Redactor& operator=(const Redactor&) = delete;

  /// What the client of this connection says; what may come out of it by now is appended to `out`.
  void commands(std::string_view text, std::string& out);
  /// The same of its server.
  void replies(std::string_view text, std::string& out);
  /// What is held, and the rest of its line if there is one, is given out as asterisks.
  void flush_commands(std::string& out);
  void flush_replies(std::string& out);

 private:
  enum class Reading : std::uint8_t { status, list, message };
  void reply_line(std::string& out);
  [[nodiscard]] bool take_line(std::string_view& text, std::string& line, bool& too_long,
                               std::string& out);
  [[nodiscard]] std::string mask_status(std::string_view line);
  void begin_body(Answer answer);

  CommandMask mask_;
  Confidences& known_;
  const bool messages_;
  std::string command_;  // the line under way
  bool command_too_long_ = false;
  std::string reply_;
  bool reply_too_long_ = false;
  bool too_long_ok_ = false;  // it began with +OK
  bool after_crlf_ = true;    // the last line of a list ended so
  Reading reading_ = Reading::status;
  BodyMask body_;
  std::deque<Answer> owed_;  // to the commands; the greeting is the first
};

}  // namespace gatepost::trace
