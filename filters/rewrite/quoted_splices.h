#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/message/splicer.h"

namespace gatepost::filters {

/// Text for one place of a content.
struct Insertion {
  std::size_t offset = 0;  ///< of the content, decoded
  std::string text;
};

/// Puts text into a body that is quoted-printable without touching anything else of it: offsets of
/// the splices are those of `raw`, texts are encoded. `insertions` are sorted. Nothing where `raw`
/// is so odd that it does not decode to `decoded` octets by the rules of RFC 2045 section 6.7.
[[nodiscard]] std::optional<std::vector<Splice>> quoted_splices(
    std::string_view raw, std::size_t decoded, const std::vector<Insertion>& insertions);

}  // namespace gatepost::filters
