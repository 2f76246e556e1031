#include "filters/retention/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "tests/support/temporary_folder.h"

namespace gatepost::filters {
namespace {

using ::testing::HasSubstr;

class Names : public ::testing::Test {
 protected:
  std::string write(const std::string& text) {
    const std::string path = folder_.file("key");
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  gatepost::testing::TemporaryFolder folder_;
};

TEST_F(Names, nothing_can_be_taken_for_another) {
  const NameHasher names("0123456789abcdef");
  const HashedName account = names.account("pool", "joe", false);
  std::set<HashedName> all = {account,
                              names.account("pool", "joe", true),
                              names.account("pool", "Joe", false),
                              names.account("poolj", "oe", false),
                              names.account("", "pooljoe", false),
                              names.uidl(account, "x"),
                              names.device(account, "x"),
                              names.uidl(names.account("pool", "jim", false), "x"),
                              NameHasher("0123456789abcdeg").account("pool", "joe", false)};
  EXPECT_EQ(all.size(), 9U);
  EXPECT_EQ(account, NameHasher("0123456789abcdef").account("pool", "joe", false));
  EXPECT_EQ(to_hex(account).size(), 32U);
  // What stands in stores must mean the same for ever.
  EXPECT_EQ(to_hex(account), "9a43fa5aa9064667795c921eba77bcb9");
  EXPECT_EQ(to_hex(names.uidl(account, "x")), "ecd4420194b9c81037d2b308ecfb0cbc");
}

TEST_F(Names, the_file_is_the_key_but_for_a_line_end) {
  const std::string key(NameHasher::kMinKey, 'k');
  const HashedName expected = NameHasher(key).account("p", "u", false);
  for (const char* end : {"", "\n", "\r\n"}) {
    const auto names = NameHasher::read(write(key + end));
    ASSERT_TRUE(names);
    EXPECT_EQ((*names)->account("p", "u", false), expected);
  }
  EXPECT_NE((*NameHasher::read(write(key + "\n\n")))->account("p", "u", false), expected);
}

TEST_F(Names, a_key_has_limits) {
  EXPECT_TRUE(NameHasher::read(write(std::string(NameHasher::kMaxKey, 'k') + "\r\n")));
  for (const std::size_t size : {std::size_t{0}, NameHasher::kMinKey - 1, NameHasher::kMaxKey + 1,
                                 2 * NameHasher::kMaxKey}) {
    const auto names = NameHasher::read(write(std::string(size, 'k')));
    ASSERT_FALSE(names) << size;
    EXPECT_EQ(names.error().code, ErrorCode::config);
    EXPECT_THAT(names.error().detail, HasSubstr("a key has 16 to 4096 octets"));
  }
  EXPECT_EQ(NameHasher::read(folder_.file("absent")).error().code, ErrorCode::config);
}

TEST_F(Names, a_key_is_made_once) {
  const std::string path = folder_.file("made");
  const auto first = NameHasher::read_or_make(path);
  ASSERT_TRUE(first);
  struct stat facts{};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  EXPECT_EQ(facts.st_size, 65);
  const auto second = NameHasher::read_or_make(path);
  ASSERT_TRUE(second);
  EXPECT_EQ((*first)->account("p", "u", false), (*second)->account("p", "u", false));
  EXPECT_EQ(NameHasher::read_or_make(folder_.file("no/folder")).error().code, ErrorCode::config);
}

}  // namespace
}  // namespace gatepost::filters
