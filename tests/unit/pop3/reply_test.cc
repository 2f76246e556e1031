#include "proxy/pop3/reply.h"

#include <gtest/gtest.h>

namespace gatepost::pop3 {
namespace {

TEST(ReplyTest, StatusIsUpperCaseThenEndOrBlank) {
  const std::optional<Status> good = parse_status("+OK 2 320");
  ASSERT_TRUE(good);
  EXPECT_TRUE(good->ok);
  EXPECT_EQ(good->text, "2 320");
  const std::optional<Status> bad = parse_status("-ERR no such message");
  ASSERT_TRUE(bad);
  EXPECT_FALSE(bad->ok);
  EXPECT_EQ(bad->text, "no such message");
  EXPECT_TRUE(parse_status("+OK"));
  EXPECT_TRUE(parse_status("-ERR"));
  EXPECT_TRUE(parse_status("+OK "));
  for (const std::string_view line : {"", "+", "+ ", "+ok", "-err", "+Ok x", "+OKAY", "+OK\tx",
                                      "-ERROR", " +OK", "OK", "+ERR", "-OK", "* OK", "220 ready"}) {
    EXPECT_FALSE(parse_status(line)) << line;
  }
}

TEST(ReplyTest, StatusKeepsBlanksWithEightBitText) {
  EXPECT_EQ(parse_status("+OK  gr\xC3\xBC\xDF ")->text, " gr\xC3\xBC\xDF ");
}

TEST(ReplyTest, StatusWithLineBreakersIsNone) {
  EXPECT_FALSE(parse_status("+OK a\rb"));
  EXPECT_FALSE(parse_status("+OK a\nb"));
  EXPECT_FALSE(parse_status(std::string_view("+OK a\0b", 7)));
  EXPECT_FALSE(parse_status("-ERR\r"));
}

TEST(ReplyTest, WireGivesTheLineBack) {
  for (const std::string_view line : {"+OK", "-ERR", "+OK x", "-ERR  [IN-USE] a ", "+OK \xFF"}) {
    EXPECT_EQ(parse_status(line)->wire(), std::string(line) + "\r\n");
  }
}

TEST(ReplyTest, CodeIsReadFromTheText) {
  EXPECT_EQ(parse_status("-ERR [AUTH] wrong")->code(), "AUTH");
  EXPECT_EQ(parse_status("-ERR [sys/temp] later")->code(), "SYS/TEMP");
  EXPECT_EQ(parse_status("-ERR [IN-USE]")->code(), "IN-USE");
  for (const std::string_view line :
       {"-ERR", "-ERR wrong", "-ERR [", "-ERR []", "-ERR [A B] x", "-ERR [/A] x", "-ERR [A/] x",
        "-ERR [A//B] x", "-ERR x [AUTH]", "-ERR [AUTH", "-ERR [\xC3\xA9] x", "-ERR  [AUTH]"}) {
    EXPECT_EQ(parse_status(line)->code(), "") << line;
  }
}

TEST(ReplyTest, OurOwnLinesCarryCodeWithText) {
  EXPECT_EQ(ok("ready"), "+OK ready\r\n");
  EXPECT_EQ(ok(""), "+OK\r\n");
  EXPECT_EQ(err("no"), "-ERR no\r\n");
  EXPECT_EQ(err(""), "-ERR\r\n");
  EXPECT_EQ(err(ResponseCode::sys_temp, "later"), "-ERR [SYS/TEMP] later\r\n");
  EXPECT_EQ(err(ResponseCode::sys_perm, "no"), "-ERR [SYS/PERM] no\r\n");
  EXPECT_EQ(err(ResponseCode::auth, "no"), "-ERR [AUTH] no\r\n");
  EXPECT_EQ(err(ResponseCode::in_use, "no"), "-ERR [IN-USE] no\r\n");
}

TEST(ReplyTest, OurOwnLinesEndAt512Octets) {
  EXPECT_EQ(err(std::string(505, 'x')), "-ERR " + std::string(505, 'x') + "\r\n");
  EXPECT_EQ(err(std::string(506, 'x')), "-ERR " + std::string(505, 'x') + "\r\n");
  EXPECT_EQ(err(ResponseCode::sys_temp, std::string(9000, 'x')).size(), kMaxReplyLine);
  EXPECT_EQ(ok(std::string(9000, 'x')).size(), kMaxReplyLine);
}

TEST(ReplyTest, OurOwnLinesStayOneLine) {
  EXPECT_EQ(err("a\r\n+OK b"), "-ERR a??+OK b\r\n");
  EXPECT_EQ(ok(std::string_view("a\0\x1B[31m\x7F\tb", 10)), "+OK a??[31m?\tb\r\n");
}

}  // namespace
}  // namespace gatepost::pop3
