#include "proxy/command/cli_ctl.h"

#include <CLI/CLI.hpp>

namespace gatepost::command {

namespace {

using What = CtlOptions::What;

constexpr const char* kAbout =
    "Look at a running gateway, and have it do something, over its control socket (admin.control\n"
    "of the configuration).";

constexpr const char* kFooter =
    "\nThe socket is that of --control, or of the configuration that --config names, or\n"
    "/run/gatepost/control.\n\n"
    "Exit codes: 0 done, 1 the gateway refused, or there is no such session, 2 the command line "
    "is\n"
    "wrong, 3 the configuration has no control socket, 4 no gateway answers there.";

constexpr unsigned kMaxTraceSeconds = 86'400;

void add_socket(CLI::App& part, CommandLine& line) {
  part.footer(kFooter);
  // Both may be given: in a container both variables are set.
  part.add_option("--control", line.ctl.socket, "The control socket")
      ->type_name("PATH")
      ->envname("GATEPOST_CONTROL");
  part.add_option("--config", line.config_file, "Configuration file that names it")
      ->type_name("FILE")
      ->envname("GATEPOST_CONFIG");
}

CLI::App& add_part(CLI::App& command, CommandLine& line, const char* name, const char* about,
                   What what) {
  CLI::App& part = *command.add_subcommand(name, about);
  part.callback([&line, what] {
    line.action = CommandLine::Action::ctl;
    line.ctl.what = what;
  });
  add_socket(part, line);
  return part;
}

void add_json(CLI::App& part, CommandLine& line) {
  part.add_flag("--json", line.json, "Print the answer as JSON");
}

/// Of explain, which has two places.
void add_explain_options(CLI::App& part, CommandLine& line) {
  CLI::Option* id = part.add_option("id", line.ctl.ids, "A session, as the log names it: 0-1f")
                        ->type_name("ID")
                        ->expected(1);
  part.add_option("--user", line.ctl.user, "List the last sessions of a user instead")
      ->type_name("NAME")
      ->excludes(id);
  add_json(part, line);
}

}  // namespace

void add_ctl(CLI::App& app, CommandLine& line) {
  CLI::App& ctl = *app.add_subcommand("ctl", kAbout);
  ctl.require_subcommand(1);
  ctl.footer(kFooter);
  CtlOptions& options = line.ctl;

  add_json(add_part(ctl, line, "status", "What it is doing, in figures", What::status), line);
  CLI::App& sessions =
      add_part(ctl, line, "sessions", "The sessions that go on, a line each", What::sessions);
  sessions.add_option("--user", options.user, "Only those of users like this; * and ?")
      ->type_name("PATTERN");
  sessions.add_option("--limit", options.limit, "At most so many (default 1000)")
      ->type_name("N")
      ->check(CLI::Range(1U, 10'000U));
  add_json(sessions, line);
  CLI::App& kick =
      add_part(ctl, line, "kick", "End sessions now; nothing they deleted is lost", What::kick);
  CLI::Option* ids =
      kick.add_option("id", options.ids, "Sessions, as sessions lists them")->type_name("ID");
  kick.add_option("--user", options.user, "All of users like this; * and ?")
      ->type_name("PATTERN")
      ->excludes(ids);
  add_part(ctl, line, "drain", "Let sessions finish, then end: as SIGTERM", What::drain);
  add_part(ctl, line, "reload", "Read the configuration again: as SIGHUP", What::reload);
  add_part(ctl, line, "upgrade",
           "Start the program anew without dropping a session: as SIGUSR2; waits until it is ready",
           What::upgrade);
  add_json(
      add_part(ctl, line, "upstreams", "The servers behind, and how they are", What::upstreams),
      line);
  CLI::App& level =
      add_part(ctl, line, "log-level",
               "Show the level of the log, or change it until the next reload", What::log_level);
  level.add_option("level", options.level, "debug, info, warning or error")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  CLI::App& trace =
      add_part(ctl, line, "trace",
               "Record the new sessions of one user, without passwords and texts", What::trace);
  trace.add_option("--user", options.user, "Whose; * and ?")->type_name("PATTERN")->required();
  trace.add_option("--seconds", options.seconds, "For so long (default 600)")
      ->type_name("S")
      ->check(CLI::Range(1U, kMaxTraceSeconds));
  trace.add_flag("--full", options.full, "With names and the texts of messages");
  trace.add_option("--output", options.output, "Write here in place of standard output")
      ->type_name("FILE");
  add_explain_options(add_part(ctl, line, "explain", "Why a session went as it did", What::explain),
                      line);
  CLI::App& explain = add_part(
      app, line, "explain", "The same as ctl explain: why a session went as it did", What::explain);
  add_explain_options(explain, line);
}

}  // namespace gatepost::command
