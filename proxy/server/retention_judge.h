#pragma once

#include <string>

#include "config/config.h"
#include "proxy/base/error.h"
#include "proxy/server/retention_text.h"

namespace gatepost::server {

/// What records of `account`, a user name as upstream knows it, are judged by; nothing is judged
/// when it is empty. `pool`: that serves it; empty stands for the only one, whose name it gets.
/// `policy`: that it is under; empty: as listeners and routes say. Fails with a text for who asks.
[[nodiscard]] Result<RetentionJudge> find_judge(const config::Config& config,
                                                const std::string& account, std::string& pool,
                                                const std::string& policy = {});

}  // namespace gatepost::server
