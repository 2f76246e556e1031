#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/net/process_launcher.h"
#include "proxy/process/fd_watch.h"
#include "proxy/process/launcher_wire.h"

namespace gatepost::process {

/// A worker's way to the launcher.
class LauncherLink final : public net::ProcessLauncher {
 public:
  /// `link`: a connection that does not block. `programs` as the launcher knows them.
  LauncherLink(net::Loop& loop, UniqueFd link, std::vector<net::Program> programs);
  LauncherLink(const LauncherLink&) = delete;
  LauncherLink& operator=(const LauncherLink&) = delete;

  [[nodiscard]] Ticket run(const net::Program& program, UniqueFd input, Done done) override;

 private:
  void on_ready();
  void read_reports();
  void kill(std::uint64_t id);
  void send_kills();
  void launcher_ended();

  net::Loop& loop_;
  UniqueFd link_;                   // -1: the launcher has ended
  std::unique_ptr<FdWatch> watch_;  // as long as there is a link
  std::vector<net::Program> programs_;
  std::map<std::uint64_t, Done> running_;
  std::deque<std::uint64_t> to_kill_;  // the socket had no room; at most what ran
  std::uint64_t next_id_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // tickets may outlive us
};

}  // namespace gatepost::process
