#include "proxy/session/reply_editor.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/chop.h"
#include "tests/support/leak_check.h"

namespace gatepost::session {
namespace {

pop3::Status status(std::string_view line) { return *pop3::parse_status(line); }

std::string run(testing::TestPool& pool, testing::Chopping& chopping, ReplyEditor& editor,
                std::string_view line, std::string_view body) {
  ByteChain out;
  editor.status(status(line), out);
  for (const std::string_view piece : chopping.cut(body)) {
    editor.body(ByteChain(pool, piece), out);
  }
  if (!body.empty()) editor.end(out);
  return out.to_string();
}

std::optional<std::uint64_t> seven_for_two(std::uint64_t number) {
  return number == 2 ? std::optional<std::uint64_t>(7) : std::nullopt;
}

TEST(ReplyEditor, adds_to_stat_what_upstream_has_not) {
  testing::TestPool pool;
  testing::Chopping whole(testing::Chopping::Kind::whole);
  const auto stat = [&](std::string_view line) {
    return run(pool, whole, *edit_stat(pool, {.count = 2, .octets = 30}), line, "");
  };
  EXPECT_EQ(stat("+OK 3 1200 here"), "+OK 5 1230 here\r\n");
  EXPECT_EQ(stat("+OK many"), "+OK many\r\n");
  EXPECT_EQ(stat("-ERR no"), "-ERR no\r\n");
}

TEST(ReplyEditor, edits_a_listing_however_it_comes) {
  testing::TestPool pool;
  testing::for_each_chopping([&pool](testing::Chopping& chopping) {
    const auto list = [&](SizeOf size_of, std::string tail, std::string_view line,
                          std::string_view body) {
      return run(pool, chopping, *edit_listing(pool, std::move(size_of), std::move(tail)), line,
                 body);
    };
    EXPECT_EQ(list(seven_for_two, "3 9\r\n", "+OK 2 messages", "1 5\r\n2 6\r\n.\r\n"),
              "+OK\r\n1 5\r\n2 7\r\n3 9\r\n.\r\n");
    EXPECT_EQ(list({}, "3 c\r\n", "+OK", "1 a\r\n2 6\r\n.\r\n"),
              "+OK\r\n1 a\r\n2 6\r\n3 c\r\n.\r\n");
    EXPECT_EQ(list(seven_for_two, "", "+OK", ".\r\n"), "+OK\r\n.\r\n");
    EXPECT_EQ(list(seven_for_two, "3 9\r\n", "-ERR no", ""), "-ERR no\r\n");
    const std::string endless = "2 " + std::string(5'000, '1') + "\r\n";
    EXPECT_EQ(list(seven_for_two, "", "+OK", endless + ".\r\n"), "+OK\r\n" + endless + ".\r\n");
  });
}

TEST(ReplyEditor, counts_a_list_however_it_comes) {
  testing::TestPool pool;
  testing::for_each_chopping([&pool](testing::Chopping& chopping) {
    EXPECT_EQ(run(pool, chopping, *stat_from_list(pool, seven_for_two, {.count = 1, .octets = 10}),
                  "+OK 2 messages", "1 5\r\n2 6\r\n.\r\n"),
              "+OK 3 22\r\n");
  });
}

TEST(ReplyEditor, edits_the_line_of_one_message) {
  testing::TestPool pool;
  testing::Chopping whole(testing::Chopping::Kind::whole);
  const auto line = [&](std::string_view text) {
    return run(pool, whole, *edit_list_line(pool, 7), text, "");
  };
  EXPECT_EQ(line("+OK 2 200"), "+OK 2 7\r\n");
  EXPECT_EQ(line("+OK 2 200 octets"), "+OK 2 7 octets\r\n");
  EXPECT_EQ(line("+OK"), "+OK\r\n");
  EXPECT_EQ(line("-ERR 2 200"), "-ERR 2 200\r\n");
}

TEST(ReplyEditor, reads_what_the_client_does_not_get) {
  testing::TestPool pool;
  testing::for_each_chopping([&pool](testing::Chopping& chopping) {
    std::optional<std::uint64_t> count;
    const auto stat = read_stat([&count](std::optional<std::uint64_t> said) { count = said; });
    EXPECT_EQ(run(pool, chopping, *stat, "+OK  3 1200", ""), "");
    EXPECT_EQ(count, 3U);

    std::string seen;
    std::optional<bool> known;
    const auto uidl = read_uidl(
        [&seen](std::uint64_t number, std::string_view text) {
          seen += std::to_string(number) + "=" + std::string(text) + " ";
        },
        [&known](bool said) { known = said; });
    EXPECT_EQ(run(pool, chopping, *uidl, "+OK", "1 a\r\n22 b c\r\nx y\r\n.\r\n"), "");
    EXPECT_EQ(seen, "1=a 22=b ");
    EXPECT_EQ(known, true);
  });
}

}  // namespace
}  // namespace gatepost::session
