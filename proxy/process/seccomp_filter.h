#pragma once

#include "config/config.h"
#include "proxy/base/error.h"

namespace gatepost::process {

/// Restricts all threads of the process, and those that they start, to the system calls that a
/// running gateway makes; there is no way back. With Seccomp::on all others fail with ENOSYS, so
/// that a newer C library falls back to what it did before, and those that only an intruder has a
/// use for (exec, fork, ptrace, mount, set*id, …) end the process with SIGSYS. With Seccomp::log
/// the kernel logs them all and lets them happen. Sets no_new_privs. Fails with `system`; then
/// nothing has changed but that.
[[nodiscard]] Result<void> install_seccomp_filter(config::Seccomp mode);

}  // namespace gatepost::process
