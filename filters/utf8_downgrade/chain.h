#pragma once

#include <memory>

#include "filters/chain.h"

namespace gatepost::filters {

/// `chain` (null: none) with Utf8Downgrade in front of its filters.
[[nodiscard]] std::shared_ptr<const Chain> with_downgrade(const Chain* chain);

}  // namespace gatepost::filters
