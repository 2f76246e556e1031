#include "filters/attachments/attachment_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "filters/message/content_coding.h"
#include "filters/message/header_scanner.h"
#include "filters/message/header_text.h"

namespace gatepost::filters {

namespace {

constexpr std::size_t kMaxShownName = 100;

std::string_view english(Unreadable why) {
  switch (why) {
    case Unreadable::no:
    case Unreadable::broken:
      break;
    case Unreadable::unknown_kind:
      return "an archive of an unknown kind";
    case Unreadable::too_deep:
      return "packed too deep";
    case Unreadable::too_many:
      return "too many files in it";
    case Unreadable::too_large:
      return "too large when it is unpacked";
    case Unreadable::bomb:
      return "far larger when it is unpacked";
  }
  return "broken";
}

std::string_view german(Unreadable why) {
  switch (why) {
    case Unreadable::no:
    case Unreadable::broken:
      break;
    case Unreadable::unknown_kind:
      return "ein Archiv von unbekannter Art";
    case Unreadable::too_deep:
      return "zu tief verpackt";
    case Unreadable::too_many:
      return "zu viele Dateien darin";
    case Unreadable::too_large:
      return "ausgepackt zu groß";
    case Unreadable::bomb:
      return "ausgepackt sehr viel größer";
  }
  return "beschädigt";
}

/// Why, as the end of a sentence.
std::string english_reason(const AttachmentFinding& finding) {
  const std::string inside =
      finding.inside.empty() ? std::string()
                             : fmt::format("it contains \"{}\", and ", shown_name(finding.inside));
  switch (finding.objection) {
    case Objection::name:
      return fmt::format("{}files with names like {} are not allowed", inside, finding.pattern);
    case Objection::type:
    case Objection::declared:
      return fmt::format("{}files of this type are not allowed ({})", inside, finding.pattern);
    case Objection::encrypted:
      return "encrypted files are not allowed";
    case Objection::unreadable:
    case Objection::none:
      break;
  }
  return fmt::format("it could not be looked into ({})", english(finding.unreadable));
}

std::string german_reason(const AttachmentFinding& finding) {
  const std::string inside =
      finding.inside.empty() ? std::string()
                             : fmt::format("er enthält \"{}\", und ", shown_name(finding.inside));
  switch (finding.objection) {
    case Objection::name:
      return fmt::format("{}Dateien mit Namen wie {} sind nicht erlaubt", inside, finding.pattern);
    case Objection::type:
    case Objection::declared:
      return fmt::format("{}Dateien dieser Art sind nicht erlaubt ({})", inside, finding.pattern);
    case Objection::encrypted:
      return "verschlüsselte Dateien sind nicht erlaubt";
    case Objection::unreadable:
    case Objection::none:
      break;
  }
  return fmt::format("man konnte nicht hineinsehen ({})", german(finding.unreadable));
}

/// What no system takes for a folder, a drive or the end of a name.
std::string file_name(std::string_view name) {
  std::string out = inert_text(name, kMaxShownName);
  std::ranges::replace_if(
      out,
      [](char c) { return std::string_view("/\\:*?\"<>|%").find(c) != std::string_view::npos; },
      '_');
  out.erase(std::min(out.find_last_not_of(" .") + 1, out.size()));
  return out.empty() ? "attachment" : out;
}

/// A parameter of a field, with the line that it stands in: quoted where it is ASCII, otherwise in
/// pieces (RFC 2231 sections 3 and 4).
std::string parameter(std::string_view key, std::string_view value) {
  if (is_plain(value)) return fmt::format(";\r\n {}=\"{}\"", key, value);
  constexpr std::size_t kPiece = 54;
  std::string out;
  std::string piece = "utf-8''";
  std::size_t count = 0;
  const auto flush = [&] {
    out += fmt::format(";\r\n {}*{}*={}", key, count++, std::exchange(piece, {}));
  };
  for (const char c : value) {
    if (piece.size() >= kPiece) flush();
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("._-").find(c) != std::string_view::npos;
    piece += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  flush();
  return out;
}

}  // namespace

std::string shown_name(std::string_view name) {
  return without_links(inert_text(name, kMaxShownName));
}

std::string objection_text(const AttachmentFinding& finding) {
  const std::string inside =
      finding.inside.empty() ? std::string() : shown_name(finding.inside) + ": ";
  switch (finding.objection) {
    case Objection::none:
      return {};
    case Objection::encrypted:
      return "encrypted";
    case Objection::unreadable:
      return fmt::format("unreadable: {}", english(finding.unreadable));
    case Objection::declared:
    case Objection::type:
    case Objection::name:
      break;
  }
  return inside + finding.pattern;
}

RemovalNote removal_note(const AttachmentFinding& finding, const Language& language) {
  const bool in_german = language.name == "de";
  const std::string name =
      finding.name.empty() ? std::string() : fmt::format("\"{}\" ", shown_name(finding.name));
  const std::string what =
      fmt::format("({}, {})", shown_name(finding.type), size_text(finding.size, language));
  const std::string text = in_german ? fmt::format("Der Anhang {}{} wurde entfernt:\r\n{}.\r\n",
                                                   name, what, german_reason(finding))
                                     : fmt::format("The attachment {}{} was removed:\r\n{}.\r\n",
                                                   name, what, english_reason(finding));
  return {
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n"
      "Content-Disposition: inline\r\n",
      encode_quoted_printable(text)};
}

std::string renamed_fields(const MimePart& part, std::string_view name, std::string_view suffix) {
  const std::string renamed = file_name(name) + std::string(suffix);
  std::string fields = "Content-Type: application/octet-stream" + parameter("name", renamed) +
                       "\r\nContent-Disposition: attachment" + parameter("filename", renamed) +
                       "\r\n";
  std::string_view rest = part.header;
  while (!rest.empty()) {
    // A field ends before the next line that does not begin with a blank.
    std::size_t end = 0;
    do {
      const std::size_t line = rest.find('\n', end);
      end = line == std::string_view::npos ? rest.size() : line + 1;
    } while (end < rest.size() && (rest[end] == ' ' || rest[end] == '\t'));
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(end);
    const std::string_view key = parse_field(field).name;
    if (same_name(key, "Content-Transfer-Encoding") || same_name(key, "Content-ID"))
      fields += field;
  }
  return fields;
}

}  // namespace gatepost::filters
