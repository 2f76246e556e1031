#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::testing {

/// A port of the loopback that nobody listens at, and that is given to no other program as long as
/// this one runs.
[[nodiscard]] std::uint16_t free_port();

/// A redis-server of this test, in a folder of its own; ends with it.
class RedisServer {
 public:
  [[nodiscard]] static bool installed();

  /// Runs with `arguments` ("--port", "7000"), or as a Sentinel with the lines of its file.
  /// At a Unix socket, unless there is a port.
  enum class Tls : std::uint8_t { no, yes };
  explicit RedisServer(std::vector<std::string> arguments = {}, std::uint16_t port = 0,
                       Tls tls = Tls::no);
  struct Sentinel {
    std::string lines;
  };
  RedisServer(Sentinel sentinel, std::uint16_t port);
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  [[nodiscard]] const Endpoint& at() const { return at_; }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  /// Again, with the same files.
  void start();
  /// Waits until it answers.
  void await() const;
  void kill();
  /// Takes its time; SIGSTOP.
  void halt() const;
  void go_on() const;
  /// What it answers to a line in plain text, as it comes over the wire.
  [[nodiscard]] std::string say(const std::string& line) const;

 private:
  TemporaryFolder folder_;
  std::vector<std::string> words_;
  Endpoint at_;
  pid_t pid_ = -1;
  Tls tls_ = Tls::no;
};

}  // namespace gatepost::testing
