#include "proxy/process/service_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/support/fake_timers.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::process {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

/// What a service manager has: a datagram socket at `address`, "@NAME" for an abstract one.
class Manager {
 public:
  explicit Manager(const std::string& address)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, address.data(), address.size());
    std::size_t length = offsetof(sockaddr_un, sun_path) + address.size();
    if (address.starts_with('@')) {
      name.sun_path[0] = '\0';
    } else {
      ++length;
    }
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name),
                     static_cast<socklen_t>(length)),
              0);
  }
  /// What came since the last time.
  std::vector<std::string> heard() {
    std::vector<std::string> all;
    std::array<char, 8192> room{};
    for (;;) {
      const ssize_t size = ::recv(socket_.get(), room.data(), room.size(), 0);
      if (size < 0) return all;
      all.emplace_back(room.data(), static_cast<std::size_t>(size));
    }
  }

 private:
  UniqueFd socket_;
};

class ServiceManagerTest : public ::testing::Test {
 protected:
  void connect(const std::string& address,
               std::optional<std::chrono::microseconds> watchdog = std::nullopt) {
    manager_ = std::make_unique<Manager>(address);
    service_ = std::make_unique<ServiceManager>(
        timers_, ServiceManager::Sources{[this] { return status_; }, [this] { return alive_; }},
        ServiceManager::Environment{address, watchdog});
  }

  testing::TemporaryFolder folder_;
  testing::FakeTimers timers_;
  std::unique_ptr<Manager> manager_;
  std::unique_ptr<ServiceManager> service_;
  std::string status_ = "well";
  bool alive_ = true;
};

TEST_F(ServiceManagerTest, is_told_of_a_whole_life) {
  connect(folder_.file("notify"));
  EXPECT_THAT(manager_->heard(), IsEmpty());
  service_->ready();
  EXPECT_THAT(manager_->heard(), ElementsAre("READY=1\nSTATUS=well"));
  service_->reloading();
  service_->ready();
  EXPECT_THAT(manager_->heard(),
              ElementsAre(MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"), "READY=1"));
  service_->stopping(Duration(30'000));
  EXPECT_THAT(manager_->heard(), ElementsAre("STOPPING=1\nEXTEND_TIMEOUT_USEC=40000000"));
}

TEST_F(ServiceManagerTest, hears_a_status_only_when_it_changed) {
  // Containers that share a network may have processes of the same number.
  connect(fmt::format("@gatepost-test-{}-{}", ::getpid(), std::random_device()()));
  service_->ready();
  EXPECT_THAT(manager_->heard(), SizeIs(1));
  timers_.advance(4 * ServiceManager::kLook);
  EXPECT_THAT(manager_->heard(), IsEmpty());
  status_ = "two\nlines";
  timers_.advance(ServiceManager::kLook);
  EXPECT_THAT(manager_->heard(), ElementsAre("STATUS=two lines"));
  status_ = std::string(1000, 'x');
  timers_.advance(ServiceManager::kLook);
  EXPECT_THAT(manager_->heard(),
              ElementsAre("STATUS=" + std::string(ServiceManager::kMaxStatus, 'x')));
}

TEST_F(ServiceManagerTest, its_watchdog_is_kept_quiet_while_we_live) {
  connect(folder_.file("notify"), std::chrono::seconds(2));
  service_->ready();
  EXPECT_THAT(manager_->heard(), ElementsAre(StartsWith("READY=1"), "WATCHDOG=1"));
  timers_.advance(Duration(3'000));
  EXPECT_THAT(manager_->heard(), ElementsAre("WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"));
  alive_ = false;
  timers_.advance(Duration(3'000));
  EXPECT_THAT(manager_->heard(), IsEmpty());
  alive_ = true;
  timers_.advance(Duration(1'000));
  EXPECT_THAT(manager_->heard(), ElementsAre("WATCHDOG=1"));
}

TEST_F(ServiceManagerTest, hears_who_follows_and_then_nothing) {
  connect(folder_.file("notify"), std::chrono::seconds(2));
  service_->ready();
  static_cast<void>(manager_->heard());
  service_->succeeded_by(4711);
  EXPECT_THAT(manager_->heard(), ElementsAre("MAINPID=4711"));
  service_->ready();
  service_->stopping(Duration(1));
  status_ = "gone";
  timers_.advance(Duration(60'000));
  EXPECT_THAT(manager_->heard(), IsEmpty());
}

TEST_F(ServiceManagerTest, what_it_has_no_room_for_is_said_later) {
  connect(folder_.file("notify"));
  const std::size_t much = 1000;  // more than a queue of datagrams takes
  for (std::size_t i = 0; i < much; ++i) service_->reloading();
  EXPECT_LT(manager_->heard().size(), much);
  service_->ready();
  std::vector<std::string> late;
  for (int i = 0; i < 10; ++i) {
    for (std::string& one : manager_->heard()) late.push_back(std::move(one));
    timers_.advance(ServiceManager::kLook);
  }
  EXPECT_THAT(late, SizeIs(ServiceManager::kMaxUnsent));
  EXPECT_THAT(late.back(), StartsWith("READY=1")) << "the newest is what counts";
}

TEST_F(ServiceManagerTest, without_one_nothing_happens) {
  for (const char* address : {"", "relative", "vsock:1:2"}) {
    ServiceManager service(timers_, {[] { return "well"; }, [] { return true; }},
                           {address, std::chrono::seconds(1)});
    service.ready();
    service.reloading();
    service.stopping(Duration(1));
    EXPECT_EQ(timers_.armed(), 0U);
  }
  EXPECT_FALSE(NotifySocket("/" + std::string(200, 'x')).wanted());
  EXPECT_FALSE(NotifySocket(folder_.file("nobody")).send("READY=1"));
}

TEST_F(ServiceManagerTest, a_watchdog_for_somebody_else_is_not_ours) {
  ::setenv("NOTIFY_SOCKET", "/run/x", 1);
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  EXPECT_EQ(ServiceManager::environment().socket, "/run/x");
  EXPECT_EQ(ServiceManager::environment().watchdog, std::chrono::seconds(3));
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(ServiceManager::environment().watchdog, std::chrono::seconds(3));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(ServiceManager::environment().watchdog, std::nullopt);
  ::unsetenv("WATCHDOG_PID");
  for (const char* text : {"", "0", "-1", "3s", "99999999999999999999999"}) {
    ::setenv("WATCHDOG_USEC", text, 1);
    EXPECT_EQ(ServiceManager::environment().watchdog, std::nullopt) << text;
  }
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_EQ(ServiceManager::environment().watchdog, std::nullopt);
}

}  // namespace
}  // namespace gatepost::process
