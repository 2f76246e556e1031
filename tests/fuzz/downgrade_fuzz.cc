// Any octets as a message that is downgraded for a client without UTF8: its header is ASCII
// afterwards, the same however the stream is chopped and however little room there is, and lines
// are lines. A message that is ASCII stays, unless its type is renamed. Three octets of the input
// choose the chopping.

#include <random>

#include "filters/filter_line.h"
#include "filters/utf8_downgrade/downgrade.h"
#include "filters/utf8_downgrade/tokens.h"
#include "proxy/pop3/ascii.h"
#include "tests/fuzz/filter_run.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/filters/message/naive_message.h"
#include "tests/unit/pop3/chop.h"

using namespace gatepost;
using namespace gatepost::filters;
using fuzz::require;
using pop3::test::Pieces;

namespace {

BlockPool& pool() {
  static BlockPool pool;
  return pool;
}

std::string downgraded(const Pieces& pieces, std::size_t room) {
  return fuzz::filtered({utf8_downgrade()}, pool(), pieces, room);
}

std::string_view header_of(std::string_view message) {
  if (message.starts_with("\r\n")) return {};
  return message.substr(0, message.find("\r\n\r\n"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  std::minstd_rand random(input.octet() * 256U + input.octet());
  const std::size_t room = 1U + input.octet();
  const std::string plain = test::naive_canonical(input.rest());

  const std::string once = downgraded({plain}, 1U << 20U);
  require(downgraded(pop3::test::random_pieces(random, plain), room) == once);
  require(!downgrade::has_8bit(header_of(once)));
  require(test::naive_canonical(once) == once);
  require(plain.ends_with("\r\n") == once.ends_with("\r\n"));
  if (!downgrade::has_8bit(plain))
    require(once == plain || pop3::to_lower(plain).contains("lobal"));
  return 0;
}
