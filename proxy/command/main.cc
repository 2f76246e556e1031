#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "proxy/command/check.h"
#include "proxy/command/cli.h"
#include "proxy/command/ctl_command.h"
#include "proxy/command/quarantine_command.h"
#include "proxy/command/replay_command.h"
#include "proxy/command/retention_desk.h"
#include "proxy/command/scan_command.h"
#include "proxy/command/sweep_command.h"
#include "proxy/probe/judgement.h"
#include "proxy/probe/probe.h"
#include "proxy/probe/write.h"
#include "proxy/process/predecessor.h"
#include "proxy/process/privileges.h"
#include "proxy/process/starter.h"
#include "proxy/process/version.h"
#include "proxy/server/server.h"
#include "proxy/tls/library.h"

namespace gatepost::command {
namespace {

/// Every session needs two descriptors.
void raise_descriptor_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

ExitCode fail_to_start(const Error& error) {
  fmt::print(stderr, "gatepost: {}\n", error.detail);
  return error.code == ErrorCode::config ? ExitCode::config : ExitCode::runtime;
}

/// The process before this one, if there is one, goes on, and its log says why.
ExitCode fail_to_start(const Error& error, process::Predecessor& predecessor) {
  predecessor.say_failed(error.detail);
  return fail_to_start(error);
}

std::string first_error(const config::Loaded& loaded) {
  for (const config::Problem& problem : loaded.problems) {
    if (!problem.warning) return fmt::format("configuration: {}: {}", problem.path, problem.text);
  }
  return "configuration";
}

/// A log file that was not there belongs to who will have to open it again.
Result<std::unique_ptr<ProcessLog>> open_log(const LogOptions& options,
                                             const std::optional<process::Identity>& identity) {
  const bool is_new = !options.file.empty() && ::access(options.file.c_str(), F_OK) != 0;
  auto log = ProcessLog::open(options);
  if (log && is_new && identity &&
      ::chown(options.file.c_str(), identity->user, identity->group) != 0) {
    return fail(ErrorCode::system,
                fmt::format("log file {}: cannot be given to {}", options.file, identity->name));
  }
  return log;
}

/// As this process is now: with all its rights, and nothing read yet. None for the first process of
/// a container, with which everything in it ends.
Result<std::unique_ptr<process::Starter>> fork_starter(int argc, char** argv) {
  constexpr pid_t kFirst = 1;
  if (::getpid() == kFirst) return nullptr;
  return process::Starter::fork(process::own_program(argv[0]),
                                std::vector<std::string>(argv, argv + argc));
}

ExitCode run(const CommandLine& line, int argc, char** argv) {
  auto predecessor = process::Predecessor::find();
  if (!predecessor) return fail_to_start(predecessor.error());
  auto starter = fork_starter(argc, argv);
  if (!starter) return fail_to_start(starter.error(), *predecessor);
  raise_descriptor_limit();
  process::forbid_new_privileges();
  if (auto received = predecessor->receive(); !received) {
    return fail_to_start(received.error(), *predecessor);
  }
  const config::Loaded loaded = load_configuration(line);
  print_problems(loaded, line.config_file);
  if (!loaded.config) {
    predecessor->say_failed(first_error(loaded));
    return ExitCode::config;
  }
  // Passwords pass through memory: it must not end up in a file.
  process::set_dumpable(loaded.config->process.core_dumps);
  const auto identity = process::find_identity(loaded.config->process);
  if (!identity) return fail_to_start(identity.error(), *predecessor);
  auto log = open_log(loaded.config->log, *identity);
  if (!log) return fail_to_start(log.error(), *predecessor);
  server::Server server(
      **log, [&line] { return load_configuration(line); }, *predecessor, std::move(*starter));
  server.show(loaded.document);
  if (auto started = server.start(*loaded.config, *identity, line.config_file); !started) {
    return fail_to_start(started.error(), *predecessor);
  }
  if (auto ran = server.run(); !ran) return fail_to_start(ran.error(), *predecessor);
  return ExitCode::ok;
}

ExitCode look_at_server(const CommandLine& line) {
  const auto report = probe::look_at(line.probe);
  if (!report) return fail_to_start(report.error());
  const auto now = std::chrono::system_clock::now();
  const probe::Judgement judgement = probe::judge(*report, line.probe, now);
  const std::string text =
      line.json ? probe::as_json(*report, judgement) : probe::as_text(*report, judgement);
  std::fputs(text.c_str(), stdout);
  return report->reached ? ExitCode::ok : ExitCode::unreachable;
}

ExitCode main(int argc, char** argv) {
  const CommandLine line =
      parse_command_line(argc, argv, std::string(process::kVersion), tls::library_name());
  switch (line.action) {
    case CommandLine::Action::run:
      return run(line, argc, argv);
    case CommandLine::Action::check:
      return check(line);
    case CommandLine::Action::probe:
      return look_at_server(line);
    case CommandLine::Action::quarantine:
      return look_after_quarantine(line);
    case CommandLine::Action::retention:
      return look_after_retention(line);
    case CommandLine::Action::sweep:
      return sweep_mailboxes(line);
    case CommandLine::Action::scan:
      return scan_files(line);
    case CommandLine::Action::replay:
      return replay_trace(line);
    case CommandLine::Action::ctl:
      return control_gateway(line);
    case CommandLine::Action::healthcheck:
      return check_health(line);
    case CommandLine::Action::print_and_exit:
      std::fputs(line.text.c_str(), line.is_complaint() ? stderr : stdout);
      return line.exit_code;
  }
  return ExitCode::runtime;
}

}  // namespace
}  // namespace gatepost::command

int main(int argc, char** argv) {
  try {
    return static_cast<int>(gatepost::command::main(argc, argv));
  } catch (const std::exception& error) {
    // Nothing of ours throws across a layer: this is the machine giving up (memory).
    std::fprintf(stderr, "gatepost: %s\n", error.what());
    return 1;
  }
}
