#include "proxy/tls/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "proxy/tls/library.h"
#include "proxy/tls/pem.h"
#include "proxy/tls/server_context.h"
#include "tests/unit/tls/certificates.h"

namespace gatepost::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Inspect : public ::testing::Test {
 protected:
  // Why the two are refused; by inspect() and by a server alike.
  std::string refusal(const std::string& certificate, const std::string& key) {
    const std::string certificate_file = files_.write("certificate.pem", certificate);
    const std::string key_file = files_.write("key.pem", key);
    return refusal_of_files(certificate_file, key_file);
  }
  static std::string refusal_of_files(const std::string& certificate_file,
                                      const std::string& key_file) {
    const auto info = tls::inspect(certificate_file, key_file);
    const auto server = tls::ServerContext::create(
        {.certificate_file = certificate_file, .key_file = key_file, .tickets = nullptr});
    if (info) {
      EXPECT_TRUE(server);
      return "";
    }
    EXPECT_EQ(info.error().code, ErrorCode::config);
    EXPECT_FALSE(server);
    if (!server) {
      EXPECT_EQ(server.error().detail, info.error().detail);
    }
    return info.error().detail;
  }
  TestFiles files_;
  Authority authority_;
};

TEST_F(Inspect, TellsWhatTheCertificateSays) {
  const auto before = std::chrono::system_clock::now();
  const Issued issued = authority_.issue({.common_name = "Mail, Inc",
                                          .dns = {"mail.example.org", "*.example.net"},
                                          .addresses = {"192.0.2.7", "2001:db8::7"}});
  const auto info =
      tls::inspect(files_.write("certificate.pem", issued.certificate + authority_.certificate()),
                   files_.write("key.pem", issued.key));
  ASSERT_TRUE(info) << info.error().detail;
  EXPECT_EQ(info->subject, "CN=Mail\\, Inc");
  EXPECT_THAT(info->names,
              ElementsAre("mail.example.org", "*.example.net", "192.0.2.7", "2001:db8::7"));
  EXPECT_EQ(info->chain_length, 2U);
  using std::chrono::days;
  using std::chrono::minutes;
  EXPECT_LT(std::chrono::abs(info->not_before - (before - days(1))), minutes(1));
  EXPECT_LT(std::chrono::abs(info->not_after - (before + days(30))), minutes(1));
}

TEST_F(Inspect, LeavesExpiryToTheCaller) {
  const Issued issued = authority_.issue({.from_day = -30, .to_day = -10});
  EXPECT_EQ(refusal(issued.certificate, issued.key), "");
}

TEST_F(Inspect, NamesTheFileThatIsMissing) {
  const Issued issued = authority_.issue();
  const std::string certificate = files_.write("certificate.pem", issued.certificate);
  const std::string missing = files_.path("missing.pem");
  EXPECT_THAT(refusal_of_files(missing, missing),
              AllOf(StartsWith(missing), HasSubstr("No such file")));
  EXPECT_THAT(refusal_of_files(certificate, missing),
              AllOf(StartsWith(missing), HasSubstr("No such file")));
  EXPECT_THAT(refusal_of_files(files_.path(""), missing), HasSubstr("Is a directory"));
}

TEST_F(Inspect, RefusesWhatIsNoCertificate) {
  const Issued issued = authority_.issue();
  EXPECT_THAT(refusal("hello\n", issued.key), HasSubstr("certificate.pem: no certificate"));
  EXPECT_THAT(refusal("", issued.key), HasSubstr("certificate.pem: no certificate"));
  EXPECT_THAT(refusal(issued.key, issued.key), HasSubstr("certificate.pem: no certificate"));
  std::string broken = issued.certificate;
  broken.replace(broken.size() / 2, 8, "!!!!!!!!");
  EXPECT_THAT(refusal(issued.certificate + broken, issued.key),
              HasSubstr("certificate.pem: certificate 2 cannot be parsed"));
}

TEST_F(Inspect, RefusesWhatIsNoKey) {
  const Issued issued = authority_.issue();
  EXPECT_THAT(refusal(issued.certificate, issued.certificate),
              HasSubstr("key.pem: no private key"));
  EXPECT_THAT(refusal(issued.certificate, encrypted(issued.key)),
              HasSubstr("key.pem: the key is encrypted"));
  std::string broken = issued.key;
  broken.replace(broken.size() / 2, 8, "AAAAAAAA");
  EXPECT_NE(refusal(issued.certificate, broken), "");
}

TEST_F(Inspect, RefusesTheKeyOfAnotherCertificate) {
  EXPECT_THAT(refusal(authority_.issue().certificate, authority_.issue().key),
              AllOf(HasSubstr("key.pem: the key does not belong"), HasSubstr("certificate.pem")));
}

TEST_F(Inspect, WantsTheLeafFirst) {
  const Issued issued = authority_.issue();
  EXPECT_THAT(refusal(authority_.certificate() + issued.certificate, issued.key),
              HasSubstr("certificate.pem: the server's certificate must be the first"));
}

TEST_F(Inspect, WantsTheChainInOrder) {
  const auto intermediate = authority_.intermediate("Intermediate");
  const Issued issued = intermediate->issue();
  EXPECT_EQ(refusal(issued.certificate + intermediate->certificate() + authority_.certificate(),
                    issued.key),
            "");
  EXPECT_THAT(
      refusal(issued.certificate + authority_.certificate() + intermediate->certificate(),
              issued.key),
      HasSubstr("certificate.pem: certificate 2 (CN=Test CA) did not issue the one before it"));
}

TEST_F(Inspect, RefusesAFileWithoutEnd) {
  const Issued issued = authority_.issue();
  EXPECT_THAT(refusal(std::string(tls::kMaxPemFile + 1, '\n'), issued.key),
              HasSubstr("certificate.pem: too large"));
  EXPECT_EQ(refusal(issued.certificate + std::string(100'000, '\n'), issued.key), "");
}

TEST_F(Inspect, NeverShowsTheKey) {
  const Issued issued = authority_.issue();
  std::string broken = issued.key;
  broken.insert(60, "*");
  EXPECT_THAT(refusal(issued.certificate, broken),
              ::testing::Not(HasSubstr(broken.substr(40, 20))));
}

TEST(Library, IsNamedWithItsRevision) {
  EXPECT_THAT(tls::library_name(), StartsWith("BoringSSL API "));
}

}  // namespace
}  // namespace gatepost::testing
