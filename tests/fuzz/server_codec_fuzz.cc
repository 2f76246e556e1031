// Whatever a client sends gives the same events however it is chopped, and nothing after a protocol
// error. The first octet chooses the mode, two more the chopping.

#include "proxy/pop3/server_codec.h"

#include "tests/fuzz/fuzz.h"
#include "tests/unit/pop3/chop.h"

using gatepost::ByteChain;
using gatepost::fuzz::require;
using namespace gatepost::pop3;
using Event = ServerCodec::Event;
using Mode = ServerCodec::Mode;

namespace {

std::string listen(Mode mode, const test::Pieces& pieces) {
  static test::Source source;  // pools kept from run to run: most of the time went there
  ServerCodec codec;
  codec.set_mode(mode);
  std::string heard;
  ByteChain in;
  for (const std::string_view piece : pieces) {
    in.append(source.chain(piece));
    for (bool more = true; more;) {
      switch (codec.next(in)) {
        case Event::need_data:
          require(in.empty());
          more = false;
          break;
        case Event::command: {
          const Command& command = codec.command();
          heard.append("c").append(to_string(command.verb)).append(command.text);
          if (command.message) heard += std::to_string(*command.message);
          if (command.verb == Verb::auth) codec.set_mode(Mode::sasl);
          codec.wipe();
          require(command.text.empty());
          break;
        }
        case Event::bad_command:
          heard += "b" + codec.error();
          codec.set_mode(mode);
          break;
        case Event::sasl_line:
          require(codec.sasl_line().size() < ServerCodec::kMaxSaslLine);
          heard.append("s").append(codec.sasl_line());
          codec.set_mode(mode);
          break;
        case Event::protocol_error:
          require(codec.next(in) == Event::protocol_error && !codec.error().empty());
          return heard + "!" + codec.error();
      }
    }
  }
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gatepost::fuzz::Input input(data, size);
  const Mode mode = (input.octet() & 1) != 0 ? Mode::transaction : Mode::login;
  std::minstd_rand random(input.octet() * 256U + input.octet());
  const std::string whole = listen(mode, {input.rest()});
  require(listen(mode, test::random_pieces(random, input.rest())) == whole);
  return 0;
}
