#pragma once

#include <memory>

#include "filters/message_filter.h"

namespace gatepost::filters {

/// Adds the same fields to the header of every message. This is the filter to copy for one of your
/// own: its options are read here, its work is done in filters/header_filter.cc.
///
/// Options:
///   lines  list of texts, "Name: value"
///   at     "top" of the header (the default) or its "end"
[[nodiscard]] Result<std::shared_ptr<const FilterKind>> make_add_header(
    const config::Filter& filter);

}  // namespace gatepost::filters
