#pragma once

#include <string>

#include "proxy/base/error.h"
#include "proxy/base/secret.h"

namespace gatepost::server {

/// Of a password in a file of its own.
constexpr std::size_t kMaxFilePassword = 4'096;

/// The first line of a file. Fails with `config` when it cannot be read, and when that line is
/// empty or too long: "/path: why".
[[nodiscard]] Result<Secret> read_password_file(const std::string& file);

}  // namespace gatepost::server
