// Lines are cut as a naive reader cuts them, however the stream is chopped. The first octet chooses
// the limit, two more the chopping.

#include "proxy/pop3/line_reader.h"

#include "tests/fuzz/fuzz.h"
#include "tests/unit/pop3/chop.h"

using gatepost::ByteChain;
using gatepost::fuzz::require;
using namespace gatepost::pop3;
using Outcome = LineReader::Outcome;

namespace {

std::string naive(std::string_view text, std::size_t limit) {
  std::string lines;
  for (std::size_t lf = text.find('\n'); lf != std::string_view::npos; lf = text.find('\n')) {
    const std::string_view line = text.substr(0, lf);
    text.remove_prefix(lf + 1);
    if (!line.ends_with('\r')) return lines + "!";
    if (lf + 1 > limit) {
      lines.append("L").append(line.substr(0, LineReader::kKeptOfDropped)).append("|");
    } else {
      lines.append("l").append(line.substr(0, lf - 1)).append("|");
    }
  }
  return lines;
}

std::string read(const test::Pieces& pieces, std::size_t limit) {
  static test::Source source;
  LineReader reader;
  std::string lines;
  ByteChain in;
  for (const std::string_view piece : pieces) {
    in.append(source.chain(piece));
    for (Outcome next = reader.next(in, limit); next != Outcome::need_data;
         next = reader.next(in, limit)) {
      if (next == Outcome::bare_lf) {
        require(reader.line().empty() && reader.next(in, limit) == Outcome::bare_lf);
        return lines + "!";
      }
      require(next == Outcome::too_long || reader.line().size() + 2 <= limit);
      lines.append(next == Outcome::line ? "l" : "L").append(reader.line()).append("|");
      reader.wipe();
      require(reader.line().find_first_not_of('\0') == std::string_view::npos);
    }
    require(in.empty());
  }
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gatepost::fuzz::Input input(data, size);
  const std::size_t limit = 20 + std::size_t{2} * input.octet();
  const unsigned high = input.octet();
  std::minstd_rand random(high * 256U + input.octet());
  const std::string expected = naive(input.rest(), limit);
  require(read({input.rest()}, limit) == expected);
  require(read(test::random_pieces(random, input.rest()), limit) == expected);
  return 0;
}
