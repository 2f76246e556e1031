// A relayed dialog's message names a safe user or nobody; a name put into it is read out again.
// The first octet: the mechanism. Then the new name up to LF, then the message.

#include "proxy/pop3/mechanism.h"

#include <array>

#include "proxy/pop3/sasl.h"
#include "tests/fuzz/fuzz.h"

using gatepost::ErrorCode;
using gatepost::Result;
using gatepost::fuzz::require;
using namespace gatepost::pop3;
using Kind = Mechanism::Kind;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gatepost::fuzz::Input input(data, size);
  constexpr std::array kKinds = {Kind::cram_md5, Kind::scram, Kind::xoauth2, Kind::oauthbearer};
  const Kind kind = kKinds[input.octet() % kKinds.size()];
  const std::string_view text = input.rest();
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view name = text.substr(0, end);
  const std::string_view message = text.substr(std::min(end + 1, text.size()));

  const Result<std::string> user = sasl_user(kind, message);
  const Result<std::string> same = sasl_with_user(kind, message, user ? *user : "");
  require(user.has_value() == same.has_value());
  if (!user) {
    require(!user.error().detail.empty());
    return 0;
  }
  require(is_safe_user(*user) && *same == message);
  if (!is_safe_user(name)) return 0;
  const Result<std::string> changed = sasl_with_user(kind, message, name);
  if (!changed) {
    require(kind == Kind::scram && changed.error().code == ErrorCode::refused);
  } else {
    require(sasl_user(kind, *changed) == std::string(name));
  }
  return 0;
}
