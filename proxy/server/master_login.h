#pragma once

#include <memory>
#include <vector>

#include "config/load.h"
#include "proxy/base/error.h"
#include "proxy/session/services.h"

namespace gatepost::server {

/// Who may open every mailbox of the pool; reads the password. Fails with `config`, the JSON path
/// in front; so also when the pool has no master user.
[[nodiscard]] Result<std::shared_ptr<const session::MasterLogin>> read_master_login(
    const config::Pool& pool);

/// What is wrong with the files of such passwords: one that cannot be used is an error, one that
/// others than its owner may read a warning.
[[nodiscard]] std::vector<config::Problem> judge_master_logins(const config::Config& config);

}  // namespace gatepost::server
