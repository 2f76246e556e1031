#pragma once

#include <memory>
#include <vector>

#include "filters/message/header_edit.h"
#include "filters/message_filter.h"

namespace gatepost::filters {

/// A filter that makes the same edits to the header of every message.
[[nodiscard]] std::shared_ptr<const FilterKind> make_header_filter(std::vector<HeaderEdit> edits);

}  // namespace gatepost::filters
