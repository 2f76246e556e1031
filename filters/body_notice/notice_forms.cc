#include "filters/body_notice/notice_forms.h"

#include <algorithm>

#include <fmt/format.h>

#include "filters/message/charset.h"
#include "filters/message/content_coding.h"
#include "proxy/base/utf8.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

/// Lines of a flowed text: what begins like a quote, or with a blank, gets one more (RFC 3676
/// section 4.4).
std::string flowed(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size() - 1) + 1;
    const std::string_view line = lines.substr(0, end);
    if (line.starts_with(' ') || line.starts_with('>') || line.starts_with("From ")) out += ' ';
    out += line;
    lines.remove_prefix(end);
  }
  return out;
}

/// Whether `content` has these lines at that place. Its last line end may be missing: it belongs to
/// the boundary behind it.
bool stands_there(std::string_view content, std::string_view lines, NoticePlace place) {
  lines.remove_suffix(std::min(kLineEnd.size(), lines.size()));
  if (place == NoticePlace::top) {
    if (!content.starts_with(lines)) return false;
    content.remove_prefix(lines.size());
    return content.empty() || content.front() == '\r' || content.front() == '\n';
  }
  if (content.ends_with(kLineEnd)) content.remove_suffix(kLineEnd.size());
  if (!content.ends_with(lines)) return false;
  content.remove_suffix(lines.size());
  return content.empty() || content.ends_with('\n');
}

std::optional<Inserted> insert_text(const MimePart& part, std::string_view content,
                                    const Notice& notice, NoticePlace place) {
  Inserted inserted;
  const std::string lines = is_flowed(part) ? flowed(notice.text) : notice.text;
  std::optional<std::string> text = from_utf8(lines, part.charset);
  if (charset_kind(part.charset) == CharsetKind::ascii && !pop3::is_ascii(lines)) {
    // Without a charset of its own, the text that is there must not change its meaning.
    if (!utf8::is_valid(content)) return std::nullopt;
    text = lines;
    inserted.charset = "utf-8";
  }
  if (!text) return std::nullopt;
  if (stands_there(content, *text, place)) return inserted;
  if (place == NoticePlace::top) {
    inserted.text = *text + std::string(kLineEnd);
    return inserted;
  }
  const bool open = !content.empty() && !content.ends_with('\n');
  inserted.offset = content.size();
  inserted.text = std::string(open ? "\r\n\r\n" : "\r\n") + *text;
  return inserted;
}

std::optional<Inserted> insert_html(const MimePart& part, std::string_view content,
                                    const Notice& notice, NoticePlace place) {
  const CharsetKind kind = charset_kind(part.charset);
  if (kind == CharsetKind::wide || kind == CharsetKind::unknown) return std::nullopt;
  Inserted inserted;
  inserted.offset = place_in_html(content, place);
  const bool there = place == NoticePlace::top
                         ? content.substr(inserted.offset).starts_with(notice.html)
                         : content.substr(0, inserted.offset).ends_with(notice.html);
  if (!there) inserted.text = notice.html;
  return inserted;
}

}  // namespace

std::string notice_lines(std::string_view text) {
  std::string out;
  std::size_t visible = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    for (const char c : text.substr(0, end)) {
      if (!pop3::is_control(c)) out += c;
    }
    while (out.ends_with(' ') || out.ends_with('\t')) out.pop_back();
    const bool empty = out.empty() || out.ends_with('\n');
    out += kLineEnd;
    if (!empty) visible = out.size();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out.resize(visible);
  return out;
}

std::string notice_html(std::string_view text) {
  std::string lines = notice_lines(text);
  if (lines.ends_with(kLineEnd)) lines.resize(lines.size() - kLineEnd.size());
  std::string html =
      "<div style=\"border:1px solid #b00;padding:6px;margin:6px 0;color:#000;background:#fff\">";
  for (const char c : lines) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '\r':
        html += "<br>\r";
        break;
      default:
        html += c;
    }
  }
  return html + "</div>\r\n";
}

std::optional<Inserted> insert_notice(const MimePart& part, std::string_view content,
                                      const Notice& notice, NoticePlace place) {
  return part.type() == "text/html" ? insert_html(part, content, notice, place)
                                    : insert_text(part, content, notice, place);
}

std::string notice_part(const Notice& notice) {
  if (pop3::is_ascii(notice.text)) {
    return "Content-Type: text/plain; charset=us-ascii\r\nContent-Disposition: inline\r\n\r\n" +
           notice.text;
  }
  return "Content-Type: text/plain; charset=utf-8\r\n"
         "Content-Transfer-Encoding: quoted-printable\r\nContent-Disposition: inline\r\n\r\n" +
         encode_quoted_printable(notice.text);
}

}  // namespace gatepost::filters
