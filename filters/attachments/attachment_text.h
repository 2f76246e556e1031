#pragma once

#include <string>
#include <string_view>

#include "filters/attachments/attachment_judge.h"
#include "filters/message/mime_scanner.h"
#include "filters/notice/words.h"

/// What is written in place of an attachment.
namespace gatepost::filters {

/// A name or a type of the sender's, harmless: one line, no link, at most 100 characters.
[[nodiscard]] std::string shown_name(std::string_view name);

/// "*.exe", "evil.exe: *.exe", "encrypted", "unreadable: broken": for logs, in English.
[[nodiscard]] std::string objection_text(const AttachmentFinding& finding);

/// The part that says that an attachment was removed: its Content-… fields, and its body.
struct RemovalNote {
  std::string fields;
  std::string body;
};
[[nodiscard]] RemovalNote removal_note(const AttachmentFinding& finding, const Language& language);

/// The Content-… fields of a part that is nothing but octets with a name of ours, which ends with
/// `suffix`; how they are encoded stays.
[[nodiscard]] std::string renamed_fields(const MimePart& part, std::string_view name,
                                         std::string_view suffix);

}  // namespace gatepost::filters
