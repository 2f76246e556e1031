#include "proxy/server/master_login.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "proxy/server/password_file.h"
#include "proxy/server/pools.h"

namespace gatepost::server {

Result<std::shared_ptr<const session::MasterLogin>> read_master_login(const config::Pool& pool) {
  const std::string path = path_of(pool.name);
  if (pool.master_user.empty()) {
    return fail(ErrorCode::config, path + "/master_user: there is none");
  }
  auto password = read_password_file(pool.master_password_file);
  if (!password) {
    return fail(ErrorCode::config,
                fmt::format("{}/master_password_file: {}", path, password.error().detail));
  }
  auto login = std::make_shared<session::MasterLogin>();
  login->form = pool.master_user;
  login->password = *std::move(password);
  return login;
}

std::vector<config::Problem> judge_master_logins(const config::Config& config) {
  std::vector<config::Problem> problems;
  for (const config::Pool& pool : config.pools) {
    if (pool.master_user.empty()) continue;
    const std::string path = path_of(pool.name) + "/master_password_file";
    const std::string& file = pool.master_password_file;
    struct stat facts{};
    const bool others =
        ::stat(file.c_str(), &facts) == 0 && (facts.st_mode & (S_IRGRP | S_IROTH)) != 0;
    if (others) {
      problems.push_back({path, 0,
                          fmt::format("{}: others than its owner may read it: with this password "
                                      "every mailbox can be opened",
                                      file),
                          true});
    }
    // It may be root's alone, and whoever only checks need not be root.
    if (::access(file.c_str(), R_OK) != 0 && errno == EACCES) continue;
    if (auto password = read_password_file(file); !password) {
      problems.push_back({path, 0, password.error().detail, false});
    }
  }
  return problems;
}

}  // namespace gatepost::server
