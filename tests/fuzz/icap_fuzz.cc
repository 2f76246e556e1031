// Responses of ICAP servers: they are the same however the stream is chopped, and what is read out
// of them makes sense. Two octets choose the chopping.

#include "filters/scan/icap_codec.h"

#include "tests/fuzz/fuzz.h"
#include "tests/unit/pop3/chop.h"

using namespace gatepost;
using filters::IcapOptions;
using filters::IcapReader;
using fuzz::require;
using Event = IcapReader::Event;

namespace {

std::string heads(const IcapReader& reader) {
  std::string seen = std::to_string(reader.status()) + reader.head().first_line;
  for (const auto& [name, value] : reader.head().fields) seen += name + ":" + value + "\n";
  if (const auto& http = reader.http_head()) {
    seen += std::to_string(reader.http_status()) + http->first_line;
    for (const auto& [name, value] : http->fields) seen += name + ":" + value + "\n";
  }
  return seen;
}

void look(const IcapReader& reader) {
  if (const auto threat = filters::icap_threat(reader.head())) {
    require(threat->cause == filters::Cause::infected ||
            threat->cause == filters::Cause::unscannable);
    require(!threat->detail.empty() && threat->detail.size() <= filters::Verdict::kMaxDetail);
  }
  if (const auto options = IcapOptions::of(reader.status(), reader.head())) {
    require(!options->tag.empty() && options->tag.size() <= IcapOptions::kMaxTag);
    require(options->preview.value_or(0) <= IcapOptions::kMaxPreview);
    require(options->good_for <= IcapOptions::kMaxAge && options->good_for >= Duration(0));
  }
}

std::string read(const pop3::test::Pieces& pieces) {
  static pop3::test::Source source;
  IcapReader reader;
  ByteChain in;
  std::string seen;
  bool told = false;
  for (const std::string_view piece : pieces) {
    in.append(source.chain(piece));
    for (Event event = reader.next(in); event != Event::need_data; event = reader.next(in)) {
      switch (event) {
        case Event::interim:
          require(!told && reader.status() == 100);
          seen += "100 ";
          break;
        case Event::head:
          require(!told && reader.status() >= 200);
          told = true;
          seen += heads(reader);
          look(reader);
          break;
        case Event::body:
          require(told && reader.has_body());
          seen += reader.take_body().to_string();
          break;
        case Event::end:
          require(told);
          return seen + " end";
        case Event::refused:
          require(!reader.problem().empty());
          return seen + " refused";
        case Event::need_data:
          break;
      }
    }
    require(in.empty());
  }
  return seen;
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
