#include "proxy/tls/ocsp.h"

#include <openssl/bytestring.h>

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <optional>

#include "proxy/tls/describe.h"

namespace gatepost::tls {

namespace {

using Time = std::chrono::system_clock::time_point;

// An older library has no CBS_ASN1_TAG.
constexpr std::uint32_t kExplicit0 = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0;
constexpr std::uint32_t kExplicit1 = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 1;
constexpr std::uint32_t kExplicit2 = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 2;

// id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1
constexpr std::array<std::uint8_t, 9> kBasic = {0x2B, 0x06, 0x01, 0x05, 0x05,
                                                0x07, 0x30, 0x01, 0x01};

// CertStatus of a SingleResponse, with its tag numbers.
enum class Status : std::uint8_t { good = 0, revoked = 1, unknown = 2 };

struct Single {
  CBS certificate{};  // CertID
  Status status = Status::unknown;
  Time this_update;
  std::optional<Time> next_update;
};

std::unexpected<Error> refuse(std::string why) { return fail(ErrorCode::config, std::move(why)); }

std::unexpected<Error> malformed() { return refuse("no OCSP response in DER form"); }

bool read_time(CBS* in, Time& out) {
  CBS element;
  if (CBS_get_asn1_element(in, &element, CBS_ASN1_GENERALIZEDTIME) != 1) return false;
  const std::uint8_t* at = CBS_data(&element);
  const bssl::UniquePtr<ASN1_GENERALIZEDTIME> time(
      d2i_ASN1_GENERALIZEDTIME(nullptr, &at, static_cast<long>(CBS_len(&element))));
  const auto parsed = time ? time_of(time.get()) : std::nullopt;
  if (parsed) out = *parsed;
  return parsed.has_value();
}

bool read_single(CBS* in, Single& out) {
  CBS body;
  CBS status;
  std::uint32_t tag = 0;
  if (CBS_get_asn1(in, &body, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_asn1(&body, &out.certificate, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_any_asn1(&body, &status, &tag) != 1 || !read_time(&body, out.this_update)) {
    return false;
  }
  const std::uint32_t number = tag & ~(CBS_ASN1_CONSTRUCTED | CBS_ASN1_CONTEXT_SPECIFIC);
  if ((tag & CBS_ASN1_CONTEXT_SPECIFIC) == 0 || number > 2) return false;
  out.status = static_cast<Status>(number);
  CBS next;
  int present = 0;
  Time until;
  if (CBS_get_optional_asn1(&body, &next, &present, kExplicit0) != 1) return false;
  if (present != 0) {
    if (!read_time(&next, until)) return false;
    out.next_update = until;
  }
  return true;
}

// From OCSPResponse down to BasicOCSPResponse's tbsResponseData.responses.
Result<CBS> responses_of(std::string_view der) {
  CBS in;
  CBS_init(&in, reinterpret_cast<const std::uint8_t*>(der.data()), der.size());
  CBS response;
  CBS status;
  if (CBS_get_asn1(&in, &response, CBS_ASN1_SEQUENCE) != 1 || CBS_len(&in) != 0 ||
      CBS_get_asn1(&response, &status, CBS_ASN1_ENUMERATED) != 1 || CBS_len(&status) != 1) {
    return malformed();
  }
  if (const int code = CBS_data(&status)[0]; code != 0) {
    return refuse(fmt::format("the OCSP responder had no answer (status {})", code));
  }
  CBS bytes;
  CBS inner;
  CBS type;
  CBS octets;
  if (CBS_get_asn1(&response, &bytes, kExplicit0) != 1 ||
      CBS_get_asn1(&bytes, &inner, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_asn1(&inner, &type, CBS_ASN1_OBJECT) != 1 ||
      CBS_mem_equal(&type, kBasic.data(), kBasic.size()) != 1 ||
      CBS_get_asn1(&inner, &octets, CBS_ASN1_OCTETSTRING) != 1) {
    return malformed();
  }
  CBS basic;
  CBS data;
  if (CBS_get_asn1(&octets, &basic, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_asn1(&basic, &data, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_optional_asn1(&data, nullptr, nullptr, kExplicit0) != 1) {  // version
    return malformed();
  }
  CBS responder;
  std::uint32_t responder_tag = 0;
  CBS produced_at;
  CBS responses;
  if (CBS_get_any_asn1(&data, &responder, &responder_tag) != 1 ||
      (responder_tag != kExplicit1 && responder_tag != kExplicit2) ||
      CBS_get_asn1(&data, &produced_at, CBS_ASN1_GENERALIZEDTIME) != 1 ||
      CBS_get_asn1(&data, &responses, CBS_ASN1_SEQUENCE) != 1) {
    return malformed();
  }
  return responses;
}

bool same_issuer(CBS algorithm, const CBS& name_hash, const X509& leaf) {
  const EVP_MD* digest = EVP_parse_digest_algorithm(&algorithm);
  if (digest == nullptr) return true;  // not to be told here; the serial has to do
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> expected{};
  unsigned size = 0;
  X509_NAME* issuer = X509_get_issuer_name(&leaf);
  return X509_NAME_digest(issuer, digest, expected.data(), &size) == 1 &&
         CBS_mem_equal(&name_hash, expected.data(), size) == 1;
}

// Whether a CertID means `leaf`.
bool is_for(CBS certificate, const X509& leaf) {
  CBS algorithm;
  CBS name_hash;
  CBS key_hash;
  CBS serial;
  if (CBS_get_asn1_element(&certificate, &algorithm, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_asn1(&certificate, &name_hash, CBS_ASN1_OCTETSTRING) != 1 ||
      CBS_get_asn1(&certificate, &key_hash, CBS_ASN1_OCTETSTRING) != 1 ||
      CBS_get_asn1_element(&certificate, &serial, CBS_ASN1_INTEGER) != 1) {
    return false;
  }
  const std::uint8_t* at = CBS_data(&serial);
  const bssl::UniquePtr<ASN1_INTEGER> number(
      d2i_ASN1_INTEGER(nullptr, &at, static_cast<long>(CBS_len(&serial))));
  return number && ASN1_INTEGER_cmp(number.get(), X509_get0_serialNumber(&leaf)) == 0 &&
         same_issuer(algorithm, name_hash, leaf);
}

Result<Time> judge(const Single& single, Time now) {
  // Clocks differ a little.
  constexpr std::chrono::minutes kTolerance{5};
  if (single.status == Status::revoked) return refuse("the OCSP response says \"revoked\"");
  if (single.status != Status::good) return refuse("the OCSP response says \"unknown\"");
  if (single.this_update > now + kTolerance) return refuse("the OCSP response is not valid yet");
  return single.next_update.value_or(Time::max());
}

}  // namespace

Result<Time> check_ocsp(std::string_view der, const X509& leaf, Time now) {
  ERR_clear_error();
  auto responses = responses_of(der);
  if (!responses) return std::unexpected(responses.error());
  Result<Time> verdict = refuse("the OCSP response is for another certificate");
  while (CBS_len(&*responses) != 0) {
    Single single;
    if (!read_single(&*responses, single)) {
      verdict = malformed();
      break;
    }
    if (!is_for(single.certificate, leaf)) continue;
    verdict = judge(single, now);
    break;
  }
  ERR_clear_error();
  return verdict;
}

}  // namespace gatepost::tls
