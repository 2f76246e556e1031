#include "proxy/pop3/dot_codec.h"

#include <gmock/gmock.h>

#include "tests/unit/pop3/chop.h"
#include "tests/unit/pop3/naive_dot.h"

namespace gatepost::pop3 {
namespace {

using test::Decoded;
using test::naive;
using test::Pieces;
using Form = DotDecoder::Form;

/// One piece a call; `in` is fed on as a receive buffer is.
Decoded decode(Form form, const Pieces& pieces) {
  test::Source source;
  DotDecoder decoder(form);
  Decoded result;
  ByteChain in;
  for (const std::string_view piece : pieces) {
    in.append(source.chain(piece));
    if (decoder.done()) continue;
    result.out += decoder.decode(in).to_string();
    EXPECT_TRUE(in.empty() || decoder.done());
  }
  result.left = in.to_string();
  result.done = decoder.done();
  return result;
}

/// All pieces in one chain of separate slices.
Decoded decode_at_once(Form form, const Pieces& pieces) {
  test::Source source;
  DotDecoder decoder(form);
  ByteChain in = source.chain(pieces);
  Decoded result;
  result.out = decoder.decode(in).to_string();
  result.left = in.to_string();
  result.done = decoder.done();
  return result;
}

void expect_like_naive(std::string_view text) {
  for (const Form form : {Form::as_sent, Form::unstuffed}) {
    const Decoded expected = naive(form, text);
    for (const Pieces& pieces : test::choppings(text)) {
      ASSERT_EQ(decode(form, pieces), expected) << "seed " << test::seed();
      ASSERT_EQ(decode_at_once(form, pieces), expected) << "seed " << test::seed();
    }
  }
}

TEST(DotDecoderTest, EndsAtTheDotLine) {
  expect_like_naive("Subject: x\r\n\r\nbody\r\n.\r\n+OK next\r\n");
  EXPECT_EQ(decode(Form::as_sent, {"a\r\n.\r\nrest"}), (Decoded{"a\r\n.\r\n", "rest", true}));
  EXPECT_EQ(decode(Form::unstuffed, {"a\r\n.\r\nrest"}), (Decoded{"a\r\n", "rest", true}));
}

TEST(DotDecoderTest, EmptyBodyEndsAtOnce) {
  expect_like_naive(".\r\nrest");
  EXPECT_EQ(decode(Form::unstuffed, {".\r\n"}), (Decoded{"", "", true}));
  EXPECT_EQ(decode(Form::as_sent, {".\r\n"}), (Decoded{".\r\n", "", true}));
}

TEST(DotDecoderTest, BlankLinesAreBody) {
  expect_like_naive("\r\n\r\n.\r\n");
  expect_like_naive("\r\n");
}

TEST(DotDecoderTest, StuffedLinesLoseOneDot) {
  expect_like_naive("..\r\n...\r\n..x\r\n.\r\n");
  EXPECT_EQ(decode(Form::unstuffed, {"..\r\n...\r\n..x\r\n.\r\n"}).out, ".\r\n..\r\n.x\r\n");
}

TEST(DotDecoderTest, LineThatUpstreamForgotToStuffLosesItsDotToo) {
  expect_like_naive(".x\r\n.\r\n");
  EXPECT_EQ(decode(Form::unstuffed, {".x\r\n.\r\n"}).out, "x\r\n");
}

TEST(DotDecoderTest, NothingElseIsTheEnd) {
  for (const std::string_view text :
       {"a\n.\n", "a\r.\r", "a\n.\r\n", "a\r\n.\n", "a\r\n.\r", "a\r\n.\r\r\n", "a\r\n. \r\n",
        "a\r\n .\r\n", "a\r.\r\n", "a\n\r.\r\n", "a\r\n..\r\n", "a\r\r.\r\n", ".\n", ".\r", ".\r\r",
        "a\r\n.\r\n"}) {
    expect_like_naive(text);
  }
  expect_like_naive(std::string_view("a\r\n.\0\r\n", 7));
  expect_like_naive(std::string_view("a\r\n\0.\r\n", 7));
  EXPECT_FALSE(decode(Form::as_sent, {"a\n.\n"}).done);
  EXPECT_FALSE(decode(Form::as_sent, {"a\r\n.\n"}).done);
  EXPECT_FALSE(decode(Form::as_sent, {"a\n.\r\n"}).done);
  EXPECT_FALSE(decode(Form::as_sent, {"a\r.\r"}).done);
}

TEST(DotDecoderTest, CrCrLfEndsALine) {
  expect_like_naive("a\r\r\n.\r\nrest");
  EXPECT_TRUE(decode(Form::as_sent, {"a\r\r\n.\r\n"}).done);
  expect_like_naive(".\r\r\n.\r\nrest");
}

TEST(DotDecoderTest, AsSentHoldsNothingBack) {
  const std::string text = "a\r\n.\r";
  EXPECT_EQ(decode(Form::as_sent, test::byte_by_byte(text)).out, text);
}

TEST(DotDecoderTest, EndAtEveryPlaceOfABlockIsFound) {
  for (std::size_t size = 0; size < 1100; ++size) {
    const std::string body = std::string(size, 'x') + "\r\n";
    ASSERT_EQ(decode(Form::as_sent, {body + ".\r\n" + std::string(300, 'y')}),
              (Decoded{body + ".\r\n", std::string(300, 'y'), true}));
    ASSERT_EQ(decode(Form::unstuffed, {body + "..z\r\n.\r\n"}),
              (Decoded{body + ".z\r\n", "", true}));
  }
}

TEST(DotDecoderTest, PayloadIsNotCopied) {
  BlockPool pool;
  for (const Form form : {Form::as_sent, Form::unstuffed}) {
    ByteChain in(pool, "first\r\n..second\r\nthird\r\n.\r\n");
    const char* const memory = in.front().data();
    DotDecoder decoder(form);
    const ByteChain out = decoder.decode(in);
    for (const Slice& slice : out.slices()) {
      EXPECT_GE(slice.view().data(), memory);
      EXPECT_LT(slice.view().data(), memory + 40);
    }
  }
}

TEST(DotDecoderTest, FinalLinesComeOutInOnePiece) {
  BlockPool pool;
  ByteChain in(pool, "body\r\n.\r\n+OK\r\n");
  DotDecoder decoder(Form::as_sent);
  const ByteChain out = decoder.decode(in);
  EXPECT_EQ(out.slices().size(), 1U);
  EXPECT_EQ(out.front(), "body\r\n.\r\n");
}

TEST(DotDecoderTest, AgreesWithANaiveReaderOnRandomStreams) {
  std::mt19937 random(test::seed());
  for (int round = 0; round < 20'000; ++round) {
    const std::string text =
        test::random_text(random, std::string_view("\r\n\r\n..a\0", 8), test::below(random, 24));
    const Pieces pieces = test::random_pieces(random, text);
    for (const Form form : {Form::as_sent, Form::unstuffed}) {
      ASSERT_EQ(decode(form, pieces), naive(form, text))
          << testing::PrintToString(text) << " seed " << test::seed();
    }
  }
}

TEST(DotDecoderTest, AgreesWithANaiveReaderOnLongStreams) {
  constexpr std::string_view kWords[] = {"\r\n", "\r\n.",  "\r\n..",           "\n.",     "\r.",
                                         ".\r",  "text, ", "some more of it ", "\r\r\n.x"};
  std::mt19937 random(test::seed());
  for (int round = 0; round < 500; ++round) {
    std::string text;
    while (text.size() < 3000) {
      text += kWords[test::below(random, std::size(kWords))];
      text.append(test::below(random, 200), 'x');
    }
    text += "\r\n.\r\nrest";
    const Pieces pieces = test::random_pieces(random, text);
    for (const Form form : {Form::as_sent, Form::unstuffed}) {
      const Decoded expected = naive(form, text);
      ASSERT_EQ(decode(form, pieces), expected) << "seed " << test::seed();
      ASSERT_EQ(decode_at_once(form, pieces), expected) << "seed " << test::seed();
    }
  }
}

TEST(DotEncodeTest, StuffsLinesThatBeginWithADot) {
  EXPECT_EQ(dot_encode(""), ".\r\n");
  EXPECT_EQ(dot_encode("a\r\n"), "a\r\n.\r\n");
  EXPECT_EQ(dot_encode(".\r\n"), "..\r\n.\r\n");
  EXPECT_EQ(dot_encode("..a\r\n\r\n.b\r\n"), "...a\r\n\r\n..b\r\n.\r\n");
}

TEST(DotEncodeTest, AddsAMissingLineEnd) { EXPECT_EQ(dot_encode("a"), "a\r\n.\r\n"); }

TEST(DotEncodeTest, IsUndoneByTheDecoder) {
  std::mt19937 random(test::seed());
  for (int round = 0; round < 2000; ++round) {
    const std::string text = test::random_text(random, "\r\n..a", 20) + "\r\n";
    const std::string encoded = dot_encode(text);
    ASSERT_EQ(decode(Form::unstuffed, {encoded}), (Decoded{text, "", true}))
        << "seed " << test::seed();
  }
}

}  // namespace
}  // namespace gatepost::pop3
