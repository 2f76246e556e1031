#pragma once

#include <string>
#include <string_view>

#include "filters/utf8_downgrade/field_writer.h"

namespace gatepost::filters::downgrade {

/// The body of Content-Type or Content-Disposition: values of parameters that are not ASCII are
/// written after RFC 2231 (MIME-VALUE of RFC 6857 section 3.1.4). A parameter that stands there in
/// that form too, for clients that know it, gives way to it.
void write_mime_value(FieldWriter& writer, std::string_view body);

/// What a Content-Type says of the parts within.
struct TypeFacts {
  std::string type;      ///< "multipart/mixed", in lower case
  std::string boundary;  ///< "" without
};
/// `body` may be folded.
[[nodiscard]] TypeFacts read_type(std::string_view body);

}  // namespace gatepost::filters::downgrade
