#include "proxy/command/cli_replay.h"

#include <CLI/CLI.hpp>

namespace gatepost::command {

namespace {

constexpr const char* kAbout =
    "Play what a trace (gatepost ctl trace) heard to this program, in memory, and compare what it\n"
    "says with what it said then. Nothing is connected, nothing is read but the file.";

constexpr const char* kFooter =
    "\nThe conversation is printed: \"C: \" the client, \"S: \" Gatepost to it, \"> \" Gatepost "
    "to\n"
    "upstream, \"< \" upstream; \"!!\" where the replay goes another way. docs/control.md says\n"
    "what a trace holds.\n\n"
    "Exit codes: 0 all went as in the trace, 1 a session went another way, 2 the command line is\n"
    "wrong, 3 the file cannot be read or is no trace.";

}  // namespace

CLI::App& add_replay(CLI::App& app, CommandLine& line) {
  CLI::App& command = *app.add_subcommand("replay", kAbout);
  ReplayOptions& replay = line.replay;
  command.footer(kFooter);
  command.callback([&line] { line.action = CommandLine::Action::replay; });
  command.add_option("file", replay.file, "A trace")->type_name("FILE")->required();
  command.add_option("--session", replay.session, "Only the session with this id")->type_name("ID");
  command.add_flag("--json", line.json, "Print a JSON object for each session, in a line");
  command.add_flag("--quiet", replay.quiet, "Only what came of it, not the conversation");
  return command;
}

}  // namespace gatepost::command
