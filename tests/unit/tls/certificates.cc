#include "tests/unit/tls/certificates.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "proxy/tls/openssl.h"

namespace gatepost::testing {

namespace {

void must(bool done) {
  if (!done) throw std::runtime_error("cannot make a test certificate: " + tls::newest_reason());
}

bssl::UniquePtr<EVP_PKEY> make_key(bool rsa) {
  const bssl::UniquePtr<EVP_PKEY_CTX> maker(
      EVP_PKEY_CTX_new_id(rsa ? EVP_PKEY_RSA : EVP_PKEY_EC, nullptr));
  must(EVP_PKEY_keygen_init(maker.get()) == 1);
  must(rsa ? EVP_PKEY_CTX_set_rsa_keygen_bits(maker.get(), 2048) == 1
           : EVP_PKEY_CTX_set_ec_paramgen_curve_nid(maker.get(), NID_X9_62_prime256v1) == 1);
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

void set_name(X509_NAME* name, const std::string& text) {
  must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
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
  set_name(X509_get_subject_name(x), request.common_name);
  must(X509_set_issuer_name(x, X509_get_subject_name(issuer != nullptr ? issuer : x)) == 1);
  must(X509_set_pubkey(x, key) == 1);
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer != nullptr ? issuer : x, x, nullptr, nullptr, 0);
  add_extension(x, &context, NID_basic_constraints, request.ca ? "critical,CA:TRUE" : "CA:FALSE");
  add_extension(x, &context, NID_key_usage, request.ca ? "critical,keyCertSign,cRLSign" : "");
  add_extension(x, &context, NID_ext_key_usage, request.ca ? "" : request.purpose);
  add_extension(x, &context, NID_subject_alt_name, request.ca ? "" : alternative_names(request));
  must(X509_sign(x, issuer_key != nullptr ? issuer_key : key, EVP_sha256()) > 0);
  return certificate;
}

}  // namespace

struct Authority::State {
  bssl::UniquePtr<EVP_PKEY> key;
  bssl::UniquePtr<X509> certificate;
  std::string pem;
};

Authority::Authority(std::string_view name) : Authority(name, nullptr) {}

Authority::Authority(std::string_view name, const State* issuer)
    : state_(std::make_unique<State>()) {
  const CertificateRequest request{.common_name = std::string(name), .ca = true};
  state_->key = make_key(false);
  state_->certificate = make_certificate(request, state_->key.get(),
                                         issuer != nullptr ? issuer->certificate.get() : nullptr,
                                         issuer != nullptr ? issuer->key.get() : nullptr);
  state_->pem = to_pem(state_->certificate.get());
}

Authority::~Authority() = default;

const std::string& Authority::certificate() const { return state_->pem; }

Issued Authority::issue(const CertificateRequest& request) const {
  const bssl::UniquePtr<EVP_PKEY> key = make_key(request.rsa);
  const bssl::UniquePtr<X509> certificate =
      make_certificate(request, key.get(), state_->certificate.get(), state_->key.get());
  return {to_pem(certificate.get()), to_pem(key.get())};
}

std::unique_ptr<Authority> Authority::intermediate(std::string_view name) const {
  return std::unique_ptr<Authority>(new Authority(name, state_.get()));
}

Issued self_signed(const CertificateRequest& request) {
  const bssl::UniquePtr<EVP_PKEY> key = make_key(request.rsa);
  const bssl::UniquePtr<X509> certificate = make_certificate(request, key.get(), nullptr, nullptr);
  return {to_pem(certificate.get()), to_pem(key.get())};
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
