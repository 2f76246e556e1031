#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "proxy/tls/identity.h"

namespace gatepost::tls {

namespace {

namespace fs = std::filesystem;

// A link counts even when what it points to is missing: that is for load() to complain about.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

std::string if_there(const fs::path& path) { return is_there(path) ? path.string() : ""; }

void add_subfolder(const fs::path& folder, std::vector<IdentityFiles>& found) {
  const fs::path certificate = folder / "tls.crt";
  const fs::path key = folder / "tls.key";
  if (!is_there(certificate) || !is_there(key)) return;
  found.push_back({certificate.string(), key.string(), if_there(folder / "tls.ocsp")});
}

void add_file(fs::path path, std::vector<IdentityFiles>& found) {
  if (path.extension() != ".pem" && path.extension() != ".crt") return;
  IdentityFiles files{.certificate = path.string(), .key = {}};
  files.key = if_there(path.replace_extension(".key"));
  files.ocsp = if_there(path.replace_extension(".ocsp"));
  found.push_back(std::move(files));
}

}  // namespace

Result<std::vector<IdentityFiles>> find_identities(const std::string& folder) {
  const auto failed = [&folder](const std::string& why) {
    return fail(ErrorCode::config, fmt::format("{}: {}", folder, why));
  };
  std::vector<IdentityFiles> found;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().filename().string().starts_with('.')) continue;
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      add_subfolder(entry->path(), found);
    } else {
      add_file(entry->path(), found);
    }
    if (found.size() > kMaxIdentities) {
      return failed(fmt::format("holds more than {} certificates", kMaxIdentities));
    }
  }
  if (error) return failed(error.message());
  std::ranges::sort(found, {}, &IdentityFiles::certificate);
  return found;
}

}  // namespace gatepost::tls
