#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/timer.h"

/// Plain data of what is deleted and kept. Included through config/config.h.
namespace gatepost::config {

enum class RetentionType : std::uint8_t {
  client,                  ///< the client decides
  keep,                    ///< nothing is ever removed
  keep_for,                ///< as keep, and removed after the period
  delete_after_retrieval,  ///< removed once it was delivered whole, or a period after that
  read_only,               ///< DELE is refused
};

/// What becomes of a message that the client deleted and upstream still has.
enum class RetentionView : std::uint8_t {
  hide,             ///< the account does not see it any more
  hide_for_device,  ///< the client that deleted it does not see it any more
  show,             ///< it is there again in the next session
};

/// Since when a period runs.
enum class CountFrom : std::uint8_t {
  seen,       ///< a session saw the message for the first time
  retrieved,  ///< it was delivered whole for the first time
  deleted,    ///< a client deleted it
};

/// What tells the clients of an account apart.
enum class DeviceMark : std::uint8_t {
  certificate,  ///< the subject of the client's TLS certificate
  suffix,       ///< what the route cut off the user name, see Route::device_suffix
  network,      ///< the client's address (IPv6: its /64)
};

/// The "client went mad" brake: removals of one session; what is beyond is kept. 0: no limit.
struct Brake {
  std::uint32_t messages = 0;
  std::uint32_t percent = 0;  ///< of the messages that the mailbox had; at least one may go
};

struct RetentionPolicy {
  std::string name;
  RetentionType type = RetentionType::client;
  RetentionView view = RetentionView::hide;  ///< keep, keep_for
  std::chrono::seconds period{0};            ///< keep_for; delete_after_retrieval: 0 is at once
  CountFrom count_from = CountFrom::seen;    ///< keep_for
  std::vector<DeviceMark> devices = {DeviceMark::certificate, DeviceMark::suffix,
                                     DeviceMark::network};  ///< the first that there is counts
  Brake brake;
  /// Nothing but notes what it would do; the client decides.
  bool dry_run = false;
  /// Where upstream has no UIDL, messages are told apart by a hash of their header (TOP n 0).
  /// Otherwise such an upstream is refused.
  bool header_hash = false;
};

enum class RetentionStoreType : std::uint8_t { sqlite, redis, memory };

/// Redis or Valkey, or Sentinels that know where it is.
struct Redis {
  std::vector<Endpoint> addresses;  ///< one; with sentinel_master: of Sentinels, asked in turn
  std::string sentinel_master;      ///< the name that Sentinels know the master by; empty: none
  bool tls = false;
  bool verify = true;
  std::string ca_file;        ///< PEM; empty: the system's
  std::string server_name;    ///< expected name; empty: the host
  std::string certificate;    ///< PEM: ours; empty: none
  std::string key;            ///< PEM; empty: in the file of the certificate
  std::string user;           ///< of AUTH; empty: the default user
  std::string password_file;  ///< its first line; empty: no AUTH
  std::string sentinel_password_file;
  std::uint32_t database = 0;
  std::string prefix = "gatepost:";  ///< of every key
  Duration connect_timeout{2'000};
  Duration timeout{5'000};  ///< of one request
  bool operator==(const Redis&) const = default;
};

struct RetentionStore {
  RetentionStoreType type = RetentionStoreType::sqlite;
  std::string file = "/var/lib/gatepost/retention.sqlite";  ///< sqlite
  Redis redis;
  bool operator==(const RetentionStore&) const = default;
};

struct Retention {
  std::vector<RetentionPolicy> policies;
  RetentionStore store;
  /// Secret that names are hashed with, 16 octets or more. Empty: the file of SQLite with ".key",
  /// made when it is not there.
  std::string key_file;
  /// Patterns (* and ?) for users whose mail nobody removes: they are under `keep` whatever policy
  /// they have otherwise.
  std::vector<std::string> hold;
  std::chrono::seconds forget_after{90 * 24 * 3600};  ///< records of messages that upstream lost
  std::string audit_file;                             ///< a line for each removal; empty: the log
};

}  // namespace gatepost::config
