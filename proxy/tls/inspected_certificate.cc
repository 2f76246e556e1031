#include "proxy/tls/inspected_certificate.h"

#include <fmt/format.h>
#include <openssl/base64.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/sha.h>

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "proxy/base/address.h"
#include "proxy/tls/describe.h"

namespace gatepost::tls {

namespace {

using TimePoint = std::chrono::system_clock::time_point;

TimePoint or_never(std::optional<TimePoint> time) { return time.value_or(TimePoint{}); }

std::string text_of(const X509_NAME* name) {
  const bssl::UniquePtr<BIO> memory(BIO_new(BIO_s_mem()));
  if (!memory || X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  if (BIO_mem_contents(memory.get(), &data, &size) != 1) return {};
  return {reinterpret_cast<const char*>(data), size};
}

void describe_key(const X509& certificate, SeenCertificate& result) {
  result.key = "unknown";
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(const_cast<X509*>(&certificate)));
  if (!key) return;
  result.key_bits = static_cast<std::uint32_t>(EVP_PKEY_bits(key.get()));
  switch (EVP_PKEY_id(key.get())) {
    case EVP_PKEY_RSA:
      result.key = "RSA";
      break;
    case EVP_PKEY_ED25519:
      result.key = "Ed25519";
      break;
    case EVP_PKEY_EC: {
      const EC_GROUP* group = EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key.get()));
      const char* curve = EC_curve_nid2nist(EC_GROUP_get_curve_name(group));
      result.key = curve != nullptr ? fmt::format("EC {}", curve) : "EC";
      break;
    }
    default:
      break;
  }
}

std::string hex(std::span<const std::uint8_t> octets) {
  std::string text;
  for (const std::uint8_t octet : octets) text += fmt::format("{:02x}", octet);
  return text;
}

std::string pin_of(const X509& certificate) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &der);
  if (size <= 0) return {};
  const bssl::UniquePtr<std::uint8_t> owner(der);
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(der, static_cast<std::size_t>(size), digest.data());
  std::array<std::uint8_t, 4 * ((SHA256_DIGEST_LENGTH + 2) / 3) + 1> text{};
  const std::size_t length = EVP_EncodeBlock(text.data(), digest.data(), digest.size());
  return {reinterpret_cast<const char*>(text.data()), length};
}

bool is_about_dates(int error) {
  return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
}

int go_past_dates(int ok, X509_STORE_CTX* context) {
  if (ok == 1) return 1;
  if (!is_about_dates(X509_STORE_CTX_get_error(context))) return 0;
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

enum class Dates : std::uint8_t { checked, ignored };

/// X509_V_OK, or what is wrong with the chain that was found.
int verify(const STACK_OF(X509) & chain, X509_STORE* store, Dates dates) {
  const bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509* leaf = sk_X509_value(&chain, 0);
  auto* others = const_cast<STACK_OF(X509)*>(&chain);
  if (!context || X509_STORE_CTX_init(context.get(), store, leaf, others) != 1 ||
      X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(context.get()),
                                    X509_PURPOSE_SSL_SERVER) != 1) {
    return X509_V_ERR_OUT_OF_MEM;
  }
  if (dates == Dates::ignored) X509_STORE_CTX_set_verify_cb(context.get(), go_past_dates);
  if (X509_verify_cert(context.get()) == 1) return X509_V_OK;
  return X509_STORE_CTX_get_error(context.get());
}

bool is_valid_now(const X509& certificate) {
  const TimePoint now = std::chrono::system_clock::now();
  const auto from = time_of(X509_get0_notBefore(&certificate));
  const auto to = time_of(X509_get0_notAfter(&certificate));
  return from && to && *from <= now && now <= *to;
}

bool carries(X509* leaf, const std::string& name) {
  constexpr unsigned kFlags =
      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
  if (name.empty()) return false;
  if (IpAddress::parse(name)) return X509_check_ip_asc(leaf, name.c_str(), kFlags) == 1;
  return X509_check_host(leaf, name.data(), name.size(), kFlags, nullptr) == 1;
}

}  // namespace

SeenCertificate inspect_certificate(const X509& certificate) {
  SeenCertificate result;
  result.subject = text_of(X509_get_subject_name(&certificate));
  result.issuer = text_of(X509_get_issuer_name(&certificate));
  result.names =
      subject_alt_names(certificate, kMaxInspectedNames).value_or(std::vector<std::string>());
  result.not_before = or_never(time_of(X509_get0_notBefore(&certificate)));
  result.not_after = or_never(time_of(X509_get0_notAfter(&certificate)));
  describe_key(certificate, result);
  const char* algorithm = OBJ_nid2ln(X509_get_signature_nid(&certificate));
  result.signature_algorithm = algorithm != nullptr ? algorithm : "unknown";
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  unsigned size = 0;
  X509_digest(&certificate, EVP_sha256(), digest.data(), &size);
  result.sha256 = hex(digest);
  result.spki_pin = pin_of(certificate);
  ERR_clear_error();
  return result;
}

PeerVerdict judge(const STACK_OF(X509) & chain, X509_STORE* store, const std::string& name) {
  PeerVerdict verdict;
  X509* leaf = sk_X509_value(&chain, 0);
  const int problem = verify(chain, store, Dates::ignored);
  verdict.trusted = problem == X509_V_OK;
  if (!verdict.trusted) verdict.trust_problem = X509_verify_cert_error_string(problem);
  verdict.name_matches = carries(leaf, name);
  verdict.self_signed = X509_NAME_cmp(X509_get_subject_name(leaf), X509_get_issuer_name(leaf)) == 0;
  // Servers send certificates that nobody needs: only those that verifying used count.
  verdict.in_time = is_valid_now(*leaf) &&
                    !(verdict.trusted && is_about_dates(verify(chain, store, Dates::checked)));
  ERR_clear_error();
  return verdict;
}

}  // namespace gatepost::tls
