#include "filters/rewrite/condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "filters/rewrite/header_lookup.h"

namespace gatepost::filters {
namespace {

using config::When;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

bool holds(const std::function<void(When&)>& ask, const RuleInput& input, bool every = false) {
  When when;
  ask(when);
  const auto condition = Condition::create(when);
  if (!condition) {
    ADD_FAILURE() << condition.error().detail;
    return false;
  }
  EXPECT_FALSE(condition->empty());
  return condition->holds(input, every);
}

TEST(Condition, that_asks_nothing_holds) {
  const auto condition = Condition::create({});
  ASSERT_TRUE(condition);
  EXPECT_TRUE(condition->empty());
  EXPECT_TRUE(condition->holds({}));
  EXPECT_FALSE(condition->asks_for_size());
}

TEST(Condition, asks_who_fetches) {
  RuleInput input;
  input.user = "joe@example.org";
  input.route = "main";
  input.client_address = "192.0.2.7";
  EXPECT_TRUE(holds([](When& w) { w.users = {"x", "*@EXAMPLE.org"}; }, input));
  EXPECT_FALSE(holds([](When& w) { w.users = {"*@example.com"}; }, input));
  EXPECT_TRUE(holds([](When& w) { w.routes = {"other", "main"}; }, input));
  EXPECT_FALSE(holds([](When& w) { w.routes = {"mai"}; }, input));
  const auto in = [](const char* network) {
    return [network](When& w) { w.networks = {IpNetwork::parse(network).value()}; };
  };
  EXPECT_TRUE(holds(in("192.0.2.0/24"), input));
  EXPECT_FALSE(holds(in("198.51.100.0/24"), input));
  EXPECT_FALSE(holds(in("0.0.0.0/0"), {})) << "a Unix socket is in no network";
  // All that is asked must hold.
  EXPECT_FALSE(holds(
      [](When& w) {
        w.users = {"joe*"};
        w.routes = {"other"};
      },
      input));
}

TEST(Condition, asks_what_it_is) {
  RuleInput input;
  input.verdict = "spam";
  input.score = 5.0;
  input.size = 1000;
  input.external = true;
  EXPECT_TRUE(holds([](When& w) { w.verdicts = {"spam"}; }, input));
  EXPECT_FALSE(holds([](When& w) { w.verdicts = {"clean"}; }, input));
  EXPECT_TRUE(holds([](When& w) { w.min_score = 5.0; }, input));
  EXPECT_FALSE(holds([](When& w) { w.min_score = 5.1; }, input));
  EXPECT_FALSE(holds([](When& w) { w.min_score = -1; }, {}));
  EXPECT_TRUE(holds([](When& w) { w.larger_than = 999; }, input));
  EXPECT_FALSE(holds([](When& w) { w.larger_than = 1000; }, input));
  EXPECT_TRUE(holds([](When& w) { w.smaller_than = 1001; }, input));
  EXPECT_FALSE(holds([](When& w) { w.smaller_than = 1000; }, input));
  EXPECT_TRUE(holds([](When& w) { w.external = true; }, input));
  EXPECT_FALSE(holds([](When& w) { w.external = false; }, input));
}

TEST(Condition, asks_who_sent_it) {
  const auto from = [](const std::string& header, bool every = false) {
    RuleInput input;
    input.header = header;
    return holds([](When& w) { w.sender_domains = {"example.org", ".example.net"}; }, input, every);
  };
  EXPECT_TRUE(from("From: Joe <joe@Example.ORG>\r\n"));
  EXPECT_TRUE(from("From: joe@a.example.net\r\n"));
  EXPECT_TRUE(from("From: joe@example.net\r\n"));
  EXPECT_FALSE(from("From: joe@sub.example.org\r\n"));
  EXPECT_FALSE(from("From: joe@evilexample.net\r\n"));
  EXPECT_FALSE(from("From: \"boss@example.org\" <joe@evil.test>\r\n"));
  EXPECT_FALSE(from("From: evil@evil.test (boss@example.org)\r\n"));
  EXPECT_FALSE(from("Subject: x@example.org\r\n"));
  // One more address, or one more field, opens no door.
  for (const char* const header :
       {"From: a@example.org, b@evil.test\r\n", "From: a@example.org\r\nFrom: b@evil.test\r\n"}) {
    EXPECT_TRUE(from(header));
    EXPECT_FALSE(from(header, true));
  }
}

TEST(Condition, asks_for_header_fields) {
  const auto matches = [](const std::string& name, const std::string& pattern,
                          const std::string& header, bool every = false) {
    RuleInput input;
    input.header = header;
    return holds([&](When& w) { w.headers = {{name, pattern}}; }, input, every);
  };
  EXPECT_TRUE(matches("Subject", "^invoice", "subject: Invoice 7\r\n"));
  EXPECT_TRUE(matches("Subject", "rechnung", "Subject: =?utf-8?Q?Re?=\r\n =?utf-8?Q?chnung?=\r\n"));
  EXPECT_FALSE(matches("Subject", "^invoice", "X: invoice\r\n"));
  EXPECT_TRUE(matches("X", "", "X:\r\n"));
  EXPECT_TRUE(matches("X", "b", "X: a\r\nX: b\r\n"));
  EXPECT_FALSE(matches("X", "b", "X: a\r\nX: b\r\n", true));
}

TEST(Condition, says_what_is_wrong) {
  const auto error = [](const std::string& name, const std::string& pattern) {
    When when;
    when.headers = {{name, pattern}};
    const auto condition = Condition::create(when);
    return condition ? std::string() : condition.error().detail;
  };
  EXPECT_THAT(error("A", "("), HasSubstr("/headers/0/pattern: missing )"));
  EXPECT_EQ(error("a b", "x"), "/headers/0/name: must be the name of a header field");
  EXPECT_EQ(error("A", std::string(Condition::kMaxPattern + 1, 'a')),
            "/headers/0/pattern: longer than 2000 octets");
  EXPECT_THAT(error("A", "((a{100}){100}){100}"), HasSubstr("/headers/0/pattern: "));
}

TEST(HeaderLookup, reads_senders) {
  EXPECT_THAT(sender_domains("From: A <a@b.c>, (x@y) \"q@r\" <d@e>,\r\n f@G.h.\r\n"),
              ElementsAre("b.c", "e", "g.h"));
  EXPECT_THAT(sender_domains("From: undisclosed\r\n"), ElementsAre(""));
  EXPECT_THAT(sender_domains("From: \"open <a@b>\r\n"), ElementsAre());
  EXPECT_THAT(sender_domains("To: a@b\r\n"), ElementsAre());
}

}  // namespace
}  // namespace gatepost::filters
