// Whatever upstream sends gives the same events however it is chopped, no reply more than was asked
// for, and nothing after an error. The first octet: how many replies are owed; the next ones:
// which; two more choose the chopping.

#include "proxy/pop3/client_codec.h"

#include "tests/fuzz/fuzz.h"
#include "tests/unit/pop3/chop.h"

using gatepost::ByteChain;
using gatepost::fuzz::require;
using namespace gatepost::pop3;
using Event = ClientCodec::Event;

namespace {

/// One octet is a letter for the event, texts follow; bodies are joined between their events.
std::string listen(const std::vector<Expected>& expected, const test::Pieces& pieces) {
  static test::Source source;  // pools kept from run to run: most of the time went there
  ClientCodec codec;
  for (const Expected& reply : expected) codec.expect(reply);
  std::string heard;
  std::size_t finished = 0;
  ByteChain in;
  for (const std::string_view piece : pieces) {
    in.append(source.chain(piece));
    for (bool more = true; more;) {
      switch (codec.next(in)) {
        case Event::need_data:
          require(in.empty());
          more = false;
          break;
        case Event::status:
          require(codec.status().text.size() <= ClientCodec::kMaxStatusLine);
          heard += "s" + codec.status().wire() + codec.take_line().to_string();
          if (!codec.mid_reply()) ++finished;
          break;
        case Event::continuation:
          heard += "c" + codec.status().text;
          break;
        case Event::body_data: {
          const ByteChain body = codec.take_body();
          require(!body.empty());
          heard += body.to_string();
          break;
        }
        case Event::body_end:
          heard += "e";
          ++finished;
          break;
        case Event::protocol_error:
          require(codec.next(in) == Event::protocol_error && !codec.error().empty());
          return heard + "!" + codec.error();
      }
      require(finished + codec.owed() == expected.size());
    }
  }
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gatepost::fuzz::Input input(data, size);
  std::vector<Expected> expected(input.octet() % 8U);
  for (Expected& reply : expected) {
    const std::uint8_t bits = input.octet();
    if ((bits & 1) != 0) reply.shape = ReplyShape::multi;
    if ((bits & 2) != 0) reply.form = DotDecoder::Form::unstuffed;
    reply.continuation = (bits & 4) != 0;
    reply.keep_line = (bits & 8) != 0;
  }
  std::minstd_rand random(input.octet() * 256U + input.octet());
  const std::string whole = listen(expected, {input.rest()});
  require(listen(expected, test::random_pieces(random, input.rest())) == whole);
  return 0;
}
