#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/base/ticket.h"
#include "proxy/base/unique_fd.h"

namespace gatepost::net {

/// A program that may be run, and within what.
struct Program {
  std::vector<std::string> command;  ///< absolute path and arguments; no shell
  std::uint64_t memory = 0;          ///< octets of address space of each of its processes

  bool operator==(const Program&) const = default;
};

/// How a program ended.
struct ProgramEnd {
  enum class How : std::uint8_t {
    exited,         ///< `code`: its status
    signalled,      ///< `code`: the signal
    not_run,        ///< `code`: errno of why
    too_talkative,  ///< wrote more than it may, and was killed
  } how = How::not_run;
  int code = 0;
  std::string output;  ///< the beginning of its standard output
};

/// Runs programs for one worker.
class ProcessLauncher {
 public:
  using Done = std::move_only_function<void(Result<ProgramEnd>)>;

  virtual ~ProcessLauncher() = default;
  /// `program` reads `input`, in an environment of its own: the folder `/`, no variables but
  /// PATH and LANG, no descriptors but the three, its own process group. `done` is called once,
  /// later, never from inside this call; the whole group is killed then, and at once when the
  /// ticket goes, and then `done` is never called. There is no time limit but the ticket. `config`
  /// for a program that was not configured when the gateway started.
  [[nodiscard]] virtual Ticket run(const Program& program, UniqueFd input, Done done) = 0;
};

}  // namespace gatepost::net
