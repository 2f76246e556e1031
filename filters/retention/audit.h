#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "filters/retention/names.h"
#include "proxy/base/error.h"
#include "proxy/base/log.h"

namespace gatepost::filters {

/// A line for each message that Gatepost removed, or that a dry run would have: who can prove later
/// what happened to a message. Names are hashed. Thread-safe.
class Audit {
 public:
  /// To the log (`file` is empty), or to a file of its own (0600, appended to, each line with one
  /// write(2)). `log` must outlive it: it gets what the file does not take. Fails with `system`.
  [[nodiscard]] static Result<std::shared_ptr<Audit>> open(const std::string& file, Log& log);
  virtual ~Audit() = default;

  struct Removal {
    std::string_view session;
    HashedName account;
    HashedName uidl;
    std::string_view policy;
    std::string_view reason;  ///< "deleted by the client", "30d after it was seen", …
    bool dry_run = false;     ///< it was not removed: it would have been
  };
  virtual void removed(const Removal& removal) = 0;
  /// SIGHUP: the file may have been rotated. Nothing for the log. Where the new file cannot be
  /// opened the old one stays in use.
  virtual void reopen() {}
};

}  // namespace gatepost::filters
