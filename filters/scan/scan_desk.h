#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "filters/counters.h"
#include "filters/scan/scanner.h"
#include "proxy/base/log.h"

namespace gatepost::filters {

/// A configured scanner. Immutable but for its counters, shared by all workers; they outlive
/// reloads, by name.
struct ScannerKind {
  config::Scanner config;
  std::shared_ptr<const net::TlsLayer> tls;  ///< set when the configuration wants TLS
  std::shared_ptr<ScannerCounters> counters;
  unsigned workers = 1;  ///< among whom `concurrency` and `queue` are divided, at least 1 for each
};

class ScannerSeat;

/// Asks scanners; of one worker. For each it keeps a limit of scans at once, a bounded queue, a
/// circuit breaker, the self-test and the version that its verdicts depend on.
class ScanDesk {
 public:
  using Done = std::move_only_function<void(Judgement)>;
  using Kinds = std::vector<std::shared_ptr<const ScannerKind>>;
  /// How a test puts another Scanner in.
  using Maker = std::function<std::unique_ptr<Scanner>(const ScannerKind&, const ScannerTools&)>;

  ScanDesk(const ScannerTools& tools, Log& log, Maker maker = {});
  ~ScanDesk();
  ScanDesk(const ScanDesk&) = delete;
  ScanDesk& operator=(const ScanDesk&) = delete;

  /// These exist from now on: those that are new are tested, those that are gone end when their
  /// last scan has.
  void apply(const Kinds& kinds);

  /// All of them (there is one at least) look at the message side by side, each with its own time
  /// limit, at most `limit`. `done` is called once, later, with one opinion for each, in their
  /// order; not at all once the ticket is gone. What exceeds a scanner's max_size is `oversize`
  /// without asking it.
  [[nodiscard]] Ticket judge(const Kinds& kinds, const ScanJob& job, Duration limit, Done done);

  /// What remembered verdicts of these scanners depend on, from what was heard last. Empty while
  /// one of them is not known to be effective: then nothing is remembered or looked up.
  [[nodiscard]] std::string versions(const Kinds& kinds) const;

 private:
  struct Panel;
  [[nodiscard]] ScannerSeat& seat(const std::shared_ptr<const ScannerKind>& kind);

  ScannerTools tools_;
  Log& log_;
  Maker maker_;
  std::map<std::shared_ptr<const ScannerKind>, std::unique_ptr<ScannerSeat>> seats_;
  Kinds wanted_;
};

/// The Scanner of a configuration.
[[nodiscard]] std::unique_ptr<Scanner> make_scanner(const ScannerKind& kind,
                                                    const ScannerTools& tools);

}  // namespace gatepost::filters
