#include "filters/attachments/attachment_judge.h"

#include <algorithm>
#include <utility>

#include "filters/attachments/embedded_names.h"
#include "filters/attachments/tnef.h"
#include "filters/message/canonical.h"

namespace gatepost::filters {

namespace {

bool starts_with_any(const std::vector<std::string>& types, std::string_view prefix) {
  return std::ranges::any_of(types,
                             [&](const std::string& type) { return type.starts_with(prefix); });
}

bool is_message(const MimePart& part) {
  return part.may_be("message/rfc822") || part.may_be("message/global");
}

/// What people read as the text of the message.
bool is_body(const MimePart& part) {
  return part.names.empty() && !part.attachment &&
         std::ranges::all_of(part.types, [](const std::string& type) {
           return type == "text/plain" || type == "text/html";
         });
}

/// By some reading it is a file, and not only parts that are looked at by themselves.
bool has_content(const MimePart& part) {
  return std::ranges::any_of(part.types, [](const std::string& type) {
    return !type.starts_with("multipart/") && type != "message/rfc822" && type != "message/global";
  });
}

bool has_eml_name(const std::vector<std::string>& names) {
  static const NamePatterns messages({"*.eml"});
  return std::ranges::any_of(names, [](const std::string& name) {
    return messages.match(name, NamePatterns()) != nullptr;
  });
}

/// A piece of a file.
class ContentRange final : public Content {
 public:
  ContentRange(Content& whole, std::uint64_t begin, std::uint64_t size)
      : whole_(whole), begin_(begin), size_(size) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] Result<std::string_view> at(std::uint64_t offset) override {
    if (offset >= size_) return std::string_view();
    auto piece = whole_.at(begin_ + offset);
    if (piece) *piece = piece->substr(0, static_cast<std::size_t>(size_ - offset));
    return piece;
  }

 private:
  Content& whole_;
  std::uint64_t begin_;
  std::uint64_t size_;
};

}  // namespace

void AttachmentJudge::object(File& file, Objection objection, const std::string& pattern,
                             std::string_view inside) const {
  if (objection <= file.finding.objection) return;
  file.finding.objection = objection;
  file.finding.pattern = pattern;
  file.finding.inside = inside;
}

void AttachmentJudge::unreadable(File& file, Unreadable why) const {
  if (why == Unreadable::no || !settings_.unreadable) return;
  if (file.finding.unreadable == Unreadable::no) file.finding.unreadable = why;
  object(file, Objection::unreadable, {}, {});
}

Result<AttachmentFinding> AttachmentJudge::judge_part(const MessageText& text, const MimePart& part,
                                                      unsigned depth) {
  File file{.names = part.names, .body = is_body(part), .depth = depth, .finding = {}};
  AttachmentFinding& finding = file.finding;
  finding.type = part.type();
  finding.size = part.body_end - part.body_begin;
  if (!part.names.empty()) finding.name = part.names.front();

  file.name_excepted =
      !part.names.empty() && std::ranges::all_of(part.names, [this](const std::string& name) {
        return settings_.except_names.match_all(name);
      });
  const bool looked_at = settings_.inlines || part.attachment || !part.names.empty();
  // Other encodings of a message that stands in the open are nobody's reading.
  const bool encoded_message =
      is_message(part) && std::ranges::any_of(part.encodings, [](TransferEncoding encoding) {
        return encoding != TransferEncoding::identity;
      });
  const bool readable = has_content(part) || encoded_message;
  if (readable && (looked_at || file.body)) {
    file.type_unexcepted = !looked_at;
    bool first = true;
    for (const TransferEncoding encoding : part.encodings) {
      auto content = PartContent::open(text, part.body_begin, part.body_end, encoding);
      if (!content) return std::unexpected(content.error());
      if (std::exchange(first, false)) finding.size = content->size();
      if (looked_at) {
        auto looked = look_at_content(*content, part, file);
        if (!looked) return std::unexpected(looked.error());
      }
      auto looked = look_at_text(text, part, *content, file);
      if (!looked) return std::unexpected(looked.error());
    }
  }
  if (part.is_multipart() && !has_content(part)) return finding;
  const bool excepted = file.name_excepted || !file.type_unexcepted;
  for (const std::string& name : part.names) {
    const std::string* const pattern = settings_.names.match(name, settings_.except_names);
    if (pattern != nullptr && !excepted) {
      object(file, Objection::name, *pattern, {});
      finding.name = name;
    }
    // It was cut, and how it ends nobody knows.
    if (name.size() >= MimePart::kMaxName) unreadable(file, Unreadable::broken);
  }
  for (const std::string& type : part.types) {
    const std::string* const pattern =
        file.body ? settings_.declared.match_body(type) : settings_.declared.match(type);
    if (looked_at && pattern != nullptr && !excepted) {
      object(file, Objection::declared, *pattern, {});
    }
  }
  return finding;
}

Result<void> AttachmentJudge::look_at_content(Content& content, const MimePart& part, File& file) {
  const auto beginning = content.text(0, FileTypes::kMaxLook);
  if (!beginning) return std::unexpected(beginning.error());
  std::vector<std::string> types = types_.types(*beginning);
  if (!file.body || !types.front().starts_with("text/")) file.finding.type = types.front();
  // Of a type that is excepted by all that is known of it: only what is in it counts.
  const bool all_excepted = std::ranges::all_of(types, [this](const std::string& type) {
    return settings_.except_types.match(type) != nullptr;
  });
  file.type_unexcepted = file.type_unexcepted || !all_excepted;
  if (!file.name_excepted) {
    for (const std::string& type : types) look_at_type(type, file, {});
  }
  if (file.body && starts_with_any(types, "text/")) return {};
  if (settings_.archives || settings_.encrypted || !settings_.types.empty()) {
    if (auto looked = look_into(content, types, file); !looked) return looked;
  }
  if (!settings_.archives) return {};
  if (starts_with_any(types, kTnefType)) return look_into_tnef(content, file);
  if (is_message(part) || starts_with_any(types, "message/") || has_eml_name(file.names)) {
    return look_into_message(content, file);
  }
  return {};
}

/// Files that are written into a text, one after the other.
Result<void> AttachmentJudge::look_at_text(const MessageText& text, const MimePart& part,
                                           Content& content, File& file) {
  if (!starts_with_any(part.types, "text/")) return {};
  EmbeddedNames embedded;
  auto streamed = content.stream([&](std::string_view piece) {
    embedded.feed(piece);
    return true;
  });
  if (!streamed) return streamed;
  embedded.end();
  for (const std::string& name : embedded.names()) look_at_inner_name(name, file);
  if (embedded.too_many()) unreadable(file, Unreadable::too_many);
  if (!embedded.uuencoded() || settings_.types.empty()) return {};
  // All of them as one: the first one's type at least.
  auto decoded =
      PartContent::open(text, part.body_begin, part.body_end, TransferEncoding::uuencode);
  if (!decoded) return std::unexpected(decoded.error());
  const auto beginning = decoded->text(0, FileTypes::kMaxLook);
  if (!beginning) return std::unexpected(beginning.error());
  const std::string inside = embedded.names().empty() ? std::string() : embedded.names().front();
  for (const std::string& type : types_.types(*beginning)) look_at_type(type, file, inside);
  return {};
}

Result<void> AttachmentJudge::look_into(Content& content, const std::vector<std::string>& types,
                                        File& file) {
  const auto report = look_.look(content, file.names, [&](const ArchiveEntry& entry) {
    if (settings_.archives) look_at_entry(entry, file);
    return file.finding.objection < Objection::type;
  });
  if (!report) return std::unexpected(report.error());
  if (report->macros && !file.name_excepted) look_at_type(kMacroType, file, {});
  if (settings_.encrypted && report->encrypted) object(file, Objection::encrypted, {}, {});
  unreadable(file, report->unreadable);
  const bool packed = std::ranges::any_of(types, [](const std::string& type) {
    return in_group("archive", type) || in_group("disk_image", type);
  });
  if (packed && !report->archive && !report->encrypted) unreadable(file, Unreadable::unknown_kind);
  return {};
}

void AttachmentJudge::look_at_entry(const ArchiveEntry& entry, File& file) {
  for (const std::string& name : entry.names) look_at_inner_name(name, file);
  if (settings_.types.empty()) return;
  const std::string inside = entry.names.empty() ? std::string() : entry.names.front();
  if (entry.macros) look_at_type(kMacroType, file, inside);
  if (entry.beginning.empty()) return;
  const bool excepted =
      !entry.names.empty() && std::ranges::all_of(entry.names, [this](const std::string& name) {
        return settings_.except_names.match_all(name);
      });
  if (excepted) return;
  for (const std::string& type : types_.types(entry.beginning)) look_at_type(type, file, inside);
}

void AttachmentJudge::look_at_type(std::string_view type, File& file, std::string_view inside) {
  const bool itself = file.body && inside.empty();
  const std::string* const pattern =
      itself ? settings_.types.match_body(type) : settings_.types.match(type);
  if (pattern == nullptr || settings_.except_types.match(type) != nullptr) return;
  object(file, Objection::type, *pattern, inside);
}

void AttachmentJudge::look_at_inner_name(const std::string& name, File& file) {
  const std::string* const pattern = settings_.names.match(name, settings_.except_names);
  if (pattern != nullptr) object(file, Objection::name, *pattern, name);
}

Result<void> AttachmentJudge::look_into_tnef(Content& content, File& file) {
  const auto tnef = read_tnef(content);
  if (!tnef) return std::unexpected(tnef.error());
  if (tnef->broken) unreadable(file, Unreadable::broken);
  for (const std::string& name : tnef->names) look_at_inner_name(name, file);
  for (const TnefContents::File& one : tnef->files) {
    ContentRange range(content, one.offset, one.size);
    const auto beginning = range.text(0, ArchiveEntry::kMaxShown);
    if (!beginning) return std::unexpected(beginning.error());
    const std::vector<std::string> types = types_.types(*beginning);
    const std::string inside = tnef->names.empty() ? "winmail.dat" : tnef->names.front();
    for (const std::string& type : types) look_at_type(type, file, inside);
    if (auto looked = look_into(range, types, file); !looked) return looked;
  }
  return {};
}

/// A message that is a file, or encoded: its parts are looked at like those of the message.
Result<void> AttachmentJudge::look_into_message(Content& content, File& file) {
  if (file.depth == kMaxMessageDepth) {
    unreadable(file, Unreadable::too_deep);
    return {};
  }
  if (content.size() <= kMaxHeldMessage) {
    const auto raw = content.text(0, static_cast<std::size_t>(content.size()));
    if (!raw) return std::unexpected(raw.error());
    const std::string canonical = with_line_ends(*raw);
    return look_at_parts(TextInMemory(canonical), mime_structure(canonical), file);
  }
  MimeScanner scanner;
  bool plain_line_end = false;
  char before = '\n';
  auto streamed = content.stream([&](std::string_view piece) {
    for (std::size_t at = piece.find('\n'); at != std::string_view::npos;
         at = piece.find('\n', at + 1)) {
      plain_line_end = plain_line_end || (at == 0 ? before : piece[at - 1]) != '\r';
    }
    before = piece.back();
    scanner.feed(piece);
    return true;
  });
  if (!streamed) return streamed;
  scanner.end();
  if (plain_line_end) unreadable(file, Unreadable::too_large);
  return look_at_parts(ContentAsText(content), scanner.structure(), file);
}

Result<void> AttachmentJudge::look_at_parts(const MessageText& text, const MimeStructure& structure,
                                            File& file) {
  if (structure.too_complex) unreadable(file, Unreadable::too_many);
  for (const MimePart& part : structure.parts) {
    const auto found = judge_part(text, part, file.depth + 1);
    if (!found) return std::unexpected(found.error());
    if (found->objection == Objection::none) continue;
    if (found->objection == Objection::unreadable) file.finding.unreadable = found->unreadable;
    object(file, found->objection, found->pattern,
           found->inside.empty() ? found->name : found->inside);
  }
  return {};
}

}  // namespace gatepost::filters
