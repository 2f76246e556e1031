#include "proxy/tls/ticket_keys.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <mutex>
#include <utility>

namespace gatepost::tls {

namespace {

// RAND_bytes of BoringSSL always succeeds (it ends the process otherwise).
TicketKey random_key() {
  TicketKey key;
  RAND_bytes(key.name.data(), key.name.size());
  RAND_bytes(key.cipher.data(), key.cipher.size());
  RAND_bytes(key.mac.data(), key.mac.size());
  return key;
}

}  // namespace

TicketKey::~TicketKey() {
  explicit_bzero(cipher.data(), cipher.size());
  explicit_bzero(mac.data(), mac.size());
}

TicketKeys::TicketKeys() : keys_{random_key()} {}

TicketKeys::TicketKeys(std::vector<TicketKey> keys) : keys_(std::move(keys)) {
  assert(!keys_.empty());
}

void TicketKeys::rotate() {
  const TicketKey fresh = random_key();
  const std::unique_lock lock(mutex_);
  keys_ = {fresh, keys_.front()};
}

void TicketKeys::replace(std::vector<TicketKey> keys) {
  assert(!keys.empty());
  const std::unique_lock lock(mutex_);
  keys_.swap(keys);
}

TicketKey TicketKeys::current() const {
  const std::shared_lock lock(mutex_);
  return keys_.front();
}

std::vector<TicketKey> TicketKeys::all() const {
  const std::shared_lock lock(mutex_);
  return keys_;
}

std::optional<TicketKeys::Found> TicketKeys::find(
    std::span<const std::uint8_t, TicketKey::kNameSize> name) const {
  const std::shared_lock lock(mutex_);
  const auto found = std::ranges::find_if(
      keys_, [name](const TicketKey& key) { return std::ranges::equal(name, key.name); });
  if (found == keys_.end()) return std::nullopt;
  return Found{*found, found != keys_.begin()};
}

}  // namespace gatepost::tls
