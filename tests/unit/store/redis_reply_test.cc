#include "proxy/store/redis_reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/chop.h"

namespace gatepost::store {
namespace {

using testing::Chopping;
using ::testing::ElementsAre;
using testing::for_each_chopping;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = RedisReply::Kind;

/// The reply as one line.
std::string told(const RedisReply& reply) {
  switch (reply.kind) {
    case Kind::nothing:
      return "nil";
    case Kind::status:
      return "+" + reply.text;
    case Kind::error:
      return "-" + reply.text;
    case Kind::number:
      return std::to_string(reply.number);
    case Kind::text:
      return "'" + reply.text + "'";
    case Kind::list:
      break;
  }
  std::string all = "[";
  for (const RedisReply& item : reply.items) all += told(item) + " ";
  return all + "]";
}

/// What comes of `text`, and the error at its end, if there is one.
std::vector<std::string> read(std::string_view text,
                              Chopping chopping = Chopping(Chopping::Kind::whole),
                              RedisReader reader = RedisReader()) {
  std::vector<std::string> found;
  for (const std::string_view piece : chopping.cut(text)) {
    reader.feed(piece);
    for (;;) {
      auto reply = reader.next();
      if (!reply) {
        found.push_back(std::string(to_string(reply.error().code)));
        return found;
      }
      if (!*reply) break;
      found.push_back(told(**reply));
    }
  }
  return found;
}

TEST(RedisReader, reads_every_kind_however_it_is_cut) {
  const std::string text =
      "+OK\r\n-ERR no\r\n:-42\r\n$5\r\na\r\nb\n\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n"
      "*3\r\n:1\r\n*2\r\n+x\r\n$-1\r\n$2\r\nyz\r\n";
  for_each_chopping([&](Chopping& chopping) {
    EXPECT_THAT(read(text, chopping), ElementsAre("+OK", "-ERR no", "-42", "'a\r\nb\n'", "''",
                                                  "nil", "nil", "[]", "[1 [+x nil ] 'yz' ]"));
  });
}

TEST(RedisReader, nonsense_is_an_error) {
  for (const char* text : {"HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", "*x\r\n", "$-2\r\n",
                           "*-2\r\n", ":1x\r\n", "$1\r\nabc\r\n+OK\r\n", "%1\r\n+a\r\n+b\r\n"}) {
    const auto found = read(text);
    ASSERT_FALSE(found.empty()) << text;
    EXPECT_EQ(found.back(), "protocol") << text;
  }
}

TEST(RedisReader, lists_in_lists_have_an_end) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "*1\r\n";
  EXPECT_THAT(read(text + ":1\r\n"), ElementsAre("protocol"));
}

TEST(RedisReader, a_reply_has_a_limit_in_octets) {
  const std::string fits = "$10\r\n0123456789\r\n";
  const std::string beyond = "$11\r\n0123456789a\r\n";
  for_each_chopping([&](Chopping& chopping) {
    // Each for itself, not all together.
    EXPECT_THAT(read(fits + fits + fits, chopping, RedisReader(fits.size())),
                ElementsAre("'0123456789'", "'0123456789'", "'0123456789'"));
    EXPECT_THAT(read(fits + beyond, chopping, RedisReader(fits.size())),
                ElementsAre("'0123456789'", "limit"));
  });
  // Nobody waits for the end of what is announced.
  EXPECT_THAT(read("$1000000000\r\n" + std::string(2'000, 'x'), Chopping(Chopping::Kind::random),
                   RedisReader(1'000)),
              ElementsAre("limit"));
}

TEST(RedisReader, a_reply_has_a_limit_in_parts) {
  for_each_chopping([&](Chopping& chopping) {
    EXPECT_THAT(read("*2\r\n:1\r\n:2\r\n*2\r\n:1\r\n:2\r\n", chopping, RedisReader(1'000, 3)),
                ElementsAre("[1 2 ]", "[1 2 ]"));
    EXPECT_THAT(read("*2\r\n*1\r\n:1\r\n:2\r\n", chopping, RedisReader(1'000, 3)),
                ElementsAre("limit"));
  });
}

TEST(RedisReader, makes_no_room_for_what_is_only_announced) {
  EXPECT_THAT(read("*2147483647\r\n:1\r\n"), ElementsAre());
  EXPECT_THAT(read("*9223372036854775807\r\n"), ElementsAre("protocol"));
  std::string text;
  for (std::size_t i = 0; i <= RedisReader::kMaxItems; ++i) text += "*0\r\n";
  EXPECT_THAT(read("*2147483647\r\n" + text), ElementsAre("limit"));
}

TEST(RedisCommand, is_an_array_of_texts) {
  EXPECT_EQ(redis_command({"GET", std::string_view("a\r\n\0b", 5), ""}),
            std::string("*3\r\n$3\r\nGET\r\n$5\r\na\r\n") + '\0' + "b\r\n$0\r\n\r\n");
}

RedisReply error(const std::string& text) {
  RedisReply reply;
  reply.kind = Kind::error;
  reply.text = text;
  return reply;
}

TEST(RedisErrors, say_whether_the_store_can_be_had) {
  EXPECT_EQ(error_of(error("READONLY You can't write")).code, ErrorCode::closed);
  EXPECT_EQ(error_of(error("LOADING Redis is loading")).code, ErrorCode::closed);
  EXPECT_EQ(error_of(error("OOM command not allowed")).code, ErrorCode::system);
  EXPECT_EQ(error_of(error("NOPERM this user has no")).code, ErrorCode::system);
  EXPECT_EQ(error_of(error("WRONGTYPE Operation")).code, ErrorCode::protocol);
  EXPECT_THAT(error_of(error("MOVED 3999 127.0.0.1:6381")).detail, HasSubstr("Cluster"));
}

TEST(RedisErrors, do_not_repeat_what_was_sent) {
  const Error told =
      error_of(error("ERR unknown command `EVAL`, with args beginning with: `secret` `more`"));
  EXPECT_THAT(told.detail, Not(HasSubstr("secret")));
  EXPECT_THAT(told.detail, HasSubstr("unknown command"));
  EXPECT_LE(error_of(error("ERR " + std::string(10'000, 'x'))).detail.size(), 200U);
}

}  // namespace
}  // namespace gatepost::store
