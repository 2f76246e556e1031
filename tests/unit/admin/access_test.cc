#include "proxy/admin/access.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/fake_timers.h"

namespace gatepost::admin {
namespace {

using Answer = Access::Answer;

constexpr std::string_view kToken = "0123456789abcdef";
const std::string kHere = "127.0.0.1";

http::Request with(std::string name, std::string value) {
  http::Request request;
  request.headers = {{std::move(name), std::move(value)}};
  return request;
}

class AccessTest : public ::testing::Test {
 protected:
  AccessTest() { access_.set_token(sha256(kToken)); }

  [[nodiscard]] Login* find(const std::string& cookie) {
    return access_.find(with("Cookie", "other=1; gatepost=" + cookie));
  }

  testing::FakeTimers timers_;
  Access access_{timers_};
};

TEST_F(AccessTest, TakesTheTokenAndNothingElse) {
  EXPECT_EQ(access_.ask(kToken, kHere), Answer::right);
  EXPECT_EQ(access_.ask("", kHere), Answer::wrong);
  EXPECT_EQ(access_.ask("0123456789abcdeF", kHere), Answer::wrong);
  EXPECT_EQ(access_.ask(std::string(kToken) + std::string(kMaxToken, 'x'), kHere), Answer::wrong);
  access_.set_token({});
  EXPECT_EQ(access_.ask(kToken, kHere), Answer::wrong);
}

TEST_F(AccessTest, MakesGuessersWaitLongerAndLonger) {
  for (std::uint32_t i = 0; i < Access::kFreeGuesses; ++i) {
    EXPECT_EQ(access_.ask("wrong", kHere), Answer::wrong);
    EXPECT_EQ(access_.wait_for(kHere), Duration(0));
  }
  EXPECT_EQ(access_.ask("wrong", kHere), Answer::wrong);
  EXPECT_EQ(access_.wait_for(kHere), Duration(1'000));
  EXPECT_EQ(access_.ask(kToken, kHere), Answer::wait) << "not even looked at";
  EXPECT_EQ(access_.ask(kToken, "192.0.2.1"), Answer::right) << "others do not wait";
  timers_.advance(Duration(1'000));
  EXPECT_EQ(access_.ask("wrong", kHere), Answer::wrong);
  EXPECT_EQ(access_.wait_for(kHere), Duration(2'000));
  for (int i = 0; i < 40; ++i) {
    timers_.advance(Access::kMaxWait);
    EXPECT_EQ(access_.ask("wrong", kHere), Answer::wrong);
  }
  EXPECT_EQ(access_.wait_for(kHere), Access::kMaxWait);
  timers_.advance(Access::kMaxWait);
  EXPECT_EQ(access_.ask(kToken, kHere), Answer::right);
  EXPECT_EQ(access_.ask("wrong", kHere), Answer::wrong);
  EXPECT_EQ(access_.wait_for(kHere), Duration(0)) << "forgotten";
}

TEST_F(AccessTest, RemembersSoManyGuessersOnly) {
  for (std::uint32_t i = 0; i <= Access::kFreeGuesses; ++i) {
    EXPECT_EQ(access_.ask("wrong", kHere), Answer::wrong);
  }
  for (std::size_t i = 0; i < Access::kMaxGuessers; ++i) {
    EXPECT_EQ(access_.ask("wrong", "net" + std::to_string(i)), Answer::wrong);
  }
  EXPECT_EQ(access_.wait_for(kHere), Duration(0));
}

TEST_F(AccessTest, KnowsLoginsByTheirCookie) {
  const std::string one = access_.log_in();
  const std::string other = access_.log_in();
  ASSERT_NE(find(one), nullptr);
  ASSERT_NE(find(other), nullptr);
  EXPECT_NE(find(one)->secret, find(other)->secret);
  EXPECT_EQ(find(one)->secret.size(), 32U);
  EXPECT_EQ(find("0" + one), nullptr);
  EXPECT_EQ(find(""), nullptr);
  access_.log_out(find(one)->cookie);
  EXPECT_EQ(find(one), nullptr);
  EXPECT_NE(find(other), nullptr);
  access_.set_token(sha256("another-token-00"));
  EXPECT_EQ(find(other), nullptr) << "another token";
}

TEST_F(AccessTest, EndsLoginsAfterAWhile) {
  const std::string idle = access_.log_in();
  timers_.advance(Access::kMaxIdle + Duration(1));
  EXPECT_EQ(find(idle), nullptr);
  const std::string busy = access_.log_in();
  for (Duration at{}; at + Access::kMaxIdle < Access::kMaxLogin; at += Access::kMaxIdle) {
    timers_.advance(Access::kMaxIdle);
    EXPECT_NE(find(busy), nullptr);
  }
  timers_.advance(Access::kMaxIdle);
  timers_.advance(Duration(1));
  EXPECT_EQ(find(busy), nullptr);
}

TEST_F(AccessTest, KeepsSoManyLoginsOnly) {
  const std::string first = access_.log_in();
  const std::string second = access_.log_in();
  for (std::size_t i = 0; i + 2 < Access::kMaxLogins; ++i) (void)access_.log_in();
  EXPECT_NE(find(first), nullptr);
  (void)access_.log_in();
  EXPECT_EQ(find(second), nullptr) << "used longest ago";
  EXPECT_NE(find(first), nullptr);
}

TEST(AccessRulesTest, CookiesStayWithUs) {
  EXPECT_EQ(cookie_field("ab"), "gatepost=ab; Path=/; HttpOnly; SameSite=Strict");
  EXPECT_EQ(cookie_field(""), "gatepost=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
}

TEST(AccessRulesTest, ReadsBearerTokens) {
  EXPECT_EQ(bearer_token(with("Authorization", "Bearer abc")), "abc");
  EXPECT_EQ(bearer_token(with("authorization", "bearer abc")), "abc");
  EXPECT_EQ(bearer_token(with("Authorization", "Basic abc")), std::nullopt);
  EXPECT_EQ(bearer_token({}), std::nullopt);
}

TEST(AccessRulesTest, FormsComeFromOwnPages) {
  EXPECT_TRUE(from_own_page(with("Sec-Fetch-Site", "same-origin")));
  for (const char* site : {"cross-site", "same-site", "none", "x"}) {
    EXPECT_FALSE(from_own_page(with("Sec-Fetch-Site", site))) << site;
  }
  http::Request request = with("Host", "127.0.0.1:9110");
  EXPECT_FALSE(from_own_page(request)) << "no browser";
  request.headers.emplace_back("Origin", "http://127.0.0.1:9110");
  EXPECT_TRUE(from_own_page(request));
  for (const char* origin : {"http://127.0.0.1:9111", "http://evil.example", "null", "http://"}) {
    request.headers.back().second = origin;
    EXPECT_FALSE(from_own_page(request)) << origin;
  }
  request.headers.back().second = "http://127.0.0.1:9110";
  request.headers.emplace_back("Sec-Fetch-Site", "cross-site");
  EXPECT_FALSE(from_own_page(request));
}

TEST(AccessRulesTest, KnowsItsOwnNames) {
  for (const char* host : {"127.0.0.1:9110", "127.0.0.1", "[::1]:9110", "localhost", "LocalHost:1",
                           "Mail.Example.com:9110", "192.0.2.7"}) {
    EXPECT_TRUE(names_us(with("Host", host), "mail.example.com")) << host;
  }
  for (const char* host : {"evil.example", "evil.example:9110", "127.0.0.1.evil.example", "",
                           "[::1", "localhost.evil.example", "[evil]:1"}) {
    EXPECT_FALSE(names_us(with("Host", host), "mail.example.com")) << host;
  }
  EXPECT_FALSE(names_us({}, ""));
  EXPECT_FALSE(names_us(with("Host", ":80"), ""));
}

}  // namespace
}  // namespace gatepost::admin
