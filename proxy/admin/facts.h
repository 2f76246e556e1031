#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/timer.h"
#include "proxy/session/session_facts.h"

/// What can be known of the process, as plain data: for the status page and for `gatepost ctl`.
namespace gatepost::admin {

struct WorkerFacts {
  std::uint64_t sessions = 0;
  std::uint64_t silent_seconds = 0;  ///< since its loop turned last; 0: it is well
  std::uint64_t io_octets = 0;       ///< of I/O blocks held
  bool accept_paused = false;
};

struct ListenerFacts {
  std::string name;
  std::string address;  ///< with the real port
  std::string tls;      ///< "implicit", "starttls", "none"
};

struct UpstreamFacts {
  std::string pool;
  std::string server;
  std::string health;   ///< "up", "down", "unknown"
  std::string problem;  ///< why it is down; "" if it is not
  std::uint64_t sessions = 0;
  std::uint32_t weight = 1;
  std::uint32_t max_connections = 0;  ///< 0: no limit
  std::uint32_t priority = 0;
};

struct ScannerFacts {
  std::string name;
  std::string type;  ///< "clamd", "icap", …
  std::string address;
  bool required = true;
  bool effective = false;  ///< in every worker
  std::uint64_t self_tests_passed = 0;
  std::uint64_t self_tests_failed = 0;
  std::uint64_t running = 0;
  std::uint64_t waiting = 0;
  std::uint64_t breaker_open = 0;  ///< workers for which it is
  /// Words of causes ("clean", "infected") and how often; those that never came are left out.
  std::vector<std::pair<std::string, std::uint64_t>> verdicts;
};

struct CertificateFacts {
  std::string file;
  std::string subject;
  std::vector<std::string> names;  ///< DNS names that it carries
  std::chrono::system_clock::time_point not_after;
};

/// Names and numbers, in the order to be shown: {"ok", 12}.
using Numbers = std::vector<std::pair<std::string, std::uint64_t>>;

struct Status {
  std::string version;
  std::string tls_library;
  std::int64_t pid = 0;
  std::chrono::system_clock::time_point started;
  std::string config_file;             ///< "" if there is none
  std::string state;                   ///< "running", "upgrading", "replaced", "draining"
  std::vector<std::string> not_ready;  ///< as /readyz says; empty: ready
  std::string log_level;
  std::vector<ListenerFacts> listeners;
  std::vector<WorkerFacts> workers;
  std::vector<UpstreamFacts> upstreams;
  std::vector<ScannerFacts> scanners;
  std::vector<CertificateFacts> certificates;
  std::vector<std::string> stale_files;  ///< files whose last good version is used, and why
  std::uint64_t connections = 0;         ///< of clients, now
  std::uint64_t connections_limit = 0;
  std::uint64_t sessions_active = 0;
  std::uint64_t sessions_started = 0;  ///< since the start, like all that follows
  std::uint64_t octets_in = 0;         ///< from clients
  std::uint64_t octets_out = 0;
  std::uint64_t messages = 0;      ///< retrieved
  Numbers logins;                  ///< by result
  Numbers ended;                   ///< sessions by reason
  Numbers tls;                     ///< sessions by version of TLS
  Numbers verdicts;                ///< messages by cause
  Numbers actions;                 ///< messages by action
  std::uint64_t spool_octets = 0;  ///< now
  std::uint64_t spool_limit = 0;
  std::uint64_t reloads_succeeded = 0;
  std::uint64_t reloads_failed = 0;
  std::uint64_t log_lines_lost = 0;
  std::vector<std::string> policies;  ///< names of what decides about deletions
};

struct SessionQuery {
  std::string user;           ///< as the client gave it, * and ? are patterns; "": everybody
  std::size_t limit = 1'000;  ///< sessions to tell of, the oldest first
};

struct SessionList {
  std::vector<session::SessionFacts> sessions;
  std::uint64_t matching = 0;        ///< with those beyond the limit
  std::uint64_t silent_workers = 0;  ///< did not answer in time: theirs are missing
};

}  // namespace gatepost::admin
