#include "proxy/tls/ticket_keys.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <mutex>

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

TicketKeys::TicketKeys() : current_(random_key()) {}

void TicketKeys::rotate() {
  const TicketKey fresh = random_key();
  const std::unique_lock lock(mutex_);
  previous_ = current_;
  current_ = fresh;
}

TicketKey TicketKeys::current() const {
  const std::shared_lock lock(mutex_);
  return current_;
}

std::optional<TicketKeys::Found> TicketKeys::find(
    std::span<const std::uint8_t, TicketKey::kNameSize> name) const {
  const std::shared_lock lock(mutex_);
  if (std::ranges::equal(name, current_.name)) return Found{current_, false};
  if (previous_ && std::ranges::equal(name, previous_->name)) return Found{*previous_, true};
  return std::nullopt;
}

}  // namespace gatepost::tls
