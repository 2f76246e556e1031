#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/admin/admin_service.h"
#include "proxy/http/server_connection.h"
#include "tests/support/fake_office.h"
#include "tests/support/fake_rooms.h"
#include "tests/support/fake_timers.h"
#include "tests/support/memory_transport.h"
#include "tests/support/recording_log.h"

namespace gatepost::admin::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view kToken = "correct-horse-battery-staple";

struct Answer {
  int status = 0;
  std::string head;
  std::string body;

  [[nodiscard]] bool has(std::string_view text) const {
    return body.find(text) != std::string::npos;
  }
  [[nodiscard]] std::string header(const std::string& name) const {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

/// One connection of a client to the service.
class Wire {
 public:
  explicit Wire(AdminService& service, testing::WireOptions options = {}) {
    auto made = testing::make_memory_transport(pool_, std::move(options));
    peer = made.peer;
    connection = std::make_unique<http::ServerConnection>(
        std::move(made.transport), pool_,
        [this, &service](const http::Request& request, http::Responder responder) {
          service.handle(request, peer->options.address, std::move(responder));
        });
  }
  void send(std::string_view text) {
    peer->deliver(text);
    turn();
  }
  void turn() {
    while (peer->turn()) {
    }
  }

 private:
  BlockPool pool_;

 public:
  std::shared_ptr<testing::MemoryPeer> peer;
  std::unique_ptr<http::ServerConnection> connection;
};

/// The service over plain data, asked as a browser asks.
class ServiceFixture : public ::testing::Test {
 protected:
  void make(bool local, bool with_token) {
    service = std::make_unique<AdminService>(
        AdminService::Sources{.metrics = [] { return std::string("m 1\n"); },
                              .not_ready = [this] { return reasons; },
                              .configuration = [] { return std::string("{\"workers\": 2}"); },
                              .office = office,
                              .quarantine = quarantine,
                              .retention = retention,
                              .log = log},
        timers, AdminService::Place{local, "mail.example.com"});
    if (with_token) service->set_token(sha256(kToken));
  }
  void SetUp() override { make(true, true); }

  Answer ask(std::string method, std::string target, Headers headers = {}, std::string body = {}) {
    Headers all = {{"Host", "127.0.0.1:9110"}, {"Accept", "text/html,*/*"}};
    for (auto& [name, value] : headers) {
      std::erase_if(all, [&name](const auto& one) { return one.first == name; });
      if (!value.empty()) all.emplace_back(name, value);
    }
    std::string request = method + " " + target + " HTTP/1.1\r\n";
    for (const auto& [name, value] : all) request += name + ": " + value + "\r\n";
    if (method == "POST") request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    Wire wire(*service);
    wire.send(request + "\r\n" + body);
    const std::string sent = wire.peer->take_sent();
    const auto end = sent.find("\r\n\r\n");
    if (end == std::string::npos) return {};
    return {std::stoi(sent.substr(9, 3)), sent.substr(0, end + 2), sent.substr(end + 4)};
  }
  Answer get(std::string target, Headers headers = {}) {
    return ask("GET", std::move(target), std::move(headers));
  }
  /// As a form of ours is sent.
  Answer post(std::string target, std::string body, Headers headers = {}) {
    Headers all = {{"Content-Type", "application/x-www-form-urlencoded"},
                   {"Sec-Fetch-Site", "same-origin"}};
    if (!cookie.empty()) all.emplace_back("Cookie", cookie);
    for (auto& header : headers) all.push_back(std::move(header));
    return ask("POST", std::move(target), std::move(all), std::move(body));
  }
  /// Logs in; afterwards post() is from that browser.
  void log_in() {
    const Answer answer = post("/login", "next=%2Fsessions&token=" + std::string(kToken));
    ASSERT_EQ(answer.status, 303) << answer.body;
    const std::string field = answer.header("Set-Cookie");
    cookie = field.substr(0, field.find(';'));
    const std::string body = get("/", {{"Cookie", cookie}}).body;
    constexpr std::string_view kMark = "name=\"secret\" value=\"";
    const auto at = body.find(kMark);
    ASSERT_NE(at, std::string::npos) << body;
    secret = "secret=" + body.substr(at + kMark.size(), 32);
  }

  testing::FakeTimers timers;
  testing::RecordingLog log;
  testing::FakeOffice office;
  testing::FakeQuarantine quarantine;
  testing::FakeRetention retention;
  std::vector<std::string> reasons;
  std::string cookie;
  std::string secret;
  std::unique_ptr<AdminService> service;
};

}  // namespace gatepost::admin::test
