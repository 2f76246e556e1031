#pragma once

#include <cstdint>
#include <string>

#include "config/config.h"
#include "filters/attachments/file_name.h"
#include "filters/attachments/type_patterns.h"
#include "filters/notice/words.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// What becomes of an attachment that is not wanted.
enum class AttachmentAction : std::uint8_t { strip, rename, notice, quarantine, refuse };

/// The options of the rule "attachments", checked.
struct AttachmentSettings {
  NamePatterns names;
  TypePatterns types;     ///< of what it is
  TypePatterns declared;  ///< of what it says that it is
  NamePatterns except_names;
  TypePatterns except_types;
  bool archives = true;
  bool encrypted = false;
  bool unreadable = true;
  bool inlines = true;
  AttachmentAction action = AttachmentAction::strip;
  std::string suffix;
  const Language* language = nullptr;
};

/// Errors as of make_filter().
[[nodiscard]] Result<AttachmentSettings> read_attachment_settings(const config::Filter& filter);

}  // namespace gatepost::filters
