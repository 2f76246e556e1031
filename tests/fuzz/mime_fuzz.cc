// Any octets, made canonical, are a message: the parts that the scanner finds lie within each other
// and within the message, they are the same wherever the message is cut, and so is the content that
// is decoded. Two octets of the input choose where it is cut.

#include <random>

#include "filters/message/content_coding.h"
#include "filters/message/mime_scanner.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/filters/message/mime_text.h"
#include "tests/unit/filters/message/naive_message.h"
#include "tests/unit/pop3/chop.h"

using namespace gatepost::filters;
using gatepost::fuzz::require;
using gatepost::pop3::test::Pieces;
using gatepost::pop3::test::random_pieces;

namespace {

std::string decoded(TransferEncoding encoding, const Pieces& pieces) {
  ContentDecoder decoder(encoding);
  std::string out;
  for (const std::string_view piece : pieces) decoder.feed(piece, out);
  decoder.end(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gatepost::fuzz::Input input(data, size);
  std::minstd_rand random(input.octet() * 256U + input.octet());
  const std::string message = test::naive_canonical(input.rest());

  const MimeStructure structure = mime_structure(message);
  require(test::fault(structure, message.size()).empty());
  require(test::dump(test::scan_in(random_pieces(random, message))) == test::dump(structure));

  for (const MimePart& part : structure.parts) {
    const std::string_view body =
        std::string_view(message).substr(part.body_begin, part.body_end - part.body_begin);
    if (part.depth > 3 || body.size() > 10'000) continue;  // enough of it
    for (const TransferEncoding encoding : part.encodings) {
      const std::string content = decode_content(encoding, body);
      require(content.size() <= body.size());
      require(decoded(encoding, random_pieces(random, body)) == content);
    }
  }

  const std::string_view text = input.rest();
  require(decode_content(TransferEncoding::base64, encode_base64_lines(text)) == text);
  require(decode_content(TransferEncoding::quoted_printable, encode_quoted_printable(text)) ==
          text);
  return 0;
}
