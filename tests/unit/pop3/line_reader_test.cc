#include "proxy/pop3/line_reader.h"

#include <gmock/gmock.h>

#include "tests/unit/pop3/chop.h"

namespace gatepost::pop3 {
namespace {

using test::Pieces;
using testing::ElementsAre;
using testing::IsEmpty;
using Outcome = LineReader::Outcome;

constexpr std::size_t kLimit = 16;

std::vector<std::string> read(const Pieces& pieces, std::size_t limit = kLimit) {
  test::Source source;
  LineReader reader;
  std::vector<std::string> events;
  for (const std::string_view piece : pieces) {
    ByteChain in = source.chain(piece);
    for (bool more = true; more;) {
      switch (reader.next(in, limit)) {
        case Outcome::need_data:
          EXPECT_TRUE(in.empty());
          more = false;
          break;
        case Outcome::line:
          EXPECT_LE(reader.line().size() + 2, limit);
          EXPECT_FALSE(reader.mid_line());
          events.emplace_back(reader.line());
          break;
        case Outcome::too_long:
          EXPECT_LE(reader.line().size(), LineReader::kKeptOfDropped);
          events.emplace_back("<too long>");
          break;
        case Outcome::bare_lf:
          events.emplace_back("<bare LF>");
          return events;
      }
    }
  }
  return events;
}

std::vector<std::string> read_chopped(std::string_view text) {
  const std::vector<std::string> whole = read({text});
  for (const Pieces& pieces : test::choppings(text)) {
    EXPECT_EQ(read(pieces), whole) << "seed " << test::seed();
  }
  return whole;
}

TEST(LineReaderTest, CutsLinesAtCrlfWhereverTheChunksEnd) {
  EXPECT_THAT(read_chopped("one\r\n\r\nthree \r\nunfinished"), ElementsAre("one", "", "three "));
}

TEST(LineReaderTest, BareCrIsPartOfTheLine) {
  EXPECT_THAT(read_chopped("a\rb\r\n\r\r\n\r"), ElementsAre("a\rb", "\r"));
}

TEST(LineReaderTest, NulIsPartOfTheLine) {
  const std::string text("a\0b\r\n", 5);
  EXPECT_THAT(read_chopped(text), ElementsAre(std::string("a\0b", 3)));
}

TEST(LineReaderTest, BareLfEndsEverything) {
  EXPECT_THAT(read_chopped("one\r\ntwo\nthree\r\n"), ElementsAre("one", "<bare LF>"));
  EXPECT_THAT(read_chopped("\nQUIT\r\n"), ElementsAre("<bare LF>"));
  EXPECT_THAT(read_chopped("\r\n\nQUIT\r\n"), ElementsAre("", "<bare LF>"));
}

TEST(LineReaderTest, BareLfIsReportedForGood) {
  test::Source source;
  LineReader reader;
  ByteChain in = source.chain("a\nQUIT\r\n");
  EXPECT_EQ(reader.next(in, kLimit), Outcome::bare_lf);
  EXPECT_EQ(reader.next(in, kLimit), Outcome::bare_lf);
  in = source.chain("QUIT\r\n");
  EXPECT_EQ(reader.next(in, kLimit), Outcome::bare_lf);
}

TEST(LineReaderTest, LimitCountsCrlf) {
  EXPECT_THAT(read_chopped("12345678901234\r\nx\r\n"), ElementsAre("12345678901234", "x"));
  EXPECT_THAT(read_chopped("123456789012345\r\nx\r\n"), ElementsAre("<too long>", "x"));
  EXPECT_THAT(read_chopped("12345678901234\r\r\nx\r\n"), ElementsAre("<too long>", "x"));
}

TEST(LineReaderTest, LineThatIsTooLongIsDroppedWhole) {
  const std::string text = "ok\r\n" + std::string(1000, 'x') + "QUIT\rDELE 1\r\nnext\r\n";
  EXPECT_THAT(read_chopped(text), ElementsAre("ok", "<too long>", "next"));
}

TEST(LineReaderTest, BareLfInsideALineThatIsTooLongIsFound) {
  EXPECT_THAT(read_chopped(std::string(40, 'x') + "\nQUIT\r\n"), ElementsAre("<bare LF>"));
}

TEST(LineReaderTest, EndlessLineTakesNoMemory) {
  test::Source source;
  LineReader reader;
  const std::string block(60'000, 'x');
  for (int i = 0; i < 200; ++i) {
    ByteChain in = source.chain(block);
    ASSERT_EQ(reader.next(in, kLimit), Outcome::need_data);
    ASSERT_TRUE(in.empty());
    ASSERT_TRUE(reader.dropping());
    ASSERT_LE(reader.line().size(), LineReader::kKeptOfDropped);
  }
  ByteChain in = source.chain("\r\nafter\r\n");
  EXPECT_EQ(reader.next(in, kLimit), Outcome::too_long);
  EXPECT_EQ(reader.line(), "xxxxxxxxxxxxxxxx");
  EXPECT_EQ(reader.next(in, kLimit), Outcome::line);
  EXPECT_EQ(reader.line(), "after");
}

TEST(LineReaderTest, KeepsTheStartOfALineThatIsTooLong) {
  const std::string text = "GET /" + std::string(100, 'x') + "\r\n";
  for (const Pieces& pieces : test::choppings(text)) {
    test::Source source;
    LineReader reader;
    ByteChain in = source.chain(pieces);
    ASSERT_EQ(reader.next(in, kLimit), Outcome::too_long);
    ASSERT_EQ(reader.line(), text.substr(0, LineReader::kKeptOfDropped));
  }
}

TEST(LineReaderTest, LimitMayShrinkInsideALine) {
  test::Source source;
  LineReader reader;
  ByteChain in = source.chain("12345678901234567890\r");
  EXPECT_EQ(reader.next(in, 100), Outcome::need_data);
  in = source.chain("\nnext\r\n");
  EXPECT_EQ(reader.next(in, kLimit), Outcome::too_long);
  EXPECT_EQ(reader.next(in, kLimit), Outcome::line);
  EXPECT_EQ(reader.line(), "next");
}

TEST(LineReaderTest, LeavesWhatFollowsTheLineInTheInput) {
  test::Source source;
  LineReader reader;
  ByteChain in = source.chain("STLS\r\nstolen");
  EXPECT_EQ(reader.next(in, kLimit), Outcome::line);
  EXPECT_EQ(in.to_string(), "stolen");
  EXPECT_FALSE(reader.mid_line());
  EXPECT_EQ(reader.next(in, kLimit), Outcome::need_data);
  EXPECT_TRUE(reader.mid_line());
}

TEST(LineReaderTest, WipeForgetsALineButNotOneUnderWay) {
  test::Source source;
  LineReader reader;
  ByteChain in = source.chain("PASS secret\r\nUS");
  ASSERT_EQ(reader.next(in, kLimit), Outcome::line);
  const char* const memory = reader.line().data();
  reader.wipe();
  EXPECT_EQ(reader.line(), "");
  EXPECT_EQ(std::string_view(memory, 11).find("secret"), std::string_view::npos);
  ASSERT_EQ(reader.next(in, kLimit), Outcome::need_data);
  reader.wipe();
  in = source.chain("ER a\r\n");
  ASSERT_EQ(reader.next(in, kLimit), Outcome::line);
  EXPECT_EQ(reader.line(), "USER a");
}

TEST(LineReaderTest, AgreesWithANaiveReader) {
  std::mt19937 random(test::seed());
  for (int round = 0; round < 2000; ++round) {
    const std::string text = test::random_text(random, std::string_view("\r\n\r\nab\0c", 8), 60);
    std::vector<std::string> expected;
    for (std::size_t start = 0;;) {
      const std::size_t lf = text.find('\n', start);
      if (lf == std::string::npos) break;
      if (lf == start || text[lf - 1] != '\r') {
        expected.emplace_back("<bare LF>");
        break;
      }
      const std::size_t size = lf + 1 - start;
      expected.push_back(size > kLimit ? "<too long>" : text.substr(start, size - 2));
      start = lf + 1;
    }
    ASSERT_EQ(read(test::random_pieces(random, text)), expected)
        << testing::PrintToString(text) << " seed " << test::seed();
  }
}

TEST(LineReaderTest, EmptyInputNeedsData) { EXPECT_THAT(read({""}), IsEmpty()); }

}  // namespace
}  // namespace gatepost::pop3
