#include "filters/message/content_coding.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "filters/message/mime_fields.h"
#include "proxy/pop3/ascii.h"
#include "proxy/pop3/sasl.h"

namespace gatepost::filters {

namespace {

/// Values of the octets of base64 (RFC 2045 section 6.8).
constexpr std::uint8_t kPadding = 64;
constexpr std::uint8_t kForeign = 65;
constexpr std::array<std::uint8_t, 256> kBase64 = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kForeign);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  values['='] = kPadding;
  return values;
}();

std::uint8_t base64_value(char c) { return kBase64[static_cast<unsigned char>(c)]; }

/// Blanks behind a "=" of quoted-printable that may stand before a line's end; with more of them it
/// is no soft line break.
constexpr std::size_t kMaxBlanks = 256;
/// Octets of a line of uuencode that mean something: its length and 63 octets in groups of four.
constexpr std::size_t kMaxUuLine = 128;

/// What a "=" is the beginning of.
struct Escape {
  enum class Kind : std::uint8_t { octet, soft_break, nothing, unfinished } kind;
  std::size_t size = 1;
  char octet = '=';
};

Escape escape_at(std::string_view text) {
  const std::string_view rest = text.substr(1);
  if (rest.empty()) return {Escape::Kind::unfinished};
  if (const int high = pop3::hex_value(rest[0]); high >= 0) {
    if (rest.size() == 1) return {Escape::Kind::unfinished};
    const int low = pop3::hex_value(rest[1]);
    if (low < 0) return {Escape::Kind::nothing};
    return {Escape::Kind::octet, 3, static_cast<char>(high * 16 + low)};
  }
  // Blanks that some server put at the line's end are not part of it (RFC 2045 section 6.7 (3)).
  const std::size_t end = rest.substr(0, kMaxBlanks).find_first_not_of(" \t");
  if (end == std::string_view::npos) {
    return {rest.size() < kMaxBlanks ? Escape::Kind::unfinished : Escape::Kind::nothing};
  }
  const std::string_view line_end = rest.substr(end, 2);
  if (line_end.front() == '\n') return {Escape::Kind::soft_break, end + 2};
  if (line_end == "\r") return {Escape::Kind::unfinished};
  if (line_end == "\r\n") return {Escape::Kind::soft_break, end + 3};
  return {Escape::Kind::nothing};
}

bool begins_file(std::string_view line) {
  constexpr std::string_view kBegin = "begin ";
  return line.starts_with(kBegin) && line.size() > kBegin.size() && line[kBegin.size()] >= '0' &&
         line[kBegin.size()] <= '7';
}

/// Blanks that are missing at the line's end are zeros.
void decode_uu_line(std::string_view line, std::string& out) {
  const auto value = [line](std::size_t at) {
    return at < line.size() ? (static_cast<unsigned char>(line[at]) - 32U) & 63U : 0U;
  };
  const std::size_t length = value(0);
  for (std::size_t i = 0; i < length; ++i) {
    const std::size_t group = 1 + i / 3 * 4;
    const unsigned bits = (value(group) << 18U) | (value(group + 1) << 12U) |
                          (value(group + 2) << 6U) | value(group + 3);
    out += static_cast<char>((bits >> (16U - 8U * (i % 3))) & 0xffU);
  }
}

std::string escaped(char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto octet = static_cast<unsigned char>(c);
  return {'=', kDigits[octet >> 4U], kDigits[octet & 15U]};
}

constexpr std::size_t kLine = 76;        // RFC 2045 section 6.7 (5), 6.8
constexpr std::size_t kLineOctets = 57;  // 76 of base64

/// Whether the line that begins with `text` could be taken for something else than text: the end of
/// a message, the beginning of another one in an mbox, a boundary.
bool looks_special(std::string_view text) {
  return text.starts_with('.') || text.starts_with("From ") || text.starts_with("--");
}

}  // namespace

TransferEncoding transfer_encoding(std::string_view value) {
  return read_transfer_encoding(value).front();
}

void ContentDecoder::feed(std::string_view raw, std::string& out) {
  switch (encoding_) {
    case TransferEncoding::identity:
    case TransferEncoding::unknown:
      out += raw;
      return;
    case TransferEncoding::quoted_printable:
      return feed_quoted_printable(raw, out);
    case TransferEncoding::base64:
      return feed_base64(raw, out);
    case TransferEncoding::uuencode:
      return feed_uuencode(raw, out);
  }
}

void ContentDecoder::feed_base64(std::string_view raw, std::string& out) {
  const std::size_t before = out.size();
  out.resize(before + raw.size() / 4 * 3 + 3);
  char* to = out.data() + before;
  const char* from = raw.data();
  const char* const end = from + raw.size();
  while (from != end) {
    while (count_ == 0 && end - from >= 4) {
      const unsigned a = base64_value(from[0]);
      const unsigned b = base64_value(from[1]);
      const unsigned c = base64_value(from[2]);
      const unsigned d = base64_value(from[3]);
      if (std::max({a, b, c, d}) >= kPadding) break;
      const unsigned bits = (a << 18U) | (b << 12U) | (c << 6U) | d;
      *to++ = static_cast<char>(bits >> 16U);
      *to++ = static_cast<char>((bits >> 8U) & 0xffU);
      *to++ = static_cast<char>(bits & 0xffU);
      from += 4;
    }
    if (from == end) break;
    const unsigned value = base64_value(*from++);
    if (value == kForeign) continue;
    if (value == kPadding) {
      count_ = 0;
      continue;
    }
    bits_ = ((bits_ << 6U) | value) & 0xffffU;
    count_ += 6;
    if (count_ >= 8) {
      count_ -= 8;
      *to++ = static_cast<char>((bits_ >> count_) & 0xffU);
    }
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

void ContentDecoder::feed_quoted_printable(std::string_view raw, std::string& out) {
  std::string joined;
  if (!held_.empty()) {
    joined = held_.append(raw);
    held_.clear();
    raw = joined;
  }
  while (!raw.empty()) {
    const std::size_t escape = raw.find('=');
    out += raw.substr(0, escape);
    if (escape == std::string_view::npos) return;
    raw.remove_prefix(escape);
    const Escape found = escape_at(raw);
    if (found.kind == Escape::Kind::unfinished) {
      held_ = raw;
      return;
    }
    if (found.kind != Escape::Kind::soft_break) out += found.octet;
    raw.remove_prefix(found.size);
  }
}

void ContentDecoder::feed_uuencode(std::string_view raw, std::string& out) {
  while (!raw.empty()) {
    const std::size_t line_end = raw.find('\n');
    held_ += raw.substr(0, std::min(line_end, kMaxUuLine - held_.size()));
    if (line_end == std::string_view::npos) return;
    raw.remove_prefix(line_end + 1);
    end(out);
  }
}

void ContentDecoder::end(std::string& out) {
  if (encoding_ == TransferEncoding::uuencode) {
    if (held_.ends_with('\r')) held_.pop_back();
    if (begins_file(held_)) {
      in_file_ = true;
    } else if (held_ == "end") {
      in_file_ = false;
    } else if (in_file_) {
      decode_uu_line(held_, out);
    }
  } else if (held_.find_first_not_of("= \t\r") != std::string::npos) {
    out += held_;  // otherwise a soft line break whose line end belongs to a boundary
  }
  held_.clear();
  bits_ = 0;
  count_ = 0;
}

std::string decode_content(TransferEncoding encoding, std::string_view raw) {
  std::string out;
  ContentDecoder decoder(encoding);
  decoder.feed(raw, out);
  decoder.end(out);
  return out;
}

std::string encode_base64_lines(std::string_view content) {
  std::string out;
  while (!content.empty()) {
    const std::string_view octets = content.substr(0, kLineOctets);
    out += pop3::base64_encode(octets) + "\r\n";
    content.remove_prefix(octets.size());
  }
  return out;
}

std::string encode_quoted_printable(std::string_view text) {
  std::string out;
  std::size_t used = 0;  // of the line
  while (!text.empty()) {
    if (text.starts_with("\r\n")) {
      out += "\r\n";
      used = 0;
      text.remove_prefix(2);
      continue;
    }
    const char c = text.front();
    const std::string_view after = text.substr(1);
    const bool line_ends = after.empty() || after.starts_with("\r\n");
    const bool blank = c == ' ' || c == '\t';
    const bool plain = (blank && !line_ends) || (c > ' ' && c <= '~' && c != '=');
    std::string octet = plain ? std::string(1, c) : escaped(c);
    if (used + octet.size() > kLine - (line_ends ? 0 : 1)) {
      out += "=\r\n";
      used = 0;
    }
    if (used == 0 && looks_special(text)) octet = escaped(c);
    out += octet;
    used += octet.size();
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace gatepost::filters
