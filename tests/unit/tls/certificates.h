#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::testing {

/// What a test's certificate says; the default is good for mail.example.org now.
struct CertificateRequest {
  std::string common_name = "mail.example.org";
  std::vector<std::string> dns = {"mail.example.org"};
  std::vector<std::string> addresses = {};
  int from_day = -1;  ///< validity in days from now
  int to_day = 30;
  std::string purpose = "serverAuth";  ///< extended key usage, empty: none
  bool ca = false;
  bool rsa = false;  ///< RSA 2048 in place of P-256
  std::string curve = "P-256";
  bool ed25519 = false;
  std::string organization = {};  ///< in front of the common name
};

/// What an OCSP response says about a certificate; the default is good now.
struct OcspRequest {
  int response_status = 0;  ///< successful
  unsigned status = 0;      ///< 0 good, 1 revoked, 2 unknown
  int from_hour = -1;
  std::optional<int> to_hour = 24;  ///< nextUpdate
  bool other_serial = false;
  bool other_issuer = false;
  bool sha256 = false;  ///< of the CertID, in place of SHA-1
  int others = 0;       ///< answers for other certificates before it
};

/// A certificate and its key in PEM form.
struct Issued {
  std::string certificate;
  std::string key;
};

/// A certificate authority for one test.
class Authority {
 public:
  explicit Authority(std::string_view name = "Test CA");
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] const std::string& certificate() const;
  [[nodiscard]] Issued issue(const CertificateRequest& request = {}) const;
  /// An authority below this one.
  [[nodiscard]] std::unique_ptr<Authority> intermediate(std::string_view name) const;
  /// One whose certificate does not allow it to be one.
  [[nodiscard]] std::unique_ptr<Authority> pretender(std::string_view name) const;

 private:
  struct State;
  Authority(std::string_view name, const State* issuer, bool ca = true);
  std::unique_ptr<State> state_;
};

[[nodiscard]] Issued self_signed(const CertificateRequest& request = {});
/// An OCSP response in DER about the first certificate in `certificate_pem`; its signature is a
/// dummy.
[[nodiscard]] std::string ocsp_response(const std::string& certificate_pem,
                                        const OcspRequest& request = {});
/// The base64 SHA-256 of the SubjectPublicKeyInfo of the first certificate (RFC 7469).
[[nodiscard]] std::string pin_of(const std::string& certificate_pem);
/// The same key, encrypted with a passphrase.
[[nodiscard]] std::string encrypted(const std::string& key_pem);

/// Files of one test in a folder of its own, removed at the end.
class TestFiles {
 public:
  TestFiles();
  ~TestFiles();
  TestFiles(const TestFiles&) = delete;
  TestFiles& operator=(const TestFiles&) = delete;
  /// Writes `contents`, returns the path.
  std::string write(std::string_view name, std::string_view contents) const;
  [[nodiscard]] std::string path(std::string_view name) const;
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

}  // namespace gatepost::testing
