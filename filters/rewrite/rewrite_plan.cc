#include "filters/rewrite/rewrite_plan.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "filters/message/canonical.h"
#include "filters/message/content_coding.h"
#include "filters/message/header_scanner.h"
#include "filters/rewrite/part_fields.h"
#include "proxy/base/digest.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kVersion = "MIME-Version: 1.0\r\n";
/// Octets in a line (RFC 5322 section 2.1.1), without its end.
constexpr std::size_t kMaxLine = 998;

/// Whether it can stand in a message as it is: lines with CRLF, none too long, no NUL.
bool is_plain_text(std::string_view text) {
  std::size_t line = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      line = 0;
      ++i;
    } else if (text[i] == '\r' || text[i] == '\n' || text[i] == '\0' || ++line > kMaxLine) {
      return false;
    }
  }
  return true;
}

std::unexpected<Error> too_much() {
  return fail(ErrorCode::limit,
              fmt::format("rewriting needs more than {} MiB", RewritePlan::kMaxText / 1024 / 1024));
}

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with(kLineEnd)) text.remove_suffix(kLineEnd.size());
  return text;
}

constexpr std::string_view kEncodingField = "Content-Transfer-Encoding";

std::string field_of(std::string_view encoding) {
  return fmt::format("{}: {}\r\n", kEncodingField, encoding);
}

/// Whether a part that is not encoded may hold more than ASCII.
bool says_8bit(const ContentFields& fields) {
  const std::string field = pop3::to_upper(fields.original(kEncodingField));
  return field.find("8BIT") != std::string::npos || field.find("BINARY") != std::string::npos;
}

struct Encoded {
  std::string text;
  std::string declared;  // a new Content-Transfer-Encoding field; "": as it was
};

/// In the encoding that the part has, or in the next best one that can hold it.
Encoded encode(std::string_view content, TransferEncoding encoding, const ContentFields& fields) {
  switch (encoding) {
    case TransferEncoding::identity: {
      std::string text = with_line_ends(content);
      const bool fits = is_plain_text(text) && (pop3::is_ascii(text) || says_8bit(fields));
      if (fits) return {std::move(text), {}};
      return {encode_quoted_printable(text), field_of("quoted-printable")};
    }
    case TransferEncoding::quoted_printable:
      return {encode_quoted_printable(with_line_ends(content)), {}};
    case TransferEncoding::base64:
      return {std::string(without_line_end(encode_base64_lines(content))), {}};
    case TransferEncoding::uuencode:
    case TransferEncoding::unknown:
      break;
  }
  return {std::string(without_line_end(encode_base64_lines(content))), field_of("base64")};
}

}  // namespace

RewritePlan::RewritePlan(const MessageText* text, const MimeStructure* structure)
    : text_(text), structure_(structure) {}

void RewritePlan::edit_header(HeaderEdit edit) {
  spend(edit.value.size());
  header_.push_back(std::move(edit));
}

Result<std::string_view> RewritePlan::content(std::size_t index) {
  PartEdits& edits = parts_[index];
  if (!edits.content) {
    auto content = text_->content(part(index), part(index).encodings.front(), kMaxContent + 1);
    if (!content) return std::unexpected(content.error());
    if (content->size() > kMaxContent) {
      return fail(ErrorCode::limit, "a text part is too large to be changed");
    }
    spend(content->size());
    if (spent_ > kMaxText) return too_much();
    edits.content = std::move(*content);
    if (!edits.appended.empty()) {
      edits.insertions.push_back({edits.content->size(), edits.appended});
      *edits.content += std::exchange(edits.appended, std::string());
    }
  }
  return std::string_view(*edits.content);
}

void RewritePlan::set_content(std::size_t index, std::string content) {
  PartEdits& edits = parts_[index];
  spend(content.size());
  edits.content = std::move(content);
  edits.rewritten = true;
  edits.insertions.clear();
  edits.appended.clear();
}

void RewritePlan::insert(std::size_t index, std::size_t offset, std::string_view text) {
  PartEdits& edits = parts_[index];
  if (!edits.content) return;  // nobody has asked for it: there is no such offset
  offset = std::min(offset, edits.content->size());
  spend(2 * text.size());
  edits.content->insert(offset, text);
  if (edits.rewritten) return;
  std::size_t inserted = 0;  // before the one that is looked at
  auto next = edits.insertions.begin();
  for (; next != edits.insertions.end(); ++next) {
    const std::size_t begin = next->offset + inserted;
    if (offset < begin) break;
    if (offset <= begin + next->text.size()) {
      next->text.insert(offset - begin, text);
      return;
    }
    inserted += next->text.size();
  }
  edits.insertions.insert(next, {offset - inserted, std::string(text)});
}

bool RewritePlan::append(std::size_t index, std::string_view text) {
  PartEdits& edits = parts_[index];
  if (edits.content) {
    insert(index, edits.content->size(), text);
    return true;
  }
  const TransferEncoding encoding = part(index).encodings.front();
  if (encoding != TransferEncoding::identity && encoding != TransferEncoding::quoted_printable) {
    return false;
  }
  spend(text.size());
  edits.appended += text;
  return true;
}

void RewritePlan::set_charset(std::size_t index, std::string_view charset) {
  parts_[index].charset = charset;
}

void RewritePlan::replace_content_fields(std::size_t index, std::string fields) {
  spend(fields.size());
  parts_[index].fields = std::move(fields);
}

void RewritePlan::replace_part(std::size_t index, std::string fields, std::string body) {
  spend(fields.size() + body.size());
  PartEdits edits;
  edits.fields = std::move(fields);
  edits.body = std::move(body);
  parts_[index] = std::move(edits);
}

bool RewritePlan::replaced(std::size_t index) const {
  for (std::size_t i = index; i != MimePart::kNone; i = part(i).parent) {
    const auto edits = parts_.find(i);
    if (edits != parts_.end() && edits->second.body) return true;
  }
  return false;
}

void RewritePlan::wrap(std::string part) {
  spend(part.size());
  wraps_.push_back(std::move(part));
}

void RewritePlan::stop(Stop stop) {
  if (stop_) return;
  stop_ = std::move(stop);
  stop_->rule = rule_;
}

void RewritePlan::note(std::string line) {
  if (notes_.size() < kMaxNotes) notes_.push_back(std::move(line));
}

Result<RewritePlan::Outcome> RewritePlan::finish() {
  if (header_.size() > kMaxEdits) {
    return fail(ErrorCode::limit, fmt::format("more than {} changes of the header", kMaxEdits));
  }
  if (!wraps_.empty()) parts_.try_emplace(0);
  Outcome outcome;
  for (const auto& [index, edits] : parts_) {
    if (index != 0 && replaced(part(index).parent)) continue;
    if (auto done = finish_part(index, edits, outcome); !done) return std::unexpected(done.error());
    outcome.loses |= edits.body.has_value();
  }
  if (spent_ > kMaxText) return too_much();
  std::ranges::stable_sort(outcome.splices, {}, &Splice::offset);
  outcome.header = std::move(header_);
  return outcome;
}

Result<void> RewritePlan::finish_part(std::size_t index, const PartEdits& edits, Outcome& to) {
  const MimePart& one = part(index);
  if (one.body_begin - one.header_begin > kMaxPartHeader) {
    return fail(ErrorCode::limit, "the header of a part is too large to be changed");
  }
  auto text = text_->text(one.header_begin, one.body_begin);
  if (!text) return std::unexpected(text.error());
  ContentFields fields(std::move(*text), one.header_begin);
  if (edits.fields) fields.replace_all(*edits.fields);
  if (!edits.charset.empty()) {
    const std::string_view type = fields.original("Content-Type");
    fields.set("Content-Type",
               with_charset(type.empty() ? "Content-Type: text/plain" : type, edits.charset));
  }
  std::vector<Splice> body;
  if (auto done = finish_body(index, edits, fields, body); !done) return done;
  const bool wrapped = index == 0 && !wraps_.empty();
  if (wrapped) {
    if (auto done = wrap_all(fields, body); !done) return done;
  }
  if (!body.empty() && !wrapped && !fields.header().closed()) {
    body.insert(body.begin(), {one.body_begin, 0, std::string(kLineEnd)});
  }
  if (!wrapped) fields.finish(index == 0, to.splices);
  std::ranges::move(body, std::back_inserter(to.splices));
  return {};
}

/// The body: replaced, with something put into it, or encoded anew.
Result<void> RewritePlan::finish_body(std::size_t index, const PartEdits& edits,
                                      ContentFields& fields, std::vector<Splice>& to) const {
  const MimePart& one = part(index);
  const auto whole = [&](std::string text) {
    if (index == 0 && !text.empty() && !text.ends_with(kLineEnd)) text += kLineEnd;
    to.push_back({one.body_begin, one.body_end - one.body_begin, std::move(text)});
  };
  if (edits.body) {
    whole(*edits.body);
    return {};
  }
  if (!edits.rewritten) {
    if (edits.insertions.empty() && edits.appended.empty()) return {};
    auto inserted = insert_all(one, edits, fields, to);
    if (!inserted) return std::unexpected(inserted.error());
    if (*inserted) return {};
  }
  Encoded encoded = encode(*edits.content, one.encodings.front(), fields);
  if (!encoded.declared.empty()) fields.set(kEncodingField, encoded.declared);
  whole(std::move(encoded.text));
  return {};
}

/// Where the encoding allows it to leave everything else as it is.
Result<bool> RewritePlan::insert_all(const MimePart& one, const PartEdits& edits,
                                     ContentFields& fields, std::vector<Splice>& to) const {
  const std::uint64_t size = one.body_end - one.body_begin;
  if (one.encodings.front() == TransferEncoding::identity) {
    bool ascii = pop3::is_ascii(edits.appended);
    for (const Insertion& insertion : edits.insertions) {
      if (!is_plain_text(insertion.text)) return false;  // all of it is encoded
      ascii = ascii && pop3::is_ascii(insertion.text);
    }
    for (const Insertion& insertion : edits.insertions) {
      to.push_back(
          {one.body_begin + std::min<std::uint64_t>(insertion.offset, size), 0, insertion.text});
    }
    if (!edits.appended.empty()) to.push_back({one.body_end, 0, edits.appended});
    if (!ascii && !says_8bit(fields)) fields.set(kEncodingField, field_of("8bit"));
    return true;
  }
  if (one.encodings.front() != TransferEncoding::quoted_printable) return false;
  if (!edits.content) {
    to.push_back({one.body_end, 0, encode_quoted_printable(edits.appended)});
    return true;
  }
  if (size > 4 * kMaxContent) return fail(ErrorCode::limit, "a text part is odd, and too large");
  auto raw = text_->text(one.body_begin, one.body_end);
  if (!raw) return std::unexpected(raw.error());
  std::size_t inserted = 0;
  for (const Insertion& insertion : edits.insertions) inserted += insertion.text.size();
  auto splices = quoted_splices(*raw, edits.content->size() - inserted, edits.insertions);
  if (!splices) return false;
  for (Splice& splice : *splices) {
    splice.offset += one.body_begin;
    to.push_back(std::move(splice));
  }
  return true;
}

/// The message becomes a multipart: our parts, and the message as one more.
Result<void> RewritePlan::wrap_all(const ContentFields& fields, std::vector<Splice>& body) const {
  // Nobody can write a message that holds a boundary made of all of it.
  Sha256 sha;
  auto read = text_->read(0, text_->size(), [&sha](std::string_view piece) {
    sha.update(piece);
    return true;
  });
  if (!read) return read;
  const std::string boundary = "=_" + to_hex(sha.finish()).substr(0, 40);
  std::vector<Splice> header;
  fields.take_away(header);
  std::string added(fields.header().has("MIME-Version") ? "" : kVersion);
  added += fmt::format("Content-Type: multipart/mixed; boundary=\"{}\"\r\n", boundary);
  const MimePart& message = part(0);
  header.push_back({fields.header().end(), 0, std::move(added)});
  std::string front(fields.header().closed() ? "" : kLineEnd);
  for (const std::string& one : wraps_) {
    front += fmt::format("--{}\r\n{}\r\n", boundary, without_line_end(one));
  }
  front += fmt::format("--{}\r\n{}\r\n", boundary, fields.result());
  body.insert(body.begin(), {message.body_begin, 0, std::move(front)});
  body.push_back({message.body_end, 0, fmt::format("\r\n--{}--\r\n", boundary)});
  body.insert(body.begin(), std::make_move_iterator(header.begin()),
              std::make_move_iterator(header.end()));
  return {};
}

}  // namespace gatepost::filters
