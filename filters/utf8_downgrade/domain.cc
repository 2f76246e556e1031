#include "filters/utf8_downgrade/domain.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "filters/utf8_downgrade/tokens.h"
#include "proxy/base/utf8.h"

namespace gatepost::filters::downgrade {

namespace {

constexpr std::size_t kMaxLabel = 63;    // RFC 1035 section 2.3.4
constexpr std::size_t kMaxDomain = 253;  // as text

// RFC 3492 section 5.
constexpr std::uint32_t kBase = 36;
constexpr std::uint32_t kTMin = 1;
constexpr std::uint32_t kTMax = 26;
constexpr std::uint32_t kSkew = 38;
constexpr std::uint32_t kDamp = 700;
constexpr std::uint32_t kInitialBias = 72;
constexpr std::uint32_t kInitialN = 128;

char digit(std::uint32_t value) {
  return static_cast<char>(value < 26 ? 'a' + value : '0' + (value - 26));
}

std::uint32_t adapt(std::uint32_t delta, std::uint32_t count, bool first) {
  delta = first ? delta / kDamp : delta / 2;
  delta += delta / count;
  std::uint32_t k = 0;
  for (; delta > (kBase - kTMin) * kTMax / 2; k += kBase) delta /= kBase - kTMin;
  return k + (kBase - kTMin + 1) * delta / (delta + kSkew);
}

/// RFC 3492 section 6.3. At most kMaxDomain characters, so that nothing overflows: each of them
/// adds less than 0x110000 * kMaxDomain to delta.
std::string punycode(const std::vector<char32_t>& label) {
  std::string out;
  for (const char32_t c : label) {
    if (c < 0x80) out += static_cast<char>(c);
  }
  const auto basic = static_cast<std::uint32_t>(out.size());
  if (basic > 0) out += '-';
  std::uint32_t n = kInitialN;
  std::uint32_t delta = 0;
  std::uint32_t bias = kInitialBias;
  for (std::uint32_t done = basic; done < label.size();) {
    std::uint32_t next = 0x110000;
    for (const char32_t c : label) {
      if (c >= n) next = std::min(next, static_cast<std::uint32_t>(c));
    }
    delta += (next - n) * (done + 1);
    n = next;
    for (const char32_t c : label) {
      if (c < n) ++delta;
      if (c != n) continue;
      std::uint32_t q = delta;
      for (std::uint32_t k = kBase;; k += kBase) {
        const std::uint32_t t = k <= bias ? kTMin : std::min(k - bias, kTMax);
        if (q < t) break;
        out += digit(t + (q - t) % (kBase - t));
        q = (q - t) / (kBase - t);
      }
      out += digit(q);
      bias = adapt(delta, done + 1, done == basic);
      delta = 0;
      ++done;
    }
    ++delta;
    ++n;
  }
  return out;
}

bool is_host_character(char32_t c) {
  if (c >= 0x80) return !utf8::is_active(c) && !utf8::is_blank(c);
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::optional<std::string> ascii_label(std::string_view label) {
  if (!has_8bit(label)) return std::string(label);
  std::vector<char32_t> characters;
  while (!label.empty()) {
    const utf8::Character c = utf8::first_character(label);
    const bool capital = c.value >= 'A' && c.value <= 'Z';
    const char32_t small = capital ? c.value + ('a' - 'A') : c.value;
    if (!c.valid || !is_host_character(small)) return std::nullopt;
    characters.push_back(small);
    label.remove_prefix(c.size);
  }
  std::string encoded = "xn--" + punycode(characters);
  if (encoded.size() > kMaxLabel) return std::nullopt;
  return encoded;
}

}  // namespace

std::optional<std::string> ascii_domain(std::string_view domain) {
  if (domain.empty() || domain.size() > 4 * kMaxDomain) return std::nullopt;
  std::string out;
  while (true) {
    const std::size_t end = std::min(domain.find('.'), domain.size());
    const auto label = ascii_label(domain.substr(0, end));
    if (!label) return std::nullopt;
    out += *label;
    if (out.size() > kMaxDomain) return std::nullopt;
    if (end == domain.size()) return out;
    out += '.';
    domain.remove_prefix(end + 1);
  }
}

}  // namespace gatepost::filters::downgrade
