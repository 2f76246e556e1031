#include "proxy/admin/token.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>

#include <fmt/format.h>

#include "filters/small_file.h"
#include "proxy/base/secret.h"

namespace gatepost::admin {

namespace {

/// "" for a token that will do.
std::string what_is_wrong(std::string_view token) {
  if (token.size() < kMinToken || token.size() > kMaxToken) {
    return fmt::format("the first line is to have {} to {} octets", kMinToken, kMaxToken);
  }
  const bool printable = std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; });
  return printable ? "" : "the first line is to be printable ASCII without blanks";
}

}  // namespace

Result<Digest> read_token(const std::string& file) {
  auto text = filters::read_small_file(file, kMaxTokenFile);
  if (!text) return fail(ErrorCode::config, text.error().detail);
  const std::string_view token = std::string_view(*text).substr(0, text->find_first_of("\r\n"));
  const std::string wrong = what_is_wrong(token);
  const Digest digest = sha256(token);
  wipe(*text);
  if (wrong.empty()) return digest;
  return fail(ErrorCode::config, fmt::format("{}: {}", file, wrong));
}

bool same(const Digest& one, const Digest& other) {
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (one[i] ^ other[i]));
  }
  return difference == 0;
}

std::string random_word() {
  std::random_device device;  // the processor's or the system's
  std::array<std::uint8_t, 16> octets{};
  for (std::uint8_t& octet : octets) octet = static_cast<std::uint8_t>(device());
  return to_hex(octets);
}

}  // namespace gatepost::admin
