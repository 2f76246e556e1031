#include "proxy/server/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/net/sockets.h"
#include "tests/unit/server/locked_log.h"

namespace gatepost::server {
namespace {

using ::gatepost::testing::LockedLog;
using ::gatepost::testing::Peer;
using ::gatepost::testing::PeerListener;
using ::gatepost::testing::wait_until;
using ::testing::HasSubstr;

/// Whether the peer has received exactly `text` or begins with it.
bool hears(Peer& peer, std::string_view start) {
  return wait_until([&] { return peer.receive().starts_with(start); });
}
bool ends(Peer& peer) {
  return wait_until([&] { return peer.end() != Peer::End::none; });
}

/// A worker that listens on a port of its own, and an upstream that the test plays.
class WorkerTest : public ::testing::Test {
 protected:
  std::shared_ptr<session::Settings> settings(std::string name = "one") {
    auto made = std::make_shared<session::Settings>();
    made->listener = std::move(name);
    made->cleartext_login_networks = {*IpNetwork::parse("127.0.0.0/8")};
    upstream::Server server;
    server.address = upstream_.at();
    server.state = std::make_shared<upstream::ServerState>(config::HealthCheck());
    upstream::Route route;
    route.pool = std::make_shared<const upstream::Pool>(config::Pool(), std::vector{server});
    made->router = std::make_shared<const upstream::Router>(std::vector{route});
    return made;
  }
  void listen(std::shared_ptr<const session::Settings> settings) {
    auto sockets = net::open_listen_sockets({"127.0.0.1", 0, {}}, 1, 0600);
    ASSERT_TRUE(sockets);
    at_ = sockets->bound;
    std::vector<Worker::Listening> listening;
    listening.push_back({"key", std::move(settings), false, std::move(sockets->fds)});
    worker_->apply(std::move(listening), limits_);
    worker_->start();
  }
  /// Applies other settings to the listener that is there.
  void reconfigure(std::shared_ptr<const session::Settings> settings) {
    std::vector<Worker::Listening> listening;
    listening.push_back({"key", std::move(settings), false, {}});
    worker_->apply(std::move(listening), limits_);
    wait_for_worker();
  }
  /// Until the worker has done what it was told: it does one thing after the other.
  void wait_for_worker() {
    FilterStores stores;
    stores.room = std::make_shared<filters::SpoolRoom>("", 1, 1);
    const std::weak_ptr<filters::SpoolRoom> mark = stores.room;
    worker_->use(std::move(stores), {});
    worker_->use({}, {});
    EXPECT_TRUE(wait_until([&mark] { return mark.expired(); }));
  }
  Peer greeted() {
    Peer peer = Peer::connect(at_);
    EXPECT_TRUE(hears(peer, "+OK Gatepost ready\r\n"));
    return peer;
  }
  /// A client that is logged in, and its connection upstream.
  std::pair<Peer, Peer> logged_in() {
    Peer client = greeted();
    client.send("USER joe\r\nPASS secret\r\n");
    Peer upstream;
    EXPECT_TRUE(wait_until([&] {
      if (!upstream.is_open()) upstream = upstream_.accept();
      return upstream.is_open();
    }));
    upstream.send("+OK hello\r\n");
    std::size_t seen = 0;
    EXPECT_TRUE(wait_until([&] {
      const std::string& asked = upstream.receive();
      for (std::size_t end = 0; (end = asked.find("\r\n", seen)) != std::string::npos;
           seen = end + 2) {
        upstream.send(std::string_view(asked).substr(seen).starts_with("CAPA")
                          ? "+OK\r\nUSER\r\nRESP-CODES\r\n.\r\n"
                          : "+OK\r\n");
      }
      return asked.find("PASS secret\r\n") != std::string::npos;
    }));
    EXPECT_TRUE(wait_until([&] { return logged_in_count() == 1; }));
    return {std::move(client), std::move(upstream)};
  }
  [[nodiscard]] std::uint64_t logged_in_count() const {
    return worker_->counters().logins[session::LoginResult::ok].get();
  }
  [[nodiscard]] std::uint64_t active() const { return worker_->counters().sessions_active.get(); }
  [[nodiscard]] std::uint64_t ended(session::EndReason reason) const {
    return worker_->counters().sessions_ended[reason].get();
  }

  LockedLog log_;
  guard::Guard guard_;
  std::atomic<std::uint32_t> connections_ = 0;
  config::Limits limits_;
  PeerListener upstream_;
  Endpoint at_;
  std::unique_ptr<Worker> worker_ =
      std::make_unique<Worker>(7U, log_, guard_, connections_, std::chrono::seconds(30));
};

TEST_F(WorkerTest, TestsTheScannersThatItIsGiven) {
  auto kind = std::make_shared<filters::ScannerKind>();
  kind->config.name = "gone";
  kind->config.address.path = "/nonexistent/clamd.ctl";
  kind->counters = std::make_shared<filters::ScannerCounters>();
  worker_->use({}, {kind});
  listen(settings());
  EXPECT_TRUE(wait_until([&] { return kind->counters->self_tests_failed == 1; }));
  EXPECT_TRUE(wait_until([&] { return log_.count("scanner_not_effective scanner=gone") == 1; }));
  EXPECT_EQ(kind->counters->ineffective, 1U);
  worker_->use({}, {kind});  // a reload: known already
  worker_->use({}, {});      // and another: gone
  EXPECT_TRUE(wait_until([&] { return kind->counters->ineffective == 0; }));
  EXPECT_EQ(kind->counters->self_tests_failed, 1U);
}

TEST_F(WorkerTest, ServesSessions) {
  listen(settings());
  Peer one = greeted();
  Peer two = greeted();
  EXPECT_EQ(active(), 2U);
  EXPECT_EQ(connections_, 2U);
  one.send("QUIT\r\n");
  EXPECT_TRUE(ends(one));
  one.close();
  EXPECT_TRUE(wait_until([this] { return connections_ == 1; }));
  EXPECT_TRUE(wait_until([this] { return log_.count("reason=quit") == 1; }));
}

TEST_F(WorkerTest, NamesSessionsAfterItself) {
  listen(settings());
  Peer one = greeted();
  one.send("QUIT\r\n");
  EXPECT_TRUE(ends(one));
  one.close();
  EXPECT_TRUE(wait_until([this] { return log_.count("id=7-0") == 1; }));
}

TEST_F(WorkerTest, CarriesALoginUpstream) {
  listen(settings());
  auto [client, upstream] = logged_in();
  client.send("STAT\r\n");
  EXPECT_TRUE(wait_until([&] { return upstream.receive().ends_with("STAT\r\n"); }));
  upstream.send("+OK 2 320\r\n");
  EXPECT_TRUE(wait_until([&] { return client.receive().ends_with("+OK 2 320\r\n"); }));
}

TEST_F(WorkerTest, RefusesMoreSessionsThanTheLimit) {
  limits_.connections = 2;
  listen(settings());
  Peer one = greeted();
  const Peer two = greeted();
  Peer three = Peer::connect(at_);
  EXPECT_TRUE(ends(three));
  EXPECT_THAT(three.receive(), ::testing::StartsWith("-ERR [SYS/TEMP] "));
  EXPECT_EQ(ended(session::EndReason::refused_full), 1U);
  EXPECT_EQ(connections_, 2U);
  EXPECT_EQ(log_.count("accept_failed"), 1U);

  one.send("QUIT\r\n");
  EXPECT_TRUE(ends(one));
  one.close();
  EXPECT_TRUE(wait_until([this] { return connections_ == 1; }));
  const Peer four = greeted();
}

TEST_F(WorkerTest, CountsTheSessionsOfAllWorkers) {
  limits_.connections = 2;
  connections_ = 2;  // of others
  listen(settings());
  Peer peer = Peer::connect(at_);
  EXPECT_TRUE(hears(peer, "-ERR [SYS/TEMP] "));
  EXPECT_EQ(connections_, 2U);
}

TEST_F(WorkerTest, SendsAnAlertToATlsClientThatItRefuses) {
  limits_.connections = 0;
  auto implicit = settings();
  implicit->client_tls_mode = config::ListenerTls::implicit;
  listen(implicit);
  Peer peer = Peer::connect(at_);
  EXPECT_TRUE(ends(peer));
  EXPECT_EQ(peer.receive(), std::string("\x15\x03\x01\x00\x02\x02\x50", 7));
}

TEST_F(WorkerTest, TellsAClientThatSpokeFirst) {
  limits_.connections = 0;
  listen(settings());
  Peer peer = Peer::connect(at_);
  peer.send("CAPA\r\n");  // what we never read must not turn our words into a reset
  EXPECT_TRUE(ends(peer));
  EXPECT_THAT(peer.receive(), ::testing::StartsWith("-ERR [SYS/TEMP] "));
}

TEST_F(WorkerTest, LetsOnlySoManyReadWhyTheyAreRefused) {
  limits_.connections = 0;
  listen(settings());
  std::vector<Peer> peers;
  for (std::size_t i = 0; i < Refusals::kMaxRefused + 20; ++i) peers.push_back(Peer::connect(at_));
  for (Peer& peer : peers) EXPECT_TRUE(ends(peer));
  EXPECT_EQ(ended(session::EndReason::refused_full), Refusals::kMaxRefused + 20);
}

TEST_F(WorkerTest, LogsRefusalsOnceInAWhile) {
  limits_.connections = 0;
  listen(settings());
  for (int i = 0; i < 20; ++i) {
    Peer peer = Peer::connect(at_);
    EXPECT_TRUE(ends(peer));
  }
  EXPECT_EQ(ended(session::EndReason::refused_full), 20U);
  EXPECT_LE(log_.count("accept_failed"), 2U);
}

TEST_F(WorkerTest, PausesAcceptingBeyondTheMemoryLimitAndResumes) {
  limits_.memory = 1024 * 1024;
  listen(settings());
  // A message that the client does not read fills its connection, and then memory.
  auto [client, upstream] = logged_in();
  EXPECT_EQ(worker_->counters().accept_paused.get(), 0U);
  limits_.memory = 1;
  reconfigure(settings());
  client.send("RETR 1\r\n");
  ASSERT_TRUE(wait_until([&] { return upstream.receive().ends_with("RETR 1\r\n"); }));
  upstream.send("+OK\r\n");
  const std::string line(998, 'x');
  // What only passes through may be what it saw: it pauses for long once nobody reads any more.
  std::optional<std::uint64_t> paused_at;  // turns, or looks, of the worker
  const auto stays_paused = [&] {
    const std::uint64_t turns = worker_->counters().turns.get();
    if (worker_->counters().accept_paused.get() == 0) {
      paused_at.reset();
    } else if (!paused_at) {
      paused_at = turns;
    }
    return paused_at && turns >= *paused_at + 2;
  };
  ASSERT_TRUE(wait_until([&] {
    while (upstream.send(line + "\r\n") == line.size() + 2) {
    }
    return stays_paused();
  }));
  EXPECT_GT(worker_->counters().io_blocks.get(), 0U);
  ASSERT_TRUE(wait_until([&] { return log_.count("accept_paused") > 0; }));
  EXPECT_THAT(log_.find("accept_paused"), HasSubstr("limit=1"));

  Peer waiting = Peer::connect(at_);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(waiting.receive(), "") << "not accepted";
  EXPECT_EQ(waiting.end(), Peer::End::none) << "nor refused";

  client.reset();  // its session ends and gives its memory back
  EXPECT_TRUE(hears(waiting, "+OK Gatepost ready\r\n"));
  EXPECT_EQ(worker_->counters().accept_paused.get(), 0U);
  EXPECT_EQ(log_.count("accept_resumed"), log_.count("accept_paused"));
}

TEST_F(WorkerTest, AppliesNewSettingsToNewSessionsOnly) {
  listen(settings("old"));
  Peer before = greeted();
  reconfigure(settings("new"));
  Peer after = greeted();
  for (Peer* peer : {&before, &after}) {
    peer->send("QUIT\r\n");
    EXPECT_TRUE(ends(*peer));
    peer->close();
  }
  EXPECT_TRUE(wait_until([this] { return log_.count("reason=quit") == 2; }));
  EXPECT_THAT(log_.find("id=7-0"), HasSubstr("listener=old"));
  EXPECT_THAT(log_.find("id=7-1"), HasSubstr("listener=new"));
}

TEST_F(WorkerTest, AppliesNewLimitsAtOnce) {
  listen(settings());
  const Peer one = greeted();
  limits_.connections = 1;
  reconfigure(settings());
  Peer two = Peer::connect(at_);
  EXPECT_TRUE(hears(two, "-ERR [SYS/TEMP] "));
}

TEST_F(WorkerTest, GoesOnWithTheSessionsOfAListenerThatIsTakenAway) {
  listen(settings());
  Peer peer = greeted();
  worker_->apply({}, limits_);
  EXPECT_TRUE(wait_until([this] {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const testing::SocketAddress address(at_);
    const int status = ::connect(fd, address.get(), address.length);
    ::close(fd);
    return status != 0;
  })) << "nobody listens any more";
  peer.send("CAPA\r\n");
  EXPECT_TRUE(wait_until([&] { return peer.receive().find("\r\n.\r\n") != std::string::npos; }));
}

TEST_F(WorkerTest, DrainTurnsAwayWhoIsNotLoggedIn) {
  listen(settings());
  Peer peer = greeted();
  std::atomic<int> drained = 0;
  worker_->drain([&] { ++drained; });
  EXPECT_TRUE(ends(peer));
  EXPECT_THAT(peer.receive(), HasSubstr("-ERR [SYS/TEMP] "));
  peer.close();
  EXPECT_TRUE(wait_until([&] { return drained == 1; }));
  EXPECT_EQ(connections_, 0U);
  worker_->stop();
  EXPECT_EQ(drained, 1);
}

TEST_F(WorkerTest, DrainOfAnIdleWorkerIsDoneAtOnce) {
  listen(settings());
  std::atomic<bool> drained = false;
  worker_->drain([&] { drained = true; });
  EXPECT_TRUE(wait_until([&] { return drained.load(); }));
}

TEST_F(WorkerTest, DrainWaitsForWhoIsLoggedIn) {
  listen(settings());
  auto [client, upstream] = logged_in();
  std::atomic<bool> drained = false;
  worker_->drain([&] { drained = true; });
  client.send("NOOP\r\n");
  EXPECT_TRUE(wait_until([&] { return upstream.receive().ends_with("NOOP\r\n"); }));
  EXPECT_FALSE(drained);
  upstream.send("+OK\r\n");
  client.send("QUIT\r\n");
  EXPECT_TRUE(wait_until([&] { return upstream.receive().ends_with("QUIT\r\n"); }));
  upstream.send("+OK bye\r\n");
  upstream.close();
  EXPECT_TRUE(ends(client));
  client.close();
  EXPECT_TRUE(wait_until([&] { return drained.load(); }));
}

TEST_F(WorkerTest, StopBreaksOpenSessions) {
  listen(settings());
  auto [client, upstream] = logged_in();
  Peer other = greeted();
  worker_->stop();
  EXPECT_TRUE(ends(client));
  EXPECT_TRUE(ends(other));
  EXPECT_TRUE(ends(upstream));
  EXPECT_EQ(upstream.receive().find("QUIT"), std::string::npos) << "QUIT would delete";
  EXPECT_EQ(connections_, 0U);
  EXPECT_EQ(ended(session::EndReason::drained), 2U);
  EXPECT_EQ(log_.count("reason=drained"), 2U);
}

TEST_F(WorkerTest, StopGivesUpALoginUnderWay) {
  listen(settings());
  Peer peer = greeted();
  peer.send("USER joe\r\nPASS secret\r\n");
  Peer upstream;
  ASSERT_TRUE(wait_until([&] {
    if (!upstream.is_open()) upstream = upstream_.accept();
    return upstream.is_open();
  }));
  worker_->stop();
  EXPECT_TRUE(ends(peer));
  EXPECT_TRUE(ends(upstream));
}

TEST_F(WorkerTest, StopGivesUpAMessageUnderWay) {
  listen(settings());
  auto [client, upstream] = logged_in();
  client.send("RETR 1\r\n");
  ASSERT_TRUE(wait_until([&] { return upstream.receive().ends_with("RETR 1\r\n"); }));
  const std::string lines = std::string(998, 'x') + "\r\n";
  upstream.send("+OK\r\n");
  for (int i = 0; i < 2000; ++i) upstream.send(lines);
  worker_->stop();
  EXPECT_TRUE(ends(client));
  EXPECT_FALSE(client.receive().ends_with("\r\n.\r\n")) << "a cut message must not look whole";
}

TEST_F(WorkerTest, MayBeStoppedTwiceAndDestroyedAfterwards) {
  listen(settings());
  worker_->stop();
  worker_->stop();
  worker_.reset();
}

TEST_F(WorkerTest, MayBeDestroyedWithoutBeingStarted) {
  auto sockets = net::open_listen_sockets({"127.0.0.1", 0, {}}, 1, 0600);
  ASSERT_TRUE(sockets);
  std::vector<Worker::Listening> listening;
  listening.push_back({"key", settings(), false, std::move(sockets->fds)});
  worker_->apply(std::move(listening), limits_);
  worker_.reset();
  EXPECT_TRUE(net::open_listen_sockets(sockets->bound, 1, 0600)) << "the port is free again";
}

TEST_F(WorkerTest, MayBeDestroyedWithSessionsOpen) {
  listen(settings());
  Peer peer = greeted();
  worker_.reset();
  EXPECT_TRUE(ends(peer));
  EXPECT_EQ(connections_, 0U);
}

TEST_F(WorkerTest, SharesAPortWithAnother) {
  auto sockets = net::open_listen_sockets({"127.0.0.1", 0, {}}, 2, 0600);
  ASSERT_TRUE(sockets);
  Worker second(8, log_, guard_, connections_, std::chrono::seconds(30));
  std::vector<Worker*> workers = {worker_.get(), &second};
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<Worker::Listening> listening;
    listening.push_back({"key", settings(), false, {}});
    listening.back().fds.push_back(std::move(sockets->fds[i]));
    workers[i]->apply(std::move(listening), limits_);
    workers[i]->start();
  }
  at_ = sockets->bound;
  std::vector<Peer> peers;
  for (int i = 0; i < 40; ++i) peers.push_back(greeted());
  EXPECT_EQ(connections_, 40U);
  EXPECT_GT(active(), 0U);
  EXPECT_GT(second.counters().sessions_active.get(), 0U);
  peers.clear();
  EXPECT_TRUE(wait_until([this] { return connections_ == 0; }));
}

}  // namespace
}  // namespace gatepost::server
