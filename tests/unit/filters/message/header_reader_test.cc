#include "filters/message/header_reader.h"

#include <gtest/gtest.h>

#include "filters/message/header_text.h"
#include "tests/support/chop.h"
#include "tests/support/leak_check.h"

namespace gatepost::filters {
namespace {

using ::gatepost::testing::Chopping;
using ::gatepost::testing::for_each_chopping;
using ::gatepost::testing::TestPool;

HeaderFacts read(std::string_view text, Chopping chopping) {
  TestPool pool;
  HeaderReader reader;
  for (const std::string_view piece : chopping.cut(text)) {
    const ByteChain chain(pool, piece);
    reader.feed(chain);
  }
  reader.end();
  return reader.facts();
}

HeaderFacts read(std::string_view text) { return read(text, Chopping(Chopping::Kind::whole)); }

TEST(HeaderReader, reads_what_a_notice_tells) {
  for_each_chopping([](Chopping& chopping) {
    const HeaderFacts facts = read(
        "Received: x\r\nFROM: a@example.org\r\nsubject :one\r\n two\r\nDate: now\r\n"
        "Subject: other\r\nContent-Type: text/plain\r\n\r\nFrom: body\r\n",
        chopping);
    EXPECT_EQ(facts.from, " a@example.org\r\n");
    EXPECT_EQ(facts.subject, "one\r\n two\r\n");
    EXPECT_EQ(facts.date, " now\r\n");
    EXPECT_FALSE(facts.partial);
    EXPECT_FALSE(facts.too_large);
  });
}

TEST(HeaderReader, cuts_long_texts) {
  EXPECT_EQ(read("Subject: " + std::string(100'000, 'x') + "\r\n\r\n").subject.size(),
            kMaxFieldText);
}

TEST(HeaderReader, sees_partial_messages) {
  for (const std::string_view text : {"message/partial; id=1; number=1",
                                      "MESSAGE/Partial",
                                      "message / partial",
                                      "\"message/partial\"",
                                      "\"message\"/\"partial\"",
                                      "message/(comment)partial",
                                      "(a (nested) one) message/partial",
                                      "message\r\n /\r\n\tpartial",
                                      "=?us-ascii?q?message/partial?=",
                                      "message/partial(",
                                      "(open message/partial",
                                      "mess\x01"
                                      "age/partial",
                                      "; message/partial",
                                      "message/\\partial",
                                      "text/plain, message/partial",
                                      "message/partial, text/plain",
                                      "\"(\" message/partial",
                                      "message\xc2\xa0/partial",
                                      "'message/partial'",
                                      "(\")\" message/partial"}) {
    EXPECT_TRUE(may_be_partial(text)) << text;
    EXPECT_TRUE(read("Content-Type:" + std::string(text) + "\r\n\r\n").partial) << text;
  }
}

TEST(HeaderReader, takes_nothing_else_for_a_partial_message) {
  for (const std::string_view text :
       {"", "text/plain", "multipart/mixed; boundary=\"message/partial\"", "message/rfc822",
        "text/plain; name=\"a.message/partial\"", "message/external-body",
        "text/plain (message/partial)", "message/part",
        "application/octet-stream; name=\"=?utf-8?q?message=2Fpartial?=\""}) {
    EXPECT_FALSE(may_be_partial(text)) << text;
  }
  EXPECT_FALSE(read("A: 1\r\n\r\nContent-Type: message/partial\r\n").partial);
  EXPECT_FALSE(read("X-Content-Type: message/partial\r\n\r\n").partial);
}

TEST(HeaderReader, takes_the_dangerous_reading_of_an_odd_header) {
  const std::string field = "Content-Type: message/partial\r\n";
  for (const std::string& text : std::vector<std::string>{
           "Content-Type: text/plain\r\n" + field, field + "Content-Type: text/plain\r\n",
           "no field\r\n" + field, " folded\r\n" + field, " " + field, "From me\r\n" + field,
           "\r\n" + field, "\r\n\r\n\r\n" + field, "A: 1\r\n \r\n" + field,
           "content-TYPE \t:message/partial\r\n",
           std::string("Content-\x01Type: message/partial\r\n")}) {
    for_each_chopping(
        [&](Chopping& chopping) {
          EXPECT_TRUE(read(text + "\r\nbody\r\n", chopping).partial) << text;
        },
        3);
  }
}

TEST(HeaderReader, gives_up_a_header_beyond_its_limits) {
  const auto header = [](std::size_t fields, std::size_t size) {
    std::string text;
    for (std::size_t i = 0; i < fields; ++i) text += "A: " + std::string(size - 5, 'x') + "\r\n";
    return text;
  };
  EXPECT_FALSE(read(header(HeaderReader::kMaxFields, 6) + "\r\nbody").too_large);
  EXPECT_TRUE(read(header(HeaderReader::kMaxFields + 1, 6) + "\r\nbody").too_large);
  EXPECT_FALSE(read(header(1024, 1024) + "\r\nbody").too_large);
  EXPECT_TRUE(read(header(1024, 1024) + "A:\r\n\r\nbody").too_large);
  EXPECT_TRUE(read(header(1, HeaderReader::kMaxHeader + 1)).too_large);
  std::string empty_lines;
  while (empty_lines.size() <= HeaderReader::kMaxHeader) empty_lines += "\r\n\r\n\r\n\r\n";
  EXPECT_TRUE(read(empty_lines).too_large);
  EXPECT_FALSE(read("A:\r\n" + empty_lines).too_large);
  const std::string filler(HeaderScanner::kMaxField, ' ');
  EXPECT_TRUE(read("Content-Type:" + filler + "message/partial\r\n\r\n").too_large);
  EXPECT_FALSE(read("To:" + filler + "x\r\n\r\n").too_large);
}

TEST(HeaderReader, holds_no_memory_of_the_body) {
  TestPool pool;
  HeaderReader reader;
  for (int i = 0; i < 100; ++i) {
    const ByteChain piece(pool, i == 0 ? "A: 1\r\n\r\n" : std::string(60'000, 'x'));
    reader.feed(piece);
  }
  EXPECT_EQ(pool->held_blocks(), 0U);
}

}  // namespace
}  // namespace gatepost::filters
