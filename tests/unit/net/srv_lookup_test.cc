#include "proxy/net/srv_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/unit/net/dns_answer.h"
#include "tests/unit/net/sockets.h"

namespace gatepost::net {
namespace {

using ::gatepost::testing::DnsAnswer;
using ::gatepost::testing::kPatience;
using ::gatepost::testing::run_for;
using ::gatepost::testing::run_until;
using ::testing::HasSubstr;

/// A DNS server on the loopback that gives everybody the same answer.
class DnsServer {
 public:
  explicit DnsServer(DnsAnswer answer)
      : answer_(std::move(answer)), fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const ::gatepost::testing::SocketAddress any(Endpoint{"127.0.0.1", 0, {}});
    EXPECT_EQ(::bind(fd_, any.get(), any.length), 0);
    at_ = {.ip = *IpAddress::parse("127.0.0.1"),
           .port = ::gatepost::testing::Peer::port_of(fd_),
           .unix_socket = false};
    thread_ = std::thread([this] { serve(); });
  }
  ~DnsServer() {
    stop_ = true;
    thread_.join();
    ::close(fd_);
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  /// Questions are kept until answer().
  void hold() { held_ = true; }
  void let_go() { held_ = false; }
  [[nodiscard]] int asked() const { return asked_; }
  [[nodiscard]] const PeerAddress& at() const { return at_; }

 private:
  void serve() {
    while (!stop_) {
      pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
      if (held_ && asked_ > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
      if (::poll(&ready, 1, 5) != 1) continue;
      std::array<char, 512> question{};
      sockaddr_storage from{};
      socklen_t length = sizeof from;
      const ssize_t n = ::recvfrom(fd_, question.data(), question.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &length);
      if (n < 2) continue;
      ++asked_;
      while (held_ && !stop_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      std::string answer = answer_.text();
      answer.replace(0, 2, question.data(), 2);
      ::sendto(fd_, answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&from),
               length);
    }
  }

  DnsAnswer answer_;
  int fd_;
  PeerAddress at_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> held_ = false;
  std::atomic<int> asked_ = 0;
  std::thread thread_;
};

DnsAnswer good() {
  return std::move(
      DnsAnswer().add(DnsAnswer::srv(10, 5, 995, DnsAnswer::name("pop.example.test"))));
}

SrvQuery query(const DnsServer& server) {
  return {.service = "pop3s", .domain = "example.test", .server = server.at()};
}

TEST(SrvLookupTest, AsksADnsServer) {
  const DnsServer server(good());
  const auto targets = lookup_srv(query(server));
  ASSERT_TRUE(targets) << targets.error().detail;
  ASSERT_EQ(targets->size(), 1U);
  EXPECT_EQ(targets->front().host, "pop.example.test");
  EXPECT_EQ(targets->front().port, 995);
  EXPECT_EQ(server.asked(), 1);
}

TEST(SrvLookupTest, SaysWhyThereIsNothing) {
  for (const auto& [answer, code, words] :
       {std::tuple(DnsAnswer(), ErrorCode::network, "no SRV record"),
        {DnsAnswer(0x8183), ErrorCode::network, "no such name"},
        {std::move(DnsAnswer().add(DnsAnswer::srv(0, 0, 0, DnsAnswer::name("")))),
         ErrorCode::refused, "no such service"},
        {std::move(DnsAnswer().add("x")), ErrorCode::protocol, "malformed"}}) {
    const DnsServer server(answer);
    const auto targets = lookup_srv(query(server));
    ASSERT_FALSE(targets);
    EXPECT_EQ(targets.error().code, code);
    EXPECT_THAT(targets.error().detail, HasSubstr("_pop3s._tcp.example.test: "));
    EXPECT_THAT(targets.error().detail, HasSubstr(words));
  }
}

TEST(SrvLookupTest, RefusesWhatIsNoDomain) {
  for (const std::string domain : {"", "a..b", "192.0.2.1", "a b", "example.test."}) {
    const auto targets = lookup_srv({.service = "pop3", .domain = domain});
    ASSERT_FALSE(targets);
    EXPECT_EQ(targets.error().code, ErrorCode::config);
  }
  EXPECT_FALSE(lookup_srv({.service = "pop 3", .domain = "example.test"}));
  EXPECT_FALSE(lookup_srv({.service = "pop3", .domain = std::string(250, 'a')}));
}

class SrvLookupLoopTest : public ::testing::Test {
 protected:
  ~SrvLookupLoopTest() override { server_.let_go(); }  // the loop waits for what hangs
  Ticket ask(Duration limit = kPatience) {
    auto ticket = lookup_srv(loop_, query(server_), limit,
                             [this](Result<SrvTargets> answer) { answer_ = std::move(answer); });
    EXPECT_TRUE(ticket);
    EXPECT_FALSE(answer_) << "never from inside the call";
    return std::move(*ticket);
  }
  bool answered() {
    return run_until(loop_, [this] { return answer_.has_value(); });
  }

  Loop loop_;
  DnsServer server_{good()};
  std::optional<Result<SrvTargets>> answer_;
};

TEST_F(SrvLookupLoopTest, AnswersOnTheLoop) {
  Ticket ticket = ask();
  ASSERT_TRUE(answered());
  ASSERT_TRUE(*answer_) << answer_->error().detail;
  EXPECT_EQ((*answer_)->front().host, "pop.example.test");
  ticket.reset();  // after its work is done
}

TEST_F(SrvLookupLoopTest, HasADeadline) {
  server_.hold();
  Ticket ticket = ask(Duration(20));
  ASSERT_TRUE(answered());
  ASSERT_FALSE(*answer_);
  EXPECT_EQ(answer_->error().code, ErrorCode::timeout);
  EXPECT_THAT(answer_->error().detail, HasSubstr("_pop3s._tcp.example.test"));
  answer_.reset();
  server_.let_go();
  run_for(loop_, Duration(30));
  EXPECT_FALSE(answer_) << "told once";
}

TEST_F(SrvLookupLoopTest, NeverCallsBackOnceTheTicketIsGone) {
  server_.hold();
  {
    const Ticket ticket = ask();
    ASSERT_TRUE(run_until(loop_, [this] { return server_.asked() == 1; })) << "under way";
  }
  server_.let_go();
  run_for(loop_, Duration(30));
  EXPECT_FALSE(answer_);
}

TEST_F(SrvLookupLoopTest, NeverCallsBackWhenCancelledBeforeItBegan) {
  static_cast<void>(ask());
  run_for(loop_, Duration(30));
  EXPECT_FALSE(answer_);
}

TEST_F(SrvLookupLoopTest, LetsTheTicketGoInsideItsCallback) {
  for (const Duration limit : {Duration(kPatience), Duration(0)}) {
    Ticket ticket;
    bool done = false;
    auto made = lookup_srv(loop_, query(server_), limit, [&](const Result<SrvTargets>&) {
      ticket.reset();
      done = true;
    });
    ASSERT_TRUE(made);
    ticket = std::move(*made);
    EXPECT_TRUE(run_until(loop_, [&] { return done; }));
  }
}

}  // namespace
}  // namespace gatepost::net
