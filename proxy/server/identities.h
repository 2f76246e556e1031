#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/base/error.h"
#include "proxy/tls/identity.h"

namespace gatepost::server {

/// What to do about a file that cannot be used.
enum class OnBroken : std::uint8_t {
  refuse,  ///< fail
  keep,    ///< use what it held when it was read last, and say so
};

/// A file that cannot be used at the moment.
struct FileProblem {
  std::string file;
  std::string problem;
};

/// Loads the certificates of the configuration and remembers each as it was when it was good last.
class IdentityStore {
 public:
  struct Loaded {
    std::vector<std::shared_ptr<const tls::Identity>> identities;  ///< the default first
    std::vector<FileProblem> problems;                             ///< with OnBroken::keep only
  };
  /// All that `tls` names, folders last. Fails with `config`, the JSON path in front. With
  /// OnBroken::keep it fails only when there is nothing to use at all; a new file in a folder that
  /// was never good is left out.
  [[nodiscard]] Result<Loaded> load(const config::Tls& tls, OnBroken on_broken);

 private:
  struct Good {
    std::string folder;  // that it was found in; "" if the configuration names it itself
    std::shared_ptr<const tls::Identity> identity;
  };
  std::map<std::string, Good> known_;  // by the certificate's file, as of the last load()
};

}  // namespace gatepost::server
