#pragma once

#include <memory>

#include "filters/message_filter.h"

namespace gatepost::filters {

/// Removes fields from the header of every message.
///
/// Options:
///   names  list of texts: all fields of these names go
[[nodiscard]] Result<std::shared_ptr<const FilterKind>> make_remove_header(
    const config::Filter& filter);

}  // namespace gatepost::filters
