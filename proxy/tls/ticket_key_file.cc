#include <openssl/base64.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "proxy/pop3/ascii.h"
#include "proxy/tls/file.h"
#include "proxy/tls/ticket_keys.h"

namespace gatepost::tls {

namespace {

constexpr std::size_t kOctets = 80;
constexpr std::size_t kHexDigits = 2 * kOctets;
constexpr std::size_t kBase64Digits = (kOctets + 2) / 3 * 4;

// Room for what the library may write beyond the end; wiped when it goes.
struct Decoded {
  std::array<std::uint8_t, kBase64Digits> octets{};
  Decoded() = default;
  Decoded(const Decoded&) = delete;
  Decoded& operator=(const Decoded&) = delete;
  ~Decoded() { explicit_bzero(octets.data(), octets.size()); }
};

bool decode_hex(std::string_view text, Decoded& out) {
  for (std::size_t i = 0; i < kOctets; ++i) {
    const int high = pop3::hex_value(text[2 * i]);
    const int low = pop3::hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out.octets[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

bool decode(std::string_view text, Decoded& out) {
  if (text.size() == kHexDigits) return decode_hex(text, out);
  std::size_t size = 0;
  return text.size() == kBase64Digits &&
         EVP_DecodeBase64(out.octets.data(), &size, out.octets.size(),
                          reinterpret_cast<const std::uint8_t*>(text.data()), text.size()) == 1 &&
         size == kOctets;
}

TicketKey to_key(const Decoded& decoded) {
  TicketKey key;
  const auto* from = decoded.octets.data();
  std::memcpy(key.name.data(), from, key.name.size());
  std::memcpy(key.cipher.data(), from + key.name.size(), key.cipher.size());
  std::memcpy(key.mac.data(), from + key.name.size() + key.cipher.size(), key.mac.size());
  static_assert(TicketKey::kNameSize + sizeof key.cipher + sizeof key.mac == kOctets);
  return key;
}

std::string_view without_comment(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  line = line.substr(0, line.find('#'));
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  return line.substr(0, line.find_last_not_of(kBlank) + 1);
}

}  // namespace

Result<std::vector<TicketKey>> read_ticket_keys(const std::string& file) {
  const auto text = read_file(file, kMaxTicketKeyFile, "ticket keys");
  if (!text) return std::unexpected(text.error());
  std::vector<TicketKey> keys;
  std::string_view rest = text->reveal();
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const auto refuse = [&](std::string_view why) {
      return fail(ErrorCode::config, fmt::format("{}: line {}: {}", file, number, why));
    };
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = without_comment(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    Decoded decoded;
    if (!decode(line, decoded)) return refuse("no ticket key (base64 or hex of 80 octets)");
    const TicketKey key = to_key(decoded);
    if (std::ranges::find(keys, key.name, &TicketKey::name) != keys.end()) {
      return refuse("a key of this name stands above");
    }
    if (keys.size() == kMaxTicketKeys) {
      return refuse(fmt::format("more than {} keys", kMaxTicketKeys));
    }
    keys.push_back(key);
  }
  if (keys.empty()) return fail(ErrorCode::config, fmt::format("{}: holds no ticket key", file));
  return keys;
}

}  // namespace gatepost::tls
