#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/counters.h"
#include "filters/retention/counters.h"
#include "filters/rewrite/rule_book.h"
#include "proxy/metrics/process_usage.h"
#include "proxy/session/counters.h"

namespace gatepost::metrics {

/// A certificate in use, by its name in the configuration.
struct CertificateFacts {
  std::string name;
  std::chrono::system_clock::time_point expiry;
};

/// An upstream server of the configuration.
struct ServerFacts {
  std::string pool;
  std::string server;  ///< its address
  bool up = true;      ///< not known to be down
  std::uint64_t sessions = 0;
};

/// Limits of the configuration in force, and what has been taken of them where no worker counts it.
struct RoomFacts {
  std::uint64_t connections_limit = 0;  ///< limits.connections
  std::uint64_t io_blocks_limit = 0;    ///< limits.memory in I/O blocks, all workers together
  std::uint64_t spool_limit = 0;        ///< spool.max_total
  std::uint64_t quarantine_octets = 0;  ///< of its files
  std::uint64_t quarantine_limit = 0;   ///< quarantine.max_size; 0: there is no quarantine
};

/// Whether a scanner's last self-test was fine in every one of `workers`, each of which has had
/// one.
[[nodiscard]] bool effective(const filters::ScannerCounters& scanner, std::uint64_t workers);

/// What is true of the whole process at the moment of a scrape.
struct ProcessFacts {
  std::string version;      ///< of Gatepost
  std::string tls_library;  ///< "BoringSSL 17"
  std::chrono::system_clock::time_point started;
  std::uint64_t workers = 0;
  std::vector<std::uint64_t> silent_seconds;  ///< of each worker; 0: its loop turns
  std::vector<CertificateFacts> certificates;
  std::uint64_t stale_files = 0;  ///< whose last good version is in use
  std::uint64_t file_refreshes_succeeded = 0;
  std::uint64_t file_refreshes_failed = 0;
  std::vector<ServerFacts> servers;
  std::vector<std::shared_ptr<const filters::ScannerCounters>> scanners;  ///< in use, each once
  std::vector<std::shared_ptr<const filters::RuleCounter>> rules;
  std::vector<std::shared_ptr<const filters::PolicyCounters>> policies;  ///< each once
  bool retention_store_up = true;  ///< in every worker, as far as there is one
  std::uint64_t spool_octets = 0;
  RoomFacts room;
  ProcessUsage usage;
  std::uint64_t remembered_verdicts = 0;
  std::uint64_t guarded_networks = 0;
  std::uint64_t guarded_users = 0;
  std::uint64_t reloads_succeeded = 0;
  std::uint64_t reloads_failed = 0;
  bool last_reload_succeeded = true;
  std::uint64_t upgrades_succeeded = 0;  ///< 1: this process has followed another one
  std::uint64_t upgrades_failed = 0;
  std::uint64_t log_lines_lost = 0;
  bool draining = false;
};

/// Renders all metrics in the Prometheus text format. docs/metrics.md lists them; a test compares.
/// Every label takes its values from an enum or from the configuration, never from a peer.
class Exporter {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  /// `workers`: one for each worker, read at each scrape while the workers go on counting; they
  /// must outlive the exporter. The same for `messages` and `retention`. `facts` is asked once for
  /// each scrape, in the scraping thread.
  Exporter(std::vector<const session::Counters*> workers, std::function<ProcessFacts()> facts,
           std::vector<const filters::MessageCounters*> messages = {},
           std::vector<const filters::RetentionCounters*> retention = {});
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  [[nodiscard]] std::string render() const;

 private:
  class Collection;  // keeps prometheus-cpp in one source file
  std::unique_ptr<Collection> collection_;
};

}  // namespace gatepost::metrics
