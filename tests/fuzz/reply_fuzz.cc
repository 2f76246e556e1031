// Any line is a status or none; our own lines stay one line; any CAPA body is read.

#include "proxy/pop3/reply.h"

#include "proxy/pop3/capa.h"
#include "tests/fuzz/fuzz.h"

using gatepost::fuzz::require;
using namespace gatepost::pop3;

namespace {

void check_own(const std::string& line) {
  require(line.size() <= kMaxReplyLine && line.ends_with("\r\n"));
  require(line.find_first_of(std::string_view("\0\r\n", 3)) == line.size() - 2);
  require(parse_status(std::string_view(line).substr(0, line.size() - 2)).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = gatepost::fuzz::Input(data, size).rest();
  if (const std::optional<Status> status = parse_status(text)) {
    const std::string wire = status->wire();
    const auto again = parse_status(std::string_view(wire).substr(0, wire.size() - 2));
    require(again && again->ok == status->ok && again->text == status->text);
    require(text.size() + 2 == wire.size() || (status->text.empty() && text.ends_with(' ')));
    for (const char c : status->code()) require(c > ' ' && c < 0x7F && (c < 'a' || c > 'z'));
  }
  check_own(ok(text));
  check_own(err(text));
  check_own(err(ResponseCode::sys_temp, text));
  const Capabilities capabilities = Capabilities::parse(text);
  require(!capabilities.has("") && !capabilities.has_sasl(""));
  return 0;
}
