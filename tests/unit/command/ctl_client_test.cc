#include "proxy/command/ctl_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "proxy/server/http_listener.h"
#include "tests/unit/net/sockets.h"

namespace gatepost::command {
namespace {

using ::gatepost::testing::TestFolder;
using ::testing::HasSubstr;

constexpr Duration kShort{300};

/// A listener in a thread of its own, and who asks it.
class CtlClientTest : public ::testing::Test {
 protected:
  void serve(const Endpoint& at, server::HttpListener::Handler handler) {
    auto listener = server::HttpListener::start(loop_, at, std::move(handler), {});
    ASSERT_TRUE(listener) << listener.error().detail;
    listener_ = std::move(*listener);
    at_ = listener_->bound();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~CtlClientTest() override {
    if (!thread_.joinable()) return;
    loop_.post([this] { loop_.stop(); });
    thread_.join();
  }
  [[nodiscard]] CtlQuestion question(std::string target) const {
    return {.where = at_, .method = "GET", .target = std::move(target), .body = {}};
  }

  net::Loop loop_;
  std::unique_ptr<server::HttpListener> listener_;
  Endpoint at_;
  std::thread thread_;
};

TEST_F(CtlClientTest, AsksOverTcpAndOverAUnixSocket) {
  const TestFolder folder;
  for (const Endpoint& at : {Endpoint{"127.0.0.1", 0, {}}, Endpoint{{}, 0, folder / "control"}}) {
    net::Loop loop;
    auto listener = server::HttpListener::start(
        loop, at,
        [](const http::Request& request, http::Responder responder, const auto& who) {
          http::Response response;
          response.status = 409;
          response.body = request.method + request.target + request.body +
                          (who.user ? " user " + std::to_string(*who.user) : "");
          responder.answer(response);
        },
        {});
    ASSERT_TRUE(listener);
    std::thread thread([&loop] { loop.run(); });
    const auto answer = ask_gateway(
        {.where = (*listener)->bound(), .method = "POST", .target = "/kick", .body = "{}"});
    loop.post([&loop] { loop.stop(); });
    thread.join();
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_EQ(answer->status, 409);
    EXPECT_EQ(answer->body,
              "POST/kick{}" + (at.is_unix() ? " user " + std::to_string(::getuid()) : ""));
  }
}

TEST_F(CtlClientTest, TakesABodyPieceByPiece) {
  serve({"127.0.0.1", 0, {}},
        [](const auto& /*request*/, http::Responder responder, const auto& /*who*/) {
          http::Stream stream = responder.stream({});
          stream.send("one\n");
          stream.send("two\n");
        });
  std::string taken;
  const auto answer = listen_to_gateway(question("/"), [&](std::string_view piece) {
    taken += piece;
    return true;
  });
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(taken, "one\ntwo\n");
}

TEST_F(CtlClientTest, EndsWhenItsReaderWantsNoMore) {
  http::Stream stream;
  bool gone = false;
  serve({"127.0.0.1", 0, {}},
        [&](const auto& /*request*/, http::Responder responder, const auto& /*who*/) {
          stream = responder.stream({});
          stream.on_gone([&] { gone = true; });
          stream.send("one\n");
        });
  ASSERT_TRUE(listen_to_gateway(question("/"), [](std::string_view) { return false; }));
  EXPECT_TRUE(gatepost::testing::wait_until([&] {
    bool seen = false;
    std::atomic<bool> looked = false;
    loop_.post([&] {
      seen = gone;
      looked = true;
    });
    while (!looked) std::this_thread::yield();
    return seen;
  }));
}

TEST_F(CtlClientTest, SaysWhenNobodyIsThere) {
  const auto unix_answer = ask_gateway(
      {.where = {{}, 0, "/nonexistent/control"}, .method = "GET", .target = "/", .body = {}});
  ASSERT_FALSE(unix_answer);
  EXPECT_EQ(unix_answer.error().code, ErrorCode::network);
  EXPECT_THAT(unix_answer.error().detail, HasSubstr("/nonexistent/control: No such file"));
}

TEST_F(CtlClientTest, DoesNotWaitForever) {
  std::vector<http::Responder> owed;
  std::atomic<bool> asked_for = false;
  serve({"127.0.0.1", 0, {}},
        [&](const auto& /*request*/, http::Responder responder, const auto& /*who*/) {
          owed.push_back(std::move(responder));
          asked_for = true;
        });
  CtlQuestion asked = question("/");
  asked.patience = kShort;
  const auto answer = ask_gateway(asked);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::timeout);
  ASSERT_TRUE(gatepost::testing::wait_until([&] { return asked_for.load(); }));
  std::atomic<bool> cleared = false;
  loop_.post([&] {
    owed.clear();
    cleared = true;
  });
  while (!cleared) std::this_thread::yield();
}

TEST_F(CtlClientTest, TakesNoLongerAnswerThanItsLimit) {
  http::Response response;
  response.body = std::string(kMaxCtlAnswer + 1, 'x');
  serve({"127.0.0.1", 0, {}}, [&](const auto& /*request*/, http::Responder responder,
                                  const auto& /*who*/) { responder.answer(response); });
  const auto answer = ask_gateway(question("/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::limit);
}

}  // namespace
}  // namespace gatepost::command
