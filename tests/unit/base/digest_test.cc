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

}  // namespace
}  // namespace gatepost
