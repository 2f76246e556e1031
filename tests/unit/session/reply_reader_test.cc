#include "proxy/session/reply_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/chop.h"
#include "tests/support/leak_check.h"

namespace gatepost::session {
namespace {

using testing::Chopping;
using testing::TestPool;

pop3::Status status(bool ok) {
  pop3::Status status;
  status.ok = ok;
  return status;
}

void body(ReplyReader& reader, TestPool& pool, Chopping& chopping, std::string_view text) {
  reader.status(status(true));
  for (const std::string_view piece : chopping.cut(text)) reader.body(ByteChain(pool, piece));
  reader.end();
}

TEST(ReplyReader, reads_lists_line_by_line) {
  testing::for_each_chopping([](Chopping& chopping) {
    TestPool pool;
    std::string seen;
    int calls = 0;
    const auto reader = read_listing(
        [&seen](std::uint64_t number, std::string_view value) -> Result<void> {
          seen += std::to_string(number) + "=" + std::string(value) + " ";
          return {};
        },
        [&calls](const Result<void>& read, bool offered) {
          EXPECT_TRUE(read && offered);
          ++calls;
        });
    body(*reader, pool, chopping, "1 a\r\n2 b more\r\n.\r\n");
    EXPECT_EQ(seen, "1=a 2=b ");
    EXPECT_EQ(calls, 1);
  });
}

TEST(ReplyReader, says_what_is_wrong_once_the_list_is_complete) {
  testing::for_each_chopping([](Chopping& chopping) {
    for (const std::string& text :
         {std::string("nonsense\r\n1 a\r\n.\r\n"), std::string("1 a\r\n2 b\r\n3 c\r\n.\r\n"),
          "1 " + std::string(1'000, 'a') + "\r\n.\r\n"}) {
      TestPool pool;
      std::string problem;
      const auto reader = read_listing(
          [](std::uint64_t number, std::string_view /*value*/) -> Result<void> {
            if (number == 2) return fail(ErrorCode::protocol, "two");
            return {};
          },
          [&problem](const Result<void>& read, bool offered) {
            EXPECT_TRUE(offered);
            ASSERT_FALSE(read);
            problem = read.error().detail;
          });
      body(*reader, pool, chopping, text);
      EXPECT_EQ(problem,
                text[2] == 'a' && text[3] == '\r' ? "two" : "a line is no number and word");
    }
  });
}

TEST(ReplyReader, knows_refusals) {
  bool offered = true;
  read_listing([](auto, auto) { return Result<void>(); },
               [&offered](const Result<void>& read, bool o) {
                 EXPECT_FALSE(read);
                 offered = o;
               })
      ->status(status(false));
  EXPECT_FALSE(offered);
  std::optional<Digest> hash = Digest{};
  hash_reply([&hash](auto h) { hash = h; })->status(status(false));
  EXPECT_FALSE(hash);
  bool ok = false;
  read_status([&ok](bool o) { ok = o; })->status(status(true));
  EXPECT_TRUE(ok);
}

TEST(ReplyReader, hashes_headers) {
  testing::for_each_chopping([](Chopping& chopping) {
    TestPool pool;
    std::optional<Digest> hash;
    const auto reader = hash_reply([&hash](auto h) { hash = h; });
    body(*reader, pool, chopping, "Subject: a\r\n\r\n.\r\n");
    EXPECT_EQ(hash, sha256("Subject: a\r\n\r\n.\r\n"));
  });
}

}  // namespace
}  // namespace gatepost::session
