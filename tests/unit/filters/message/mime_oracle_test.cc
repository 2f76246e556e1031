// Two readers of the same messages: ours and GMime. Where they differ there is a reason, and it
// stands in the table.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "filters/message/header_scanner.h"
#include "filters/message/mime_scanner.h"
#include "proxy/pop3/ascii.h"
#include "tests/unit/filters/message/gmime_reader.h"
#include "tests/unit/filters/message/mail_maker.h"
#include "tests/unit/filters/message/naive_message.h"

namespace gatepost::filters {
namespace {

using test::ReadPart;

/// As our scanner sees it; the strict reading where there are several.
std::vector<ReadPart> read_with_ours(std::string_view message, const MimeStructure& structure) {
  std::vector<ReadPart> parts;
  for (std::size_t i = 0; i < structure.parts.size(); ++i) {
    const MimePart& part = structure.parts[i];
    const bool parent = i + 1 < structure.parts.size() && structure.parts[i + 1].parent == i;
    ReadPart& read = parts.emplace_back();
    read.depth = part.depth;
    read.type = part.type();
    if (part.is_container() || parent) continue;
    read.content = decode_content(part.encodings.front(),
                                  message.substr(part.body_begin, part.body_end - part.body_begin));
    if (!part.names.empty()) read.name = part.names.front();
  }
  return parts;
}

/// A message that the two read differently, and the first difference.
struct Case {
  std::string_view message;
  MimeStructure structure;
  std::vector<ReadPart> ours;
  std::vector<ReadPart> theirs;
  std::string what;       ///< "" when there is no difference
  std::size_t index = 0;  ///< of the part

  [[nodiscard]] bool in_part() const {
    return what == "type" || what == "name" || what == "content";
  }
  [[nodiscard]] const MimePart& part() const { return structure.parts[index]; }
  [[nodiscard]] std::string_view header(const MimePart& part) const {
    return message.substr(part.header_begin, part.body_begin - part.header_begin);
  }
  [[nodiscard]] std::string_view body() const {
    return message.substr(part().body_begin, part().body_end - part().body_begin);
  }
};

Case read_with_both(std::string_view message) {
  Case read{.message = message,
            .structure = mime_structure(message),
            .ours = {},
            .theirs = {},
            .what = {}};
  read.ours = read_with_ours(message, read.structure);
  read.theirs = test::read_with_gmime(message);
  const std::size_t both = std::min(read.ours.size(), read.theirs.size());
  for (std::size_t& i = read.index; i < both && read.what.empty(); ++i) {
    const ReadPart& one = read.ours[i];
    const ReadPart& other = read.theirs[i];
    if (one.depth != other.depth) read.what = "tree";
    if (one.name != other.name) read.what = "name";
    if (one.content != other.content) read.what = "content";
    if (one.type != other.type) read.what = "type";
    if (!read.what.empty()) break;
  }
  if (read.what.empty() && read.ours.size() != read.theirs.size()) read.what = "parts";
  return read;
}

std::string show(const std::vector<ReadPart>& parts) {
  std::string out;
  for (const ReadPart& part : parts) {
    out += std::string(2UL * part.depth + 2, ' ') + part.type + " \"" + part.name + "\" " +
           std::to_string(part.content.size()) + "\n";
  }
  return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return lines;
}

template <class Wanted>
bool any_part(const Case& read, Wanted wanted) {
  return std::ranges::any_of(read.structure.parts, wanted);
}

/// All that boundaries may be, wherever they stand: values of parameters of that name.
std::vector<std::string> all_boundaries(const Case& read) {
  std::vector<std::string> all;
  for (const MimePart& part : read.structure.parts) {
    const MimeField field = read_content_type(part.header);
    all.insert(all.end(), field.boundaries.begin(), field.boundaries.end());
  }
  return all;
}

/// Whether a boundary of the message stands at the front of a line with what `rest` wants behind.
template <class Rest>
bool any_boundary_line(const Case& read, Rest rest) {
  const std::vector<std::string> boundaries = all_boundaries(read);
  for (const std::string_view line : lines_of(read.message)) {
    if (!line.starts_with("--")) continue;
    for (const std::string& boundary : boundaries) {
      if (line.substr(2).starts_with(boundary) && rest(line.substr(2 + boundary.size()))) {
        return true;
      }
    }
  }
  return false;
}

/// Whether the header holds lines that are neither fields nor parts of them.
bool has_foreign_lines(std::string_view header) {
  if (header.starts_with("\r\n") && header.size() > 2) return true;
  if (header != "\r\n" && !header.ends_with("\r\n\r\n")) return true;
  bool first = true;
  for (const std::string_view line : lines_of(header)) {
    const bool folded = line.starts_with(' ') || line.starts_with('\t');
    if (folded && (first || line.find_first_not_of(" \t") == std::string_view::npos)) return true;
    if (!folded && !line.empty() && parse_field(line).name.empty()) return true;
    first = false;
  }
  return false;
}

/// Whether a Content-… field stands there twice.
bool has_field_twice(const MimePart& part) {
  std::vector<std::string> names;
  for (const std::string_view line : lines_of(part.header)) {
    const std::string name = pop3::to_upper(parse_field(line).name);
    if (name.empty()) continue;
    if (std::ranges::find(names, name) != names.end()) return true;
    names.push_back(name);
  }
  return false;
}

/// Whether a field's value is "word; name=value; name="value"" and nothing else.
bool is_well_formed(std::string_view field) {
  std::string text = without_comments(parse_field(field).body);
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n'; });
  bool value = true;  // of a parameter; the first one is the type
  bool quoted = false;
  bool blank = false;  // between two words
  bool word = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') ++i;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == ' ' || c == '\t') {
      blank = word;
    } else if (c == ';') {
      if (!value && word) return false;
      value = word = blank = false;
    } else if (c == '=' && !value) {
      value = true;
      word = blank = false;
    } else {
      if (blank || std::string_view("()<>@,:[]?=\\").find(c) != std::string_view::npos)
        return false;
      word = true;
    }
  }
  return !quoted && (value || !word);
}

bool has_ill_formed_field(const MimePart& part) {
  std::string field;
  for (const std::string_view line : lines_of(part.header)) {
    if (!line.starts_with(' ') && !line.starts_with('\t')) {
      if (!is_well_formed(field)) return true;
      field.clear();
    }
    field += line;
  }
  return !is_well_formed(field);
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t") == std::string_view::npos;
}

/// Why two readers of a message may differ.
struct Reason {
  std::string_view name;
  bool (*holds)(const Case&);
};

const Reason kReasons[] = {
    // Ours has their reading too, behind the strict one.
    {"another reading of the type",
     [](const Case& read) {
       return read.what == "type" && read.part().may_be(read.theirs[read.index].type);
     }},
    {"another reading of the name",
     [](const Case& read) {
       const auto& names = read.part().names;
       return read.what == "name" &&
              std::ranges::find(names, read.theirs[read.index].name) != names.end();
     }},
    {"another reading of the encoding",
     [](const Case& read) {
       return read.what == "content" && read.part().encodings.size() > 1 &&
              std::ranges::any_of(read.part().encodings, [&](TransferEncoding encoding) {
                return decode_content(encoding, read.body()) == read.theirs[read.index].content;
              });
     }},
    // RFC 2045 section 5.2 makes it text/plain, GMime application/octet-stream.
    {"no type that can be understood",
     [](const Case& read) {
       return read.what == "type" && read.part().type() == "text/plain" &&
              read.theirs[read.index].type == "application/octet-stream";
     }},
    // GMime stops there or takes the padding for zeros; others go on, so do we.
    {"base64 goes on behind its padding",
     [](const Case& read) {
       if (read.what != "content") return false;
       const std::size_t padding = read.body().find('=');
       return read.part().encodings.front() == TransferEncoding::base64 &&
              padding != std::string_view::npos &&
              read.body().find_first_not_of("=\r\n \t", padding) != std::string_view::npos;
     }},
    // Octets that are no group of four: GMime drops them, we decode what they hold.
    {"base64 ends within a group",
     [](const Case& read) {
       if (read.what != "content") return false;
       const std::string& ours = read.ours[read.index].content;
       const std::string& theirs = read.theirs[read.index].content;
       return read.part().encodings.front() == TransferEncoding::base64 &&
              ours.starts_with(theirs) && ours.size() - theirs.size() <= 2;
     }},
    // GMime ends the header there, or gives the message up; we skip them, as others do.
    {"a header with lines that are no fields, or without an empty line",
     [](const Case& read) {
       return any_part(read,
                       [&](const MimePart& part) { return has_foreign_lines(read.header(part)); });
     }},
    // GMime takes one of them, we take all.
    {"a field that stands there twice",
     [](const Case& read) { return any_part(read, has_field_twice); }},
    // RFC 2046 section 5.1.1 wants the beginning compared; GMime compares all of the line.
    {"text behind a boundary",
     [](const Case& read) {
       return any_boundary_line(read, [](std::string_view rest) {
         return !is_blank(rest) && !(rest.starts_with("--") && is_blank(rest.substr(2)));
       });
     }},
    // GMime looks for a boundary no more when its last one came.
    {"parts behind the last boundary",
     [](const Case& read) {
       return any_part(read, [](const MimePart& part) {
         return part.is_multipart() && part.closed && part.odd;
       });
     }},
    // GMime stops at what it does not understand, and sees fewer parameters.
    {"parameters that are not well-formed",
     [](const Case& read) { return any_part(read, has_ill_formed_field); }},
    {"octets that do not belong into a field",
     [](const Case& read) {
       return any_part(read, [](const MimePart& part) {
         return std::ranges::any_of(
             part.header, [](char c) { return static_cast<unsigned char>(c) >= 0x7f || c == 1; });
       });
     }},
    // What is decoded of it differs in every reader.
    {"equals signs in quoted-printable that mean nothing",
     [](const Case& read) {
       if (read.what != "content") return false;
       const std::string_view body = read.body();
       if (read.part().encodings.front() != TransferEncoding::quoted_printable) return false;
       for (std::size_t i = body.find('='); i != body.npos; i = body.find('=', i + 1)) {
         const auto is_hex = [&](std::size_t at) {
           return at < body.size() && std::isxdigit(static_cast<unsigned char>(body[at])) != 0;
         };
         if (body.substr(i + 1, 2) != "\r\n" && !(is_hex(i + 1) && is_hex(i + 2))) return true;
       }
       return false;
     }},
    {"uuencode with lines that are none",
     [](const Case& read) {
       return read.what == "content" && read.part().encodings.front() == TransferEncoding::uuencode;
     }},
};

/// Compares the readers, and counts what explains their differences.
class Comparison {
 public:
  void add(const std::string& message, const std::string& name) {
    ++messages_;
    const Case read = read_with_both(message);
    if (read.what.empty()) return;
    const auto* const reason =
        std::ranges::find_if(kReasons, [&](const Reason& one) { return one.holds(read); });
    if (reason != std::end(kReasons)) {
      ++reasons_[reason->name];
      return;
    }
    ADD_FAILURE() << name << ": " << read.what << " of part " << read.index << " differs\n"
                  << message.substr(0, 4000) << "\nours\n"
                  << show(read.ours) << "theirs\n"
                  << show(read.theirs);
  }
  [[nodiscard]] std::size_t messages() const { return messages_; }
  [[nodiscard]] const std::map<std::string_view, int>& reasons() const { return reasons_; }

 private:
  std::size_t messages_ = 0;
  std::map<std::string_view, int> reasons_;
};

TEST(MimeOracle, agrees_about_proper_messages) {
  Comparison comparison;
  for (std::uint64_t seed = 0; seed < 1200; ++seed) {
    comparison.add(test::MailMaker(seed).message(), fmt::format("seed {}", seed));
  }
  EXPECT_TRUE(comparison.reasons().empty());
}

TEST(MimeOracle, differs_about_broken_messages_with_reason) {
  Comparison comparison;
  for (std::uint64_t seed = 0; seed < 1200; ++seed) {
    test::MailMaker maker(seed);
    const std::string message = maker.message();
    comparison.add(maker.broken(message), fmt::format("broken seed {}", seed));
  }
  // None of the reasons is there for nothing.
  for (const Reason& reason : kReasons)
    EXPECT_TRUE(comparison.reasons().contains(reason.name)) << reason.name;
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, none)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

/// Messages that others collected: those of Python's own tests, if tests/security unpacked them,
/// and our corpora.
TEST(MimeOracle, differs_about_collected_messages_with_reason) {
  const std::filesystem::path root = GATEPOST_SOURCE_DIR;
  Comparison comparison;
  const auto add = [&](const char* folder, std::size_t skipped) {
    for (const std::filesystem::path& file : files_in(root / folder)) {
      std::ifstream in(file, std::ios::binary);
      std::string text{std::istreambuf_iterator<char>(in), {}};
      text.erase(0, skipped);
      comparison.add(test::naive_canonical(text), file.filename());
    }
  };
  add("build/unpacked/libpython3.11-testsuite/usr/lib/python3.11/test/test_email/data", 0);
  add("tests/fuzz/corpus/message", 4);  // octets that choose what the fuzzer does
  add("tests/fuzz/corpus/mime", 2);
  RecordProperty("messages", static_cast<int>(comparison.messages()));
  EXPECT_GE(comparison.messages(), 9U);
}

}  // namespace
}  // namespace gatepost::filters
