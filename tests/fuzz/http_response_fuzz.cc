// Responses of HTTP servers: they are the same however the stream is chopped, and what they hold
// is within the limits. Two octets choose the chopping.

#include "proxy/http/response_reader.h"

#include "tests/fuzz/fuzz.h"
#include "tests/unit/pop3/chop.h"

using namespace gatepost;
using fuzz::require;
using http::ResponseReader;
using Event = ResponseReader::Event;

namespace {

std::string read(const pop3::test::Pieces& pieces) {
  static pop3::test::Source source;
  ResponseReader reader;
  ByteChain in;
  Event event = Event::need_data;
  std::size_t given = 0;
  for (const std::string_view piece : pieces) {
    in.append(source.chain(piece));
    given += piece.size();
    event = reader.next(in);
    if (event != Event::need_data) break;
    require(in.empty());
  }
  if (event == Event::need_data) event = reader.end();
  require(event != Event::need_data);
  require(reader.body().size() <= ResponseReader::kMaxBody);
  if (event == Event::refused) {
    require(!reader.problem().empty() && reader.next(in) == Event::refused);
    return "refused";
  }
  require(reader.status() >= 200);
  std::string seen = std::to_string(reader.status()) + (reader.keep_alive() ? "+" : "-");
  for (const auto& [name, value] : reader.head().fields) {
    require(!name.empty() && value.find_first_of("\r\n") == std::string::npos);
    seen += name + ":" + value + "\n";
  }
  return seen + reader.body() + "|" + std::to_string(given - in.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned high = input.octet();
  std::minstd_rand random(high * 256U + input.octet());
  const std::string whole = read({input.rest()});
  require(read(pop3::test::random_pieces(random, input.rest())) == whole);
  require(read(pop3::test::byte_by_byte(input.rest())) == whole);
  return 0;
}
