#include <gtest/gtest.h>

#include "proxy/pop3/dot_codec.h"
#include "tests/support/chop.h"
#include "tests/support/leak_check.h"

namespace gatepost::pop3 {
namespace {

using ::gatepost::testing::Chopping;
using ::gatepost::testing::for_each_chopping;
using ::gatepost::testing::TestPool;

std::string stuffed(std::string_view text, Chopping& chopping) {
  TestPool pool;
  TestPool own;
  DotEncoder encoder(own);
  ByteChain out;
  for (const std::string_view piece : chopping.cut(text)) {
    encoder.encode(ByteChain(pool, piece), out);
  }
  ByteChain rest;
  encoder.end(rest);
  if (text.ends_with("\r\n")) {
    EXPECT_EQ(rest.to_string(), "\r\n.\r\n");
  }
  out.append(std::move(rest));
  return out.to_string();
}

TEST(DotEncoder, does_what_dot_encode_does) {
  for (const std::string_view text : {"", "\r\n", ".\r\n", "..\r\n", ".a\r\nb\r\n.\r\n\r\n..c\r\n",
                                      "a.\r\n.b", "\r\n\r\n.\r\n.", "a\r\n.\r\n.\r\n.\r\n"}) {
    for_each_chopping([text](Chopping& chopping) {
      EXPECT_EQ(stuffed(text, chopping), dot_encode(text)) << text;
    });
  }
}

TEST(DotEncoder, splices_what_is_long) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += i % 50 == 0 ? ".dot\r\n" : "a line of some text\r\n";
  for_each_chopping(
      [&text](Chopping& chopping) { EXPECT_EQ(stuffed(text, chopping), dot_encode(text)); }, 3);
}

}  // namespace
}  // namespace gatepost::pop3
