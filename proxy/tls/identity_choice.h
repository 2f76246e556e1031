#pragma once

// Internal to proxy/tls.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/tls/client_hello.h"
#include "proxy/tls/loaded_identity.h"
#include "proxy/tls/openssl.h"

namespace gatepost::tls {

/// The identities of a server by name, and which of them a client gets. Immutable.
class IdentityChoice {
 public:
  /// `context` has its suites and `signatures` is what it signs with: only those count when a
  /// client's means are looked at. At least one identity.
  IdentityChoice(std::span<const std::shared_ptr<const Identity>> identities,
                 const SSL_CTX& context, std::span<const std::uint16_t> signatures);

  /// What most clients get: the cheapest of the default.
  [[nodiscard]] const LoadedIdentity& usual() const { return *default_.front(); }
  /// The identity for `server_name` (lower case, "" for a client that names none): the first of its
  /// exact name, its wildcard, the default that a client with `offer` can use; if there is none,
  /// the first of the default.
  [[nodiscard]] const LoadedIdentity& choose(std::string_view server_name,
                                             const ClientOffer& offer) const;

 private:
  using Loaded = std::shared_ptr<const LoadedIdentity>;
  using List = std::vector<Loaded>;

  struct Suite {
    std::uint16_t min_version;
    bool ecdsa;      // or Ed25519; otherwise RSA
    bool ephemeral;  // ephemeral keys, signed; otherwise RSA key exchange
  };

  void add_suites(const SSL_CTX& context);
  [[nodiscard]] const List* named(const std::string& name) const;
  [[nodiscard]] const LoadedIdentity* usable(const List* list, const ClientOffer& offer) const;
  [[nodiscard]] bool can_use(const ClientOffer& offer, const LoadedIdentity& identity) const;
  [[nodiscard]] bool can_sign(const ClientOffer& offer, const LoadedIdentity& identity) const;
  [[nodiscard]] bool has_suite(const ClientOffer& offer, const LoadedIdentity& identity) const;

  std::unordered_map<std::string, List> by_name_;
  List default_;
  std::unordered_map<std::uint16_t, Suite> suites_;  // those of TLS 1.2 and below
  std::vector<std::uint16_t> signatures_;
};

}  // namespace gatepost::tls
