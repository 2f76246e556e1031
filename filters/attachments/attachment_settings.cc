#include "filters/attachments/attachment_settings.h"

#include <algorithm>
#include <array>
#include <utility>

#include "filters/options.h"

namespace gatepost::filters {

namespace {

NamePatterns name_patterns(Options& options, const std::string& name) {
  std::vector<std::string> patterns = options.optional_texts(name);
  if (std::ranges::find(patterns, std::string()) != patterns.end()) {
    options.wrong(name, "none may be empty");
  }
  return NamePatterns(std::move(patterns));
}

/// What is put behind a name, so that nothing opens it.
bool is_suffix(std::string_view text) {
  return text.size() >= 2 && text.size() <= 32 && text.front() == '.' && text.back() != '.' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

AttachmentAction action_of(std::string_view word) {
  if (word == "rename") return AttachmentAction::rename;
  if (word == "notice") return AttachmentAction::notice;
  if (word == "quarantine") return AttachmentAction::quarantine;
  if (word == "refuse") return AttachmentAction::refuse;
  return AttachmentAction::strip;
}

}  // namespace

Result<AttachmentSettings> read_attachment_settings(const config::Filter& filter) {
  Options options(filter);
  AttachmentSettings settings;
  settings.names = name_patterns(options, "names");
  settings.types = TypePatterns(options, "types", true);
  settings.declared = TypePatterns(options, "declared", false);
  settings.except_names = name_patterns(options, "except_names");
  settings.except_types = TypePatterns(options, "except_types", true);
  settings.archives = options.flag("archives", true);
  settings.encrypted = options.flag("encrypted", false);
  settings.unreadable = options.flag("unreadable", settings.archives);
  settings.inlines = options.flag("inline", true);
  settings.action =
      action_of(options.word("action", {"strip", "rename", "notice", "quarantine", "refuse"}));
  settings.suffix = options.text("suffix");
  if (settings.suffix.empty()) settings.suffix = ".blocked";
  if (!is_suffix(settings.suffix)) {
    options.wrong("suffix", "must be a dot and some of a-z, A-Z, 0-9, \".\", \"-\", \"_\"");
  }
  settings.language = languages(options.word("language", {"en", "de"})).front();
  if (settings.names.empty() && settings.types.empty() && settings.declared.empty() &&
      !settings.encrypted) {
    options.wrong("names", "says nothing, nor do types, declared and encrypted");
  }
  if (settings.unreadable && !settings.archives) {
    options.wrong("unreadable", "needs archives, which are not looked into");
  }
  if (auto checked = options.finish(); !checked) return std::unexpected(checked.error());
  return settings;
}

}  // namespace gatepost::filters
