#include "filters/attachments/tnef.h"

#include <gmock/gmock.h>

using namespace gatepost::filters;
using namespace std::string_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace {

std::string number(std::uint64_t value, int size) {
  std::string out;
  for (int i = 0; i < size; ++i) out += static_cast<char>((value >> (8 * i)) & 0xffU);
  return out;
}
std::string attribute(std::uint32_t id, const std::string& data) {
  return "\2" + number(id, 4) + number(data.size(), 4) + data + "\0\0"s;
}
std::string tnef(const std::string& attributes) {
  return number(0x223e9f78, 4) + "\1\0"s + attributes;
}
std::string property(std::uint32_t type, std::uint32_t id, const std::string& value) {
  return number(type, 2) + number(id, 2) + value;
}
std::string variable(const std::string& data) {
  return number(1, 4) + number(data.size(), 4) + data +
         std::string((4 - data.size() % 4) % 4, '\0');
}
std::string utf16(std::string_view ascii) {
  std::string out;
  for (const char c : ascii) out += {c, '\0'};
  return out + "\0\0"s;
}

TnefContents read(const std::string& text) {
  ContentInMemory content(text);
  const auto found = read_tnef(content);
  EXPECT_TRUE(found);
  return *found;
}

}  // namespace

TEST(Tnef, Title) {
  const TnefContents found =
      read(tnef(attribute(0x00018010, "evil.exe\0"s) + attribute(0x0006800f, "MZ\0\0"s)));
  EXPECT_THAT(found.names, ElementsAre("evil.exe"));
  EXPECT_FALSE(found.broken);
  ASSERT_EQ(found.files.size(), 1U);
  EXPECT_EQ(found.files[0].size, 4U);
}

TEST(Tnef, LongNamesAreProperties) {
  const std::string named = property(
      0x3, 0x8001,
      std::string(16, '\0') + number(1, 4) + number(6, 4) + "a\0b\0\0\0"s + "\0\0"s + number(7, 4));
  const std::string many = property(0x1003, 0x1234, number(2, 4) + number(1, 4) + number(2, 4));
  const std::string name = property(0x1f, 0x3707, variable(utf16("evil.exe")));
  const TnefContents found = read(tnef(attribute(0x00069005, number(3, 4) + named + many + name)));
  EXPECT_THAT(found.names, ElementsAre("evil.exe"));
  EXPECT_FALSE(found.broken);
}

TEST(Tnef, MessagesWithin) {
  std::string inner = tnef(attribute(0x00018010, "evil.exe"));
  const auto wrap = [](const std::string& message) {
    return tnef(attribute(
        0x00069005,
        number(1, 4) + property(0x0d, 0x3701, variable(std::string(16, '\1') + message))));
  };
  EXPECT_THAT(read(wrap(inner)).names, ElementsAre("evil.exe"));
  for (unsigned i = 0; i < TnefContents::kMaxDepth; ++i) inner = wrap(inner);
  EXPECT_TRUE(read(inner).broken);
}

TEST(Tnef, CutAnywhereItIsBrokenOrComplete) {
  const std::string whole = tnef(attribute(0x00018010, "a.exe") + attribute(0x00018010, "b.exe"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const TnefContents found = read(whole.substr(0, size));
    // Without the last checksum it is complete, and between two attributes nothing tells.
    const bool whole_attributes = size == 6 || found.names.size() == 2 || found.names.size() == 1;
    EXPECT_TRUE(found.broken || whole_attributes) << size;
  }
}

TEST(Tnef, Limits) {
  std::string attributes;
  for (std::size_t i = 0; i <= TnefContents::kMaxAttributes; ++i) attributes += attribute(1, "");
  EXPECT_TRUE(read(tnef(attributes)).broken);
  const TnefContents found =
      read(tnef(attribute(0x00018010, std::string(TnefContents::kMaxName + 1, 'a'))));
  ASSERT_EQ(found.names.size(), 1U);
  EXPECT_EQ(found.names[0].size(), TnefContents::kMaxName);
  // A length that goes beyond the end, a count without values.
  EXPECT_TRUE(read(tnef("\2" + number(0x00018010, 4) + number(0xffffffff, 4))).broken);
  EXPECT_TRUE(read(tnef(attribute(0x00069005, number(0xffffffff, 4)))).broken);
  EXPECT_TRUE(read("no tnef at all").broken);
}
