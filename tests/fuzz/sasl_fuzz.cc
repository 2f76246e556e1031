// Any dialog ends in credentials that are safe to send on, or fails; base64 has one spelling.
// The first octet: mechanism, and whether the first line is an initial response. Lines end with LF.

#include "proxy/pop3/sasl.h"

#include "tests/fuzz/fuzz.h"

using gatepost::fuzz::require;
using namespace gatepost::pop3;
using Step = SaslDialog::Step;

namespace {

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void check(const Credentials& credentials) {
  const std::string_view password = credentials.password.reveal();
  require(is_safe_user(credentials.user) && is_safe_argument(password));
  std::optional<SaslDialog> again = SaslDialog::start("PLAIN");
  require(again->begin(sasl_plain_message(credentials.user, credentials.password.reveal())) ==
          Step::done);
  const Credentials same = again->take_credentials();
  require(same.user == credentials.user && same.password.reveal() == password);
}

/// Once as base64 that the fuzzer made up itself, once as text that is encoded for it.
void talk(std::uint8_t choice, std::string_view text, bool encode) {
  std::optional<SaslDialog> dialog = SaslDialog::start((choice & 1) != 0 ? "LOGIN" : "PLAIN");
  std::optional<std::string> initial;
  const auto next = [&] {
    const std::string_view line = take_line(text);
    return encode ? base64_encode(line) : std::string(line);
  };
  if ((choice & 2) != 0) initial = next();
  Step step = dialog->begin(initial);
  for (int lines = 0; step == Step::challenge; ++lines) {
    require(lines < 3);
    require(dialog->challenge().starts_with("+ ") && dialog->challenge().ends_with("\r\n"));
    step = dialog->respond(next());
  }
  if (step == Step::done) {
    check(dialog->take_credentials());
  } else {
    require(!dialog->error().empty());
  }
  require(dialog->respond(next()) == Step::failed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gatepost::fuzz::Input input(data, size);
  const std::uint8_t choice = input.octet();
  const std::string_view text = input.rest();
  require(base64_decode(base64_encode(text)) == text);
  if (const std::optional<std::string> bytes = base64_decode(text)) {
    require(base64_encode(*bytes) == text);
  }
  talk(choice, text, false);
  talk(choice, text, true);
  return 0;
}
