#include "proxy/server/password_file.h"

#include <string_view>

#include <fmt/format.h>

#include "filters/small_file.h"

namespace gatepost::server {

Result<Secret> read_password_file(const std::string& file) {
  auto text = filters::read_small_file(file, kMaxFilePassword);
  if (!text) return std::unexpected(text.error());
  const std::string_view line = std::string_view(*text).substr(0, text->find_first_of("\r\n"));
  const bool good = !line.empty() && line.size() <= kMaxFilePassword;
  Secret password(good ? line : std::string_view());
  wipe(*text);
  if (good) return password;
  return fail(ErrorCode::config,
              fmt::format("{}: the first line is to have 1 to {} octets", file, kMaxFilePassword));
}

}  // namespace gatepost::server
