#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"

namespace gatepost::filters {

/// A field's name and what follows its colon, as views into a field with all its lines.
struct FieldView {
  std::string_view name;  ///< without blanks before the colon; empty: no field
  std::string_view body;  ///< with all its line ends, the last one too
};
/// The name ends at the first colon of the first line. A line that is folded, or that has a blank
/// inside what stands before the colon, or no colon at all, is no field: its name is empty.
[[nodiscard]] FieldView parse_field(std::string_view text);
/// Whether two field names are the same one: case does not matter (RFC 5322 section 1.2.2).
[[nodiscard]] bool same_name(std::string_view one, std::string_view other);

/// Cuts the header of a message off field by field. The message streams through, canonical
/// (Canonicalizer); one field at a time is held, and nothing of the body.
///
/// The header ends at the first empty line, or where the message does; whatever else stands there
/// ("From " of an mbox, a folded first line, a line without colon) is part of it, because some
/// readers skip such lines and go on. A message that begins with an empty line has an empty header.
class HeaderScanner {
 public:
  /// Octets held of one field; what follows them comes as `more`.
  static constexpr std::size_t kMaxField = 64 * 1024;

  enum class Event : std::uint8_t {
    need_data,  ///< feed again; all of `in` was taken
    field,      ///< take_field() is a field (or another line) of the header, perhaps cut
    more,       ///< take_field() is more of the same
    end,        ///< of the header: `in` begins with the empty line, or the message is over
  };

  /// The next event; after `end` not to be called. `last`: nothing follows `in`.
  [[nodiscard]] Event next(ByteChain& in, bool last);
  /// After `field` and `more`: its octets.
  [[nodiscard]] ByteChain take_field();

  [[nodiscard]] std::size_t held() const { return held_.size(); }
  /// Octets of the header so far, and fields (and other lines).
  [[nodiscard]] std::uint64_t octets() const { return octets_; }
  [[nodiscard]] std::uint64_t fields() const { return fields_; }

 private:
  [[nodiscard]] Event give();
  ByteChain held_;
  bool line_start_ = true;
  bool cut_ = false;  // a part of this field was given already
  std::uint64_t octets_ = 0;
  std::uint64_t fields_ = 0;
};

}  // namespace gatepost::filters
