#include "filters/body_notice/own_text.h"

#include <algorithm>
#include <array>
#include <string>

#include "filters/message/html_tokens.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

constexpr std::array<std::string_view, 5> kProtected = {
    "multipart/signed", "multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime",
    "application/pgp-encrypted"};
constexpr std::array<std::string_view, 2> kPgp = {"-----BEGIN PGP SIGNED MESSAGE-----",
                                                  "-----BEGIN PGP MESSAGE"};
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_protected(const MimePart& part) {
  if (std::ranges::any_of(kProtected,
                          [&part](std::string_view type) { return part.may_be(type); })) {
    return true;
  }
  return std::ranges::any_of(
      part.names, [](const std::string& name) { return pop3::to_upper(name).ends_with(".P7M"); });
}

class Finder {
 public:
  explicit Finder(const MimeStructure& structure) : parts_(structure.parts) {}

  OwnText find() {
    in_message_.resize(parts_.size());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const std::size_t parent = parts_[i].parent;
      in_message_[i] = parent != MimePart::kNone &&
                       (in_message_[parent] || !parts_[parent].type().starts_with("multipart/"));
      if (!in_message_[i] && is_protected(parts_[i])) found_.is_protected = true;
    }
    if (!parts_.empty()) look_at(0);
    return std::move(found_);
  }

 private:
  // MimeScanner::kMaxDepth bounds how deep this goes.
  void look_at(std::size_t index) {
    const MimePart& part = parts_[index];
    if (part.attachment || !part.names.empty()) return;
    const bool multipart = part.type().starts_with("multipart/");
    if (part.types.size() != 1 || part.encodings.size() != 1 || (multipart && part.odd)) {
      found_.odd = true;
      return;
    }
    if (!multipart) {
      const bool text = part.type() == "text/plain" || part.type() == "text/html";
      if (text) found_.parts.push_back(index);
      return;
    }
    const bool all = part.type() == "multipart/alternative";
    for (std::size_t i = index + 1; i < parts_.size(); ++i) {
      if (parts_[i].parent != index) continue;
      look_at(i);
      if (!all) return;
    }
  }

  const std::vector<MimePart>& parts_;
  std::vector<bool> in_message_;  // that is attached, for each part
  OwnText found_;
};

}  // namespace

OwnText find_own_text(const MimeStructure& structure) { return Finder(structure).find(); }

bool has_inline_pgp(std::string_view text) {
  return std::ranges::any_of(
      kPgp, [text](std::string_view begin) { return text.find(begin) != std::string_view::npos; });
}

bool is_flowed(const MimePart& part) {
  std::string header = pop3::to_upper(part.header);
  std::erase_if(header, [](char c) { return c == ' ' || c == '\t' || c == '"'; });
  return header.find("FORMAT=FLOWED") != std::string::npos;
}

std::size_t place_in_html(std::string_view html, NoticePlace place) {
  using Kind = HtmlToken::Kind;
  HtmlTokens tokens(html);
  HtmlToken token;
  std::size_t top = html.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  std::size_t end = html.size();
  bool in_body = false;
  while (tokens.next(token)) {
    const bool starts = token.kind == Kind::start_tag;
    const bool ends = token.kind == Kind::end_tag;
    if (starts && token.name == "body" && !in_body) {
      top = token.end;
      in_body = true;
      if (place == NoticePlace::top) return top;
    }
    const bool before = token.kind == Kind::doctype || (starts && token.name == "html") ||
                        (ends && token.name == "head");
    if (before && !in_body) top = token.end;
    // The last one counts, and what closes the text behind it does not.
    if (ends && token.name == "body") end = token.begin;
    if (ends && token.name == "html" && end == html.size()) end = token.begin;
  }
  return place == NoticePlace::top ? top : end;
}

}  // namespace gatepost::filters
