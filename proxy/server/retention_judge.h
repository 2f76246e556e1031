#pragma once

#include "config/config.h"
#include "proxy/base/error.h"
#include "proxy/server/cli.h"
#include "proxy/server/retention_text.h"

namespace gatepost::server {

/// What records of the account are judged by, and in `options` what they leave open: the pool. No
/// account: nothing is judged. Fails with a text for who asks.
[[nodiscard]] Result<RetentionJudge> find_judge(const config::Config& config,
                                                RetentionOptions& options);

}  // namespace gatepost::server
