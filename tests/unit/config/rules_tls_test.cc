#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "config/load.h"
#include "tests/unit/config/problems.h"

namespace gatepost::config {
namespace {

using ::testing::HasSubstr;

std::string with_tls(std::string_view tls, std::string_view listener = "") {
  return problems(load(R"({"listeners": [{"address": ":995")" + std::string(listener) +
                       R"(}], "upstream": {"address": "127.0.0.1:110"}, "tls": {)" +
                       std::string(tls) + "}}"));
}

TEST(TlsRulesTest, ACertificateMayComeFromAnywhere) {
  EXPECT_THAT(with_tls(""), HasSubstr("/tls/certificate: missing (or the flag --cert)"));
  EXPECT_EQ(with_tls(R"("certificate": "c")"), "");
  EXPECT_EQ(with_tls(R"("certificates": [{"certificate": "c"}])"), "");
  EXPECT_EQ(with_tls(R"("certificate_folders": ["f"])"), "");
  EXPECT_THAT(with_tls(R"("certificates": [{"key": "k"}])"),
              HasSubstr("/tls/certificates/0/certificate: missing"));
}

TEST(TlsRulesTest, AKeyAloneIsAnError) {
  for (const char* key : {"key", "ocsp"}) {
    EXPECT_THAT(with_tls(R"("certificate_folders": ["f"], ")" + std::string(key) + R"(": "k")"),
                HasSubstr("/tls/certificate: missing (or the flag --cert): without it"));
  }
}

TEST(TlsRulesTest, ClientCertificatesNeedAuthorities) {
  for (const char* asked : {"optional", "required"}) {
    const std::string tls =
        R"("certificate": "c", "client_certificates": ")" + std::string(asked) + "\"";
    EXPECT_THAT(with_tls(tls), HasSubstr("/tls/client_ca_file: missing: who may have signed"));
    EXPECT_EQ(with_tls(tls + R"(, "client_ca_file": "ca")"), "");
  }
  EXPECT_THAT(with_tls(R"("certificate": "c", "client_ca_file": "ca")"),
              HasSubstr("/tls/client_ca_file: no client is asked for a certificate"));
}

TEST(TlsRulesTest, SharedTicketKeysAreNotRotatedHere) {
  const std::string shared = R"("certificate": "c", "ticket_key_file": "t")";
  EXPECT_EQ(with_tls(shared), "");
  EXPECT_THAT(with_tls(shared + R"(, "ticket_rotation": "1h")"),
              HasSubstr("warning: /tls/ticket_rotation: has no effect"));
}

TEST(TlsRulesTest, CertificatesAndFoldersAreBounded) {
  const auto many = [](const char* key, const std::string& each, int count) {
    std::string list = each;
    for (int i = 1; i < count; ++i) list += "," + each;
    return with_tls("\"" + std::string(key) + "\": [" + list + "]");
  };
  const std::string certificate = R"({"certificate": "c"})";
  EXPECT_EQ(many("certificates", certificate, 1000), "");
  EXPECT_THAT(many("certificates", certificate, 1001), HasSubstr("must be a list of 0 to 1000"));
  EXPECT_EQ(many("certificate_folders", "\"f\"", 64), "");
  EXPECT_THAT(many("certificate_folders", "\"f\"", 65), HasSubstr("must be a list of 0 to 64"));
}

}  // namespace
}  // namespace gatepost::config
