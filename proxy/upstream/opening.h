#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "proxy/base/error.h"
#include "proxy/base/journal.h"
#include "proxy/base/ticket.h"
#include "proxy/base/timer.h"
#include "proxy/net/client_facts.h"
#include "proxy/net/connector.h"
#include "proxy/net/tap.h"
#include "proxy/net/transport.h"
#include "proxy/pop3/capa.h"
#include "proxy/pop3/client_codec.h"
#include "proxy/pop3/xclient.h"
#include "proxy/upstream/server.h"

namespace gatepost::upstream {

/// What opening a connection needs of a worker or of the main loop; outlives the openings.
struct Environment {
  TimerService& timers;
  net::Connector& connector;
  BlockPool& pool;
  Journal::Page* page = nullptr;  ///< where what is decided is noted; null: nowhere
  net::Tap* tap = nullptr;        ///< hears the connections; null: nobody does
};

/// A connection on which a user may log in now.
struct Opened {
  std::unique_ptr<net::Transport> transport;
  pop3::ClientCodec codec;
  /// Never null; empty: the server knows no CAPA.
  std::shared_ptr<const pop3::Capabilities> capabilities;
  /// Those are what it announced to somebody before, PIPELINING among them. On this connection it
  /// was not asked yet: CAPA has to go with the first command.
  bool unconfirmed = false;
  std::string timestamp;    ///< for APOP, with brackets; "" without
  Duration connect_time{};  ///< until TCP (and implicit TLS) stood
  /// For the log: the server ignored XCLIENT, in its own words, or does not offer it; "" when all
  /// is well.
  std::string warning;
};

/// Brings one connection to one server up to the login: connect, PROXY header, TLS, greeting, STLS,
/// XCLIENT and CAPA. Nothing that is secret leaves. Every step has its deadline; the server's state
/// learns how it went (success, failure, capabilities); that a server turns away a client whom it
/// was told of (PROXY, XCLIENT) is no failure of the server.
class Opening final : net::TransportObserver {
 public:
  /// Octets of what upstream may say to CAPA; more is not read.
  static constexpr std::size_t kMaxCapaBody = 16 * 1024;

  class Owner {
   public:
    /// finished() has become true. Called from inside the connection's own callback: the owner may
    /// destroy the opening at once only when it took the connection over.
    virtual void on_opening_finished() = 0;

   protected:
    ~Owner() = default;
  };

  enum class Capa : std::uint8_t {
    ask,    ///< the outcome is what the server says on this connection
    later,  ///< a server that is known to pipeline may be left unconfirmed
  };

  /// `client` is who the connection is for; null when it is for Gatepost itself (health checks):
  /// then PROXY is sent as LOCAL or UNKNOWN, and no XCLIENT. It is read before the constructor
  /// returns.
  Opening(const Environment& environment, const config::Timeouts& timeouts, const Server& server,
          const net::ClientFacts* client, Owner& owner, Capa capa = Capa::ask);
  ~Opening();
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;

  [[nodiscard]] bool finished() const { return state_ == State::finished; }
  /// Once, when finished. An error's detail is for the log and may hold the server's text. The
  /// transport has no observer.
  [[nodiscard]] Result<Opened> take() { return std::move(*outcome_); }
  /// Gives up and closes the connection; the owner is not told.
  void cancel();

 private:
  enum class State : std::uint8_t {
    connecting,
    tls,  // implicit: before the greeting
    greeting,
    stls,
    stls_tls,  // handshake after STLS
    xclient,   // CAPA went with it
    capa,
    finished,
  };

  void on_activity() override { pump(); }
  void connected(Result<std::unique_ptr<net::Transport>> transport);
  void pump();
  [[nodiscard]] bool read_event();
  void on_status();
  void on_greeting();
  void on_tls_established();
  void expect_greeting();
  void introduce();
  void on_introduced();
  void on_capabilities();
  [[nodiscard]] bool leave_unconfirmed();
  void opened(std::shared_ptr<const pop3::Capabilities> capabilities, bool unconfirmed);
  void enter(State state, Duration deadline);
  [[nodiscard]] bool nothing_ahead();
  void send(std::string_view line, pop3::Expected expected);
  void listen();
  void wrap_in_tls();
  [[nodiscard]] std::string_view step() const;
  [[nodiscard]] bool is_servers_fault(ErrorCode code) const;
  void give_up(ErrorCode code, std::string problem);
  void finish(Result<Opened> outcome);

  const Environment environment_;
  const config::Timeouts& timeouts_;
  const Server& server_;
  Owner& owner_;
  State state_ = State::connecting;
  const bool has_client_;
  const Capa capa_;
  std::string proxy_header_;
  std::optional<pop3::Xclient> xclient_;  // to be sent if it is offered
  bool offers_xclient_ = false;
  bool told_of_client_ = false;  // the server knows who it is for, and may mind
  std::unique_ptr<Timer> timer_;
  Ticket connecting_;
  net::Tap::Leg leg_ = 0;  // for the tap
  std::unique_ptr<net::Transport> transport_;
  pop3::ClientCodec codec_;
  std::string greeting_;  // without the timestamp, which is always another
  std::string capa_body_;
  std::string timestamp_;
  std::string warning_;
  Instant started_;
  Duration connect_time_{};
  std::optional<Result<Opened>> outcome_;
};

}  // namespace gatepost::upstream
