#include "filters/message/content_coding.h"

#include <gtest/gtest.h>

#include "tests/support/chop.h"

namespace gatepost::filters {
namespace {

using enum TransferEncoding;
using ::gatepost::testing::Chopping;
using ::gatepost::testing::for_each_chopping;
using ::gatepost::testing::Random;
using namespace std::string_literals;

/// Decoded whole; it is the same however the text is cut.
std::string decode(TransferEncoding encoding, std::string_view raw) {
  const std::string whole = decode_content(encoding, raw);
  for_each_chopping([&](Chopping& chopping) {
    ContentDecoder decoder(encoding);
    std::string out;
    for (const std::string_view piece : chopping.cut(raw)) decoder.feed(piece, out);
    decoder.end(out);
    ASSERT_EQ(out, whole) << raw;
  });
  return whole;
}

TEST(ContentCoding, knows_the_encodings) {
  EXPECT_EQ(transfer_encoding(" Base64 \r\n"), base64);
  EXPECT_EQ(transfer_encoding("quoted-printable"), quoted_printable);
  EXPECT_EQ(transfer_encoding("X-UUENCODE"), uuencode);
  EXPECT_EQ(transfer_encoding("x-uue"), uuencode);
  EXPECT_EQ(transfer_encoding("uuencode"), uuencode);
  for (const std::string_view plain : {"", "7bit", "8BIT", " binary\r\n"}) {
    EXPECT_EQ(transfer_encoding(plain), identity);
  }
  EXPECT_EQ(transfer_encoding("x-yenc"), unknown);
}

TEST(ContentCoding, leaves_plain_text) {
  EXPECT_EQ(decode(identity, "a=3D\r\n"), "a=3D\r\n");
  EXPECT_EQ(decode(unknown, "QUJD"), "QUJD");
}

TEST(ContentCoding, decodes_base64) {
  EXPECT_EQ(decode(base64, "QUJDRA==\r\n"), "ABCD");
  EXPECT_EQ(decode(base64, "QUJD\r\nREVG\r\nRw==\r\n"), "ABCDEFG");
  EXPECT_EQ(decode(base64, "/+8="), "\xff\xef");
  EXPECT_EQ(decode(base64, ""), "");
}

TEST(ContentCoding, forgives_in_base64) {
  EXPECT_EQ(decode(base64, "QUJDRA"), "ABCD");              // no padding
  EXPECT_EQ(decode(base64, "Q U*J\x80_-D\r\nRA"), "ABCD");  // what is not of the alphabet
  EXPECT_EQ(decode(base64, "QUI=QUI="), "ABAB");            // goes on
  EXPECT_EQ(decode(base64, "QQ==\r\n\r\nQUJD"), "AABC");
  EXPECT_EQ(decode(base64, "Q"), "");
  EXPECT_EQ(decode(base64, "===QUJD"), "ABC");
}

TEST(ContentCoding, decodes_quoted_printable) {
  EXPECT_EQ(decode(quoted_printable, "a=3Db=\r\nc=c3=A4\r\n"), "a=bc\xc3\xa4\r\n");
  EXPECT_EQ(decode(quoted_printable, "a= \t\r\nb"), "ab");
  EXPECT_EQ(decode(quoted_printable, "a=\nb"), "ab");
  EXPECT_EQ(decode(quoted_printable, "blank \r\n"), "blank \r\n");
  EXPECT_EQ(decode(quoted_printable, "=00"), "\0"s);
}

TEST(ContentCoding, forgives_in_quoted_printable) {
  for (const std::string_view text : {"a=b", "=3", "a==b", "=G1", "=3G", "= x", "=\rx"}) {
    EXPECT_EQ(decode(quoted_printable, text), text);
  }
  // At the end its line end belongs to a boundary.
  for (const std::string_view text : {"a=", "a= \t", "a=\r"}) {
    EXPECT_EQ(decode(quoted_printable, text), "a") << text;
  }
  EXPECT_EQ(decode(quoted_printable, "a==3D"), "a==");
  const std::string few = "=" + std::string(200, ' ') + "\r\nx";
  const std::string many = "=" + std::string(300, ' ') + "\r\nx";
  EXPECT_EQ(decode(quoted_printable, few), "x");
  EXPECT_EQ(decode(quoted_printable, many), many);
}

TEST(ContentCoding, decodes_uuencode) {
  const std::string cat = "begin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n";
  EXPECT_EQ(decode(uuencode, cat), "Cat");
  EXPECT_EQ(decode(uuencode, "text\r\n" + cat + "between\r\n" + cat), "CatCat");
  EXPECT_EQ(decode(uuencode, "begin 644 x\r\n#0V%T"), "Cat");         // cut
  EXPECT_EQ(decode(uuencode, "begin 644 x\n!00``\nend"), "A");        // LF
  EXPECT_EQ(decode(uuencode, "begin 644 x\r\n#\r\nend"), "\0\0\0"s);  // blanks cut off
  EXPECT_EQ(decode(uuencode, "begin something\r\n#0V%T\r\n"), "");
  EXPECT_EQ(decode(uuencode, "begin 644 x\r\nM" + std::string(5000, 'a') + "\r\n").size(), 45U);
  EXPECT_EQ(decode(uuencode, ""), "");
}

std::string random_octets(Random& random, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(random.between(0, 255));
  return out;
}

TEST(ContentCoding, decodes_what_it_encodes_as_base64) {
  Random random;
  for (std::size_t size = 0; size < 200; ++size) {
    const std::string content = random_octets(random, size);
    const std::string encoded = encode_base64_lines(content);
    EXPECT_EQ(decode_content(base64, encoded), content) << Random::name();
    EXPECT_EQ(encoded.empty(), content.empty());
    EXPECT_TRUE(encoded.empty() || encoded.ends_with("\r\n"));
    for (std::size_t at = 0; at < encoded.size(); at = encoded.find("\r\n", at) + 2) {
      EXPECT_LE(encoded.find("\r\n", at) - at, 76U);
    }
  }
}

/// Lines of quoted-printable are short and stay what they are on their way.
void expect_proper(std::string_view encoded) {
  while (!encoded.empty()) {
    const std::string_view line = encoded.substr(0, encoded.find("\r\n"));
    EXPECT_LE(line.size(), 76U);
    EXPECT_FALSE(line.ends_with(' ') || line.ends_with('\t')) << line;
    EXPECT_FALSE(line.starts_with('.') || line.starts_with("From ") || line.starts_with("--"))
        << line;
    for (const char c : line) EXPECT_TRUE(c == '\t' || (c >= ' ' && c <= '~'));
    encoded.remove_prefix(std::min(line.size() + 2, encoded.size()));
  }
}

TEST(ContentCoding, decodes_what_it_encodes_as_quoted_printable) {
  Random random;
  const std::vector<std::string> pieces = {"From ",
                                           ".",
                                           "--",
                                           "\r\n",
                                           " ",
                                           "\t",
                                           "=",
                                           "\xc3\xa4",
                                           "word",
                                           "\n",
                                           "\r",
                                           "\0"s,
                                           std::string(74, 'x')};
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (std::size_t i = random.between(0, 30); i > 0; --i) {
      text += pieces[random.between(0, pieces.size() - 1)];
    }
    const std::string encoded = encode_quoted_printable(text);
    EXPECT_EQ(decode_content(quoted_printable, encoded), text) << Random::name();
    expect_proper(encoded);
  }
}

TEST(ContentCoding, encodes_quoted_printable) {
  EXPECT_EQ(encode_quoted_printable("a b\r\n"), "a b\r\n");
  EXPECT_EQ(encode_quoted_printable("a \r\n=\r\n"), "a=20\r\n=3D\r\n");
  EXPECT_EQ(encode_quoted_printable(".\r\nFrom x\r\n--b"), "=2E\r\n=46rom x\r\n=2D-b");
  EXPECT_EQ(encode_quoted_printable(std::string(77, 'x')), std::string(75, 'x') + "=\r\nxx");
  EXPECT_EQ(encode_quoted_printable(std::string(76, 'x')), std::string(76, 'x'));
}

}  // namespace
}  // namespace gatepost::filters
