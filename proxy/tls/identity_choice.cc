#include "proxy/tls/identity_choice.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "proxy/tls/server_name.h"

namespace gatepost::tls {

namespace {

using Names = std::vector<std::string>;

Names sorted_names(const Identity& identity) {
  Names names = identity.info().names;
  std::ranges::sort(names);
  return names;
}

using Loaded = std::shared_ptr<const LoadedIdentity>;

// The kinds of key in the order of what they cost us: a signature with RSA takes ten times as long.
int cost_of(const Loaded& identity) {
  switch (identity->info().key) {
    case KeyKind::ecdsa:
      return 0;
    case KeyKind::ed25519:
      return 1;
    case KeyKind::rsa:
      break;
  }
  return 2;
}

// Behind those that cost the same: the first one of the configuration is the first choice.
void insert_by_cost(std::vector<Loaded>& list, const Loaded& identity) {
  list.insert(std::ranges::upper_bound(list, cost_of(identity), {}, cost_of), identity);
}

// With TLS 1.3 the algorithm names the curve, too (RFC 8446 section 4.2.3).
bool makes(const LoadedIdentity& identity, std::uint16_t signature, bool tls13) {
  switch (signature) {
    case SSL_SIGN_ECDSA_SECP256R1_SHA256:
      return identity.info().key == KeyKind::ecdsa &&
             (!tls13 || identity.group() == SSL_CURVE_SECP256R1);
    case SSL_SIGN_ECDSA_SECP384R1_SHA384:
      return identity.info().key == KeyKind::ecdsa &&
             (!tls13 || identity.group() == SSL_CURVE_SECP384R1);
    case SSL_SIGN_ECDSA_SECP521R1_SHA512:
      return identity.info().key == KeyKind::ecdsa &&
             (!tls13 || identity.group() == SSL_CURVE_SECP521R1);
    case SSL_SIGN_ED25519:
      return identity.info().key == KeyKind::ed25519;
    case SSL_SIGN_RSA_PSS_RSAE_SHA256:
    case SSL_SIGN_RSA_PSS_RSAE_SHA384:
    case SSL_SIGN_RSA_PSS_RSAE_SHA512:
      return identity.info().key == KeyKind::rsa;
    case SSL_SIGN_RSA_PKCS1_SHA1:
    case SSL_SIGN_RSA_PKCS1_SHA256:
    case SSL_SIGN_RSA_PKCS1_SHA384:
    case SSL_SIGN_RSA_PKCS1_SHA512:
      return !tls13 && identity.info().key == KeyKind::rsa;
    case SSL_SIGN_ECDSA_SHA1:
      return !tls13 && identity.info().key == KeyKind::ecdsa;
    default:
      return false;
  }
}

bool contains(std::span<const std::uint16_t> numbers, std::uint16_t number) {
  return std::ranges::find(numbers, number) != numbers.end();
}

// RFC 5246 section 7.4.1.4.1: what a client of TLS 1.2 can do that does not say.
constexpr std::array<std::uint16_t, 2> kUnsaidSignatures = {SSL_SIGN_RSA_PKCS1_SHA1,
                                                            SSL_SIGN_ECDSA_SHA1};

// Groups of ours for an ephemeral key. The hybrid ones are for TLS 1.3 only.
bool has_common_group(const ClientOffer& offer) {
  return offer.groups && std::ranges::any_of(*offer.groups, [](std::uint16_t group) {
           return group == SSL_CURVE_X25519 || group == SSL_CURVE_SECP256R1 ||
                  group == SSL_CURVE_SECP384R1;
         });
}

}  // namespace

IdentityChoice::IdentityChoice(std::span<const std::shared_ptr<const Identity>> identities,
                               const SSL_CTX& context, std::span<const std::uint16_t> signatures)
    : signatures_(signatures.begin(), signatures.end()) {
  assert(!identities.empty());
  const Names default_names = sorted_names(*identities.front());
  const auto is_a_default = [&](const Names& names) {
    return names == default_names || std::ranges::any_of(names, [&](const std::string& name) {
             return std::ranges::binary_search(default_names, name);
           });
  };
  for (const auto& identity : identities) {
    const auto loaded = std::static_pointer_cast<const LoadedIdentity>(identity);
    Names names = sorted_names(*identity);
    if (is_a_default(names)) insert_by_cost(default_, loaded);
    const auto repeated = std::ranges::unique(names);
    names.erase(repeated.begin(), repeated.end());
    for (const std::string& name : names) insert_by_cost(by_name_[name], loaded);
  }
  add_suites(context);
}

void IdentityChoice::add_suites(const SSL_CTX& context) {
  const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(&context);
  for (std::size_t i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(ciphers, i);
    const auto number = static_cast<std::uint16_t>(SSL_CIPHER_get_id(cipher) & 0xFFFF);
    suites_[number] = {SSL_CIPHER_get_min_version(cipher),
                       SSL_CIPHER_get_auth_nid(cipher) == NID_auth_ecdsa,
                       SSL_CIPHER_get_kx_nid(cipher) != NID_kx_rsa};
  }
}

const LoadedIdentity& IdentityChoice::choose(std::string_view server_name,
                                             const ClientOffer& offer) const {
  const LoadedIdentity* found = nullptr;
  if (!server_name.empty()) {
    found = usable(named(std::string(server_name)), offer);
    if (found == nullptr) found = usable(named(wildcard_for(server_name)), offer);
  }
  if (found == nullptr) found = usable(&default_, offer);
  return found != nullptr ? *found : *default_.front();
}

const IdentityChoice::List* IdentityChoice::named(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found != by_name_.end() ? &found->second : nullptr;
}

const LoadedIdentity* IdentityChoice::usable(const List* list, const ClientOffer& offer) const {
  if (list == nullptr) return nullptr;
  const auto found = std::ranges::find_if(
      *list, [&](const Loaded& identity) { return can_use(offer, *identity); });
  return found != list->end() ? found->get() : nullptr;
}

bool IdentityChoice::can_use(const ClientOffer& offer, const LoadedIdentity& identity) const {
  if (offer.version >= TLS1_3_VERSION) return can_sign(offer, identity);
  return has_suite(offer, identity);
}

bool IdentityChoice::can_sign(const ClientOffer& offer, const LoadedIdentity& identity) const {
  const std::span<const std::uint16_t> offered =
      offer.signatures ? std::span<const std::uint16_t>(*offer.signatures) : kUnsaidSignatures;
  return std::ranges::any_of(offered, [&](std::uint16_t signature) {
    return contains(signatures_, signature) &&
           makes(identity, signature, offer.version >= TLS1_3_VERSION);
  });
}

bool IdentityChoice::has_suite(const ClientOffer& offer, const LoadedIdentity& identity) const {
  const bool rsa = identity.info().key == KeyKind::rsa;
  // Before TLS 1.2 the algorithms were fixed: SHA-1, and MD5 with it for RSA.
  const bool old = offer.version < TLS1_2_VERSION;
  const bool signs = has_common_group(offer) &&
                     (old ? identity.info().key != KeyKind::ed25519 : can_sign(offer, identity)) &&
                     // RFC 8422 section 5.1: the certificate's curve counts, too
                     (identity.group() == 0 || contains(*offer.groups, identity.group()));
  return std::ranges::any_of(offer.suites, [&](std::uint16_t number) {
    const auto suite = suites_.find(number);
    return suite != suites_.end() && suite->second.ecdsa != rsa &&
           suite->second.min_version <= offer.version && (signs || !suite->second.ephemeral);
  });
}

}  // namespace gatepost::tls
