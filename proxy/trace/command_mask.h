#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/pop3/mechanism.h"
#include "proxy/trace/names.h"

namespace gatepost::trace {

/// What follows a line that a client said.
enum class Answer : std::uint8_t {
  line,     ///< one line
  list,     ///< +OK: lines that nobody minds (CAPA, LIST, UIDL)
  message,  ///< +OK: a message (RETR, TOP)
};

/// Makes of the lines of one client (of ours, or of Gatepost towards upstream) what may stand in a
/// trace. Every line keeps its length, and means the same to a POP3 server: a password becomes
/// asterisks, an APOP digest zeros, and the messages of AUTH become ones of the same form with
/// asterisks in them, in base64 again. What is no command may be anything, a password too: all of
/// it becomes asterisks.
class CommandMask {
 public:
  CommandMask(const Names& names, Confidences& known) : names_(names), known_(known) {}

  /// `line` is whole, with its line end.
  [[nodiscard]] std::string mask(std::string_view line);
  /// Of the last line.
  [[nodiscard]] Answer answer() const { return answer_; }

 private:
  [[nodiscard]] std::string mask_command(std::string_view line);
  [[nodiscard]] std::string mask_auth(std::string_view line, std::string_view mechanism,
                                      bool has_response);
  [[nodiscard]] std::string mask_response(std::string_view line);
  [[nodiscard]] std::string mask_message(std::string_view message);
  [[nodiscard]] std::string name(std::string_view user);
  [[nodiscard]] std::string mask_attribute(std::string_view attribute, bool first_word_stays);
  [[nodiscard]] std::string mask_fields(std::string_view message, char separator);

  const Names& names_;
  Confidences& known_;
  Answer answer_ = Answer::line;
  bool in_auth_ = false;  // a line that is no command belongs to the dialog
  std::string mechanism_;
  pop3::Mechanism::Kind kind_ = pop3::Mechanism::Kind::refused;
  unsigned step_ = 0;  // messages of the dialog so far
};

/// `value` with every digit 1 and every letter a or x: an address stays one.
[[nodiscard]] std::string mask_value(std::string_view value);

}  // namespace gatepost::trace
