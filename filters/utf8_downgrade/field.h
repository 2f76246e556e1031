#pragma once

#include <string>
#include <string_view>

namespace gatepost::filters::downgrade {

/// A header field (with all its lines, or another line of a header) as ASCII, after RFC 6857
/// section 3: what is text becomes encoded words, what ASCII cannot say is taken out of the way so
/// that nobody takes it for something else (an empty group, a Downgraded-… field). Domains become
/// A-labels. It begins and ends as `field`: with a line end or without.
[[nodiscard]] std::string downgrade_field(std::string_view field);

/// The same of a piece of a field that is too long to be taken apart: all of it is text.
[[nodiscard]] std::string downgrade_text(std::string_view text);

}  // namespace gatepost::filters::downgrade
