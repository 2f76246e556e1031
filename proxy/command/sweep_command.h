#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "proxy/base/error.h"
#include "proxy/command/cli.h"
#include "proxy/command/sweep.h"

namespace gatepost::command {

/// Octets of a file with names of accounts.
constexpr std::size_t kMaxAccountsFile = 16 * 1024 * 1024;

/// The accounts in `text`, a name a line, in their order, each once; empty lines are left out. Adds
/// to `accounts`. Fails with `config` at a line that is no user name.
[[nodiscard]] Result<void> add_accounts(std::string_view text, std::vector<std::string>& accounts);

/// All of a file with names; "-" is standard input. Fails with `refused`.
[[nodiscard]] Result<std::string> read_accounts(const std::string& file);

/// Pool and policy that are meant: those that are named, or the only ones that can be. The policy
/// must be one that users of the pool are under, and no dry run.
struct SweepChoice {
  const config::Pool* pool = nullptr;
  const config::RetentionPolicy* policy = nullptr;
};
/// Points into `config`. Fails with `refused` if something else must be named, with `config` if
/// the configuration has nothing to name.
[[nodiscard]] Result<SweepChoice> choose_sweep(const config::Config& config,
                                               const SweepOptions& options);

/// "joe: removed 3, kept 2 (brake 2)".
[[nodiscard]] std::string sweep_text(const SweepResult& result);

/// `gatepost retention sweep`: as who the gateway is, with its store, log and audit file, which it
/// may be using meanwhile. A line for each account and a sum go to standard output.
[[nodiscard]] ExitCode sweep_mailboxes(const CommandLine& line);

}  // namespace gatepost::command
