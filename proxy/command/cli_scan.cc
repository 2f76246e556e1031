#include "proxy/command/cli_scan.h"

#include <CLI/CLI.hpp>

#include "proxy/base/address.h"

namespace gatepost::command {

namespace {

constexpr const char* kAbout =
    "Show what a chain makes of messages in files, so that rules can be tried before users meet\n"
    "them. Scanners are asked as in service; nothing is put into quarantine or remembered.";

constexpr const char* kFooter =
    "\nA FILE that begins with \"From \" is an mbox, any other is one message; a folder is a "
    "Maildir\n"
    "or holds files *.eml (those of its own folders are not looked at); - is standard input.\n"
    "Text is printed with a line for each message. --json prints a JSON object for each, in a "
    "line;\n"
    "docs/filters.md has its keys. What sums it up goes to standard error.\n\n"
    "Exit codes: 0 all messages could be looked at, 1 some could not (a file cannot be read, a\n"
    "scanner does not answer), 2 the command line is wrong, 3 the configuration is wrong.";

/// Empty for an address.
std::string complaint_about_address(const std::string& text) {
  const auto address = IpAddress::parse(text);
  return address ? "" : address.error().detail;
}

}  // namespace

CLI::App& add_scan(CLI::App& app, CommandLine& line) {
  CLI::App& command = *app.add_subcommand("scan", kAbout);
  ScanOptions& scan = line.scan;
  command.footer(kFooter);
  command.callback([&line] { line.action = CommandLine::Action::scan; });
  const auto add = [&command](const char* name, std::string& target, const char* placeholder,
                              const char* help) {
    return command.add_option(name, target, help)->type_name(placeholder);
  };
  command.add_option("file", scan.files, "Messages, mboxes, Maildirs, folders, or -")
      ->type_name("FILE")
      ->required();
  add("--config", line.config_file, "FILE", "Configuration file")
      ->envname("GATEPOST_CONFIG")
      ->required();
  add("--chain", scan.chain, "NAME", "Which chain, if the configuration has several");
  add("--user", scan.user, "NAME", "Who fetches the messages, for conditions and scanners");
  add("--client", scan.client, "ADDRESS", "From where, an IP address")
      ->check(complaint_about_address, "");
  add("--route", scan.route, "NAME", "By which route");
  command.add_option("--jobs", scan.jobs, "Messages looked at side by side (default: processors)")
      ->type_name("N")
      ->check(CLI::Range(1U, ScanOptions::kMaxJobs));
  command.add_flag("--json", line.json, "Print a JSON object for each message");
  add("--write", scan.write, "DIR", "Put there what clients would get; nothing is overwritten");
  command.add_flag_callback(
      "--diff", [&scan] { scan.diff = true; },
      "Show what was changed (the default for a single file)");
  command.add_flag_callback(
             "--no-diff", [&scan] { scan.diff = false; }, "Do not show it")
      ->excludes(command.get_option("--diff"));
  command.add_flag("--quiet", scan.quiet, "Neither progress nor summary");
  return command;
}

}  // namespace gatepost::command
