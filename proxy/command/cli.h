#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/load.h"
#include "proxy/probe/options.h"

namespace gatepost::command {

/// What the process tells its caller when it ends. Part of the documented interface.
enum class ExitCode : std::uint8_t {
  ok = 0,
  runtime = 1,      ///< started, or tried to, and failed: port taken, no descriptors
  usage = 2,        ///< the command line is wrong
  config = 3,       ///< the configuration or a certificate is wrong
  unreachable = 4,  ///< check --connect, probe: the server does not answer
};

/// What `gatepost quarantine` is to do.
struct QuarantineOptions {
  enum class What : std::uint8_t { list, show, release, remove } what = What::list;
  std::vector<std::uint64_t> numbers;  ///< list: none
  std::string folder;                  ///< empty: that of the configuration
  bool raw = false;                    ///< show: the message itself
};

/// What `gatepost scan` is to do.
struct ScanOptions {
  static constexpr unsigned kMaxJobs = 64;

  std::vector<std::string> files;  ///< at least one; see MailSource
  std::string chain;               ///< empty: the only one of the configuration
  std::string user;                ///< who is said to fetch the messages
  std::string client;              ///< from which address; empty: through a Unix socket
  std::string route;
  unsigned jobs = 0;         ///< 0: as many as there are processors, at most kMaxJobs
  std::string write;         ///< a folder for what clients would get; empty: nowhere
  std::optional<bool> diff;  ///< not set: for a single file
  bool quiet = false;        ///< neither progress nor summary
};

/// What `gatepost retention` is to do.
struct RetentionOptions {
  enum class What : std::uint8_t { list, show, undelete, purge, report } what = What::list;
  std::string account;             ///< the user name as upstream knows it; report: may be empty
  std::string pool;                ///< the pool that serves it; empty: the only one
  std::string policy;              ///< that it is under; empty: as listeners and routes say
  std::vector<std::string> uidls;  ///< the first digits of hashed UIDLs
  bool all = false;                ///< undelete, purge: every message that it can be done with
  bool yes = false;                ///< purge: for real
  bool dry_run = false;            ///< undelete, purge: only say what would be done
  bool force = false;              ///< purge: also what was never retrieved
  bool json = false;
};

/// What `gatepost retention sweep` is to do.
struct SweepOptions {
  static constexpr unsigned kMaxJobs = 64;

  std::vector<std::string> accounts;  ///< user names as upstream knows them
  std::string accounts_file;          ///< further ones, a line each; "-": standard input
  std::string pool;                   ///< empty: the only one with a master user
  std::string policy;                 ///< empty: the only one of the pool's users
  unsigned jobs = 4;                  ///< accounts at once
};

/// What `gatepost replay` is to do.
struct ReplayOptions {
  std::string file;     ///< a trace
  std::string session;  ///< its id; empty: all sessions of the trace
  bool quiet = false;   ///< without the conversation
};

/// What `gatepost ctl` and `gatepost explain` are to do.
struct CtlOptions {
  enum class What : std::uint8_t {
    status,
    sessions,
    kick,
    drain,
    reload,
    upgrade,
    upstreams,
    log_level,
    trace,
    explain
  } what = What::status;
  std::string socket;            ///< empty: that of the configuration, or the usual one
  std::vector<std::string> ids;  ///< kick, explain: of sessions
  std::string user;              ///< a pattern; trace: whom
  std::size_t limit = 1'000;     ///< sessions: how many
  std::string level;             ///< log_level: the new one; empty: only say which
  unsigned seconds = 600;        ///< trace: for how long
  bool full = false;             ///< trace: texts of messages, too
  std::string output;            ///< trace: a file; empty: standard output
};

/// A command line that was understood, or the text to print instead of doing anything.
struct CommandLine {
  enum class Action : std::uint8_t {
    run,             ///< serve until a signal
    check,           ///< check the configuration, say what is wrong, end
    probe,           ///< look at a POP3 server, say what it is like, end
    quarantine,      ///< list or change what is in quarantine, end
    retention,       ///< list or change what is known of deleted and kept messages, end
    sweep,           ///< remove what is due from mailboxes, end
    ctl,             ///< ask a running gateway, or have it do something, end
    healthcheck,     ///< ask a running gateway whether it is well, end
    scan,            ///< show what a chain makes of messages in files, end
    replay,          ///< play a trace, say where it goes another way, end
    print_and_exit,  ///< help, version or a complaint: print `text`, end with `exit_code`
  };

  Action action = Action::print_and_exit;
  std::string config_file;      ///< empty: nothing but flags and environment
  config::Overrides overrides;  ///< flags, and environment where there is no flag
  bool connect = false;         ///< check: reach the upstream too
  bool json = false;            ///< print the result as JSON
  probe::Options probe = {};    ///< probe: what to look at
  QuarantineOptions quarantine = {};
  RetentionOptions retention = {};
  SweepOptions sweep = {};
  ScanOptions scan = {};
  ReplayOptions replay = {};
  CtlOptions ctl = {};
  bool ready = false;  ///< healthcheck: whether it takes new sessions, too
  std::string text;    ///< print_and_exit: with its final newline
  ExitCode exit_code = ExitCode::ok;

  /// Where `text` belongs: standard output or standard error.
  [[nodiscard]] bool is_complaint() const { return exit_code != ExitCode::ok; }
};

/// Reads the command line and, for flags that are not given, the environment: `--log-level` is
/// GATEPOST_LOG_LEVEL, and so on; an empty variable counts as not set. `libraries` is shown by
/// --version ("BoringSSL API 17"). Values are not judged here: config::load does that.
[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv,
                                             const std::string& version,
                                             const std::string& libraries);

}  // namespace gatepost::command
