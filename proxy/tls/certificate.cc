#include "proxy/tls/certificate.h"

#include <array>
#include <span>
#include <string_view>

#include "proxy/base/address.h"
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

std::vector<std::string> names_of(const X509& certificate) {
  std::vector<std::string> names;
  const bssl::UniquePtr<GENERAL_NAMES> all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (std::size_t i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &type);
    if (type == GEN_DNS) names.emplace_back(bytes_of(*static_cast<const ASN1_STRING*>(value)));
    if (type == GEN_IPADD) names.push_back(address_of(*static_cast<const ASN1_STRING*>(value)));
  }
  return names;
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
  const bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  ASN1_TIME_diff(&days, &seconds, epoch.get(), time);
  return std::chrono::system_clock::time_point(std::chrono::days(days) +
                                               std::chrono::seconds(seconds));
}

}  // namespace

Result<CertificateInfo> inspect(const std::string& certificate_file, const std::string& key_file) {
  const Result<Identity> identity = load_identity(certificate_file, key_file);
  if (!identity) return std::unexpected(identity.error());
  const X509& leaf = *identity->chain.front();
  CertificateInfo info;
  info.subject = subject_of(leaf);
  info.names = names_of(leaf);
  info.not_before = time_of(X509_get0_notBefore(&leaf));
  info.not_after = time_of(X509_get0_notAfter(&leaf));
  info.chain_length = identity->chain.size();
  ERR_clear_error();
  return info;
}

}  // namespace gatepost::tls
