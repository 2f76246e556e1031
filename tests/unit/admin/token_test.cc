#include "proxy/admin/token.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/support/temporary_folder.h"

namespace gatepost::admin {
namespace {

class TokenTest : public ::testing::Test {
 protected:
  [[nodiscard]] Result<Digest> read(const std::string& text) {
    const std::string file = folder_.file("token");
    std::ofstream(file, std::ios::binary) << text;
    return read_token(file);
  }
  /// What is wrong with the file, without its name.
  [[nodiscard]] std::string problem(const std::string& text) {
    const auto token = read(text);
    if (token) return "";
    EXPECT_EQ(token.error().code, ErrorCode::config);
    return token.error().detail.substr(token.error().detail.find(": ") + 2);
  }

  testing::TemporaryFolder folder_;
};

TEST_F(TokenTest, IsTheFirstLine) {
  const std::string token = "0123456789abcdef";
  for (const char* end : {"", "\n", "\r\n", "\nmore\n"}) {
    const auto digest = read(token + end);
    ASSERT_TRUE(digest) << digest.error().detail;
    EXPECT_TRUE(same(*digest, sha256(token)));
  }
  EXPECT_TRUE(read(std::string(kMaxToken, '~')));
}

TEST_F(TokenTest, HasItsLimits) {
  const std::string length = "the first line is to have 16 to 256 octets";
  EXPECT_EQ(problem(""), length);
  EXPECT_EQ(problem("\n0123456789abcdef"), length);
  EXPECT_EQ(problem("0123456789abcde\n"), length);
  EXPECT_EQ(problem(std::string(kMaxToken + 1, 'x')), length);
  EXPECT_EQ(problem(std::string(kMaxTokenFile + 1, 'x')), length);
  const std::string printable = "the first line is to be printable ASCII without blanks";
  for (const char* token : {"0123456789abcde f", "0123456789abcdef\t", "0123456789abcdef\x01",
                            "0123456789abcd\xc3\xa4"}) {
    EXPECT_EQ(problem(token), printable);
  }
}

TEST_F(TokenTest, SaysWhyItCannotBeRead) {
  const auto token = read_token(folder_.file("none"));
  ASSERT_FALSE(token);
  EXPECT_NE(token.error().detail.find("/none: No such file"), std::string::npos);
}

TEST(TokenWordsTest, RandomWordsDiffer) {
  EXPECT_EQ(random_word().size(), 32U);
  EXPECT_NE(random_word(), random_word());
}

}  // namespace
}  // namespace gatepost::admin
