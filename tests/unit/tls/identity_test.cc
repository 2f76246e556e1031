#include "proxy/tls/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "proxy/tls/library.h"
#include "proxy/tls/ocsp.h"
#include "proxy/tls/pem.h"
#include "tests/unit/tls/certificates.h"

namespace gatepost::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class IdentityFile : public ::testing::Test {
 protected:
  // Why the two are refused; "" when they are not.
  std::string refusal(const std::string& certificate, const std::string& key,
                      const std::string& ocsp = {}) {
    return refusal_of_files({.certificate = files_.write("certificate.pem", certificate),
                             .key = files_.write("key.pem", key),
                             .ocsp = ocsp.empty() ? "" : files_.write("ocsp.der", ocsp)});
  }
  static std::string refusal_of_files(const tls::IdentityFiles& files) {
    const auto identity = tls::Identity::load(files);
    if (identity) {
      EXPECT_EQ((*identity)->files(), files);
      return "";
    }
    EXPECT_EQ(identity.error().code, ErrorCode::config);
    return identity.error().detail;
  }
  tls::CertificateInfo info_of(const CertificateRequest& request,
                               const OcspRequest* ocsp = nullptr) {
    const Issued issued = authority_.issue(request);
    const auto identity = tls::Identity::load(
        {.certificate = files_.write("certificate.pem", issued.certificate + issued.key),
         .key = "",
         .ocsp = ocsp == nullptr
                     ? ""
                     : files_.write("ocsp.der", ocsp_response(issued.certificate, *ocsp))});
    EXPECT_TRUE(identity) << identity.error().detail;
    return identity ? (*identity)->info() : tls::CertificateInfo{};
  }
  std::string ocsp_refusal(const OcspRequest& request) {
    const Issued issued = authority_.issue();
    return refusal(issued.certificate, issued.key, ocsp_response(issued.certificate, request));
  }
  TestFiles files_;
  Authority authority_;
};

TEST_F(IdentityFile, TellsWhatTheCertificateSays) {
  const auto before = std::chrono::system_clock::now();
  const Issued issued = authority_.issue({.common_name = "Mail, Inc",
                                          .dns = {"Mail.Example.ORG", "*.example.net"},
                                          .addresses = {"192.0.2.7", "2001:db8::7"}});
  const auto identity =
      tls::Identity::load({.certificate = files_.write(
                               "certificate.pem", issued.certificate + authority_.certificate()),
                           .key = files_.write("key.pem", issued.key)});
  ASSERT_TRUE(identity) << identity.error().detail;
  const tls::CertificateInfo* info = &(*identity)->info();
  EXPECT_EQ(info->subject, "CN=Mail\\, Inc");
  EXPECT_THAT(info->names,
              ElementsAre("mail.example.org", "*.example.net", "192.0.2.7", "2001:db8::7"));
  EXPECT_EQ(info->chain_length, 2U);
  using std::chrono::days;
  using std::chrono::minutes;
  EXPECT_LT(std::chrono::abs(info->not_before - (before - days(1))), minutes(1));
  EXPECT_LT(std::chrono::abs(info->not_after - (before + days(30))), minutes(1));
}

TEST_F(IdentityFile, LeavesExpiryToTheCaller) {
  const Issued issued = authority_.issue({.from_day = -30, .to_day = -10});
  EXPECT_EQ(refusal(issued.certificate, issued.key), "");
}

TEST_F(IdentityFile, KnowsCertificatesWithoutEnd) {
  using Clock = std::chrono::system_clock;
  EXPECT_EQ(info_of({.to_day = 365 * 7900}).not_after, Clock::time_point::max());
  const OcspRequest endless{.to_hour = 24 * 365 * 7900};
  EXPECT_EQ(info_of({}, &endless).ocsp_until, Clock::time_point::max());
  EXPECT_THAT(ocsp_refusal({.from_hour = 24 * 365 * 7900}), HasSubstr("not valid yet"));
}

TEST_F(IdentityFile, NamesTheFileThatIsMissing) {
  const Issued issued = authority_.issue();
  const std::string certificate = files_.write("certificate.pem", issued.certificate);
  const std::string missing = files_.path("missing.pem");
  EXPECT_THAT(refusal_of_files({.certificate = missing, .key = missing}),
              AllOf(StartsWith(missing), HasSubstr("No such file")));
  EXPECT_THAT(refusal_of_files({.certificate = certificate, .key = missing}),
              AllOf(StartsWith(missing), HasSubstr("No such file")));
  EXPECT_THAT(refusal_of_files({.certificate = certificate,
                                .key = files_.write("k", authority_.issue().key),
                                .ocsp = missing}),
              HasSubstr("does not belong"));
  EXPECT_THAT(refusal_of_files({.certificate = files_.path(""), .key = missing}),
              HasSubstr("Is a directory"));
}

TEST_F(IdentityFile, RefusesWhatIsNoCertificate) {
  const Issued issued = authority_.issue();
  EXPECT_THAT(refusal("hello\n", issued.key), HasSubstr("certificate.pem: no certificate"));
  EXPECT_THAT(refusal("", issued.key), HasSubstr("certificate.pem: no certificate"));
  EXPECT_THAT(refusal(issued.key, issued.key), HasSubstr("certificate.pem: no certificate"));
  std::string broken = issued.certificate;
  broken.replace(broken.size() / 2, 8, "!!!!!!!!");
  EXPECT_THAT(refusal(issued.certificate + broken, issued.key),
              HasSubstr("certificate.pem: certificate 2 cannot be parsed"));
}

TEST_F(IdentityFile, RefusesWhatIsNoKey) {
  const Issued issued = authority_.issue();
  EXPECT_THAT(refusal(issued.certificate, issued.certificate),
              HasSubstr("key.pem: no private key"));
  EXPECT_THAT(refusal(issued.certificate, encrypted(issued.key)),
              HasSubstr("key.pem: the key is encrypted"));
  std::string broken = issued.key;
  broken.replace(broken.size() / 2, 8, "AAAAAAAA");
  EXPECT_NE(refusal(issued.certificate, broken), "");
}

TEST_F(IdentityFile, RefusesTheKeyOfAnotherCertificate) {
  EXPECT_THAT(refusal(authority_.issue().certificate, authority_.issue().key),
              AllOf(HasSubstr("key.pem: the key does not belong"), HasSubstr("certificate.pem")));
}

TEST_F(IdentityFile, WantsTheLeafFirst) {
  const Issued issued = authority_.issue();
  EXPECT_THAT(refusal(authority_.certificate() + issued.certificate, issued.key),
              HasSubstr("certificate.pem: the certificate of the key must be the first"));
}

TEST_F(IdentityFile, WantsTheChainInOrder) {
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

TEST_F(IdentityFile, RefusesAFileWithoutEnd) {
  const Issued issued = authority_.issue();
  EXPECT_THAT(refusal(std::string(tls::kMaxPemFile + 1, '\n'), issued.key),
              HasSubstr("certificate.pem: too large"));
  EXPECT_EQ(refusal(issued.certificate + std::string(100'000, '\n'), issued.key), "");
}

TEST_F(IdentityFile, NeverShowsTheKey) {
  const Issued issued = authority_.issue();
  std::string broken = issued.key;
  broken.insert(60, "*");
  EXPECT_THAT(refusal(issued.certificate, broken),
              ::testing::Not(HasSubstr(broken.substr(40, 20))));
}

TEST_F(IdentityFile, TakesTheKeyFromTheCertificatesFile) {
  const Issued issued = authority_.issue();
  const auto in_one_file = [&](const std::string& text) {
    return refusal_of_files({.certificate = files_.write("both.pem", text), .key = ""});
  };
  EXPECT_EQ(in_one_file(issued.key + issued.certificate), "");
  EXPECT_EQ(in_one_file(issued.certificate + issued.key + authority_.certificate()), "");
  EXPECT_THAT(in_one_file(issued.certificate), HasSubstr("both.pem: no private key"));
}

TEST_F(IdentityFile, TellsTheKindOfKey) {
  EXPECT_EQ(tls::to_string(info_of({}).key), "ECDSA");
  EXPECT_EQ(tls::to_string(info_of({.curve = "P-521"}).key), "ECDSA");
  EXPECT_EQ(tls::to_string(info_of({.rsa = true}).key), "RSA");
  EXPECT_EQ(tls::to_string(info_of({.ed25519 = true}).key), "Ed25519");
}

TEST_F(IdentityFile, RefusesAKindOfKeyThatNobodyCanUse) {
  const Issued issued = authority_.issue({.curve = "P-224"});
  EXPECT_THAT(refusal(issued.certificate, issued.key),
              HasSubstr("certificate.pem: the certificate has a kind of key"));
}

TEST_F(IdentityFile, TakesTheCommonNameOnlyWithoutAlternativeNames) {
  EXPECT_THAT(info_of({.common_name = "Pop.Example.org", .dns = {}}).names,
              ElementsAre("pop.example.org"));
  EXPECT_THAT(info_of({.common_name = "pop.example.org", .dns = {"mail.example.org"}}).names,
              ElementsAre("mail.example.org"));
  EXPECT_THAT(
      info_of({.common_name = "pop.example.org", .dns = {}, .addresses = {"192.0.2.7"}}).names,
      ElementsAre("192.0.2.7"));
  EXPECT_THAT(info_of({.common_name = "Mail, Inc", .dns = {}}).names, ::testing::IsEmpty());
}

TEST_F(IdentityFile, TakesAGoodOcspResponse) {
  using std::chrono::hours;
  EXPECT_EQ(info_of({}).ocsp_until, std::nullopt);
  const OcspRequest day{};
  const auto until = info_of({}, &day).ocsp_until;
  ASSERT_TRUE(until);
  EXPECT_LT(std::chrono::abs(*until - (std::chrono::system_clock::now() + hours(24))),
            std::chrono::minutes(1));
  const OcspRequest endless{.to_hour = std::nullopt};
  EXPECT_GT(info_of({}, &endless).ocsp_until, std::chrono::system_clock::now() + hours(100'000));
  EXPECT_EQ(ocsp_refusal({.sha256 = true}), "");
  EXPECT_EQ(ocsp_refusal({.others = 3}), "");
}

/// A restart must not fail because whoever fetches it is late.
TEST_F(IdentityFile, SaysSinceWhenAnOcspResponseIsOutdated) {
  const OcspRequest outdated{.from_hour = -10, .to_hour = -1};
  const auto until = info_of({}, &outdated).ocsp_until;
  ASSERT_TRUE(until);
  EXPECT_LT(*until, std::chrono::system_clock::now());
}

TEST_F(IdentityFile, RefusesAnOcspResponseThatDoesNotHelp) {
  EXPECT_THAT(ocsp_refusal({.status = 1}),
              HasSubstr("ocsp.der: the OCSP response says \"revoked\""));
  EXPECT_THAT(ocsp_refusal({.status = 2}),
              HasSubstr("ocsp.der: the OCSP response says \"unknown\""));
  EXPECT_THAT(ocsp_refusal({.from_hour = 2}), HasSubstr("not valid yet"));
  EXPECT_THAT(ocsp_refusal({.other_serial = true}), HasSubstr("for another certificate"));
  EXPECT_THAT(ocsp_refusal({.other_issuer = true}), HasSubstr("for another certificate"));
  EXPECT_THAT(ocsp_refusal({.other_issuer = true, .sha256 = true}), HasSubstr("for another"));
  EXPECT_THAT(ocsp_refusal({.response_status = 6}), HasSubstr("no answer (status 6)"));
}

TEST_F(IdentityFile, RefusesWhatIsNoOcspResponse) {
  const Issued issued = authority_.issue();
  const auto refused = [&](const std::string& der) {
    return refusal(issued.certificate, issued.key, der);
  };
  const std::string good = ocsp_response(issued.certificate);
  ASSERT_EQ(refused(good), "");
  EXPECT_THAT(refused("hello"), HasSubstr("ocsp.der: no OCSP response"));
  EXPECT_THAT(refused(good + "x"), HasSubstr("ocsp.der: no OCSP response"));
  EXPECT_THAT(refused(std::string(tls::kMaxOcspResponse + 1, 'x')), HasSubstr("too large"));
  EXPECT_THAT(refusal_of_files({.certificate = files_.path("certificate.pem"),
                                .key = files_.path("key.pem"),
                                .ocsp = files_.path("missing.ocsp")}),
              HasSubstr("missing.ocsp: No such file"));
  for (std::size_t size = 1; size < good.size(); ++size) {
    EXPECT_NE(refused(good.substr(0, size)), "") << size;
  }
}

class IdentityFolder : public ::testing::Test {
 protected:
  std::vector<tls::IdentityFiles> found() const {
    auto files = tls::find_identities(files_.folder());
    EXPECT_TRUE(files) << files.error().detail;
    return files.value_or(std::vector<tls::IdentityFiles>());
  }
  void make_folder(const std::string& name) const {
    std::filesystem::create_directory(files_.path(name));
  }
  TestFiles files_;
};

TEST_F(IdentityFolder, HoldsCertificatesWithWhatBelongsToThem) {
  files_.write("b.pem", "");
  files_.write("a.crt", "");
  files_.write("a.key", "");
  files_.write("a.ocsp", "");
  files_.write("c.txt", "");
  files_.write("lonely.key", "");
  files_.write(".hidden.pem", "");
  const auto path = [this](const char* name) { return files_.path(name); };
  EXPECT_THAT(found(), ElementsAre(tls::IdentityFiles{path("a.crt"), path("a.key"), path("a.ocsp")},
                                   tls::IdentityFiles{path("b.pem"), "", ""}));
}

TEST_F(IdentityFolder, HoldsSubfoldersAsKubernetesMountsThem) {
  make_folder("example.org");
  make_folder("example.org/..data");
  files_.write("example.org/..data/tls.crt", "");
  files_.write("example.org/..data/tls.key", "");
  std::filesystem::create_symlink("..data/tls.crt", files_.path("example.org/tls.crt"));
  std::filesystem::create_symlink("..data/tls.key", files_.path("example.org/tls.key"));
  make_folder("incomplete");
  files_.write("incomplete/tls.crt", "");
  make_folder("other");
  files_.write("other/a.pem", "");
  make_folder(".hidden");
  files_.write(".hidden/tls.crt", "");
  files_.write(".hidden/tls.key", "");
  EXPECT_THAT(found(), ElementsAre(tls::IdentityFiles{files_.path("example.org/tls.crt"),
                                                      files_.path("example.org/tls.key"), ""}));
}

TEST_F(IdentityFolder, NamesALinkThatLeadsNowhere) {
  std::filesystem::create_symlink("missing", files_.path("a.pem"));
  ASSERT_EQ(found().size(), 1U);
  const auto loaded = tls::Identity::load(found().front());
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().detail, HasSubstr("a.pem: No such file"));
}

TEST_F(IdentityFolder, HasALimit) {
  for (std::size_t i = 0; i < tls::kMaxIdentities; ++i) {
    files_.write(std::to_string(i) + ".pem", "");
  }
  EXPECT_EQ(found().size(), tls::kMaxIdentities);
  files_.write("more.pem", "");
  const auto refused = tls::find_identities(files_.folder());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::config);
  EXPECT_THAT(refused.error().detail, HasSubstr("more than 1000 certificates"));
}

TEST_F(IdentityFolder, NamesAFolderThatCannotBeRead) {
  const auto missing = tls::find_identities(files_.path("missing"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::config);
  EXPECT_THAT(missing.error().detail, HasSubstr("missing: No such file"));
}

TEST(Library, IsNamedWithItsRevision) {
  EXPECT_THAT(tls::library_name(), StartsWith("BoringSSL API "));
}

}  // namespace
}  // namespace gatepost::testing
