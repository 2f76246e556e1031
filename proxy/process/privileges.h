#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/base/error.h"

namespace gatepost::process {

/// Whom the process is to become.
struct Identity {
  uid_t user = 0;
  gid_t group = 0;
  std::string name;  ///< as configured, for logs
};

/// No core files, and no debugger of the same user, unless they are wanted. A change of the user
/// sets this back: to be called again after one.
void set_dumpable(bool wanted);

/// Nothing that this process might run gets more rights than it has. For the calling thread and
/// those that it starts.
void forbid_new_privileges();

/// Nothing when `process` names nobody. Fails with `config` when the user or the group does not
/// exist, when the user is root, or when we are neither root nor that user.
[[nodiscard]] Result<std::optional<Identity>> find_identity(const config::Process& process);

/// All threads give up root, its groups and all capabilities for good, which is verified. Does
/// nothing when we are that user already. Fails with `system`; then the process must end.
[[nodiscard]] Result<void> become(const Identity& identity);

/// A file that cannot be used, with the reason.
struct HiddenFile {
  std::string file;
  std::string reason;
};

/// Which of `read` cannot be read, and whether `written` (if not empty) cannot be appended to, by
/// us as we are.
[[nodiscard]] std::vector<HiddenFile> hidden_files(std::span<const std::string> read,
                                                   const std::string& written);
/// The same for another user, tried in a child process that becomes that user: for a process with
/// one thread. Empty when we may not become anybody.
[[nodiscard]] std::vector<HiddenFile> hidden_files_for(const Identity& identity,
                                                       std::span<const std::string> read,
                                                       const std::string& written);

}  // namespace gatepost::process
