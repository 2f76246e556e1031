#include "proxy/command/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <optional>

#include "proxy/command/cli_ctl.h"
#include "proxy/command/cli_replay.h"
#include "proxy/command/cli_retention.h"
#include "proxy/command/cli_scan.h"

namespace gatepost::command {

namespace {

constexpr const char* kAbout =
    "Gatepost: TLS in front of a POP3 server.\n\n"
    "As a sidecar, without a file:\n"
    "  gatepost run --pop3s :995 --pop3 :110 --upstream 127.0.0.1:1110 --cert FILE --key FILE";

constexpr const char* kFooter =
    "\nA flag comes before its environment variable, which comes before the file. An empty\n"
    "variable counts as not set. Any of --pop3s, --pop3 and --pop3-plain replaces all listeners\n"
    "of the file. docs/configuration.md has every key of the file.\n\n"
    "Addresses: host:port, [IPv6]:port, :port (every address) or unix:/path.\n\n"
    "Exit codes:\n"
    "  0  fine\n"
    "  1  failed at run time, for instance because a port is taken\n"
    "  2  the command line is wrong\n"
    "  3  the configuration or a certificate is wrong\n"
    "  4  check --connect, probe: the server could not be reached\n\n"
    "Signals of run: SIGTERM and SIGINT let sessions finish, then end; SIGHUP reads\n"
    "configuration and certificates again and opens the log file anew; SIGUSR2 starts the program\n"
    "anew, while sessions finish in this one.";

/// "--log-level" as "GATEPOST_LOG_LEVEL".
std::string environment_name(std::string_view flag) {
  std::string name = "GATEPOST_";
  for (const char c : flag.substr(2)) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

/// What one command reads. Each has its own: CLI11 gives the environment to those, too, that were
/// not named.
struct Values {
  CommandLine line;
  bool insecure = false;
  bool proxy_protocol = false;
};

/// Of run and of check: the same flags for the same configuration.
void add_configuration_flags(CLI::App& command, Values& values) {
  config::Overrides& to = values.line.overrides;
  const auto add = [&](const char* flag, auto& target, const char* placeholder, const char* help,
                       const char* group) {
    command.add_option(flag, target, help)
        ->type_name(placeholder)
        ->envname(environment_name(flag))
        ->group(group)
        ->take_last();
  };
  const auto add_switch = [&](const char* flag, bool& target, const char* help, const char* group) {
    command.add_flag(flag, target, help)
        ->envname(environment_name(flag))
        ->group(group)
        ->take_last();
  };
  const char* const files = "Configuration";
  add("--config", values.line.config_file, "FILE", "Configuration file: JSON with comments", files);

  const char* const listeners = "Listeners";
  add("--pop3s", to.pop3s, "ADDRESS", "Listen with TLS from the first byte, usually :995",
      listeners);
  add("--pop3", to.pop3, "ADDRESS", "Listen with STLS, required before login, usually :110",
      listeners);
  add("--pop3-plain", to.pop3_plain, "ADDRESS", "Listen without any TLS", listeners);
  add("--cert", to.cert, "FILE", "Certificate and chain, PEM", listeners);
  add("--key", to.key, "FILE", "Private key of the certificate, PEM", listeners);
  add("--cert-folder", to.cert_folder, "FOLDER", "Certificates with their keys, chosen by SNI",
      listeners);
  add_switch("--proxy-protocol", values.proxy_protocol,
             "Every connection begins with a PROXY protocol header", listeners);
  add("--trusted-network", to.trusted_network, "NETWORK,...",
      "Who may send PROXY headers; several with commas", listeners);

  const char* const upstream = "Upstream";
  add("--upstream", to.upstream, "ADDRESS,...",
      "The POP3 server behind, or several with commas; default port 110 or 995", upstream);
  add("--upstream-tls", to.upstream_tls, "MODE", "none, starttls or implicit (default none)",
      upstream);
  add("--upstream-ca", to.upstream_ca, "FILE", "Its certificate authorities, PEM", upstream);
  add("--upstream-name", to.upstream_name, "NAME", "The name its certificate must carry", upstream);
  add_switch("--upstream-insecure", values.insecure,
             "Do not verify its certificate: only for tests and odd devices", upstream);

  const char* const scanning = "Scanning";
  command
      .add_option("--scan", to.scan,
                  "Have every message scanned: clamd@unix:/run/clamav/clamd.ctl,\n"
                  "icap@HOST:PORT/SERVICE, rspamd@HOST, spamd@HOST; may be given again")
      ->type_name("TYPE@ADDRESS")
      ->envname(environment_name("--scan"))
      ->group(scanning)
      ->delimiter(',')
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add("--quarantine", to.quarantine, "FOLDER", "Keep there what is held back", scanning);

  const char* const retention = "Delete and keep";
  add("--retention", to.retention, "TYPE[:PERIOD]",
      "keep, keep_for:30d, delete_after_retrieval[:7d] or read_only, for every\n"
      "listener; or client: the client decides",
      retention);
  add("--retention-file", to.retention_file, "FILE",
      "What it remembers (default /var/lib/gatepost/retention.sqlite)", retention);

  const char* const process = "Process";
  add("--workers", to.workers, "N", "Worker threads: auto or a number", process);
  add("--admin", to.admin, "ADDRESS", "Health and metrics, or off (default 127.0.0.1:9110)",
      process);
  add("--admin-token-file", to.admin_token_file, "FILE",
      "Its first line is the token for actions on the status page", process);
  add("--control", to.control, "PATH", "Unix socket for gatepost ctl", process);
  add("--log-level", to.log_level, "LEVEL", "debug, info, warning or error (default info)",
      process);
  add("--log-format", to.log_format, "FORMAT", "text or json (default text)", process);
  add("--log-file", to.log_file, "FILE", "Append here in place of standard error", process);
}

constexpr const char* kProbeAbout =
    "Look at a POP3 server: greeting, capabilities, TLS, certificate, and what is wrong with it.\n"
    "Connects about ten times; logs in nowhere.";

constexpr std::uint16_t kPop3Port = 110;
constexpr std::uint16_t kPop3sPort = 995;

/// What `probe` reads; the rest of its options are in the CommandLine at once.
struct ProbeValues {
  CommandLine line;
  std::string target;
  bool tls = false;
  bool stls = false;
  bool plain = false;
  int timeout = 10;
};

CLI::App& add_probe(CLI::App& app, ProbeValues& values) {
  CLI::App& probe = *app.add_subcommand("probe", kProbeAbout);
  probe.footer(
      "\nExit codes: 0 it answered as a POP3 server, 2 the command line is wrong, 3 the CA file "
      "is\n"
      "wrong, 4 no POP3 server answered.");
  probe.add_option("server", values.target, "Host and port; default port 110, 995 with --tls")
      ->type_name("HOST[:PORT]")
      ->required();
  CLI::Option* tls = probe.add_flag("--tls", values.tls, "TLS from the first octet");
  CLI::Option* stls = probe.add_flag("--stls", values.stls, "STLS, even if it is not announced");
  CLI::Option* plain = probe.add_flag("--plain", values.plain, "No TLS at all");
  tls->excludes(stls)->excludes(plain);
  stls->excludes(plain);
  probe.add_flag("--json", values.line.json, "Print the result as JSON");
  probe.add_option("--ca", values.line.probe.ca_file, "Its certificate authorities, PEM")
      ->type_name("FILE");
  probe
      .add_option("--name", values.line.probe.server_name,
                  "The name its certificate must carry (default: the host)")
      ->type_name("NAME");
  probe.add_option("--timeout", values.timeout, "Seconds for each step (default 10)")
      ->type_name("S")
      ->check(CLI::Range(1, 300));
  return probe;
}

constexpr const char* kHealthAbout =
    "Ask the admin listener of a running gateway whether it is well: for containers. Takes flags,\n"
    "environment and file as run does. Exit code 0 when it is, 1 otherwise.";

constexpr const char* kQuarantineAbout =
    "Look after the messages that were kept back: list them, release them to their users, delete\n"
    "them. The gateway may be running.";

/// What `quarantine` reads.
struct QuarantineValues {
  CommandLine line;
  CLI::App* command = nullptr;
};

/// Empty for the number of a message.
std::string complaint_about_number(const std::string& text) {
  constexpr std::size_t kMaxDigits = 18;
  const bool is_number = !text.empty() && text.size() <= kMaxDigits && !text.starts_with('0') &&
                         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return is_number ? "" : "\"" + text + "\" is not the number of a message";
}

CLI::App& add_quarantine_part(QuarantineValues& values, const char* name, const char* about,
                              QuarantineOptions::What what) {
  CLI::App& part = *values.command->add_subcommand(name, about);
  CommandLine& line = values.line;
  part.callback([&line, what] { line.quarantine.what = what; });
  part.add_option("--config", line.config_file, "Configuration file")
      ->type_name("FILE")
      ->envname(environment_name("--config"));
  part.add_option("--folder", line.quarantine.folder,
                  "The quarantine's folder; then no configuration is read")
      ->type_name("DIR");
  if (what == QuarantineOptions::What::list || what == QuarantineOptions::What::show) {
    part.add_flag("--json", line.json, "Print the result as JSON");
  }
  if (what != QuarantineOptions::What::list) {
    part.add_option("number", line.quarantine.numbers, "Numbers of messages")
        ->type_name("NUMBER")
        ->required()
        ->check(complaint_about_number, "");
  }
  return part;
}

void add_quarantine(CLI::App& app, QuarantineValues& values) {
  using What = QuarantineOptions::What;
  values.command = app.add_subcommand("quarantine", kQuarantineAbout);
  values.command->require_subcommand(1);
  values.command->footer(
      "\nExit codes: 0 all done, 1 a message is not there or cannot be read, 2 the command line "
      "is\n"
      "wrong, 3 the configuration is wrong or has no quarantine.");
  add_quarantine_part(values, "list", "All messages, a line each", What::list);
  CLI::App& show =
      add_quarantine_part(values, "show", "All that is known of some messages", What::show);
  show.add_flag("--raw", values.line.quarantine.raw, "Print one message itself")
      ->excludes(show.get_option("--json"));
  add_quarantine_part(values, "release", "Show them in their users' mailboxes", What::release);
  add_quarantine_part(values, "delete", "Delete them for good", What::remove);
}

CommandLine print(std::string text, ExitCode code) {
  CommandLine line;
  if (!text.ends_with('\n')) text += '\n';
  line.text = std::move(text);
  line.exit_code = code;
  return line;
}

CommandLine probe_line(ProbeValues& values) {
  CommandLine line = std::move(values.line);
  line.action = CommandLine::Action::probe;
  line.probe.mode = values.tls     ? probe::Mode::implicit
                    : values.stls  ? probe::Mode::stls
                    : values.plain ? probe::Mode::plain
                                   : probe::Mode::automatic;
  line.probe.timeout = std::chrono::seconds(values.timeout);
  auto target = Endpoint::parse(values.target, values.tls ? kPop3sPort : kPop3Port);
  if (!target) {
    return print("gatepost: " + target.error().detail + "\nTry: gatepost probe --help",
                 ExitCode::usage);
  }
  line.probe.target = *std::move(target);
  return line;
}

CommandLine quarantine_line(QuarantineValues& values) {
  CommandLine line = std::move(values.line);
  line.action = CommandLine::Action::quarantine;
  if (line.quarantine.raw && line.quarantine.numbers.size() != 1) {
    return print("gatepost: --raw prints one message\nTry: gatepost quarantine show --help",
                 ExitCode::usage);
  }
  return line;
}

/// The command that was named, for its own help.
struct NamedCommand {
  const CLI::App* app;
  std::string before;  ///< what stands before its name: "gatepost"

  [[nodiscard]] std::string full_name() const {
    return before.empty() ? app->get_name() : before + " " + app->get_name();
  }
};

NamedCommand named_command(const CLI::App& app) {
  NamedCommand named{&app, ""};
  while (!named.app->get_subcommands().empty()) {
    named = {named.app->get_subcommands().front(), named.full_name()};
  }
  return named;
}

std::string help_of(const CLI::App& app) {
  const NamedCommand named = named_command(app);
  return named.app->help(named.before);
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv, const std::string& version,
                               const std::string& libraries) {
  Values for_run;
  Values for_check;
  const std::string version_text = "gatepost " + version + " (" + libraries + ")";

  CLI::App app(kAbout, "gatepost");
  app.set_version_flag("--version", version_text, "Print version and libraries");
  app.footer(kFooter);
  app.require_subcommand(1);
  CLI::App& run = *app.add_subcommand("run", "Serve until SIGTERM or SIGINT");
  CLI::App& check = *app.add_subcommand("check", "Check configuration and certificates, then end");
  ProbeValues for_probe;
  const CLI::App& probe = add_probe(app, for_probe);
  QuarantineValues for_quarantine;
  add_quarantine(app, for_quarantine);
  CommandLine for_retention;
  const CLI::App& retention = add_retention(app, for_retention);
  CommandLine for_ctl;
  add_ctl(app, for_ctl);
  Values for_health;
  CLI::App& health = *app.add_subcommand("healthcheck", kHealthAbout);
  add_configuration_flags(health, for_health);
  health.add_flag("--ready", for_health.line.ready, "Whether it takes new sessions, too");
  CommandLine for_scan;
  const CLI::App& scan = add_scan(app, for_scan);
  CommandLine for_replay;
  const CLI::App& replay = add_replay(app, for_replay);
  const CLI::App& show = *app.add_subcommand("version", "Print version and libraries");
  run.footer(kFooter);
  check.footer(kFooter);
  add_configuration_flags(run, for_run);
  add_configuration_flags(check, for_check);
  check.add_flag("--connect", for_check.line.connect,
                 "Connect to the upstream, and test the scanners");
  check.add_flag("--json", for_check.line.json, "Print the result as JSON");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return print(help_of(app), ExitCode::ok);
  } catch (const CLI::CallForVersion&) {
    return print(version_text, ExitCode::ok);
  } catch (const CLI::Error& error) {
    return print("gatepost: " + std::string(error.what()) +
                     "\nTry: " + named_command(app).full_name() + " --help",
                 ExitCode::usage);
  }

  if (show.parsed()) return print(version_text, ExitCode::ok);
  if (probe.parsed()) return probe_line(for_probe);
  if (for_quarantine.command->parsed()) return quarantine_line(for_quarantine);
  if (retention.parsed()) return for_retention;
  if (scan.parsed()) return for_scan;
  if (replay.parsed()) return for_replay;
  if (for_ctl.action == CommandLine::Action::ctl) return for_ctl;
  Values& values = run.parsed() ? for_run : health.parsed() ? for_health : for_check;
  values.line.action = run.parsed()      ? CommandLine::Action::run
                       : health.parsed() ? CommandLine::Action::healthcheck
                                         : CommandLine::Action::check;
  // Absent means "as the file says"; there is no flag that turns verification back on.
  if (values.insecure) values.line.overrides.upstream_verify = false;
  if (values.proxy_protocol) values.line.overrides.proxy_protocol = true;
  return std::move(values.line);
}

}  // namespace gatepost::command
