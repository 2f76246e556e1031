#pragma once

#include <cstdint>
#include <memory>

#include "filters/inspection.h"

namespace gatepost::filters {

/// A message that an administrator released, on its way to its user: comes out of quarantine as it
/// went in, and nobody looks at it. An Inspection without anything to inspect: feed() and end() do
/// nothing. `refused` if the original cannot be read and verified within `limit`, so before
/// anything of it went out. `host` and `owner` must outlive it.
[[nodiscard]] std::unique_ptr<Inspection> make_released_message(
    const Host& host, std::shared_ptr<Quarantine> from, std::uint64_t number, std::uint64_t octets,
    Duration limit, Inspection::Owner& owner);

}  // namespace gatepost::filters
