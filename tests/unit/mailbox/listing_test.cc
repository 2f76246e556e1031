#include "proxy/mailbox/listing.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/chop.h"
#include "tests/support/leak_check.h"

namespace gatepost::mailbox {
namespace {

using Lines = std::vector<std::pair<std::string, bool>>;

Lines read(testing::TestPool& pool, testing::Chopping& chopping, std::string_view text) {
  Lines lines;
  ListingReader reader(
      [&lines](std::string_view line, bool whole) { lines.emplace_back(line, whole); });
  for (const std::string_view piece : chopping.cut(text)) reader.feed(ByteChain(pool, piece));
  return lines;
}

std::string joined(const Lines& lines) {
  std::string all;
  for (const auto& [line, whole] : lines) all += line;
  return all;
}

TEST(ListingLine, is_a_number_and_a_word) {
  const auto line = ListingLine::parse("12 340 octets\r\n");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->number, 12U);
  EXPECT_EQ(line->value, "340");
  EXPECT_EQ(line->octets(), 340U);
  EXPECT_EQ(ListingLine::parse("1  2\r\n")->octets(), 2U);
  EXPECT_EQ(ListingLine::parse("3 a-uidl!~\r\n")->value, "a-uidl!~");
  EXPECT_FALSE(ListingLine::parse("3 a-uidl\r\n")->octets());
  EXPECT_FALSE(ListingLine::parse("3 1x\r\n")->octets());
  for (const char* odd : {"", "\r\n", "1\r\n", "1 \r\n", "x 1\r\n", " 1 2\r\n", "-1 2\r\n", "..1 2",
                          "18446744073709551616 1\r\n"}) {
    EXPECT_FALSE(ListingLine::parse(odd)) << odd;
  }
}

TEST(ListingReader, hands_on_line_by_line_however_they_come) {
  testing::TestPool pool;
  testing::for_each_chopping([&pool](testing::Chopping& chopping) {
    const Lines expected = {
        {"1 100\r\n", true}, {"..\r\n", true}, {"\r\n", true}, {"2 x\r\n", true}};
    EXPECT_EQ(read(pool, chopping, "1 100\r\n..\r\n\r\n2 x\r\n.\r\n"), expected);
    EXPECT_EQ(read(pool, chopping, ".\r\n"), Lines());
  });
}

TEST(ListingReader, takes_a_bare_lf_or_cr_for_no_end_of_a_line) {
  testing::TestPool pool;
  testing::for_each_chopping([&pool](testing::Chopping& chopping) {
    const Lines expected = {{"1 100\n.\r\n", true}, {"2\r3 4\r\r\n", true}};
    EXPECT_EQ(read(pool, chopping, "1 100\n.\r\n2\r3 4\r\r\n.\r\n"), expected);
  });
}

TEST(ListingReader, passes_a_line_that_is_too_long_on_in_pieces) {
  testing::TestPool pool;
  const std::string fits = "1 " + std::string(ListingReader::kMaxLine - 4, 'x') + "\r\n";
  const std::string longer = "2 " + std::string(ListingReader::kMaxLine - 3, 'x') + "\r\n";
  const std::string endless = "3 " + std::string(100'000, '\r') + "x\n.\n\r\n";
  const std::string text = fits + longer + endless + "4 5\r\n";
  testing::for_each_chopping([&](testing::Chopping& chopping) {
    const Lines lines = read(pool, chopping, text + ".\r\n");
    EXPECT_EQ(joined(lines), text);
    EXPECT_EQ(lines.front(), std::pair(fits, true));
    EXPECT_EQ(lines.back(), std::pair(std::string("4 5\r\n"), true));
    for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
      EXPECT_FALSE(lines[i].second) << lines[i].first.substr(0, 20);
    }
  });
}

}  // namespace
}  // namespace gatepost::mailbox
