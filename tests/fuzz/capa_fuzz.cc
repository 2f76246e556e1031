// Whatever upstream announces, our own CAPA is a reply of clean lines that ends where it should.
// Two servers' lists, separated by NUL; the first octet chooses what we offer.

#include "proxy/pop3/capa.h"

#include "proxy/pop3/ascii.h"
#include "proxy/pop3/mechanism.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/pop3/naive_dot.h"

using gatepost::fuzz::require;
using namespace gatepost::pop3;

namespace {

void check_reply(const CapaContext& context) {
  const std::string reply = capa_reply(context);
  require(reply.starts_with("+OK"));
  const test::Decoded whole = test::naive(DotDecoder::Form::as_sent, reply);
  require(whole.done && whole.left.empty());
  std::string_view rest = reply;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    require(line.size() <= 510 && !breaks_lines(line));
    for (const char c : line) require(!is_control(c));
    rest.remove_prefix(end + 2);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gatepost::fuzz::Input input(data, size);
  const unsigned bits = input.octet();
  const std::string_view text = input.rest();
  const std::size_t nul = std::min(text.find('\0'), text.size());
  const Capabilities one = Capabilities::parse(text.substr(0, nul));
  const Capabilities other = Capabilities::parse(text.substr(std::min(nul + 1, text.size())));
  const Capabilities both = one.common_with(other);
  for (const std::string_view mechanism : {"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"}) {
    require(!both.has_sasl(mechanism) || (one.has_sasl(mechanism) && other.has_sasl(mechanism)));
  }
  for (const Capabilities* upstream : {&one, &both}) {
    check_reply({.logged_in = (bits & 1) != 0,
                 .stls_possible = (bits & 2) != 0,
                 .login_allowed = (bits & 4) != 0,
                 .upstream = upstream,
                 .mechanisms = offered_mechanisms(upstream),
                 .implementation = "Gatepost"});
  }
  return 0;
}
