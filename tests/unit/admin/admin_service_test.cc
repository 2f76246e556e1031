#include "proxy/admin/admin_service.h"

#include <gtest/gtest.h>

#include "proxy/admin/events.h"
#include "proxy/http/form.h"
#include "tests/unit/admin/service_fixture.h"

namespace gatepost::admin {
namespace {

using test::Answer;
using test::ServiceFixture;
using test::Wire;

class AdminServiceTest : public ServiceFixture {};

const test::Headers kProgram = {{"Accept", "*/*"}};

TEST_F(AdminServiceTest, ServesMetricsWithTheTypePrometheusExpects) {
  const Answer answer = get("/metrics", kProgram);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer.body, "m 1\n");
}

TEST_F(AdminServiceTest, SaysWhetherItIsReady) {
  EXPECT_EQ(get("/readyz").body, "ready\n");
  reasons = {"draining", "no listener"};
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/readyz").body, "draining\nno listener\n");
  EXPECT_EQ(get("/healthz").status, 200) << "lives all the same";
  EXPECT_EQ(get("/healthz").body, "ok\n");
}

TEST_F(AdminServiceTest, ProgramsAreServedWhateverNameTheyAskFor) {
  for (const char* path : {"/metrics", "/healthz", "/readyz"}) {
    EXPECT_EQ(get(path, {{"Host", "gateway.example"}}).status, 200) << path;
  }
}

TEST_F(AdminServiceTest, ListsItsPagesForWhoDoesNotWantHtml) {
  const Answer list = get("/", kProgram);
  EXPECT_EQ(list.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_TRUE(list.has("/metrics"));
  EXPECT_EQ(get("/", {{"Accept", ""}, {"Host", "gateway.example"}}).body, list.body);
}

TEST_F(AdminServiceTest, AnswersHeadLikeGetWithoutBody) {
  for (const char* path : {"/", "/metrics", "/readyz", "/sessions", "/style.css", "/quarantine"}) {
    const Answer answer = ask("HEAD", path);
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.body, "") << path;
    EXPECT_EQ(answer.header("Content-Length"), get(path).header("Content-Length")) << path;
  }
}

TEST_F(AdminServiceTest, KnowsNoOtherPathWhateverTheMethod) {
  EXPECT_EQ(get("/metrics/").status, 404);
  EXPECT_EQ(get("/sessions/../metrics").status, 404);
  EXPECT_EQ(post("/etc/passwd", "").status, 404);
  EXPECT_EQ(ask("OPTIONS", "*").status, 404);
}

TEST_F(AdminServiceTest, SaysWhichMethodsItTakes) {
  for (const char* path : {"/metrics", "/", "/sessions", "/style.css", "/events"}) {
    const Answer answer = post(path, "");
    EXPECT_EQ(answer.status, 405) << path;
    EXPECT_EQ(answer.header("Allow"), "GET, HEAD") << path;
  }
  EXPECT_EQ(get("/reload").status, 405);
  EXPECT_EQ(get("/reload").header("Allow"), "POST");
  EXPECT_EQ(ask("PUT", "/login").header("Allow"), "GET, HEAD, POST");
  EXPECT_EQ(ask("get", "/sessions").status, 405);
  EXPECT_TRUE(office.done_.empty());
}

TEST_F(AdminServiceTest, ForbidsBrowsersWhatPagesDoNotNeed) {
  for (const char* path : {"/", "/sessions", "/style.css", "/script.js", "/login"}) {
    const Answer answer = get(path);
    EXPECT_EQ(answer.header("Content-Security-Policy"),
              "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
              "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
        << path;
    EXPECT_EQ(answer.header("X-Frame-Options"), "DENY") << path;
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff") << path;
    EXPECT_EQ(answer.header("Referrer-Policy"), "same-origin") << path;
    EXPECT_EQ(answer.header("Cache-Control"), "no-store") << path;
    EXPECT_EQ(answer.body.find("style=\""), std::string::npos) << path;
  }
}

TEST_F(AdminServiceTest, PagesAreNotForOtherNames) {
  for (const char* host : {"evil.example", "evil.example:9110", "localhost.evil.example"}) {
    EXPECT_EQ(get("/", {{"Host", host}}).status, 403) << host;
    EXPECT_EQ(get("/sessions", {{"Host", host}}).status, 403) << host;
    EXPECT_EQ(get("/events", {{"Host", host}}).status, 403) << host;
  }
  EXPECT_EQ(get("/", {{"Host", "localhost:8080"}}).status, 200);
  EXPECT_EQ(get("/", {{"Host", "mail.example.com"}}).status, 200) << "as configured";
  make(false, true);
  EXPECT_EQ(get("/", {{"Host", "gateway.example"}}).status, 200) << "not on loopback";
}

TEST_F(AdminServiceTest, HostileTextsAreInert) {
  const std::string hostile = "\"><script>alert(1)</script>\u202e\x1b[31m'";
  session::SessionFacts one;
  for (std::string* text : {&one.id, &one.user, &one.client, &one.via, &one.device, &one.doing,
                            &one.server_name, &one.route, &one.upstream, &one.cipher, &one.state}) {
    *text = hostile;
  }
  office.list_.sessions = {one};
  office.list_.matching = 1;
  office.status_.not_ready = {hostile};
  office.status_.stale_files = {hostile};
  office.status_.upstreams = {{hostile, hostile, "down", hostile, 0, 1, 0, 0}};
  office.status_.certificates = {{hostile, hostile, {hostile}, {}}};
  office.status_.logins = {{hostile, 1}};
  office.status_.config_file = hostile;
  testing::FakeQuarantine::Message message;
  message.record.number = 7;
  message.record.user = message.record.subject = message.record.from = message.record.threat =
      hostile;
  message.fields = {{hostile, hostile}};
  quarantine.messages = {message};
  retention.all = {{hostile, hostile, true, {{hostile, 1}}}};
  retention.held = {hostile};
  retention.answer.rows = {{hostile, hostile, hostile, 0, 0, 0}};
  log_in();
  const std::string query = "user=" + http::percent_encode(hostile);
  for (const std::string& target :
       {std::string("/"), std::string("/sessions"), "/sessions?" + query, std::string("/upstreams"),
        std::string("/certificates"), std::string("/configuration"), std::string("/quarantine"),
        std::string("/quarantine?number=7"), "/quarantine?" + query, std::string("/retention"),
        "/retention?" + query + "&pool=" + http::percent_encode(hostile),
        "/login?next=" + http::percent_encode(hostile)}) {
    const Answer answer = get(target, {{"Cookie", cookie}});
    EXPECT_EQ(answer.status, 200) << target;
    EXPECT_FALSE(answer.has("<script>alert")) << target;
    EXPECT_FALSE(answer.has("\"><script>")) << target;
    EXPECT_FALSE(answer.has("\u202e")) << target;
    EXPECT_FALSE(answer.has("\x1b")) << target;
  }
}

TEST_F(AdminServiceTest, ShowsSoManyRowsOnly) {
  for (std::size_t i = 0; i < kMaxRows + 1; ++i) {
    session::SessionFacts one;
    one.id = "id" + std::to_string(i) + ".";
    office.list_.sessions.push_back(one);
  }
  office.list_.matching = kMaxRows + 1;
  const Answer first = get("/sessions");
  EXPECT_TRUE(first.has("id99."));
  EXPECT_FALSE(first.has("id100."));
  EXPECT_TRUE(first.has("/sessions?user=&amp;skip=100"));
  const Answer second = get("/sessions?user=&skip=100");
  EXPECT_TRUE(second.has("id100."));
  EXPECT_FALSE(second.has("id99."));
  EXPECT_EQ(get("/sessions?skip=99999999999999999999").status, 200);
  (void)get("/sessions?skip=9999999999");
  EXPECT_EQ(office.query_.limit, Office::kMaxSessions) << "not more than the office tells";
}

TEST_F(AdminServiceTest, RefusesQueriesThatAreNone) {
  EXPECT_EQ(get("/sessions?user=%zz").status, 400);
  EXPECT_EQ(get("/quarantine?number=-1").status, 400);
  EXPECT_EQ(get("/quarantine?number=1x").status, 400);
  EXPECT_EQ(get("/quarantine?number=8").status, 404);
}

TEST_F(AdminServiceTest, WhatNamesPeopleNeedsTheTokenWhereOthersCanReachIt) {
  make(false, true);
  for (const char* path : {"/sessions", "/quarantine", "/configuration", "/retention?user=joe"}) {
    EXPECT_EQ(get(path).status, 403) << path;
  }
  EXPECT_EQ(office.query_.limit, SessionQuery().limit) << "was not asked";
  EXPECT_TRUE(retention.done.empty());
  for (const char* path : {"/", "/upstreams", "/scanning", "/certificates", "/retention"}) {
    EXPECT_EQ(get(path).status, 200) << path;
  }
  EXPECT_TRUE(get("/sessions").has("type=\"password\"")) << "asks for it";
  log_in();
  EXPECT_EQ(get("/sessions", {{"Cookie", cookie}}).status, 200);
  make(false, false);
  EXPECT_EQ(get("/sessions").status, 403);
  EXPECT_TRUE(get("/sessions").has("admin.token_file"));
}

TEST_F(AdminServiceTest, StreamsFiguresWhileSomebodyWatches) {
  office.status_.octets_out = 1'000;
  auto wire = std::make_unique<Wire>(*service);
  wire->send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::string sent = wire->peer->take_sent();
  EXPECT_NE(sent.find("Content-Type: text/event-stream"), std::string::npos);
  EXPECT_NE(sent.find("data: {\"figures\":{"), std::string::npos) << sent;
  office.status_.octets_out = 5'000;
  timers.advance(Events::kInterval);
  wire->turn();
  sent = wire->peer->take_sent();
  EXPECT_NE(sent.find("\"octets\":2000"), std::string::npos) << sent;
  wire.reset();
  timers.advance(Events::kInterval);
  EXPECT_EQ(timers.armed(), 0U) << "nobody watches";
}

TEST_F(AdminServiceTest, EndsStreamsAfterAWhile) {
  Wire wire(*service);
  wire.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(wire.connection->streaming());
  for (Duration at{}; at < Events::kMaxAge; at += Events::kInterval) {
    timers.advance(Events::kInterval);
    wire.turn();
    (void)wire.peer->take_sent();
  }
  EXPECT_FALSE(wire.connection->streaming());
}

TEST_F(AdminServiceTest, EndsStreamsWhenAnotherProcessAnswers) {
  Wire wire(*service);
  wire.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(wire.connection->streaming());
  service->end_events();
  wire.turn();
  EXPECT_FALSE(wire.connection->streaming());
  timers.advance(Events::kInterval);
  EXPECT_EQ(timers.armed(), 0U);
}

TEST_F(AdminServiceTest, EndsStreamsOfWhoDoesNotKeepUp) {
  Wire wire(*service, {.accept_per_turn = 0});
  wire.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(wire.connection->streaming());
  office.status_.logins.assign(4'000, {"a-name-of-some-length-to-fill-the-event", 1});
  for (std::size_t i = 0; i < office.status_.logins.size(); ++i) {
    office.status_.logins[i].first += std::to_string(i);
  }
  for (int i = 0; i < 3; ++i) timers.advance(Events::kInterval);
  EXPECT_FALSE(wire.connection->streaming());
}

TEST_F(AdminServiceTest, StreamsToSoManyOnly) {
  std::vector<std::unique_ptr<Wire>> wires;
  for (std::size_t i = 0; i < Events::kMaxStreams; ++i) {
    wires.push_back(std::make_unique<Wire>(*service));
    wires.back()->send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(wires.back()->connection->streaming());
  }
  EXPECT_EQ(get("/events").status, 503);
  wires.pop_back();
  Wire another(*service);
  another.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(another.connection->streaming());
}

}  // namespace
}  // namespace gatepost::admin
