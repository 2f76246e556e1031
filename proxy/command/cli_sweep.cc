#include "proxy/command/cli_sweep.h"

#include <CLI/CLI.hpp>

namespace gatepost::command {

namespace {

constexpr const char* kAbout =
    "Remove now what is due, without waiting for the users' next login: the mailboxes are opened\n"
    "by the pool's master_user. Guards, notes and audit lines are those of a user's session.";

constexpr const char* kFooter =
    "\nPrints a line for each account and a sum.\n\n"
    "Exit codes: 0 all done, 1 some accounts failed, or the store cannot be used, 2 the command\n"
    "line is wrong, 3 the configuration is wrong.";

}  // namespace

void add_sweep(CLI::App& retention, CommandLine& line) {
  CLI::App& sweep = *retention.add_subcommand("sweep", kAbout);
  SweepOptions& options = line.sweep;
  sweep.footer(kFooter);
  sweep.callback([&line] { line.action = CommandLine::Action::sweep; });
  sweep.add_option("--config", line.config_file, "Configuration file")
      ->type_name("FILE")
      ->envname("GATEPOST_CONFIG")
      ->required();
  sweep.add_option("--account", options.accounts, "Whose mail: names that upstream knows")
      ->type_name("NAME");
  sweep.add_option("--accounts", options.accounts_file, "The same in a file, a line each, or -")
      ->type_name("FILE");
  sweep.add_option("--pool", options.pool, "Which pool, if several have a master_user")
      ->type_name("NAME");
  sweep.add_option("--policy", options.policy, "Which policy, if the pool's users have several")
      ->type_name("NAME");
  sweep.add_option("--jobs", options.jobs, "Accounts at once (default 4)")
      ->type_name("N")
      ->check(CLI::Range(1U, SweepOptions::kMaxJobs));
}

}  // namespace gatepost::command
