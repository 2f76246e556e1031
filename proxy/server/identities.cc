#include "proxy/server/identities.h"

#include <utility>

#include <fmt/format.h>

namespace gatepost::server {

namespace {

/// What is to be loaded, in the order of preference.
struct Wanted {
  tls::IdentityFiles files;
  std::string folder;  // that it was found in, or ""
};

std::unexpected<Error> at(const std::string& path, const Error& error) {
  return fail(error.code, fmt::format("{}: {}", path, error.detail));
}

}  // namespace

Result<IdentityStore::Loaded> IdentityStore::load(const config::Tls& tls, OnBroken on_broken) {
  Loaded loaded;
  std::vector<Wanted> wanted;
  wanted.reserve(tls.certificates.size());
  for (const config::Certificate& one : tls.certificates) {
    wanted.push_back({{one.certificate, one.key, one.ocsp, "/tls"}, ""});
  }
  std::map<std::string, Good> known;
  const auto use = [&](const std::string& file, Good good) {
    loaded.identities.push_back(good.identity);
    known[file] = std::move(good);
  };
  for (std::size_t i = 0; i < tls.certificate_folders.size(); ++i) {
    const std::string& folder = tls.certificate_folders[i];
    const std::string path = fmt::format("/tls/certificate_folders/{}", i);
    const auto want = [&](tls::IdentityFiles files) {
      files.rule = path;
      wanted.push_back({std::move(files), folder});
    };
    auto found = tls::find_identities(folder);
    if (!found && on_broken == OnBroken::refuse) return at(path, found.error());
    if (!found) {
      // A folder that cannot be read at the moment has not lost its certificates.
      loaded.problems.push_back({folder, found.error().detail});
      for (const auto& [file, good] : known_) {
        if (good.folder == folder) want(good.identity->files());
      }
      continue;
    }
    for (tls::IdentityFiles& files : *found) want(std::move(files));
  }
  for (const Wanted& one : wanted) {
    auto identity = tls::Identity::load(one.files);
    if (identity) {
      use(one.files.certificate, {one.folder, std::move(*identity)});
      continue;
    }
    if (on_broken == OnBroken::refuse) return at(one.files.rule, identity.error());
    loaded.problems.push_back({one.files.certificate, identity.error().detail});
    const auto before = known_.find(one.files.certificate);
    if (before != known_.end()) use(before->first, before->second);
  }
  if (loaded.identities.empty()) {
    return fail(ErrorCode::config, "/tls: there is no certificate that can be used");
  }
  known_ = std::move(known);
  return loaded;
}

}  // namespace gatepost::server
