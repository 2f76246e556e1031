#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "filters/chain.h"
#include "proxy/base/error.h"
#include "proxy/server/identities.h"

namespace gatepost::server {

/// The chains of a configuration, made ready for use.
struct Chains {
  /// By name; null where there is neither a filter nor a scanner.
  std::map<std::string, std::shared_ptr<const filters::Chain>> by_name;
  filters::ScanDesk::Kinds scanners;  ///< all that some chain asks, each once
};

/// Makes chains, and keeps what is known of their scanners over reloads: a scanner whose settings
/// are the same stays the same ScannerKind, and counters go by name.
class ChainMaker {
 public:
  /// Among whom the places of scanners are divided. Set before the first make().
  void set_workers(unsigned workers) { workers_ = workers; }

  /// Checks filters and their options, reads the files that are named. Fails with `config`, the
  /// JSON path in front. With OnBroken::keep a file that cannot be used leaves what it was made
  /// into last, which `problems` tells; what was never made fails all the same.
  [[nodiscard]] Result<Chains> make(const config::Config& config, OnBroken on_broken,
                                    std::vector<FileProblem>& problems);

 private:
  using Kind = std::shared_ptr<const filters::ScannerKind>;
  /// A scanner that may be in use, and what its file of authorities held.
  struct Known {
    std::weak_ptr<const filters::ScannerKind> kind;
    std::string authorities;
  };

  [[nodiscard]] Result<Kind> scanner(const config::Scanner& config, const std::string& path,
                                     OnBroken on_broken, std::vector<FileProblem>& problems);
  [[nodiscard]] Result<std::shared_ptr<const filters::NoticeWriter>> notice(
      const config::Chain& config, const std::string& path, OnBroken on_broken,
      std::vector<FileProblem>& problems);

  unsigned workers_ = 1;
  std::vector<Known> known_;
  std::map<std::string, std::shared_ptr<filters::ScannerCounters>> counters_;
  std::map<std::string, std::shared_ptr<const filters::NoticeWriter>>
      notices_;  // by chain, as last
};

}  // namespace gatepost::server
