#include "proxy/tls/certificate.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "proxy/base/dns_name.h"
#include "proxy/tls/describe.h"
#include "proxy/tls/pem.h"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace gatepost::tls {

namespace {

std::string_view bytes_of(const ASN1_STRING& text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(&text)),
          static_cast<std::size_t>(ASN1_STRING_length(&text))};
}

std::string address_of(const ASN1_STRING& octets) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(&octets) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(&octets) != 16) return {};
  inet_ntop(family, ASN1_STRING_get0_data(&octets), text.data(), text.size());
  return text.data();
}

std::vector<std::string> common_name(const X509& certificate) {
  std::array<char, 256> text{};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(&certificate), NID_commonName,
                                             text.data(), static_cast<int>(text.size()));
  if (size <= 0) return {};
  std::string name = lower_dns_name({text.data(), static_cast<std::size_t>(size)});
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-._*";
  if (name.find_first_not_of(kAllowed) != std::string::npos) return {};
  return {std::move(name)};
}

std::vector<std::string> names_of(const X509& certificate) {
  auto names = subject_alt_names(certificate, std::numeric_limits<std::size_t>::max());
  if (!names) return common_name(certificate);
  for (std::string& name : *names) name = lower_dns_name(name);
  return std::move(*names);
}

std::optional<KeyKind> key_kind_of(const X509& certificate) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(const_cast<X509*>(&certificate)));
  if (!key) return std::nullopt;
  switch (EVP_PKEY_id(key.get())) {
    case EVP_PKEY_EC:
      return KeyKind::ecdsa;
    case EVP_PKEY_RSA:
      return KeyKind::rsa;
    case EVP_PKEY_ED25519:
      return KeyKind::ed25519;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::vector<std::string>> subject_alt_names(const X509& certificate,
                                                          std::size_t most) {
  const bssl::UniquePtr<GENERAL_NAMES> all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!all && X509_get_ext_by_NID(&certificate, NID_subject_alt_name, -1) < 0) return std::nullopt;
  std::vector<std::string> names;
  for (std::size_t i = 0; all && i < sk_GENERAL_NAME_num(all.get()) && names.size() < most; ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &type);
    if (type == GEN_DNS) names.emplace_back(bytes_of(*static_cast<const ASN1_STRING*>(value)));
    if (type == GEN_IPADD) names.push_back(address_of(*static_cast<const ASN1_STRING*>(value)));
  }
  return names;
}

std::string_view to_string(KeyKind kind) {
  switch (kind) {
    case KeyKind::ecdsa:
      return "ECDSA";
    case KeyKind::rsa:
      return "RSA";
    case KeyKind::ed25519:
      return "Ed25519";
  }
  return "";
}

std::optional<std::chrono::system_clock::time_point> time_of(const ASN1_TIME* time) {
  const bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) return std::nullopt;
  // The clock counts nanoseconds and ends in 2262; certificates "for ever" end in 9999.
  using Time = std::chrono::system_clock::time_point;
  constexpr std::chrono::days kReach =
      std::chrono::floor<std::chrono::days>(Time::max().time_since_epoch()) - std::chrono::days(1);
  if (days > kReach.count()) return Time::max();
  if (days < -kReach.count()) return Time::min();
  return Time(std::chrono::days(days) + std::chrono::seconds(seconds));
}

std::optional<CertificateInfo> describe(const X509& leaf) {
  const auto kind = key_kind_of(leaf);
  ERR_clear_error();
  if (!kind) return std::nullopt;
  CertificateInfo info;
  info.subject = subject_of(leaf);
  info.names = names_of(leaf);
  info.not_before = time_of(X509_get0_notBefore(&leaf)).value_or(info.not_before);
  info.not_after = time_of(X509_get0_notAfter(&leaf)).value_or(info.not_after);
  info.key = *kind;
  ERR_clear_error();
  return info;
}

}  // namespace gatepost::tls
