#include "proxy/admin/control_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "proxy/http/server_connection.h"
#include "tests/support/fake_office.h"
#include "tests/support/memory_transport.h"

namespace gatepost::admin {
namespace {

using gatepost::testing::FakeOffice;
using gatepost::testing::make_memory_transport;
using gatepost::testing::MemoryPeer;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Json = nlohmann::json;

/// Asks over a real connection in memory.
class ControlServiceTest : public ::testing::Test {
 protected:
  ControlServiceTest() {
    auto wire = make_memory_transport(pool_);
    peer_ = wire.peer;
    connection_ = std::make_unique<http::ServerConnection>(
        std::move(wire.transport), pool_,
        [this](const http::Request& request, http::Responder responder) {
          service_.handle(request, std::move(responder), "uid 7");
        });
  }
  void run() {
    while (peer_->turn()) {
    }
  }
  /// The answer, whole.
  std::string ask(const std::string& method, const std::string& target,
                  const std::string& body = {}) {
    peer_->deliver(method + " " + target + " HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                   std::to_string(body.size()) + "\r\n\r\n" + body);
    run();
    return peer_->take_sent();
  }
  static Json json_of(const std::string& answer) {
    return Json::parse(answer.substr(answer.find("\r\n\r\n")));
  }

  BlockPool pool_;
  FakeOffice office_;
  ControlService service_{office_};
  std::shared_ptr<MemoryPeer> peer_;
  std::unique_ptr<http::ServerConnection> connection_;
};

TEST_F(ControlServiceTest, TellsTheStatus) {
  office_.status_.version = "1.2.3";
  office_.status_.not_ready = {"draining"};
  office_.status_.logins = {{"ok", 3}};
  office_.status_.config_file = "\xff";
  const std::string answer = ask("GET", "/status");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"));
  const Json json = json_of(answer);
  EXPECT_EQ(json["version"], "1.2.3");
  EXPECT_EQ(json["ready"], false);
  EXPECT_EQ(json["logins"]["ok"], 3);
  EXPECT_EQ(json["config_file"], "\xEF\xBF\xBD");  // what is no UTF-8 is replaced
}

TEST_F(ControlServiceTest, ListsSessionsWhenTheWorkersHaveAnswered) {
  office_.later_ = true;
  office_.list_.matching = 5;
  office_.list_.sessions.resize(1);
  office_.list_.sessions[0].id = "0-1f";
  EXPECT_EQ(ask("GET", "/sessions?user=j%2a&limit=1"), "");
  EXPECT_EQ(office_.query_.user, "j*");
  EXPECT_EQ(office_.query_.limit, 1U);
  ASSERT_EQ(office_.waiting_.size(), 1U);
  office_.waiting_[0]();
  run();
  const Json json = json_of(peer_->take_sent());
  EXPECT_EQ(json["matching"], 5);
  EXPECT_EQ(json["sessions"][0]["id"], "0-1f");
}

TEST_F(ControlServiceTest, AnswersNobodyWhenTheClientHasGone) {
  office_.later_ = true;
  ask("GET", "/sessions");
  connection_.reset();
  ASSERT_EQ(office_.waiting_.size(), 1U);
  office_.waiting_[0]();
}

TEST_F(ControlServiceTest, DoesWhatItIsAsked) {
  EXPECT_EQ(json_of(ask("POST", "/kick", R"({"ids": ["0-1", "1-2"]})"))["ended"], 2);
  EXPECT_EQ(json_of(ask("POST", "/kick", R"({"user": "j*"})"))["ended"], 1);
  for (const char* path : {"/drain", "/reload", "/upgrade"}) {
    EXPECT_THAT(ask("POST", path), StartsWith("HTTP/1.1 200 OK")) << path;
  }
  EXPECT_THAT(ask("POST", "/log-level", R"({"level": "debug"})"), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(office_.done_,
              ElementsAre("kick 0-1 1-2 by uid 7", "kick user j* by uid 7", "drain by uid 7",
                          "reload by uid 7", "upgrade by uid 7", "level debug by uid 7"));
}

TEST_F(ControlServiceTest, SaysWhySomethingWasNotDone) {
  office_.outcome_ = fail(ErrorCode::config, "g.json:1: /x: unknown key\n");
  const std::string answer = ask("POST", "/reload");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 422 "));
  EXPECT_EQ(json_of(answer)["error"], "g.json:1: /x: unknown key\n");
  office_.outcome_ = fail(ErrorCode::refused, "it is draining already");
  EXPECT_THAT(ask("POST", "/drain"), StartsWith("HTTP/1.1 409 "));
  office_.outcome_ = fail(ErrorCode::limit, "there are too many traces already");
  const std::string refusal = ask("POST", "/trace", R"({"user": "joe"})");
  EXPECT_THAT(refusal, StartsWith("HTTP/1.1 409 "));
  EXPECT_EQ(json_of(refusal)["error"], "there are too many traces already");
}

TEST_F(ControlServiceTest, Explains) {
  EXPECT_THAT(ask("GET", "/explain?id=0-1f%2F3"), EndsWith("\r\n\r\ntext of 0-1f/3"));
  EXPECT_THAT(ask("GET", "/explain?user=joe&json=1"), EndsWith("\r\n\r\njson of user joe"));
  for (const char* target : {"/explain", "/explain?id=0-1&user=joe", "/explain?id="}) {
    EXPECT_THAT(ask("GET", target), StartsWith("HTTP/1.1 400 ")) << target;
  }
}

TEST_F(ControlServiceTest, RefusesWhatItDoesNotUnderstand) {
  EXPECT_THAT(ask("GET", "/nothing"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("GET", "/drain"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(ask("POST", "/status"), StartsWith("HTTP/1.1 405 "));
  for (const char* target :
       {"/sessions?limit=many", "/sessions?limit=-1", "/sessions?user=%2", "/sessions?user"}) {
    EXPECT_THAT(ask("GET", target), StartsWith("HTTP/1.1 400 ")) << target;
  }
  for (const char* body : {"", "[]", "{", "{}", R"({"ids": "0-1"})", R"({"ids": [1]})",
                           R"({"user": ""})", R"({"user": 1})", R"({"ids": [], "user": "x"})"}) {
    EXPECT_THAT(ask("POST", "/kick", body), StartsWith("HTTP/1.1 400 ")) << body;
  }
  EXPECT_THAT(ask("POST", "/log-level", R"({"level": "loud"})"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(office_.done_, IsEmpty());
}

TEST_F(ControlServiceTest, TakesNoMoreThanItsLimits) {
  Json ids = Json::array();
  for (std::size_t i = 0; i < ControlService::kMaxIds; ++i) ids.push_back("0-1");
  EXPECT_THAT(ask("POST", "/kick", Json{{"ids", ids}}.dump()), StartsWith("HTTP/1.1 200 "));
  ids.push_back("0-1");
  EXPECT_THAT(ask("POST", "/kick", Json{{"ids", ids}}.dump()), StartsWith("HTTP/1.1 400 "));
  const std::string longest(ControlService::kMaxPattern, 'x');
  EXPECT_THAT(ask("POST", "/kick", Json{{"user", longest}}.dump()), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask("POST", "/kick", Json{{"user", longest + 'x'}}.dump()),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET", "/sessions?user=" + longest), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask("GET", "/sessions?user=x" + longest), StartsWith("HTTP/1.1 400 "));
}

TEST_F(ControlServiceTest, TakesWishesForTraces) {
  EXPECT_THAT(ask("POST", "/trace", R"({"user":"j*","seconds":7,"full":true})"),
              HasSubstr("a trace"));
  EXPECT_THAT(office_.done_, ElementsAre("trace j* 7 full by uid 7"));
  const std::string too_long = std::to_string(ControlService::kMaxTraceSeconds + 1);
  for (const std::string& body :
       {std::string("{}"), std::string(R"({"user":""})"), std::string(R"({"user":7})"),
        R"({"user":"j","seconds":)" + too_long + "}", std::string(R"({"user":"j","seconds":0})"),
        std::string(R"({"user":"j","seconds":"x"})"), std::string(R"({"user":"j","full":1})")}) {
    EXPECT_THAT(ask("POST", "/trace", body), StartsWith("HTTP/1.1 400 ")) << body;
  }
}

}  // namespace
}  // namespace gatepost::admin
