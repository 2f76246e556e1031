#include "tests/bench/generator/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>

#include "tests/bench/common/process.h"

namespace gatepost::bench {
namespace {

void add_traffic(CLI::App& app, Options& to) {
  app.add_option("--host", to.host, "the server's address");
  app.add_option("--port", to.port, "the server's port")->required();
  app.add_option("--tls", to.tls_name, "none, implicit or stls");
  app.add_option("--script", to.script_name, "login, retr, pipeline, pingpong or idle");
  app.add_option("--connections", to.connections, "concurrent connections");
  app.add_option("--threads", to.threads, "client threads");
  app.add_option("--sessions", to.sessions, "sessions in all");
  app.add_option("--seconds", to.seconds, "or: length of the measured window");
  app.add_option("--warmup", to.warmup, "seconds before the window");
  app.add_option("--user-template", to.user, "user name; %d becomes a number");
  app.add_option("--users", to.users, "how many numbers");
  app.add_option("--password", to.password);
  app.add_option("--manifest", to.manifest, "sizes and checksums, as the upstream wrote them");
  app.add_option("--mailbox", to.mailbox, "whose; otherwise that of the user name");
  app.add_option("--retr-count", to.retr_count, "messages of each session (all of the mailbox)");
  app.add_option("--depth", to.depth, "RETRs in flight");
  app.add_option("--pings", to.pings, "NOOPs of each connection");
  app.add_option("--rate", to.rate,
                 "NOOPs a second in all, sent when due (0: one after the other)");
  app.add_option("--timeout", to.timeout, "seconds without an answer");
  app.add_option("--max-errors", to.max_errors, "give up after so many");
  app.add_option("--src-ips", to.src_ips, "addresses of 127.0.0.0/8 to come from");
  app.add_option("--recv-buf", to.recv_buf, "octets of one read");
  app.add_flag("--quickack", to.quickack, "acknowledge at once: hides a missing TCP_NODELAY");
}

void add_tls_and_measures(CLI::App& app, Options& to) {
  app.add_flag("--resume", to.resume, "resume TLS sessions, with a fresh ticket for each");
  app.add_option("--engine", to.engine, "fast or openssl");
  app.add_option("--tls-version", to.tls_version, "1.2 or 1.3");
  app.add_option("--ciphersuites", to.ciphers);
  app.add_option("--groups", to.groups);
  app.add_option("--cert", to.cert, "PEM file: the certificate that the server must present");
  app.add_option("--sig-every", to.sig_every, "fast engine: verify one signature in so many");
  app.add_option("--key-reuse", to.key_reuse, "fast engine: use an X25519 key so many times");
  app.add_option("--pid", to.mem_pid, "idle: report the memory of this process and its children");
  app.add_option("--hold", to.hold, "idle: seconds to wait before measuring");
  app.add_option("--idle-retr", to.idle_retr, "idle: then so many RETRs each, and measure again");
  app.add_option("--ramp", to.ramp, "idle, pingpong: logins in progress at a time");
  app.add_option("--cpu-pid", to.cpu_pids, "LABEL=PID: report the CPU seconds of that process");
  app.add_option("--label", to.label, "a text for the report");
}

template <typename Value>
Value choose(const std::string& option, const std::string& word,
             const std::map<std::string, Value>& values) {
  const auto found = values.find(word);
  if (found == values.end()) die(option + " " + word + "?");
  return found->second;
}

void interpret(Options& to) {
  to.tls = choose<TlsMode>(
      "--tls", to.tls_name,
      {{"none", TlsMode::none}, {"implicit", TlsMode::implicit}, {"stls", TlsMode::stls}});
  to.script = choose<Script>("--script", to.script_name,
                             {{"login", Script::login},
                              {"retr", Script::retr},
                              {"idle", Script::idle},
                              {"pingpong", Script::pingpong},
                              {"pipeline", Script::pipeline}});
  to.engine_fast = choose<bool>("--engine", to.engine, {{"fast", true}, {"openssl", false}});
  to.tls12 = choose<bool>("--tls-version", to.tls_version, {{"1.2", true}, {"1.3", false}});
  for (const std::string& text : to.cpu_pids) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) die("--cpu-pid LABEL=PID");
    to.pids.emplace_back(text.substr(0, equals), std::atoi(text.c_str() + equals + 1));
  }
  const bool open_ended = to.script != Script::idle && to.pings == 0;
  if (open_ended && to.sessions == 0 && to.seconds <= 0) die("want --sessions or --seconds");
  if (to.tls12 && to.groups == "X25519") to.groups = "X25519:P-256";  // the certificate's curve
  if (to.tls12 || to.ciphers != "TLS_AES_128_GCM_SHA256" || to.groups != "X25519")
    to.engine_fast = false;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Loads a POP3 server, checks every reply, prints one JSON object. "
      "The exit status is 1 if anything was wrong.");
  add_traffic(app, options);
  add_tls_and_measures(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  interpret(options);
  return options;
}

}  // namespace gatepost::bench
