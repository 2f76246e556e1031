#include "filters/message/mime_header.h"

#include <algorithm>
#include <utility>

#include "filters/message/header_scanner.h"
#include "filters/message/mime_scanner.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

/// RFC 2046 section 5.1.1.
constexpr std::size_t kProperBoundary = 70;

bool is_folded(std::string_view line) { return line.starts_with(' ') || line.starts_with('\t'); }

std::string_view unindented(std::string_view line) {
  return line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
}

template <class Item>
void add(std::vector<Item>& list, Item item) {
  if (std::ranges::find(list, item) == list.end()) list.push_back(std::move(item));
}

void add_all(std::vector<std::string>& list, std::vector<std::string> items, bool& too_many) {
  for (std::string& item : items) add(list, std::move(item));
  too_many = too_many || list.size() > kMaxReadings;
}

bool may_be_message(const MimePart& part) {
  return std::ranges::any_of(part.types, is_message_type);
}

/// RFC 2046 section 5.1.5: in a digest it is a message.
std::vector<std::string> types_without_field(const MimePart* parent) {
  if (parent == nullptr || !parent->may_be("multipart/digest")) return {"text/plain"};
  if (parent->types.size() == 1) return {"message/rfc822"};
  return {"message/rfc822", "text/plain"};
}

/// A name as it is to those who see through octets that do not belong there; in upper case.
std::string bare(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c > ' ' && c <= '~') out += pop3::to_upper(c);
  }
  return out;
}

}  // namespace

std::optional<std::uint64_t> MimeHeader::line(std::string_view line, std::uint64_t begin,
                                              std::uint64_t end, bool cut) {
  if (line == "\r\n" || line == "\n") {
    if (begun_ || !message_) {
      finish_field();
      return end;
    }
    if (!empty_line_end_) empty_line_end_ = end;
    return std::nullopt;
  }
  const bool first = !begun_;
  begun_ = true;
  if (is_folded(line) && !first) {
    odd_ = odd_ || unindented(line) == "\r\n";  // the empty line to some
    if (field_.empty()) return std::nullopt;
    too_large_ = too_large_ || cut || field_.size() + line.size() > MimeScanner::kMaxField;
    if (!too_large_) field_ += line;
    return std::nullopt;
  }
  finish_field();
  const std::string_view name = parse_field(unindented(line)).name;
  if (first && empty_line_end_) {
    if (name.empty()) return empty_line_end_;  // text, not a header
    odd_ = true;
  }
  if (name.empty()) {
    const bool separator = line.starts_with("From ") || line.starts_with(">From ");
    if (separator && first) return std::nullopt;  // of an mbox
    odd_ = true;
    if (!no_field_) no_field_ = begin;
    return std::nullopt;
  }
  odd_ = odd_ || is_folded(line);
  if (bare(name).starts_with("CONTENT-")) {
    field_ = line;
    too_large_ = too_large_ || cut;
  }
  return std::nullopt;
}

std::uint64_t MimeHeader::end_without_line(std::uint64_t end) {
  finish_field();
  if (!begun_ && empty_line_end_) return *empty_line_end_;
  odd_ = true;
  // To some the first line that is no field begins the body.
  return no_field_.value_or(end);
}

void MimeHeader::finish_field() {
  if (field_.empty()) return;
  const FieldView field = parse_field(unindented(field_));
  odd_ = odd_ || bare(field.name).size() != field.name.size();
  read_field(bare(field.name), field.body);
  kept_ += field_;
  field_.clear();
}

void MimeHeader::read_field(std::string_view name, std::string_view value) {
  if (name == "CONTENT-TYPE") {
    read_type(value);
  } else if (name == "CONTENT-DISPOSITION") {
    MimeField field = read_content_disposition(value);
    attachment_ = attachment_ || std::ranges::find(field.types, "attachment") != field.types.end();
    add_all(names_, std::move(field.names), too_large_);
    odd_ = odd_ || field.odd;
    too_large_ = too_large_ || field.too_many;
  } else if (name == "CONTENT-TRANSFER-ENCODING") {
    for (const TransferEncoding encoding : read_transfer_encoding(value)) add(encodings_, encoding);
  }
}

void MimeHeader::read_type(std::string_view value) {
  typed_ = true;
  MimeField field = read_content_type(value);
  add_all(type_.types, std::move(field.types), too_large_);
  add_all(type_.boundaries, std::move(field.boundaries), too_large_);
  add_all(type_.names, std::move(field.names), too_large_);
  add_all(type_.charsets, std::move(field.charsets), too_large_);
  add_all(type_.protocols, std::move(field.protocols), too_large_);
  odd_ = odd_ || field.odd;
  too_large_ = too_large_ || field.too_many;
}

bool MimeHeader::may_be_multipart() const {
  return std::ranges::any_of(
      type_.types, [](const std::string& type) { return type.starts_with("multipart/"); });
}

std::size_t MimeHeader::held() const {
  std::size_t octets = field_.capacity() + kept_.capacity();
  for (const auto* list : {&type_.types, &type_.boundaries, &type_.names, &names_}) {
    for (const std::string& text : *list) octets += sizeof(text) + text.capacity();
  }
  return octets;
}

void MimeHeader::fill(MimePart& part, const MimePart* parent) {
  finish_field();
  part.types = std::move(type_.types);
  if (!typed_) part.types = types_without_field(parent);
  part.encodings = std::move(encodings_);
  if (part.encodings.empty()) part.encodings = {TransferEncoding::identity};
  part.names = std::move(names_);
  add_all(part.names, std::move(type_.names), too_large_);
  if (!type_.charsets.empty()) part.charset = type_.charsets.front();
  if (!type_.protocols.empty()) part.protocol = type_.protocols.front();
  part.header = std::move(kept_);
  part.attachment = attachment_;
  const bool encoded = part.encodings.front() != TransferEncoding::identity;
  part.odd = part.odd || odd_ || part.types.size() > 1 || part.encodings.size() > 1 ||
             type_.charsets.size() > 1 ||
             (encoded && (part.is_multipart() || may_be_message(part)));
  if (!part.is_multipart()) return;
  part.closed = false;
  part.odd = part.odd || type_.boundaries.size() != 1 || type_.boundaries.front().empty() ||
             type_.boundaries.front().size() > kProperBoundary;
}

}  // namespace gatepost::filters
