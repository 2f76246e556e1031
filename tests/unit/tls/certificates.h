#pragma once

#include <memory>
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

 private:
  struct State;
  Authority(std::string_view name, const State* issuer);
  std::unique_ptr<State> state_;
};

[[nodiscard]] Issued self_signed(const CertificateRequest& request = {});
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

 private:
  std::string folder_;
};

}  // namespace gatepost::testing
