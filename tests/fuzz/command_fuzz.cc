// Any line is parsed or refused; what is parsed and written again is the same command.

#include "proxy/pop3/command.h"
#include "proxy/pop3/reply.h"
#include "proxy/pop3/sasl.h"
#include "tests/fuzz/fuzz.h"

using gatepost::Result;
using gatepost::fuzz::require;
using namespace gatepost::pop3;

namespace {

void check(const Command& command) {
  require(command.text.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos);
  require(!command.message || (*command.message >= 1 && *command.message <= kMaxNumber));
  require(command.lines <= kMaxNumber);
  if (command.verb == Verb::user) require(is_safe_user(command.text));
  if (command.verb == Verb::pass) require(is_safe_argument(command.text));
  if (command.verb < Verb::stls || command.verb == Verb::unknown) return;
  const std::string wire = command.wire();
  require(wire.size() <= 30 && wire.find('\n') == wire.size() - 1 && wire.ends_with("\r\n"));
  const Result<Command> again = parse_command(std::string_view(wire).substr(0, wire.size() - 2));
  require(again && again->verb == command.verb && again->message == command.message &&
          again->lines == command.lines && again->reply_shape() == command.reply_shape());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<Command> parsed = parse_command(gatepost::fuzz::Input(data, size).rest());
  if (parsed) {
    check(*parsed);
  } else {
    require(!parsed.error().detail.empty());
    require(err(parsed.error().detail) == "-ERR " + parsed.error().detail + "\r\n");
  }
  return 0;
}
