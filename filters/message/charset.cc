#include "filters/message/charset.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "proxy/base/utf8.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

constexpr std::array<std::string_view, 8> kSingle = {
    "ISO-8859-", "ISO8859-", "WINDOWS-125", "CP125", "KOI8-", "TIS-620", "MACINTOSH", "LATIN"};
constexpr std::array<std::string_view, 14> kMulti = {
    "GB2312", "GBK",    "GB18030", "BIG5",      "SHIFT_JIS", "SHIFT-JIS",   "SJIS",
    "CP932",  "EUC-JP", "EUC-KR",  "KS_C_5601", "CP949",     "ISO-2022-JP", "ISO-2022-KR"};
constexpr std::array<std::string_view, 3> kWide = {"UTF-7", "UTF-16", "UTF-32"};
constexpr std::size_t kMaxCharset = 40;

bool begins_with_one(std::string_view upper, auto& names) {
  return std::ranges::any_of(names, [upper](auto name) { return upper.starts_with(name); });
}

/// 0x80 to 0x9f of windows-1252; those without a character are the controls of latin-1, as browsers
/// have it.
constexpr std::array<char32_t, 32> kWindows1252 = {
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

void append_windows1252(std::string& out, char c) {
  const auto octet = static_cast<unsigned char>(c);
  utf8::append(out, octet >= 0x80 && octet < 0xa0 ? kWindows1252[octet - 0x80U] : octet);
}

/// iconv's names for what mail programs write.
std::string iconv_name(std::string_view charset) {
  std::string upper = pop3::to_upper(charset.substr(0, kMaxCharset));
  if (upper.starts_with("WINDOWS-")) return "CP" + upper.substr(8);
  // Those that say one and mean its larger sister.
  if (upper.starts_with("GB2312") || upper == "GBK") return "GB18030";
  if (upper.starts_with("SHIFT") || upper == "SJIS") return "CP932";
  if (upper.starts_with("EUC-KR") || upper.starts_with("KS_C_5601")) return "CP949";
  return upper;
}

class Converter {
 public:
  Converter(const std::string& to, const std::string& from)
      : handle_(::iconv_open(to.c_str(), from.c_str())) {}
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() {
    if (good()) ::iconv_close(handle_);
  }
  [[nodiscard]] bool good() const { return handle_ != reinterpret_cast<iconv_t>(-1); }

  /// Converts from the front of `text` as far as it is right, and takes that away. Nothing at all
  /// gives what is needed to end the text.
  void convert(std::string_view& text, std::string& out) {
    char* in = const_cast<char*>(text.data());  // iconv reads it only
    std::size_t left = text.size();
    do {
      std::array<char, 4096> buffer;
      char* to = buffer.data();
      std::size_t room = buffer.size();
      const std::size_t result = ::iconv(handle_, text.empty() ? nullptr : &in,
                                         text.empty() ? nullptr : &left, &to, &room);
      const bool full = result == static_cast<std::size_t>(-1) && errno == E2BIG;
      out.append(buffer.data(), static_cast<std::size_t>(to - buffer.data()));
      if (!full) break;
    } while (true);
    text.remove_prefix(text.size() - left);
  }

 private:
  iconv_t handle_;
};

std::string repaired_utf8(std::string_view octets, bool& clean) {
  std::string out;
  out.reserve(octets.size());
  while (!octets.empty()) {
    const utf8::Character c = utf8::first_character(octets);
    if (c.valid) {
      out += octets.substr(0, c.size);
    } else {
      clean = false;
      append_windows1252(out, octets.front());
    }
    octets.remove_prefix(c.size);
  }
  return out;
}

}  // namespace

CharsetKind charset_kind(std::string_view charset) {
  const std::string upper = pop3::to_upper(charset.substr(0, kMaxCharset + 1));
  if (upper.empty() || upper == "US-ASCII" || upper == "ASCII") return CharsetKind::ascii;
  if (upper == "UTF-8" || upper == "UTF8") return CharsetKind::utf8;
  const auto odd = [](char c) { return !pop3::is_mechanism_char(c) && c != ':'; };
  if (upper.size() > kMaxCharset || std::ranges::any_of(upper, odd)) return CharsetKind::unknown;
  if (begins_with_one(upper, kSingle)) return CharsetKind::single;
  if (begins_with_one(upper, kMulti)) return CharsetKind::multi;
  if (begins_with_one(upper, kWide)) return CharsetKind::wide;
  return CharsetKind::unknown;
}

std::string to_utf8(std::string_view octets, std::string_view charset, bool* clean) {
  bool all = true;
  std::string out;
  const CharsetKind kind = charset_kind(charset);
  const std::string upper = pop3::to_upper(charset.substr(0, kMaxCharset));
  const bool western = upper == "ISO-8859-1" || upper == "WINDOWS-1252";
  if (kind == CharsetKind::ascii || kind == CharsetKind::utf8) {
    out = repaired_utf8(octets, all);
  } else {
    std::optional<Converter> converter;
    if (kind != CharsetKind::unknown && !western) converter.emplace("UTF-8", iconv_name(charset));
    const bool works = converter && converter->good();
    all = works || western;
    while (!octets.empty()) {
      if (works) converter->convert(octets, out);
      if (octets.empty()) break;
      all = all && !works;
      append_windows1252(out, octets.front());
      octets.remove_prefix(1);
    }
    std::string_view nothing;
    if (works) converter->convert(nothing, out);
  }
  if (clean != nullptr && !all) *clean = false;
  return out;
}

std::optional<std::string> from_utf8(std::string_view text, std::string_view charset) {
  const CharsetKind kind = charset_kind(charset);
  if (kind == CharsetKind::utf8) return std::string(text);
  const bool is_ascii =
      std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (is_ascii && (kind == CharsetKind::ascii || kind == CharsetKind::single)) {
    return std::string(text);
  }
  if (kind == CharsetKind::wide || kind == CharsetKind::unknown) return std::nullopt;
  const std::string name = kind == CharsetKind::ascii ? "ASCII" : iconv_name(charset);
  std::string out;
  for (const std::string_view how : {"", "//TRANSLIT"}) {
    Converter converter(name + std::string(how), "UTF-8");
    if (!converter.good()) continue;
    out.clear();
    std::string_view rest = text;
    converter.convert(rest, out);
    std::string_view nothing;
    converter.convert(nothing, out);
    // What has no look-alike becomes a question mark.
    if (rest.empty() && std::ranges::count(out, '?') == std::ranges::count(text, '?')) return out;
  }
  return std::nullopt;
}

std::string ascii_html(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  while (!utf8.empty()) {
    const utf8::Character c = utf8::first_character(utf8);
    if (c.size == 1 && c.valid) {
      out += utf8.front();
    } else {
      out += fmt::format("&#{};", c.valid ? static_cast<std::uint32_t>(c.value) : 0xfffdU);
    }
    utf8.remove_prefix(c.size);
  }
  return out;
}

}  // namespace gatepost::filters
