#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/attachments/archive.h"
#include "filters/attachments/attachment_settings.h"
#include "filters/attachments/content.h"
#include "filters/attachments/file_type.h"
#include "filters/message/mime_scanner.h"
#include "filters/rewrite/message_text.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// Why an attachment is not wanted; the worst last.
enum class Objection : std::uint8_t { none, encrypted, unreadable, declared, type, name };

struct AttachmentFinding {
  Objection objection = Objection::none;
  std::string pattern;  ///< that matched
  std::string inside;   ///< the name of what it matched in the attachment; empty: itself
  Unreadable unreadable = Unreadable::no;
  std::string name;        ///< of the attachment; as it came
  std::string type;        ///< as it was detected
  std::uint64_t size = 0;  ///< octets, decoded
};

/// Looks at the attachments of one message.
class AttachmentJudge {
 public:
  /// Messages in attachments that are opened, within each other, besides those that are parts.
  static constexpr unsigned kMaxMessageDepth = 5;
  /// Octets of one of them whose line ends may be anything; a larger one must have CRLF.
  static constexpr std::uint64_t kMaxHeldMessage = 8 * 1024 * 1024;

  AttachmentJudge(const AttachmentSettings& settings, const FileTypes& types)
      : settings_(settings), types_(types) {}

  /// The worst that is said against this part. An error is the text's.
  [[nodiscard]] Result<AttachmentFinding> judge(const MessageText& text, const MimePart& part) {
    return judge_part(text, part, 0);
  }

 private:
  /// A file: what it is called and what is known so far.
  struct File {
    const std::vector<std::string>& names;
    bool body = false;            ///< text of the message itself
    bool name_excepted = false;   ///< by all readings of all names
    bool type_unexcepted = true;  ///< by some reading it is of a type that is not excepted
    unsigned depth = 0;           ///< of messages
    AttachmentFinding finding;
  };
  [[nodiscard]] Result<AttachmentFinding> judge_part(const MessageText& text, const MimePart& part,
                                                     unsigned depth);
  [[nodiscard]] Result<void> look_at_content(Content& content, const MimePart& part, File& file);
  [[nodiscard]] Result<void> look_at_text(const MessageText& text, const MimePart& part,
                                          Content& content, File& file);
  [[nodiscard]] Result<void> look_into(Content& content, const std::vector<std::string>& types,
                                       File& file);
  [[nodiscard]] Result<void> look_into_tnef(Content& content, File& file);
  [[nodiscard]] Result<void> look_into_message(Content& content, File& file);
  [[nodiscard]] Result<void> look_at_parts(const MessageText& text, const MimeStructure& structure,
                                           File& file);
  void look_at_entry(const ArchiveEntry& entry, File& file);
  void look_at_type(std::string_view type, File& file, std::string_view inside);
  void look_at_inner_name(const std::string& name, File& file);
  void object(File& file, Objection objection, const std::string& pattern,
              std::string_view inside) const;
  void unreadable(File& file, Unreadable why) const;

  const AttachmentSettings& settings_;
  const FileTypes& types_;
  ArchiveLook look_;  // its limits are those of one message
};

}  // namespace gatepost::filters
