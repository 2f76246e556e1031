#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/guard/guard.h"
#include "proxy/session/services.h"
#include "proxy/session/session.h"
#include "tests/support/fake_connector.h"
#include "tests/support/fake_timers.h"
#include "tests/support/fake_tls.h"
#include "tests/support/filter_host.h"
#include "tests/support/memory_transport.h"
#include "tests/support/retention_fixture.h"

namespace gatepost::fuzz {

/// Said after PASS by one action; must never be seen but by an upstream that may see it.
inline constexpr std::string_view kSecret = "zebra-hunter-47";

/// In the text of every message of the action M, with its number; nobody else says it.
inline constexpr std::string_view kInMessage = "whale-";

/// A session between a client and servers that are all the fuzzer. Everything that goes over the
/// legs is kept, and judged at every step.
class World final : session::Session::Home {
 public:
  /// `flags`: letters, see setup().
  explicit World(std::string_view flags);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// One action: a letter and its text.
  void act(char what, std::string_view text);
  /// Everything is taken and delivered, then both legs end, or the session is destroyed.
  void wind_up();

 private:
  struct Upstream {
    std::shared_ptr<testing::MemoryPeer> peer;
    std::string said;   ///< put on the wire
    std::string heard;  ///< sent by the session
    [[nodiscard]] std::size_t delivered() const { return said.size() - peer->undelivered(); }
    [[nodiscard]] bool open() const { return peer->transport() != nullptr && !peer->closed(); }
  };
  struct Login {
    std::size_t from_client, to_upstream, from_upstream, to_client;
    Upstream* upstream;
  };
  class CheckedLog;

  // session_world.cc
  void setup(std::string_view flags);
  void on_session_ended(session::Session& session) override;
  [[nodiscard]] bool has(char flag) const { return flags_.find(flag) != std::string::npos; }
  [[nodiscard]] Upstream* newest() {
    return upstreams_.empty() ? nullptr : upstreams_.back().get();
  }
  [[nodiscard]] std::string_view delivered_by_client() const;
  void said_to_client(std::string_view text);
  void said_to_upstream(Upstream& upstream, std::string_view text);
  void client_is_in(std::string_view reply);
  void check_step();
  void check_before_login();
  void check_after_login(bool at_rest);
  void check_chain() const;

  // session_actions.cc
  void talk(char what, std::string_view text);
  void end_a_leg(char what, std::string_view text);
  void change_wire(char what, std::string_view text);
  void hurry(char what, std::string_view text);
  void say_message(std::string_view text);
  void give_verdict(bool clean);
  void accept();
  void handshake(testing::FakeTlsLayer& layer, bool good);
  void run();
  bool turn();
  void reap();

  std::string flags_;
  testing::FakeTimers timers_;
  testing::FakeConnector connector_;
  std::unique_ptr<CheckedLog> log_;
  session::Counters counters_;
  guard::Guard guard_;
  std::unique_ptr<testing::FilterHost> filters_;
  std::unique_ptr<testing::RetentionFixture> retention_;
  std::shared_ptr<testing::FakeTlsLayer> client_tls_ = std::make_shared<testing::FakeTlsLayer>();
  std::shared_ptr<testing::FakeTlsLayer> upstream_tls_ = std::make_shared<testing::FakeTlsLayer>();
  Journal journal_;
  session::Services services_;
  std::shared_ptr<session::Settings> settings_ = std::make_shared<session::Settings>();
  std::vector<std::shared_ptr<upstream::ServerState>> states_;

  std::shared_ptr<testing::MemoryPeer> client_;
  std::string client_said_;
  std::string client_heard_;
  std::size_t own_replies_ = 0;  // before login
  std::size_t tls_from_ = 0;     // of client_said_: what was said since TLS began
  std::size_t handshakes_ = 0;   // with the client, begun
  std::size_t attempts_ = 0;     // connections upstream, begun
  std::size_t upstream_tls_established_ = 0;
  bool client_tls_established_ = false;
  std::vector<std::unique_ptr<Upstream>> upstreams_;
  std::optional<Login> login_;
  std::size_t messages_ = 0;        // said by M
  std::vector<std::string> clean_;  // kInMessage and number, of those that may be seen
  std::unique_ptr<session::Session> session_;
  bool ended_ = false;
  bool automatic_ = true;  // run until nothing moves after every action
  std::size_t turns_ = 0;
};

}  // namespace gatepost::fuzz
