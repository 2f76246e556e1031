#pragma once

#include <string_view>

#include "config/config.h"
#include "proxy/base/bytes.h"

namespace gatepost::filters {

/// Whether a message is not from one of our own: a sender of it has a domain that is not internal,
/// or it has none; or the host that handed it over (MailOrigin) is in no network of ours. What
/// cannot be told is external. `header` is all of its header, `beginning` has it as well.
[[nodiscard]] bool is_external(std::string_view header, const ByteChain& beginning,
                               const config::Internal& internal);

}  // namespace gatepost::filters
