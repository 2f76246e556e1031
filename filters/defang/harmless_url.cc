#include "filters/defang/harmless_url.h"

#include <algorithm>
#include <array>

#include "filters/message/header_text.h"
#include "filters/message/html_tokens.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

struct Scheme {
  std::string_view prefix;  ///< in upper case
  UrlKind kind;
};
constexpr std::array kSchemes = {Scheme{"HTTP://", UrlKind::web}, Scheme{"HTTPS://", UrlKind::web},
                                 Scheme{"MAILTO:", UrlKind::mail}, Scheme{"TEL:", UrlKind::mail},
                                 Scheme{"CID:", UrlKind::content_id}};

/// No image/svg+xml: it is a document, with scripts.
constexpr std::array<std::string_view, 6> kPictures = {
    "DATA:IMAGE/PNG;BASE64,", "DATA:IMAGE/GIF;BASE64,",  "DATA:IMAGE/JPEG;BASE64,",
    "DATA:IMAGE/JPG;BASE64,", "DATA:IMAGE/WEBP;BASE64,", "DATA:IMAGE/BMP;BASE64,"};

bool is_base64(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const char upper = pop3::to_upper(c);
    return (upper >= 'A' && upper <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
           c == '=';
  });
}

UrlKind kind_of(std::string_view url) {
  if (url.empty()) return UrlKind::none;
  if (url.front() == '#') return url.size() <= kMaxUrl ? UrlKind::fragment : UrlKind::harmful;
  const std::string start = pop3::to_upper(url.substr(0, 32));
  for (const std::string_view picture : kPictures) {
    if (start.starts_with(picture)) {
      return is_base64(url.substr(picture.size())) ? UrlKind::picture : UrlKind::harmful;
    }
  }
  const auto* const scheme = std::ranges::find_if(
      kSchemes, [&start](const Scheme& known) { return start.starts_with(known.prefix); });
  return scheme == kSchemes.end() || url.size() > kMaxUrl ? UrlKind::harmful : scheme->kind;
}

}  // namespace

Url read_url(std::string_view attribute) {
  Url url;
  const std::string decoded = decode_references(attribute);
  const auto is_outer = [](char c) { return static_cast<unsigned char>(c) <= 0x20; };
  std::string_view rest = decoded;
  while (!rest.empty() && is_outer(rest.front())) rest.remove_prefix(1);
  while (!rest.empty() && is_outer(rest.back())) rest.remove_suffix(1);
  for (const char c : rest) {
    if (pop3::is_control(c) || c == '\t') {
      url.odd = true;
    } else {
      url.text += c;
    }
  }
  url.kind = kind_of(url.text);
  return url;
}

std::string shown_url(std::string_view url, std::size_t max_characters) {
  std::string shown(url);
  const std::size_t host = shown.find("://");
  if (host != std::string::npos) {
    const std::size_t end = std::min(shown.find_first_of("/\\?#", host + 3), shown.size());
    const std::size_t user = shown.rfind('@', end);
    if (user != std::string::npos && user > host) shown.erase(host + 3, user + 1 - host - 3);
  }
  return inert_text(shown, max_characters);
}

}  // namespace gatepost::filters
