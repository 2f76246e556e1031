#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/guard/guard.h"
#include "proxy/session/services.h"
#include "proxy/session/session.h"
#include "tests/support/chop.h"
#include "tests/support/fake_connector.h"
#include "tests/support/fake_timers.h"
#include "tests/support/fake_tls.h"
#include "tests/support/filter_host.h"
#include "tests/support/leak_check.h"
#include "tests/support/memory_transport.h"
#include "tests/support/recording_log.h"
#include "tests/support/retention_fixture.h"

namespace gatepost::testing {

/// What cuts a transcript short. But for `killed`, both connections end afterwards, and the session
/// must end by itself.
enum class Fate : std::uint8_t {
  killed,           ///< the session is destroyed
  client_broken,    ///< the client's connection breaks
  upstream_broken,  ///< upstream's does
  alarm,            ///< the next timer goes off, early or not
};

/// How a transcript is run.
struct RunMode {
  Chopping chopping{Chopping::Kind::whole};
  /// Octets that each connection takes in one turn.
  std::size_t accept_per_turn = WireOptions::kUnlimited;
  /// The session is destroyed, or what `fate` says, after so many turns in which something
  /// happened; 0: never.
  std::size_t kill_after = 0;
  Fate fate = Fate::killed;
  /// Octet that cannot be sent any more; then the transcript ends, too.
  std::size_t client_fails_at = WireOptions::kUnlimited;
  std::size_t upstream_fails_at = WireOptions::kUnlimited;
  /// settle() itself finds what the peer has sent meanwhile, and says so.
  bool read_in_settle = false;
};

/// A session between a mail program and a server that are both the test. Reads like a transcript:
/// every call runs the loop until all is quiet, and every octet that the session sent must be
/// expected in its turn. Once the session was killed, nothing is expected any more.
class SessionHarness {
 public:
  using Where = std::source_location;

  explicit SessionHarness(RunMode mode = {});
  ~SessionHarness();
  SessionHarness(const SessionHarness&) = delete;
  SessionHarness& operator=(const SessionHarness&) = delete;

  /// To be changed before start(). Without routes there is one for everybody, to the pool of all
  /// servers.
  session::Settings settings;
  net::ClientFacts facts;  ///< of the client
  config::Pool pool_settings;
  upstream::Server server;
  std::vector<upstream::Server> more_servers;
  std::vector<upstream::Route> routes;

  /// If set: what the session is given in place of these services. To be set before start().
  std::function<const session::Services&(const session::Services&, const session::Settings&)>
      services_for;

  /// Another server "HOST:110", to stand in more_servers or in the pool of a route.
  [[nodiscard]] static upstream::Server make_server(std::string host);
  /// A pool of servers, for routes.
  [[nodiscard]] static std::shared_ptr<const upstream::Pool> make_pool(
      std::vector<upstream::Server> servers, config::Pool settings = {});
  /// Servers announced that when they were asked last.
  static void teach(const upstream::Server& server, std::string_view capabilities);

  /// The client connects.
  void start(Where where = Where::current());

  // The mail program.
  void client(std::string_view text);
  /// The next octets that the client gets are `text`.
  void expect_client(std::string_view text, Where where = Where::current());
  /// The next line that the client gets begins so; returns it, with CRLF.
  std::string expect_client_line(std::string_view prefix, Where where = Where::current());
  void client_says_and_gets(std::string_view command, std::string_view reply,
                            Where where = Where::current());
  void client_ends(ErrorCode code = ErrorCode::closed);

  // The server.
  /// The session connects; the server takes the connection. What is said later is said to the
  /// server that accepted last.
  void upstream_accepts(Where where = Where::current());
  void upstream_refuses(ErrorCode code, Where where = Where::current());
  void upstream(std::string_view text);
  void upstream_expects(std::string_view text, Where where = Where::current());
  void upstream_expects_nothing(Where where = Where::current());
  void upstream_ends(ErrorCode code = ErrorCode::closed);
  /// The connection to the server was dropped, and nothing (no QUIT) came before.
  void expect_upstream_aborted(Where where = Where::current());
  /// The connection to the server was ended in order.
  void expect_upstream_closed(Where where = Where::current());

  // The chain.
  /// Messages go through filters.scanning_chain(); to be called before start().
  filters::Chain& use_chain();
  /// The verdict on the message that is being scanned for the longest time.
  void scanner_says(filters::Verdict verdict, Where where = Where::current());
  /// What the scanner has of that message; nothing when none is being scanned.
  [[nodiscard]] std::string scanned_text() const;
  /// How many messages are being scanned.
  void expect_scans(std::size_t count, Where where = Where::current()) const;

  // TLS.
  void client_handshake(Where where = Where::current());
  void upstream_handshake(Where where = Where::current());

  /// From "USER joe" to "+OK" of PASS, by USER and PASS, at a server whose CAPA says `capabilities`
  /// (lines with CRLF; "" for a server that knows no CAPA).
  void log_in(std::string_view capabilities = "USER\r\nTOP\r\nUIDL\r\n",
              Where where = Where::current());

  /// The same without the client's last answer.
  void log_in_held(std::string_view capabilities = "USER\r\nTOP\r\nUIDL\r\n",
                   Where where = Where::current());

  /// Time passes.
  void advance(Duration by);
  /// Runs the loop until nothing moves.
  void run();
  /// One round of the loop; whether anything moved.
  bool turn();

  /// The session has ended for that reason, the client's connection too.
  void expect_ended(session::EndReason reason, Where where = Where::current());
  void expect_alive(Where where = Where::current()) const;
  /// Destroys the session now.
  void kill();
  [[nodiscard]] bool killed() const { return killed_; }
  /// What the RunMode says has happened: the rest of the transcript was not run.
  [[nodiscard]] bool cut_short() const { return cut_short_; }
  [[nodiscard]] bool ended() const;
  /// What was sent and not expected does not matter from here on.
  void ignore_the_rest() { ignore_rest_ = true; }
  /// Turns in which something happened.
  [[nodiscard]] std::size_t turns() const { return turns_; }
  [[nodiscard]] std::size_t held_blocks() { return pool->held_blocks(); }

  /// The connections' other ends. at_upstream() is null before the session connects.
  [[nodiscard]] MemoryPeer& at_client() { return *client_; }
  [[nodiscard]] MemoryPeer* at_upstream() { return upstream_.get(); }
  [[nodiscard]] session::Session* session() { return session_.get(); }

  TestPool pool;
  FakeTimers timers;
  FakeConnector connector{pool};
  RecordingLog log;
  session::Counters counters;
  guard::Guard guard;
  Journal journal;
  FilterHost filters{timers, connector, pool, log};
  RetentionFixture retention{timers, filters.background, log};
  std::shared_ptr<FakeTlsLayer> client_tls = std::make_shared<FakeTlsLayer>();
  std::shared_ptr<FakeTlsLayer> upstream_tls = std::make_shared<FakeTlsLayer>();

 private:
  class Owner;
  [[nodiscard]] WireOptions wire();
  void moved();
  [[nodiscard]] bool send_failed() const;
  void meet_fate();
  void reap();

  RunMode mode_;
  session::Services services_;
  std::optional<filters::Chain> chain_;
  std::unique_ptr<Owner> owner_;
  std::unique_ptr<session::Session> session_;
  std::shared_ptr<MemoryPeer> client_;
  std::shared_ptr<MemoryPeer> upstream_;
  bool cut_short_ = false;
  bool killed_ = false;
  bool ignore_rest_ = false;
  std::size_t turns_ = 0;
};

/// Runs a transcript whole, byte by byte, byte by byte into connections that take one octet a turn,
/// and with random splits; then again, killing the session after every turn in which something
/// happened (whole and byte by byte).
void for_each_run(const std::function<void(SessionHarness&)>& transcript);

}  // namespace gatepost::testing
