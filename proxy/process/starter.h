#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/base/unique_fd.h"

namespace gatepost::process {

/// What can be asked of the starter. One in one packet, `start` with the descriptor that the new
/// process is to have.
enum class StarterRequest : std::uint32_t {
  start,
  kill,  ///< the one that was started, at once
};

/// What it says: `started` or `not_started` to each request to start; after `started`, and once,
/// `ended`.
struct StarterReport {
  enum class What : std::uint32_t {
    started,      ///< `process` runs the program
    not_started,  ///< `code`: errno
    exited,       ///< `code`: its status
    signalled,    ///< `code`: the signal that ended it
  } what = What::started;
  std::int32_t code = 0;
  pid_t process = -1;
};

/// A process beside the gateway that can start its program again, with the same arguments, in the
/// same environment and folder, and with the same rights: all as it was when the gateway began. The
/// gateway may run nothing itself, and may be somebody else by then. There is nothing else that the
/// starter can be told to do, and it holds nothing but its connection to the gateway.
class Starter {
 public:
  /// Forks it, to run `program` (a path) with `arguments` (the program's name first). For a process
  /// with one thread, before it gives anything up. It ends when the Starter is destroyed, or when
  /// the gateway ends, whatever becomes of it; what it started goes on.
  [[nodiscard]] static Result<std::unique_ptr<Starter>> fork(std::string program,
                                                             std::vector<std::string> arguments);

  /// A connection that keeps packets apart and does not block. Valid as long as this.
  [[nodiscard]] int link() const { return link_.get(); }
  [[nodiscard]] const std::string& program() const { return program_; }
  [[nodiscard]] pid_t process() const { return process_; }

 private:
  Starter() = default;

  UniqueFd link_;
  std::string program_;
  pid_t process_ = -1;
};

/// The file of this program, to be started again: by the name that it was called with if that is a
/// path to it, so that a link that leads elsewhere by then is followed; else where it is now.
[[nodiscard]] std::string own_program(const char* called);

}  // namespace gatepost::process
