#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/admin/service_fixture.h"

namespace gatepost::admin {
namespace {

using test::Answer;
using test::kToken;
using test::ServiceFixture;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ActionsTest : public ServiceFixture {
 protected:
  [[nodiscard]] bool nothing_done() const {
    return office.done_.empty() && quarantine.done.empty();
  }
  /// With the token itself, as programs do.
  Answer program(std::string target, std::string body, std::string_view token = kToken) {
    return ask("POST", std::move(target),
               {{"Content-Type", "application/x-www-form-urlencoded"},
                {"Authorization", "Bearer " + std::string(token)}},
               std::move(body));
  }
};

TEST_F(ActionsTest, WithoutATokenFileThereAreNone) {
  make(true, false);
  EXPECT_EQ(post("/reload", "").status, 403);
  EXPECT_EQ(program("/reload", "").status, 401);
  EXPECT_EQ(post("/login", "token=").status, 403);
  EXPECT_TRUE(get("/").has("Read-only"));
  EXPECT_TRUE(nothing_done());
}

TEST_F(ActionsTest, NeedALogin) {
  EXPECT_EQ(post("/reload", "").status, 403);
  EXPECT_EQ(post("/reload", "secret=").status, 403);
  EXPECT_EQ(post("/drain", "confirmed=yes").status, 403);
  EXPECT_EQ(post("/quarantine/release", "number=7").status, 403);
  EXPECT_FALSE(get("/").has("/reload"));
  cookie = "gatepost=00000000000000000000000000000000";
  EXPECT_EQ(post("/reload", "secret=").status, 403);
  EXPECT_TRUE(nothing_done());
}

TEST_F(ActionsTest, NeedAFormOfTheSameLogin) {
  log_in();
  EXPECT_EQ(post("/reload", "").status, 403) << "no secret";
  EXPECT_EQ(post("/reload", "secret=00000000000000000000000000000000").status, 403);
  const std::string other = secret;
  log_in();
  EXPECT_EQ(post("/reload", other).status, 403);
  EXPECT_TRUE(nothing_done());
  EXPECT_EQ(post("/reload", secret).status, 303);
  EXPECT_THAT(office.done_, ElementsAre("reload by status page 0.0.0.0:4711"));
}

TEST_F(ActionsTest, NeedAFormOfOurPages) {
  log_in();
  EXPECT_EQ(post("/reload", secret, {{"Sec-Fetch-Site", "cross-site"}}).status, 403);
  EXPECT_EQ(post("/reload", secret, {{"Sec-Fetch-Site", "same-site"}}).status, 403);
  EXPECT_EQ(post("/reload", secret, {{"Sec-Fetch-Site", ""}}).status, 403) << "says nothing";
  EXPECT_EQ(post("/reload", secret, {{"Sec-Fetch-Site", ""}, {"Origin", "null"}}).status, 403);
  EXPECT_EQ(
      post("/reload", secret, {{"Sec-Fetch-Site", ""}, {"Origin", "http://evil.example"}}).status,
      403);
  EXPECT_EQ(post("/reload", secret, {{"Host", "evil.example"}}).status, 403);
  EXPECT_EQ(post("/reload", secret, {{"Content-Type", "text/plain"}}).status, 400);
  EXPECT_TRUE(nothing_done());
  EXPECT_EQ(
      post("/reload", secret, {{"Sec-Fetch-Site", ""}, {"Origin", "http://127.0.0.1:9110"}}).status,
      303);
}

TEST_F(ActionsTest, LoginsOfOtherSitesAreRefused) {
  const std::string form = "token=" + std::string(kToken);
  EXPECT_EQ(post("/login", form, {{"Sec-Fetch-Site", "cross-site"}}).status, 403);
  EXPECT_EQ(post("/login", form).header("Location"), "/");
  EXPECT_EQ(post("/login", form + "&next=%2Fquarantine").header("Location"), "/quarantine");
  EXPECT_EQ(post("/login", form + "&next=%2F%2Fevil.example").header("Location"), "/");
  EXPECT_EQ(post("/login", form + "&next=%0D%0ASet-Cookie%3Ax").header("Location"), "/");
}

TEST_F(ActionsTest, WrongTokensAreLoggedAndSlowedDown) {
  for (std::uint32_t i = 0; i <= Access::kFreeGuesses; ++i) {
    EXPECT_EQ(post("/login", "token=wrong-wrong-wrong").status, 403);
  }
  const Answer late = post("/login", "token=" + std::string(kToken));
  EXPECT_EQ(late.status, 429);
  EXPECT_EQ(late.header("Retry-After"), "1");
  EXPECT_EQ(program("/reload", "").status, 429);
  EXPECT_EQ(log.count("admin_login_failed"), Access::kFreeGuesses + 1);
  EXPECT_EQ(log.count("wrong-wrong"), 0U);
  timers.advance(Duration(1'000));
  EXPECT_EQ(post("/login", "token=" + std::string(kToken)).status, 303);
  EXPECT_EQ(log.count(std::string(kToken)), 0U);
  EXPECT_EQ(log.count("admin_login by="), 1U) << log.lines.back();
}

TEST_F(ActionsTest, ProgramsShowTheToken) {
  EXPECT_EQ(program("/reload", "", "wrong").status, 401);
  EXPECT_TRUE(nothing_done());
  const Answer done = program("/reload", "");
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(done.body, "The configuration was read again and is in force.\n");
  office.outcome_ = fail(ErrorCode::config, "/listeners: none");
  EXPECT_EQ(program("/reload", "").status, 409);
  EXPECT_TRUE(program("/reload", "").has("/listeners: none"));
  office.ended_ = 0;
  EXPECT_EQ(program("/sessions/end", "id=s9").status, 404);
}

TEST_F(ActionsTest, TheResultIsToldOnce) {
  log_in();
  office.outcome_ = fail(ErrorCode::config, "<b>wrong</b>");
  EXPECT_EQ(post("/reload", secret).header("Location"), "/");
  EXPECT_EQ(get("/style.css", {{"Cookie", cookie}}).status, 200) << "does not take it away";
  const Answer next = get("/", {{"Cookie", cookie}});
  EXPECT_TRUE(next.has("What was in force stays in force. &lt;b&gt;wrong&lt;/b&gt;"));
  EXPECT_FALSE(get("/", {{"Cookie", cookie}}).has("What was in force"));
}

TEST_F(ActionsTest, EndsASession) {
  session::SessionFacts one;
  one.id = "s1";
  office.list_.sessions = {one};
  log_in();
  const Answer answer = post("/sessions/end", secret + "&id=s1&user=j%2A");
  EXPECT_EQ(answer.header("Location"), "/sessions?user=j%2A");
  EXPECT_THAT(office.done_, ElementsAre("kick s1 by status page 0.0.0.0:4711"));
  EXPECT_TRUE(get("/sessions?user=j%2A", {{"Cookie", cookie}}).has("1 session ended."));
  office.ended_ = 0;
  (void)post("/sessions/end", secret + "&id=s2");
  EXPECT_TRUE(get("/sessions", {{"Cookie", cookie}}).has("There is no such session any more."));
}

TEST_F(ActionsTest, AsksBeforeWhatCannotBeTakenBack) {
  log_in();
  const Answer user = post("/sessions/end-user", secret + "&user=%3Cb%3E%2A");
  EXPECT_EQ(user.status, 200);
  EXPECT_TRUE(user.has("End all sessions of &lt;b&gt;* now?"));
  EXPECT_TRUE(user.has("name=\"confirmed\" value=\"yes\""));
  EXPECT_TRUE(user.has("name=\"user\" value=\"&lt;b&gt;*\""));
  EXPECT_EQ(post("/sessions/end-user", secret + "&user=&confirmed=yes").status, 400);
  EXPECT_EQ(post("/drain", secret).status, 200);
  EXPECT_EQ(post("/quarantine/delete", secret + "&number=7").status, 200);
  EXPECT_EQ(program("/drain", "").status, 422);
  EXPECT_TRUE(nothing_done());
  EXPECT_EQ(post("/sessions/end-user", secret + "&user=j%2A&confirmed=yes").status, 303);
  EXPECT_EQ(post("/drain", secret + "&confirmed=yes").status, 303);
  EXPECT_EQ(program("/quarantine/delete", "number=7&confirmed=yes").status, 200);
  EXPECT_THAT(office.done_, ElementsAre("kick user j* by status page 0.0.0.0:4711",
                                        "drain by status page 0.0.0.0:4711"));
  EXPECT_THAT(quarantine.done, ElementsAre("remove 7 by status page 0.0.0.0:4711"));
}

TEST_F(ActionsTest, ReleasesMessages) {
  log_in();
  EXPECT_EQ(post("/quarantine/release", secret + "&number=x").status, 400);
  EXPECT_THAT(quarantine.done, IsEmpty());
  EXPECT_EQ(post("/quarantine/release", secret + "&number=7").header("Location"),
            "/quarantine?number=7");
  EXPECT_TRUE(get("/quarantine", {{"Cookie", cookie}}).has("no such message"));
}

TEST_F(ActionsTest, ALogoutEndsTheLogin) {
  log_in();
  const Answer answer = post("/logout", secret);
  EXPECT_EQ(answer.status, 303);
  EXPECT_NE(answer.header("Set-Cookie").find("Max-Age=0"), std::string::npos);
  EXPECT_EQ(post("/reload", secret).status, 403);
  EXPECT_TRUE(nothing_done());
}

TEST_F(ActionsTest, ANewTokenEndsLogins) {
  log_in();
  service->set_token(sha256(kToken));
  EXPECT_TRUE(get("/", {{"Cookie", cookie}}).has("/reload")) << "the same as before";
  service->set_token(sha256("another-token-000"));
  EXPECT_EQ(post("/reload", secret).status, 403);
}

}  // namespace
}  // namespace gatepost::admin
