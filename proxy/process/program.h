#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "proxy/base/error.h"
#include "proxy/base/unique_fd.h"
#include "proxy/net/process_launcher.h"

namespace gatepost::process {

/// One program that runs, in its own process group. Destroying it does not end it.
struct RunningProgram {
  std::size_t link = 0;  ///< who asked
  std::uint64_t id = 0;  ///< as they call it
  pid_t process = -1;    ///< and its group
  UniqueFd output;       ///< the end that we read; does not block
  UniqueFd trouble;      ///< errno comes here if it cannot be run
  std::string text;      ///< the beginning of its output
  std::size_t written = 0;
  bool wanted = true;  ///< false: it is killed, and nobody hears of it
  bool too_talkative = false;
};

/// Starts it with `input` as its standard input. For a process with one thread, all of whose
/// descriptors from 3 up are closed when a program is run (O_CLOEXEC).
[[nodiscard]] Result<RunningProgram> start_program(const net::Program& program, UniqueFd input);

/// Reads what it wrote, as far as that is there.
void read_output(RunningProgram& program);

/// What came of it, for a status of waitid(2): `code` and `status` of siginfo_t.
[[nodiscard]] net::ProgramEnd end_of_program(const RunningProgram& program, int code, int status);

}  // namespace gatepost::process
