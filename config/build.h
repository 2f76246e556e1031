#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/findings.h"
#include "config/json.h"

namespace gatepost::config {

/// Where a pool stands in the document.
struct PoolPlace {
  std::string path;
  std::vector<std::string> servers;  ///< of each server's address
};

/// What was given of a policy of "retention", whatever the value: a default may be written out
/// where it has no effect, but then it is said.
struct RetentionGiven {
  bool view = false;
  bool period = false;
  bool count_from = false;
  bool devices = false;
};
/// And of its store.
struct RetentionStoreGiven {
  bool file = false;
  bool address = false;
  bool sentinels = false;
};

struct Built {
  Config config;
  /// Where an address could not be read there is nothing to compare with others.
  std::vector<bool> listener_has_address;
  std::vector<PoolPlace> pools;           ///< of each pool; a server without an address is left out
  std::vector<std::string> routes;        ///< of each route, where it stands in the document
  std::vector<bool> scanner_has_address;  ///< of each scanner: one was given and can be read
  std::vector<bool> chain_has_policy;     ///< of each chain: one was given
  std::vector<RetentionGiven> retention_given;  ///< of each policy
  RetentionStoreGiven retention_store;
};

/// Makes the structs. Reports addresses, networks and names that cannot be parsed; leaves out, in
/// silence, what the schema has already found wrong.
[[nodiscard]] Built build(const Json& document, Findings& findings);

}  // namespace gatepost::config
