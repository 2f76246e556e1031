#include "proxy/admin/explanation.h"

#include <gtest/gtest.h>

#include <string>

namespace gatepost::admin {
namespace {

using About = Decision::About;

/// 2027-01-15 08:00:00 UTC
constexpr std::int64_t kNoon = 1'800'000'000'000;

Explanation example() {
  Explanation explanation;
  explanation.session = "0-1f";
  explanation.decisions = {
      {kNoon, About::arrival, 0, "192.0.2.7:50112 came to listener pop3s (POP3S)", "/listeners/0"},
      {kNoon + 7, About::user, 0, "joe", ""},
      {kNoon + 7, About::user, 0, "joe@example.org", "/routes/1/user"},
      {kNoon + 8, About::route, 0, "route all to pool main: it is for everybody\nnot route a",
       "/routes/1"},
      {kNoon + 2000, About::message, 3,
       "RETR: infected, so quarantine, after 12 ms\nclamd: infected", "/chains/0/policy/infected"},
      {kNoon + 2000, About::quarantined, 3, "17", ""},
      {kNoon + 61'000, About::end, 0, "quit, after 7 commands and 1 messages", ""},
  };
  return explanation;
}

TEST(Explanation, IsForPeople) {
  EXPECT_EQ(render(example(), ExplanationForm::text),
            "session 0-1f, 2027-01-15 UTC\n"
            "\n"
            "client\n"
            "  08:00:00.000  192.0.2.7:50112 came to listener pop3s (POP3S)\n"
            "                because of /listeners/0\n"
            "\n"
            "login\n"
            "  08:00:00.007  user joe\n"
            "  08:00:00.007  known as joe@example.org\n"
            "                because of /routes/1/user\n"
            "\n"
            "route\n"
            "  08:00:00.008  route all to pool main: it is for everybody\n"
            "                not route a\n"
            "                because of /routes/1\n"
            "\n"
            "message 3\n"
            "  08:00:02.000  RETR: infected, so quarantine, after 12 ms\n"
            "                clamd: infected\n"
            "                because of /chains/0/policy/infected\n"
            "  08:00:02.000  kept in quarantine as 17\n"
            "\n"
            "end\n"
            "  08:01:01.000  quit, after 7 commands and 1 messages\n");
}

TEST(Explanation, SaysWhatIsNotThere) {
  EXPECT_EQ(render(Explanation{}, ExplanationForm::text),
            "Nothing is known of it: it was in another process, or so long ago that it was "
            "forgotten.\n");
  EXPECT_EQ(render(Explanation{}, ExplanationForm::json),
            "{\"session\":\"\",\"message\":null,\"known\":false,\"older_forgotten\":false,"
            "\"decisions\":[]}\n");
  Explanation late = example();
  late.begins_later = true;
  EXPECT_TRUE(render(late, ExplanationForm::text).contains("older decisions were forgotten\n"));
  EXPECT_TRUE(render(late, ExplanationForm::json).contains("\"older_forgotten\":true"));
}

TEST(Explanation, IsForScripts) {
  Explanation one = example();
  one.message = 3;
  one.decisions = {one.decisions[4]};
  EXPECT_EQ(render(one, ExplanationForm::json),
            "{\"session\":\"0-1f\",\"message\":3,\"known\":true,\"older_forgotten\":false,"
            "\"decisions\":[{\"time\":\"2027-01-15T08:00:02.000Z\",\"about\":\"message\","
            "\"message\":3,\"decision\":\"RETR: infected, so quarantine, after 12 ms\","
            "\"details\":[\"clamd: infected\"],\"rule\":\"/chains/0/policy/infected\"}]}\n");
}

TEST(Explanation, LeavesTerminalsAlone) {
  Explanation explanation = example();
  explanation.session = "\x1b[2J";
  explanation.decisions = {{kNoon, About::user, 0, "j\x1b[31m\xff\xe2\x80\xae ö", "/\r"}};
  EXPECT_EQ(render(explanation, ExplanationForm::text),
            "session \\u001b[2J, 2027-01-15 UTC\n\nlogin\n"
            "  08:00:00.000  known as j\\u001b[31m\\xff\\u202e ö\n"
            "                because of /\\u000d\n");
  const std::string json = render(explanation, ExplanationForm::json);
  EXPECT_TRUE(json.contains("j\\u001b[31m\\ufffd\\u202e \\u00f6")) << json;
}

TEST(Explanation, ListsSessions) {
  const std::vector<SessionOfUser> sessions = {
      {"0-1", kNoon, "joe", "quit, after 3 commands\nand more"}, {"1-2", kNoon + 1, "JOE", ""}};
  EXPECT_EQ(render("joe", sessions, ExplanationForm::text),
            "1-2  2027-01-15 08:00:00.001 UTC  JOE  goes on\n"
            "0-1  2027-01-15 08:00:00.000 UTC  joe  quit, after 3 commands\n");
  EXPECT_EQ(render("joe", sessions, ExplanationForm::json),
            "{\"user\":\"joe\",\"sessions\":[{\"session\":\"1-2\",\"time\":"
            "\"2027-01-15T08:00:00.001Z\",\"user\":\"JOE\",\"end\":null},{\"session\":\"0-1\","
            "\"time\":\"2027-01-15T08:00:00.000Z\",\"user\":\"joe\",\"end\":"
            "\"quit, after 3 commands\"}]}\n");
  EXPECT_EQ(render("ann", {}, ExplanationForm::text), "No session of ann is known.\n");
  std::vector<SessionOfUser> many(Journal::kMaxSessionsOfUser + 1, sessions[1]);
  many.back().session = "0-first";
  many.back().at = 0;
  EXPECT_FALSE(render("joe", many, ExplanationForm::text).contains("0-first"));
}

TEST(Explanation, KnowsWhoseSessionItIs) {
  EXPECT_EQ(worker_of("3-1f/7"), 3U);
  EXPECT_EQ(worker_of("12-0"), 12U);
  for (const char* const id : {"", "-1", "q17", "x-1", "sweep", "3x-1", "99999999999-1"}) {
    EXPECT_EQ(worker_of(id), std::nullopt) << id;
  }
}

}  // namespace
}  // namespace gatepost::admin
