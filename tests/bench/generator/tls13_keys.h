#pragma once

#include <openssl/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gatepost::bench {

inline constexpr std::size_t kHash = 32;  ///< octets of SHA-256
inline constexpr std::size_t kTag = 16;   ///< octets that AES-GCM adds
using Digest = std::array<std::uint8_t, kHash>;
using Buffer = std::vector<std::uint8_t>;

[[nodiscard]] Digest sha256(const void* data, std::size_t size);
[[nodiscard]] Digest hmac_sha256(const Digest& key, const void* data, std::size_t size);
/// HKDF-Expand-Label (RFC 8446 section 7.1), at most 32 octets.
void expand_label(const Digest& secret, std::string_view label, const void* context,
                  std::size_t context_size, std::uint8_t* out, std::size_t size);
[[nodiscard]] Digest derive(const Digest& secret, std::string_view label, const Digest& transcript);
[[nodiscard]] Digest finished_mac(const Digest& traffic_secret, const Digest& transcript);
/// The Early Secret for a PSK (all zeros: none).
[[nodiscard]] Digest early_secret(const Digest& psk);
[[nodiscard]] const Digest& empty_hash();

/// Keys of one direction: TLS_AES_128_GCM_SHA256.
class RecordKeys {
 public:
  RecordKeys() = default;
  RecordKeys(const RecordKeys&) = delete;
  RecordKeys& operator=(const RecordKeys&) = delete;
  ~RecordKeys();

  void set(const Digest& secret, bool encrypt);
  /// The next generation, after KeyUpdate.
  void update(bool encrypt);
  /// Decrypts `size` octets (ciphertext and tag) at `data` in place. Returns the octets of
  /// plaintext, or -1.
  [[nodiscard]] int open(const std::uint8_t* header, std::uint8_t* data, int size);
  /// Writes a whole record at `out`; returns its octets: `size` and 22 more.
  std::size_t seal(std::uint8_t type, const std::uint8_t* data, std::size_t size,
                   std::uint8_t* out);

 private:
  [[nodiscard]] std::array<std::uint8_t, 12> next_nonce();
  EVP_CIPHER_CTX* context_ = nullptr;
  std::array<std::uint8_t, 12> iv_{};
  std::uint64_t sequence_ = 0;
  Digest secret_{};
};

}  // namespace gatepost::bench
