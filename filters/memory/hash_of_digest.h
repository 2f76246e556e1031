#pragma once

#include <cstddef>
#include <cstring>

#include "proxy/base/digest.h"

namespace gatepost::filters {

/// For tables by digest.
struct HashOfDigest {
  /// A digest is random already.
  std::size_t operator()(const Digest& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof(hash));
    return hash;
  }
};

}  // namespace gatepost::filters
