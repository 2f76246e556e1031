// SHA256_Init and its like: a running transcript needs copies of the state, which the newer
// interface makes at the price of an allocation.
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <cstring>

#include "tests/bench/common/clock.h"
#include "tests/bench/generator/tls13_client.h"

namespace gatepost::bench {
namespace {

void put16(Buffer& to, std::size_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}

void put(Buffer& to, const void* data, std::size_t size) {
  const auto* from = static_cast<const std::uint8_t*>(data);
  to.insert(to.end(), from, from + size);
}

void put_extensions(Buffer& to, std::string_view server_name,
                    const std::array<std::uint8_t, 32>& share) {
  put16(to, 0);  // server_name
  put16(to, server_name.size() + 5);
  put16(to, server_name.size() + 3);
  to.push_back(0);
  put16(to, server_name.size());
  put(to, server_name.data(), server_name.size());
  put(to, "\x00\x2b\x00\x03\x02\x03\x04", 7);                       // supported_versions: 1.3
  put(to, "\x00\x0a\x00\x04\x00\x02\x00\x1d", 8);                   // supported_groups: x25519
  put(to, "\x00\x0d\x00\x08\x00\x06\x04\x03\x08\x04\x04\x01", 12);  // signature_algorithms
  put(to, "\x00\x2d\x00\x02\x01\x01", 6);                   // psk_key_exchange_modes: psk_dhe_ke
  put(to, "\x00\x33\x00\x26\x00\x24\x00\x1d\x00\x20", 10);  // key_share
  put(to, share.data(), share.size());
}

/// Fills in the lengths of the extensions, whose field is at `at`, and of the whole message.
void put_lengths(Buffer& hello, std::size_t at) {
  const std::size_t extensions = hello.size() - at - 2;
  const std::size_t whole = hello.size() - 4;
  hello[at] = static_cast<std::uint8_t>(extensions >> 8);
  hello[at + 1] = static_cast<std::uint8_t>(extensions);
  hello[1] = static_cast<std::uint8_t>(whole >> 16);
  hello[2] = static_cast<std::uint8_t>(whole >> 8);
  hello[3] = static_cast<std::uint8_t>(whole);
}

/// pre_shared_key, always the last extension; its binder covers all that stands before
/// (RFC 8446 section 4.2.11.2).
void put_psk(Buffer& hello, const Ticket& ticket, std::size_t extensions_at) {
  const std::size_t identity = 2 + ticket.identity.size() + 4;
  put16(hello, 41);
  put16(hello, 2 + identity + 2 + 33);
  put16(hello, identity);
  put16(hello, ticket.identity.size());
  put(hello, ticket.identity.data(), ticket.identity.size());
  const auto age =
      static_cast<std::uint32_t>((now_ns() - ticket.received_ns) / 1'000'000) + ticket.age_add;
  put16(hello, age >> 16);
  put16(hello, age & 0xffff);
  const std::size_t covered = hello.size();
  put16(hello, 33);
  hello.push_back(32);
  hello.resize(hello.size() + kHash);
  put_lengths(hello, extensions_at);
  const Digest binder_key = derive(early_secret(ticket.psk), "res binder", empty_hash());
  const Digest binder = finished_mac(binder_key, sha256(hello.data(), covered));
  std::memcpy(hello.data() + hello.size() - kHash, binder.data(), kHash);
}

}  // namespace

KeyPool::~KeyPool() { EVP_PKEY_free(key_); }

EVP_PKEY* KeyPool::next() {
  if (left_-- <= 0) {
    EVP_PKEY_free(key_);
    key_ = EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519");
    std::size_t size = public_.size();
    EVP_PKEY_get_raw_public_key(key_, public_.data(), &size);
    left_ = uses_ - 1;
  }
  EVP_PKEY_up_ref(key_);
  return key_;
}

Buffer Tls13Client::hello(KeyPool& keys, const Ticket* ticket, std::string_view server_name) {
  reset();
  key_ = keys.next();
  std::array<std::uint8_t, 64> random{};
  RAND_bytes(random.data(), static_cast<int>(random.size()));
  Buffer hello{1, 0, 0, 0, 3, 3};
  put(hello, random.data(), 32);
  hello.push_back(32);  // legacy_session_id
  put(hello, random.data() + 32, 32);
  put16(hello, 2);
  put16(hello, 0x1301);  // TLS_AES_128_GCM_SHA256
  hello.push_back(1);
  hello.push_back(0);
  const std::size_t extensions_at = hello.size();
  put16(hello, 0);
  put_extensions(hello, server_name, keys.public_key());
  if (ticket != nullptr) {
    offered_ = true;
    psk_ = ticket->psk;
    put_psk(hello, *ticket, extensions_at);
  } else {
    put_lengths(hello, extensions_at);
  }
  SHA256_Init(&hashed_);
  add_to_transcript(hello.data(), hello.size());
  Buffer record{22, 3, 1};
  put16(record, hello.size());
  put(record, hello.data(), hello.size());
  return record;
}

}  // namespace gatepost::bench
