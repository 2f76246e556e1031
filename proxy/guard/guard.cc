#include "proxy/guard/guard.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <string>
#include <unordered_map>

#include "proxy/base/bounded_table.h"
#include "proxy/guard/keyed_digest.h"

namespace gatepost::guard {

namespace {

using std::chrono::seconds;

constexpr std::uint32_t kPlacePrefixV4 = 32;
constexpr std::uint32_t kPlacePrefixV6 = 64;  // privacy extensions change the rest every day

// The first octet of what is digested, so that no user is ever taken for a network.
enum class Kind : char { network = 'n', user = 'u', place = 'p' };

/// The first `prefix` bits of `address`, behind its family.
void append_network(std::string& out, const IpAddress& address, std::uint32_t prefix) {
  const std::size_t size = address.is_v4() ? 4 : 16;
  out += address.is_v4() ? '4' : '6';
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t kept = std::clamp<std::size_t>(prefix, i * 8, i * 8 + 8) - i * 8;
    out += static_cast<char>(address.bytes()[i] & (0xff00U >> kept));
  }
}

void append_user(std::string& out, std::string_view user) {
  for (const char c : user.substr(0, Guard::kMaxNameLooked)) {
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
}

/// Workers look at their clocks at different times: never less than 0.
Duration between(Instant earlier, Instant later) {
  return std::max(later - earlier, Duration::zero());
}

}  // namespace

/// What is known of so many users, networks or addresses.
template <class Value>
using Remembered = BoundedTable<Digest, Value, DigestHash>;

struct Guard::Tables {
  /// Everything that came from one address and has not left.
  struct Connected {
    IpAddress address;
    std::uint32_t count = 0;
  };
  struct Failures {
    std::uint32_t count = 0;
    Instant last;
    std::optional<Instant> turn = {};  // of an attempt since, that the others have to wait for
  };
  struct Known {
    Instant last;
    std::uint32_t failures = 0;  // since then
  };

  KeyedDigest digest = KeyedDigest::random();
  config::Limits limits;
  std::unordered_map<Digest, Connected, DigestHash> addresses;
  std::unordered_map<Digest, std::uint32_t, DigestHash> networks;  // the same, without exempt ones
  Remembered<Failures> failed_networks{kMaxRemembered};
  Remembered<Failures> failed_users{kMaxRemembered};
  Remembered<Known> known{kMaxRemembered};
  std::uint64_t tokens = 0;  // thousandths of a connection
  Instant refilled;

  [[nodiscard]] bool exempt(const PeerAddress& client) const {
    return client.unix_socket || any_contains(limits.exempt_networks, client.ip);
  }
  [[nodiscard]] Digest address_key(const IpAddress& address) const;
  [[nodiscard]] Digest network_key(const IpAddress& address) const;
  [[nodiscard]] Digest user_key(std::string_view user) const;
  [[nodiscard]] Digest place_key(const IpAddress& address, std::string_view user) const;

  [[nodiscard]] bool take_token(Instant now);
  [[nodiscard]] bool is_known(const Digest& place, Instant now) const;
  [[nodiscard]] Duration earned(const Failures* failures, Instant now) const;
  void count(Remembered<Failures>& table, const Digest& key, Instant now) const;
  void hold_back(Remembered<Failures>& table, const Digest& key, Instant now) const;
  void forget(Instant now);
  void count_networks();
};

Digest Guard::Tables::address_key(const IpAddress& address) const {
  std::string text(1, static_cast<char>(Kind::network));
  append_network(text, address, 128);
  return digest.of(text);
}

Digest Guard::Tables::network_key(const IpAddress& address) const {
  const std::uint32_t prefix =
      address.is_v4() ? limits.network_prefix_v4 : limits.network_prefix_v6;
  std::string text(1, static_cast<char>(Kind::network));
  append_network(text, address, prefix);
  text += static_cast<char>(prefix);  // 192.0.2.0/24 is not 192.0.2.0/32
  return digest.of(text);
}

Digest Guard::Tables::user_key(std::string_view user) const {
  std::string text(1, static_cast<char>(Kind::user));
  append_user(text, user);
  return digest.of(text);
}

Digest Guard::Tables::place_key(const IpAddress& address, std::string_view user) const {
  std::string text(1, static_cast<char>(Kind::place));
  append_network(text, address, address.is_v4() ? kPlacePrefixV4 : kPlacePrefixV6);
  append_user(text, user);
  return digest.of(text);
}

bool Guard::Tables::take_token(Instant now) {
  if (limits.accept_rate == 0) return true;
  const std::uint64_t full = std::uint64_t{limits.accept_rate} * 1000;
  const auto passed =
      static_cast<std::uint64_t>(std::min<Duration>(between(refilled, now), seconds{1}).count());
  tokens = std::min(full, tokens + passed * limits.accept_rate);
  refilled = std::max(refilled, now);
  if (tokens < 1000) return false;
  tokens -= 1000;
  return true;
}

bool Guard::Tables::is_known(const Digest& place, Instant now) const {
  const Known* const found = known.find(place);
  return found != nullptr && between(found->last, now) < kKnownFor;
}

/// What is still left of it.
Duration Guard::Tables::earned(const Failures* failures, Instant now) const {
  if (failures == nullptr) return Duration::zero();
  // An attempt that has its turn counts as failed until it is known better.
  const std::uint64_t count = std::uint64_t{failures->count} + (failures->turn ? 1 : 0);
  if (count <= limits.free_failed_logins) return Duration::zero();
  const Duration passed = between(failures->turn.value_or(failures->last), now);
  if (passed >= limits.failed_login_memory) return Duration::zero();
  const std::uint64_t doublings =
      std::min<std::uint64_t>(count - limits.free_failed_logins - 1, 30);
  const Duration whole =
      std::min<Duration>(seconds{1} * (1LL << doublings), limits.failed_login_delay_max);
  return std::max(whole - passed, Duration::zero());
}

void Guard::Tables::count(Remembered<Failures>& table, const Digest& key, Instant now) const {
  Failures& failures = table.touch(key);
  if (failures.count > 0 && between(failures.last, now) >= limits.failed_login_memory) {
    failures.count = 0;
  }
  if (failures.count < UINT32_MAX) ++failures.count;
  failures.last = now;
  failures.turn.reset();
}

/// Whoever would wait for what is counted there waits from now on.
void Guard::Tables::hold_back(Remembered<Failures>& table, const Digest& key, Instant now) const {
  Failures* const failures = table.find(key);
  if (failures == nullptr || failures->count < limits.free_failed_logins) return;
  if (between(failures->last, now) < limits.failed_login_memory) failures->turn = now;
}

void Guard::Tables::forget(Instant now) {
  for (Remembered<Failures>* const table : {&failed_networks, &failed_users}) {
    while (const Failures* const oldest = table->oldest()) {
      if (between(oldest->last, now) < limits.failed_login_memory) break;
      table->drop_oldest();
    }
  }
  while (const Known* const oldest = known.oldest()) {
    if (between(oldest->last, now) < kKnownFor) break;
    known.drop_oldest();
  }
}

void Guard::Tables::count_networks() {
  networks.clear();
  for (const auto& [key, connected] : addresses) {
    if (any_contains(limits.exempt_networks, connected.address)) continue;
    networks[network_key(connected.address)] += connected.count;
  }
}

Guard::Guard() : tables_(std::make_unique<Tables>()) { configure(config::Limits{}); }

Guard::~Guard() = default;

void Guard::configure(const config::Limits& limits) {
  const std::scoped_lock lock(mutex_);
  if (tables_->limits.accept_rate != limits.accept_rate) {
    tables_->tokens = std::uint64_t{limits.accept_rate} * 1000;
  }
  tables_->limits = limits;
  tables_->count_networks();
}

Guard::Verdict Guard::admit(const PeerAddress& client, Instant now) {
  if (client.unix_socket) return Verdict::welcome;
  const std::scoped_lock lock(mutex_);
  Tables& tables = *tables_;
  tables.forget(now);
  if (!tables.exempt(client)) {
    const Digest network = tables.network_key(client.ip);
    const std::uint32_t limit = tables.limits.connections_per_network;
    const auto found = tables.networks.find(network);
    if (limit > 0 && found != tables.networks.end() && found->second >= limit) {
      return Verdict::network_full;
    }
    // Last: a network that is full must not use up what is there for the others.
    if (!tables.take_token(now)) return Verdict::too_fast;
    ++tables.networks[network];
  }
  Tables::Connected& connected = tables.addresses[tables.address_key(client.ip)];
  connected.address = client.ip;
  ++connected.count;
  return Verdict::welcome;
}

void Guard::left(const PeerAddress& client) {
  if (client.unix_socket) return;
  const std::scoped_lock lock(mutex_);
  Tables& tables = *tables_;
  const auto address = tables.addresses.find(tables.address_key(client.ip));
  assert(address != tables.addresses.end() && "left() without admit()");
  if (address == tables.addresses.end()) return;
  if (--address->second.count == 0) tables.addresses.erase(address);
  if (tables.exempt(client)) return;
  const auto network = tables.networks.find(tables.network_key(client.ip));
  if (network != tables.networks.end() && --network->second == 0) tables.networks.erase(network);
}

Duration Guard::delay(const PeerAddress& client, std::string_view user, Instant now) const {
  const std::scoped_lock lock(mutex_);
  const Tables& tables = *tables_;
  if (tables.failed_networks.size() == 0 && tables.failed_users.size() == 0) return {};
  if (tables.exempt(client)) return {};
  const Tables::Failures* const network =
      tables.failed_networks.find(tables.network_key(client.ip));
  const Tables::Failures* const failed_user = tables.failed_users.find(tables.user_key(user));
  const Duration wait = std::max(tables.earned(network, now), tables.earned(failed_user, now));
  if (wait == Duration::zero()) return wait;
  return tables.is_known(tables.place_key(client.ip, user), now) ? Duration::zero() : wait;
}

Duration Guard::take_turn(const PeerAddress& client, std::string_view user, Instant now) {
  const Duration wait = delay(client, user, now);
  if (wait != Duration::zero()) return wait;
  const std::scoped_lock lock(mutex_);
  Tables& tables = *tables_;
  if (tables.exempt(client) || tables.is_known(tables.place_key(client.ip, user), now)) return wait;
  tables.hold_back(tables.failed_networks, tables.network_key(client.ip), now);
  tables.hold_back(tables.failed_users, tables.user_key(user), now);
  return wait;
}

void Guard::login_failed(const PeerAddress& client, std::string_view user, Instant now) {
  const std::scoped_lock lock(mutex_);
  Tables& tables = *tables_;
  tables.forget(now);
  if (tables.exempt(client)) return;
  const Digest place = tables.place_key(client.ip, user);
  if (Tables::Known* const known = tables.known.find(place)) {
    if (++known->failures < kMaxKnownFailures) return;
    tables.known.erase(place);
  }
  tables.count(tables.failed_networks, tables.network_key(client.ip), now);
  tables.count(tables.failed_users, tables.user_key(user), now);
}

void Guard::login_succeeded(const PeerAddress& client, std::string_view user, Instant now) {
  const std::scoped_lock lock(mutex_);
  Tables& tables = *tables_;
  tables.forget(now);
  // A host of ours such as a webmail server says nothing about the places of its users.
  if (tables.exempt(client)) return;
  const Digest place = tables.place_key(client.ip, user);
  if (!tables.is_known(place, now)) tables.failed_users.erase(tables.user_key(user));
  if (auto* const network = tables.failed_networks.find(tables.network_key(client.ip))) {
    network->turn.reset();
  }
  tables.known.touch(place) = {.last = now, .failures = 0};
}

Guard::Facts Guard::facts() const {
  const std::scoped_lock lock(mutex_);
  const Tables& tables = *tables_;
  const auto both = std::ranges::count_if(tables.networks, [&tables](const auto& entry) {
    return tables.failed_networks.find(entry.first) != nullptr;
  });
  return {.networks = tables.networks.size() + tables.failed_networks.size() -
                      static_cast<std::size_t>(both),
          .users = tables.failed_users.size()};
}

}  // namespace gatepost::guard
