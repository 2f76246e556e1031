#include "proxy/base/digest.h"

#include <gtest/gtest.h>

namespace gatepost {
namespace {

TEST(Digest, is_that_of_the_standard) {
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, does_not_depend_on_the_pieces) {
  Sha256 pieces;
  for (const char c : std::string(1000, 'x')) pieces.update({&c, 1});
  Sha256 moved = std::move(pieces);
  EXPECT_EQ(moved.finish(), sha256(std::string(1000, 'x')));
}

TEST(HmacSha256, is_that_of_the_standard) {
  // RFC 4231, test cases 1, 2 and 6: a short key, one of text, one longer than a block.
  EXPECT_EQ(to_hex(HmacSha256(std::string(20, '\x0b')).of("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  const HmacSha256 jefe("Jefe");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(to_hex(jefe.of("what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  }
  EXPECT_EQ(to_hex(HmacSha256(std::string(131, '\xaa'))
                       .of("Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace gatepost
