#include "proxy/tls/client_hello.h"

#include <openssl/bytestring.h>

#include <algorithm>

namespace gatepost::tls {

namespace {

using Numbers = std::optional<std::vector<std::uint16_t>>;

Numbers numbers_in(CBS list) {
  std::vector<std::uint16_t> numbers;
  numbers.reserve(CBS_len(&list) / 2);
  while (CBS_len(&list) != 0) {
    std::uint16_t number = 0;
    if (CBS_get_u16(&list, &number) != 1) return std::nullopt;
    numbers.push_back(number);
  }
  return numbers;
}

CBS start(std::span<const std::uint8_t> octets) {
  CBS in;
  CBS_init(&in, octets.data(), octets.size());
  return in;
}

std::span<const std::uint8_t> extension(const SSL_CLIENT_HELLO& hello, std::uint16_t type) {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  if (SSL_early_callback_ctx_extension_get(&hello, type, &data, &size) != 1) return {};
  return {data, size};
}

// Without the extension it is legacy_version that counts (RFC 8446 section 4.2.1).
std::uint16_t highest_version(const SSL_CLIENT_HELLO& hello) {
  std::uint16_t highest = 0;
  const Numbers versions = read_counted8(extension(hello, TLSEXT_TYPE_supported_versions));
  if (!versions) return std::min<std::uint16_t>(hello.version, TLS1_2_VERSION);
  for (const std::uint16_t version : *versions) {
    if (version <= TLS1_3_VERSION) highest = std::max(highest, version);
  }
  return highest;
}

}  // namespace

Numbers read_numbers(std::span<const std::uint8_t> octets) { return numbers_in(start(octets)); }

Numbers read_counted8(std::span<const std::uint8_t> octets) {
  CBS in = start(octets);
  CBS list;
  if (CBS_get_u8_length_prefixed(&in, &list) != 1 || CBS_len(&in) != 0) return std::nullopt;
  return numbers_in(list);
}

Numbers read_counted16(std::span<const std::uint8_t> octets) {
  CBS in = start(octets);
  CBS list;
  if (CBS_get_u16_length_prefixed(&in, &list) != 1 || CBS_len(&in) != 0) return std::nullopt;
  return numbers_in(list);
}

ClientOffer read_offer(const SSL_CLIENT_HELLO& hello) {
  ClientOffer offer;
  offer.version = highest_version(hello);
  offer.suites = read_numbers({hello.cipher_suites, hello.cipher_suites_len})
                     .value_or(std::vector<std::uint16_t>());
  offer.signatures = read_counted16(extension(hello, TLSEXT_TYPE_signature_algorithms));
  offer.groups = read_counted16(extension(hello, TLSEXT_TYPE_supported_groups));
  return offer;
}

}  // namespace gatepost::tls
