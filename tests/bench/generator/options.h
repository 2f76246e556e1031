#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gatepost::bench {

enum class TlsMode : std::uint8_t { none, implicit, stls };
/// What every session does; pipeline sends all commands at once, idle and pingpong stay logged in.
enum class Script : std::uint8_t { login, retr, idle, pingpong, pipeline };

/// The command line; `pop3_load --help` explains each.
struct Options {
  std::string host = "127.0.0.1";
  int port = 0;
  std::string tls_name = "none";
  TlsMode tls = TlsMode::none;
  std::string script_name = "login";
  Script script = Script::login;
  int connections = 1;
  int threads = 1;
  std::uint64_t sessions = 0;
  double seconds = 0;
  double warmup = 0;
  std::string user = "u-%d";
  int users = 1000;
  std::string password = "secret";
  std::string manifest;
  std::string mailbox;
  std::string cert;
  bool quickack = false;
  bool resume = false;
  std::string engine = "fast";
  bool engine_fast = true;
  std::string tls_version = "1.3";
  bool tls12 = false;
  int sig_every = 16;
  int key_reuse = 64;
  int src_ips = 8;
  std::uint64_t retr_count = 0;
  std::uint64_t pings = 0;
  int depth = 1;
  int idle_retr = 0;
  double rate = 0;
  double timeout = 30;
  double hold = 2;
  std::vector<std::string> cpu_pids;
  std::vector<std::pair<std::string, int>> pids;
  int mem_pid = 0;
  int max_errors = 1000;
  int ramp = 64;
  std::string ciphers = "TLS_AES_128_GCM_SHA256";
  std::string groups = "X25519";
  int recv_buf = 65536;
  std::string label;
};

/// Dies with a message when the command line makes no sense.
[[nodiscard]] Options parse_options(int argc, char** argv);

}  // namespace gatepost::bench
