#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "filters/message/content_coding.h"

/// What the values of Content-Type, Content-Disposition and Content-Transfer-Encoding fields say
/// (RFC 2045, 2183, 2231), in every reading: a strict reader's first, then those of readers that
/// know no comments or no quotes, miss a semicolon, drop or stop at control characters, decode
/// encoded words, or do not know RFC 2231.
namespace gatepost::filters {

/// Octets of a boundary that are looked for; of a longer one its beginning.
inline constexpr std::size_t kMaxBoundary = 1024;
/// Octets of a parameter's value that are read, before it is decoded.
inline constexpr std::size_t kMaxParameter = 8 * 1024;
/// Parameters of one field that matter, in one reading of it.
inline constexpr std::size_t kMaxParameters = 128;
/// Readings of one parameter, or of the type.
inline constexpr std::size_t kMaxReadings = 256;

/// In lower case what does not depend on case. Lists may be empty, and name nothing twice.
struct MimeField {
  std::vector<std::string> types;       ///< "text/html"; or "attachment"
  std::vector<std::string> boundaries;  ///< without blanks at the end; may be ""
  /// Of a file: UTF-8, otherwise as they are; at most MimePart::kMaxName octets. Of a longer name
  /// its beginning and its end.
  std::vector<std::string> names;
  std::vector<std::string> charsets;
  std::vector<std::string> protocols;
  bool odd = false;       ///< it holds what does not belong into it
  bool too_many = false;  ///< more of something than the limits above
};

/// `value` is what follows the colon, with all its line ends.
[[nodiscard]] MimeField read_content_type(std::string_view value);
[[nodiscard]] MimeField read_content_disposition(std::string_view value);
/// Never empty.
[[nodiscard]] std::vector<TransferEncoding> read_transfer_encoding(std::string_view value);

/// Comments taken out (RFC 5322 section 3.2.2, they nest), quotes respected. What stands in one
/// that is never closed is kept: a reader that knows no comments sees it.
[[nodiscard]] std::string without_comments(std::string_view text);

}  // namespace gatepost::filters
