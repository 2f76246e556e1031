#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "filters/body_notice/own_text.h"
#include "filters/message/mime_scanner.h"

namespace gatepost::filters {

/// A notice as it is put into one message.
struct Notice {
  std::string text;  ///< lines with CRLF, UTF-8
  std::string html;  ///< lines with CRLF, ASCII
};

/// Plain text as lines with CRLF, the last one too; without blanks at their ends, controls, and
/// empty lines at the end.
[[nodiscard]] std::string notice_lines(std::string_view text);
/// Plain text as HTML: a box with its lines.
[[nodiscard]] std::string notice_html(std::string_view text);

/// Text that goes into a part, in the part's charset.
struct Inserted {
  std::size_t offset = 0;  ///< of the part's content, decoded
  std::string text;        ///< empty: the notice stands there already
  std::string charset;     ///< that the part is to declare; "": as it is
};
/// What putting the notice into a part takes: text/plain or text/html with this content. Nothing
/// where it is not possible: in a charset that cannot say it, or that nobody knows.
[[nodiscard]] std::optional<Inserted> insert_notice(const MimePart& part, std::string_view content,
                                                    const Notice& notice, NoticePlace place);

/// The notice as a part of its own, fields and all, for RewritePlan::wrap().
[[nodiscard]] std::string notice_part(const Notice& notice);

}  // namespace gatepost::filters
