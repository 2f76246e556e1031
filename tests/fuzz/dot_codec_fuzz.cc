// The decoder agrees with a naive reader, in both forms, however the stream is chopped; the encoder
// is undone by it. Two octets of the input choose the chopping.

#include "proxy/pop3/dot_codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/pop3/chop.h"
#include "tests/unit/pop3/naive_dot.h"

using gatepost::ByteChain;
using gatepost::fuzz::require;
using namespace gatepost::pop3;
using Form = DotDecoder::Form;

namespace {

test::Decoded decode(Form form, const test::Pieces& pieces, bool at_once) {
  static test::Source source;  // pools kept from run to run: most of the time went there
  DotDecoder decoder(form);
  test::Decoded result;
  ByteChain in;
  for (const std::string_view piece : pieces) {
    in.append(source.chain(piece));
    if (decoder.done() || (at_once && piece.end() != pieces.back().end())) continue;
    result.out += decoder.decode(in).to_string();
    require(in.empty() || decoder.done());
  }
  result.left = in.to_string();
  result.done = decoder.done();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gatepost::fuzz::Input input(data, size);
  std::minstd_rand random(input.octet() * 256U + input.octet());
  const std::string_view text = input.rest();
  const test::Pieces pieces = test::random_pieces(random, text);
  for (const Form form : {Form::as_sent, Form::unstuffed}) {
    const test::Decoded expected = test::naive(form, text);
    require(decode(form, {text}, false) == expected);
    require(decode(form, pieces, false) == expected);
    require(decode(form, pieces, true) == expected);
  }
  const std::string encoded = dot_encode(text);
  const bool whole = text.empty() || text.ends_with("\r\n");
  const test::Decoded expected{std::string(text) + (whole ? "" : "\r\n"), "", true};
  require(decode(Form::unstuffed, {encoded}, false) == expected);
  return 0;
}
