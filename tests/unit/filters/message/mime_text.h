#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <vector>

#include "filters/message/mime_scanner.h"

/// Structures of messages as texts that tests can compare.
namespace gatepost::filters::test {

inline MimeStructure scan_in(const std::vector<std::string_view>& pieces) {
  MimeScanner scanner;
  for (const std::string_view piece : pieces) scanner.feed(piece);
  scanner.end();
  return scanner.take_structure();
}

/// Everything that a structure says, one line a part.
inline std::string dump(const MimeStructure& structure) {
  std::string out = structure.too_complex ? "too complex\n" : "";
  for (const MimePart& part : structure.parts) {
    std::vector<int> encodings;
    for (const TransferEncoding encoding : part.encodings) {
      encodings.push_back(static_cast<int>(encoding));
    }
    out += fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {}\n", part.parent, part.depth,
                       part.header_begin, part.body_begin, part.body_end, part.types, encodings,
                       part.names, part.charset, part.protocol, part.attachment, part.closed,
                       part.odd, part.header.size());
  }
  return out;
}

/// The tree with the first types: "multipart/mixed(text/plain,text/html)"; a "!" behind what is
/// odd, a "~" behind a multipart without its last boundary.
inline std::string tree(const MimeStructure& structure, std::size_t of = 0) {
  const MimePart& part = structure.parts[of];
  std::string out = part.type() + (part.odd ? "!" : "") + (part.closed ? "" : "~");
  std::string children;
  for (std::size_t i = of + 1; i < structure.parts.size(); ++i) {
    if (structure.parts[i].parent != of) continue;
    children += (children.empty() ? "" : ",") + tree(structure, i);
  }
  return children.empty() ? out : out + "(" + children + ")";
}

/// What is wrong with offsets, parents and lists; "" when nothing is.
inline std::string fault(const MimeStructure& structure, std::uint64_t size) {
  if (structure.parts.empty()) return "no parts";
  if (structure.parts.size() > MimeScanner::kMaxParts) return "too many parts";
  for (std::size_t i = 0; i < structure.parts.size(); ++i) {
    const MimePart& part = structure.parts[i];
    const std::string where = " of part " + std::to_string(i);
    if (part.types.empty() || part.encodings.empty()) return "empty lists" + where;
    if (part.depth > MimeScanner::kMaxDepth) return "depth" + where;
    if (part.header_begin > part.body_begin || part.body_begin > part.body_end) {
      return "order" + where;
    }
    for (const std::string& name : part.names) {
      if (name.size() > MimePart::kMaxName) return "name" + where;
    }
    if (i == 0) {
      const bool whole = part.header_begin == 0 && part.body_end == size && part.depth == 0 &&
                         part.parent == MimePart::kNone;
      if (!whole) return "root";
      continue;
    }
    if (part.parent >= i) return "parent" + where;
    const MimePart& parent = structure.parts[part.parent];
    if (!parent.is_container() || parent.depth + 1 != part.depth) return "parent" + where;
    if (part.header_begin < parent.body_begin || part.body_end > parent.body_end) {
      return "nesting" + where;
    }
    const MimePart& before = structure.parts[i - 1];
    if (i - 1 != part.parent && before.body_end > part.header_begin) return "overlap" + where;
  }
  return "";
}

}  // namespace gatepost::filters::test
