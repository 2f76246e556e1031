#pragma once

#include <functional>
#include <memory>
#include <string>

#include "config/config.h"
#include "filters/spool/spool.h"
#include "filters/verdict.h"
#include "proxy/base/background.h"
#include "proxy/base/error.h"
#include "proxy/base/ticket.h"
#include "proxy/base/timer.h"
#include "proxy/net/connector.h"
#include "proxy/net/process_launcher.h"

namespace gatepost::filters {

/// What is known of a message and who fetches it.
struct MessageFacts {
  std::string session;   ///< its id, for logs
  std::string listener;  ///< name
  std::string route;     ///< name
  std::string user;      ///< as the client named itself
  std::string client;    ///< address without port
  std::string number;    ///< in the mailbox, as the client said it
};

struct ScanJob {
  std::shared_ptr<const Spool> message;  ///< sealed
  MessageFacts facts;
};

/// Speaks with one scanner; of one worker. Knows the protocol and nothing else: ScanDesk waits for
/// a place, sets the time limit, counts and tests.
class Scanner {
 public:
  using Done = std::move_only_function<void(Verdict)>;
  using VersionDone = std::move_only_function<void(Result<std::string>)>;

  virtual ~Scanner() = default;
  /// `done` is called once, later, never from inside this call, and not at all once the ticket is
  /// gone; then the work is given up and nothing of it is left. Whatever goes wrong is a verdict:
  /// `unreachable`, `not_understood`, …; clean is only what the scanner clearly called so after it
  /// had the whole message. The job's message is kept as long as it is needed. Scans may overlap.
  [[nodiscard]] virtual Ticket scan(ScanJob job, Done done) = 0;
  /// What the scanner's verdicts depend on besides the message: version of program and database,
  /// ISTag. "" when it has nothing of the kind. The same rules.
  [[nodiscard]] virtual Ticket ask_version(VersionDone done) = 0;
};

/// What a scanner may use; all of it outlives the scanner.
struct ScannerTools {
  TimerService& timers;
  net::Connector& connector;
  BlockPool& pool;
  Background& background;
  net::ProcessLauncher* launcher = nullptr;  ///< null: no command was configured at start
};

/// One per protocol. `tls` is set when the configuration wants TLS.
[[nodiscard]] std::unique_ptr<Scanner> make_clamd(const config::Scanner& config,
                                                  const ScannerTools& tools);
[[nodiscard]] std::unique_ptr<Scanner> make_icap(const config::Scanner& config,
                                                 const ScannerTools& tools,
                                                 std::shared_ptr<const net::TlsLayer> tls);
[[nodiscard]] std::unique_ptr<Scanner> make_rspamd(const config::Scanner& config,
                                                   const ScannerTools& tools,
                                                   std::shared_ptr<const net::TlsLayer> tls);
[[nodiscard]] std::unique_ptr<Scanner> make_spamd(const config::Scanner& config,
                                                  const ScannerTools& tools);
[[nodiscard]] std::unique_ptr<Scanner> make_command(const config::Scanner& config,
                                                    const ScannerTools& tools);

}  // namespace gatepost::filters
