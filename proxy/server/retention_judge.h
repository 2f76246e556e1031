#pragma once

#include <string>

#include "config/config.h"
#include "proxy/base/error.h"
#include "proxy/server/retention_text.h"

namespace gatepost::server {

/// Whose records an administrator asks about.
struct RetentionQuestion {
  std::string account;  ///< the user name as upstream knows it; empty: everybody's
  std::string pool;     ///< the pool that serves it; empty: the only one
  std::string policy;   ///< that it is under; empty: as listeners and routes say
};

/// What records of the account are judged by, and in `question` what it leaves open: the pool. No
/// account: nothing is judged. Fails with a text for who asks.
[[nodiscard]] Result<RetentionJudge> find_judge(const config::Config& config,
                                                RetentionQuestion& question);

}  // namespace gatepost::server
