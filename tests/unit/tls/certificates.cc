#include "tests/unit/tls/certificates.h"

#include <openssl/base64.h>
#include <openssl/sha.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "proxy/tls/openssl.h"

namespace gatepost::testing {

namespace {

void must(bool done) {
  if (!done) throw std::runtime_error("cannot make a test certificate: " + tls::newest_reason());
}

int curve_of(const CertificateRequest& request) {
  return request.curve == "P-224"   ? NID_secp224r1
         : request.curve == "P-384" ? NID_secp384r1
         : request.curve == "P-521" ? NID_secp521r1
                                    : NID_X9_62_prime256v1;
}

bssl::UniquePtr<EVP_PKEY> make_key(const CertificateRequest& request = {}) {
  const int kind = request.ed25519 ? EVP_PKEY_ED25519 : request.rsa ? EVP_PKEY_RSA : EVP_PKEY_EC;
  const bssl::UniquePtr<EVP_PKEY_CTX> maker(EVP_PKEY_CTX_new_id(kind, nullptr));
  must(EVP_PKEY_keygen_init(maker.get()) == 1);
  if (kind == EVP_PKEY_RSA) must(EVP_PKEY_CTX_set_rsa_keygen_bits(maker.get(), 2048) == 1);
  if (kind == EVP_PKEY_EC) {
    must(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(maker.get(), curve_of(request)) == 1);
  }
  EVP_PKEY* key = nullptr;
  must(EVP_PKEY_keygen(maker.get(), &key) == 1);
  return bssl::UniquePtr<EVP_PKEY>(key);
}

std::string taken(BIO* bio) {
  const std::uint8_t* text = nullptr;
  std::size_t size = 0;
  must(BIO_mem_contents(bio, &text, &size) == 1);
  return {reinterpret_cast<const char*>(text), size};
}

std::string to_pem(X509* certificate) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return taken(bio.get());
}

std::string to_pem(EVP_PKEY* key) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return taken(bio.get());
}

void add_extension(X509* certificate, X509V3_CTX* context, int nid, const std::string& value) {
  if (value.empty()) return;
  const bssl::UniquePtr<X509_EXTENSION> extension(
      X509V3_EXT_nconf_nid(nullptr, context, nid, value.c_str()));
  must(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

std::string alternative_names(const CertificateRequest& request) {
  std::string names;
  for (const std::string& name : request.dns) names += ",DNS:" + name;
  for (const std::string& address : request.addresses) names += ",IP:" + address;
  return names.empty() ? names : names.substr(1);
}

void add_to_name(X509_NAME* name, const char* field, const std::string& text) {
  if (text.empty()) return;
  must(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                  reinterpret_cast<const std::uint8_t*>(text.data()),
                                  static_cast<int>(text.size()), -1, 0) == 1);
}

// `issuer` null: signed with its own key.
bssl::UniquePtr<X509> make_certificate(const CertificateRequest& request, EVP_PKEY* key,
                                       X509* issuer, EVP_PKEY* issuer_key) {
  static long serial = 1;
  bssl::UniquePtr<X509> certificate(X509_new());
  X509* x = certificate.get();
  must(X509_set_version(x, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial) == 1);
  constexpr long kDay = 24L * 3600;
  must(X509_gmtime_adj(X509_getm_notBefore(x), request.from_day * kDay) != nullptr);
  must(X509_gmtime_adj(X509_getm_notAfter(x), request.to_day * kDay) != nullptr);
  add_to_name(X509_get_subject_name(x), "O", request.organization);
  add_to_name(X509_get_subject_name(x), "CN", request.common_name);
  must(X509_set_issuer_name(x, X509_get_subject_name(issuer != nullptr ? issuer : x)) == 1);
  must(X509_set_pubkey(x, key) == 1);
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer != nullptr ? issuer : x, x, nullptr, nullptr, 0);
  add_extension(x, &context, NID_basic_constraints, request.ca ? "critical,CA:TRUE" : "CA:FALSE");
  add_extension(x, &context, NID_key_usage, request.ca ? "critical,keyCertSign,cRLSign" : "");
  add_extension(x, &context, NID_ext_key_usage, request.ca ? "" : request.purpose);
  add_extension(x, &context, NID_subject_alt_name, request.ca ? "" : alternative_names(request));
  EVP_PKEY* signer = issuer_key != nullptr ? issuer_key : key;
  must(X509_sign(x, signer, EVP_PKEY_id(signer) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256()) > 0);
  return certificate;
}

bssl::UniquePtr<X509> from_pem(const std::string& pem) {
  const bssl::UniquePtr<BIO> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  bssl::UniquePtr<X509> certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  must(certificate != nullptr);
  return certificate;
}

// Tag, length and content of one element of DER.
std::string der(int tag, const std::string& content) {
  std::string out(1, static_cast<char>(tag));
  if (content.size() < 128) {
    out += static_cast<char>(content.size());
  } else {
    out += content.size() < 256 ? "\x81" : "\x82";
    if (content.size() >= 256) out += static_cast<char>(content.size() >> 8);
    out += static_cast<char>(content.size() & 0xFF);
  }
  return out + content;
}

std::string der_time(int hour) {
  const bssl::UniquePtr<ASN1_GENERALIZEDTIME> time(
      ASN1_GENERALIZEDTIME_adj(nullptr, std::time(nullptr), hour / 24, hour % 24 * 3600L));
  const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(time.get()));
  return der(0x18, std::string(text, static_cast<std::size_t>(ASN1_STRING_length(time.get()))));
}

std::string certificate_id(const X509& certificate, const OcspRequest& request) {
  const std::string sha1("\x06\x05\x2B\x0E\x03\x02\x1A", 7);
  const std::string sha256("\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01", 11);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  X509_NAME_digest(X509_get_issuer_name(&certificate), request.sha256 ? EVP_sha256() : EVP_sha1(),
                   hash.data(), &size);
  if (request.other_issuer) hash[0] ^= 1;
  const ASN1_INTEGER* number = X509_get0_serialNumber(&certificate);
  std::string serial(reinterpret_cast<const char*>(ASN1_STRING_get0_data(number)),
                     static_cast<std::size_t>(ASN1_STRING_length(number)));
  if (serial.empty() || static_cast<signed char>(serial[0]) < 0) serial.insert(0, 1, '\0');
  if (request.other_serial) serial += '\1';
  return der(0x30, der(0x30, (request.sha256 ? sha256 : sha1) + std::string("\x05\0", 2)) +
                       der(0x04, std::string(hash.begin(), hash.begin() + size)) +
                       der(0x04, std::string(size, 'k')) + der(0x02, serial));
}

std::string single_response(const X509& certificate, const OcspRequest& request) {
  const std::string revoked = request.status == 1 ? der_time(-1) : "";
  const int tag = (request.status == 1 ? 0xA0 : 0x80) | static_cast<int>(request.status);
  return der(0x30, certificate_id(certificate, request) + der(tag, revoked) +
                       der_time(request.from_hour) +
                       (request.to_hour ? der(0xA0, der_time(*request.to_hour)) : ""));
}

}  // namespace

struct Authority::State {
  bssl::UniquePtr<EVP_PKEY> key;
  bssl::UniquePtr<X509> certificate;
  std::string pem;
};

Authority::Authority(std::string_view name) : Authority(name, nullptr) {}

Authority::Authority(std::string_view name, const State* issuer, bool ca)
    : state_(std::make_unique<State>()) {
  const CertificateRequest request{.common_name = std::string(name), .ca = ca};
  state_->key = make_key();
  state_->certificate = make_certificate(request, state_->key.get(),
                                         issuer != nullptr ? issuer->certificate.get() : nullptr,
                                         issuer != nullptr ? issuer->key.get() : nullptr);
  state_->pem = to_pem(state_->certificate.get());
}

Authority::~Authority() = default;

const std::string& Authority::certificate() const { return state_->pem; }

Issued Authority::issue(const CertificateRequest& request) const {
  const bssl::UniquePtr<EVP_PKEY> key = make_key(request);
  const bssl::UniquePtr<X509> certificate =
      make_certificate(request, key.get(), state_->certificate.get(), state_->key.get());
  return {to_pem(certificate.get()), to_pem(key.get())};
}

std::unique_ptr<Authority> Authority::intermediate(std::string_view name) const {
  return std::unique_ptr<Authority>(new Authority(name, state_.get()));
}

std::unique_ptr<Authority> Authority::pretender(std::string_view name) const {
  return std::unique_ptr<Authority>(new Authority(name, state_.get(), false));
}

Issued self_signed(const CertificateRequest& request) {
  const bssl::UniquePtr<EVP_PKEY> key = make_key(request);
  const bssl::UniquePtr<X509> certificate = make_certificate(request, key.get(), nullptr, nullptr);
  return {to_pem(certificate.get()), to_pem(key.get())};
}

std::string ocsp_response(const std::string& certificate_pem, const OcspRequest& request) {
  const bssl::UniquePtr<X509> certificate = from_pem(certificate_pem);
  const std::string status = der(0x0A, std::string(1, static_cast<char>(request.response_status)));
  if (request.response_status != 0) return der(0x30, status);
  std::string answers;
  for (int i = 0; i < request.others; ++i) {
    answers += single_response(*certificate, {.status = 1, .other_serial = true});
  }
  answers += single_response(*certificate, request);
  const std::string data =
      der(0x30, der(0xA2, der(0x04, std::string(20, 'r'))) + der_time(-1) + der(0x30, answers));
  const std::string algorithm("\x30\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x04\x03\x02", 12);
  const std::string basic =
      der(0x30, data + algorithm + der(0x03, std::string(1, '\0') + std::string(70, 's')));
  const std::string kind("\x06\x09\x2B\x06\x01\x05\x05\x07\x30\x01\x01", 11);
  return der(0x30, status + der(0xA0, der(0x30, kind + der(0x04, basic))));
}

std::string pin_of(const std::string& certificate_pem) {
  const bssl::UniquePtr<X509> certificate = from_pem(certificate_pem);
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate.get()));
  std::uint8_t* spki = nullptr;
  const int size = i2d_PUBKEY(key.get(), &spki);
  const bssl::UniquePtr<std::uint8_t> owned(spki);
  must(size > 0);
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(spki, static_cast<std::size_t>(size), digest.data());
  std::array<std::uint8_t, 64> text{};
  const std::size_t length = EVP_EncodeBlock(text.data(), digest.data(), digest.size());
  return {reinterpret_cast<const char*>(text.data()), length};
}

std::string encrypted(const std::string& key_pem) {
  const bssl::UniquePtr<BIO> in(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  const bssl::UniquePtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  char passphrase[] = "open sesame";
  must(key && PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), passphrase,
                                            sizeof passphrase - 1, nullptr, nullptr) == 1);
  return taken(out.get());
}

TestFiles::TestFiles() {
  std::string pattern = (std::filesystem::temp_directory_path() / "gatepost-tls-XXXXXX").string();
  must(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
}

TestFiles::~TestFiles() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string TestFiles::path(std::string_view name) const {
  return folder_ + "/" + std::string(name);
}

std::string TestFiles::write(std::string_view name, std::string_view contents) const {
  std::ofstream(path(name), std::ios::binary) << contents;
  return path(name);
}

}  // namespace gatepost::testing
