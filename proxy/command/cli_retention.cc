#include "proxy/command/cli_retention.h"

#include <CLI/CLI.hpp>

#include "proxy/command/cli_sweep.h"

namespace gatepost::command {

namespace {

using What = RetentionOptions::What;

constexpr const char* kAbout =
    "Look after what is known of deleted and kept messages: see what is hidden or due, bring\n"
    "messages back, have them removed. The gateway may be running.";

constexpr const char* kFooter =
    "\nA UIDL is the first digits, four or more, of a hashed one, as list shows them. What is due\n"
    "goes in the user's next session, or with sweep: docs/retention.md.\n\n"
    "Exit codes: 0 all done, 1 a message is not there, or the store cannot be used, 2 the command\n"
    "line is wrong, 3 the configuration is wrong.";

/// What all parts have.
CLI::App& add_part(CLI::App& command, CommandLine& line, const char* name, const char* about,
                   What what) {
  CLI::App& part = *command.add_subcommand(name, about);
  RetentionOptions& options = line.retention;
  part.footer(kFooter);
  part.callback([&options, what] { options.what = what; });
  const auto add = [&part](const char* flag, std::string& target, const char* placeholder,
                           const char* help) {
    return part.add_option(flag, target, help)->type_name(placeholder);
  };
  add("--config", line.config_file, "FILE", "Configuration file")
      ->envname("GATEPOST_CONFIG")
      ->required();
  CLI::Option* account =
      add("--account", options.account, "NAME", "Whose mail: the user name that upstream knows");
  if (what != What::report) account->required();
  add("--pool", options.pool, "NAME", "Which pool, if the configuration has several");
  add("--policy", options.policy, "NAME", "Which policy, if the pool's users have several");
  part.add_flag("--json", options.json, "Print the result as JSON");
  return part;
}

CLI::Option* add_uidls(CLI::App& part, RetentionOptions& options) {
  return part.add_option("uidl", options.uidls, "Messages")->type_name("UIDL");
}

/// Of parts that change something.
void add_choice(CLI::App& part, RetentionOptions& options) {
  CLI::Option* uidls = add_uidls(part, options);
  part.add_flag("--all", options.all, "All of the account, in place of UIDLs")->excludes(uidls);
  part.add_flag("--dry-run", options.dry_run, "Only say what would be done");
}

}  // namespace

CLI::App& add_retention(CLI::App& app, CommandLine& line) {
  CLI::App& command = *app.add_subcommand("retention", kAbout);
  RetentionOptions& options = line.retention;
  command.require_subcommand(1);
  command.footer(kFooter);
  command.callback([&line] {
    if (line.action != CommandLine::Action::sweep) line.action = CommandLine::Action::retention;
  });
  add_part(command, line, "list", "All messages of an account, a line each", What::list);
  CLI::App& show = add_part(command, line, "show", "All that is known of some", What::show);
  add_uidls(show, options)->required();
  CLI::App& undelete =
      add_part(command, line, "undelete", "Bring back what clients deleted", What::undelete);
  add_choice(undelete, options);
  CLI::App& purge =
      add_part(command, line, "purge", "Have them removed at the user's next login", What::purge);
  add_choice(purge, options);
  purge.add_flag("--yes", options.yes, "Really do it");
  purge.add_flag("--force", options.force, "Also what was never retrieved");
  add_part(command, line, "report",
           "Count what is hidden, due and kept; without --account, list "
           "the accounts",
           What::report);
  add_sweep(command, line);
  return command;
}

}  // namespace gatepost::command
