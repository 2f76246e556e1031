#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proxy/tls/handshake_failure.h"
#include "tests/unit/tls/tls_pair.h"

namespace gatepost::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using tls::HandshakeFailure;
using tls::Profile;

class Legacy : public ::testing::Test {
 protected:
  Legacy() { SSL_CTX_set_min_proto_version(odd_.context(), TLS1_VERSION); }
  [[nodiscard]] std::shared_ptr<const tls::ServerContext> server(Profile profile,
                                                                 bool rsa = true) const {
    return TlsFixture::server(
        {.identities = {fixture_.identity(fixture_.authority.issue({.rsa = rsa}))},
         .profile = profile,
         .tickets = keys_});
  }
  // Version and suite that come of it, "-" if nothing does.
  std::string spoken(const tls::ServerContext& server, SSL_SESSION* session = nullptr) {
    TlsPair pair(odd_.connection(session), server);
    pair.run();
    if (!pair.established()) return "-";
    pair.server->say(std::string(40'000, 'x'));
    pair.client->say("USER joe\r\n");
    pair.run();
    EXPECT_EQ(pair.client->got, std::string(40'000, 'x'));
    EXPECT_EQ(pair.server->got, "USER joe\r\n");
    const net::TlsFacts& facts = *pair.server->transport->tls();
    resumed_ = facts.resumed;
    return std::string(facts.version) + " " + std::string(facts.cipher);
  }
  void limit(int version, const char* suites) {
    SSL_CTX_set_max_proto_version(odd_.context(), static_cast<std::uint16_t>(version));
    ASSERT_EQ(SSL_CTX_set_strict_cipher_list(odd_.context(), suites), 1) << suites;
  }

  TlsFixture fixture_;
  OddClient odd_;
  std::shared_ptr<tls::TicketKeys> keys_ = std::make_shared<tls::TicketKeys>();
  bool resumed_ = false;
};

TEST_F(Legacy, SpeaksWhatOldDevicesSpeak) {
  const auto legacy = server(Profile::legacy);
  const auto modern = server(Profile::modern);
  const auto only_legacy = [&](int version, const char* suites, const std::string& spoken_then) {
    limit(version, suites);
    EXPECT_EQ(spoken(*legacy), spoken_then);
    EXPECT_EQ(spoken(*modern), "-");
  };
  only_legacy(TLS1_VERSION, "AES128-SHA", "TLSv1 TLS_RSA_WITH_AES_128_CBC_SHA");
  only_legacy(TLS1_VERSION, "DES-CBC3-SHA", "TLSv1 TLS_RSA_WITH_3DES_EDE_CBC_SHA");
  only_legacy(TLS1_VERSION, "ECDHE-RSA-AES256-SHA:AES128-SHA",
              "TLSv1 TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA");
  only_legacy(TLS1_1_VERSION, "ECDHE-RSA-AES128-SHA", "TLSv1.1 TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA");
  only_legacy(TLS1_2_VERSION, "AES256-SHA", "TLSv1.2 TLS_RSA_WITH_AES_256_CBC_SHA");
  only_legacy(TLS1_2_VERSION, "AES128-GCM-SHA256", "TLSv1.2 TLS_RSA_WITH_AES_128_GCM_SHA256");
}

TEST_F(Legacy, SpeaksTheBestThatBothKnow) {
  const auto legacy = server(Profile::legacy);
  // The server's preference counts, not the client's.
  limit(TLS1_2_VERSION, "DES-CBC3-SHA:AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256");
  EXPECT_EQ(spoken(*legacy), "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  limit(TLS1_VERSION, "DES-CBC3-SHA:AES128-SHA:ECDHE-RSA-AES128-SHA");
  EXPECT_EQ(spoken(*legacy), "TLSv1 TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA");
  limit(TLS1_3_VERSION, "AES128-SHA");
  EXPECT_THAT(spoken(*legacy), StartsWith("TLSv1.3 "));
}

TEST_F(Legacy, PrefersTheServersOrderInTheModernProfile) {
  limit(TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256");
  EXPECT_EQ(spoken(*server(Profile::modern)), "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
}

TEST_F(Legacy, SignsWithSha1WhereNothingElseIsKnown) {
  const std::array<std::uint16_t, 2> sha1 = {SSL_SIGN_RSA_PKCS1_SHA1, SSL_SIGN_ECDSA_SHA1};
  ASSERT_EQ(SSL_CTX_set_verify_algorithm_prefs(odd_.context(), sha1.data(), sha1.size()), 1);
  limit(TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA");
  EXPECT_THAT(spoken(*server(Profile::legacy)), HasSubstr("ECDHE_RSA"));
  EXPECT_THAT(spoken(*server(Profile::legacy, false)), HasSubstr("ECDHE_ECDSA"));
}

TEST_F(Legacy, ChoosesTheKeyByTheSuites) {
  const auto legacy = TlsFixture::server(
      {.identities = {fixture_.identity(fixture_.issued),
                      fixture_.identity(fixture_.authority.issue({.rsa = true}))},
       .profile = Profile::legacy});
  limit(TLS1_VERSION, "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA");
  EXPECT_THAT(spoken(*legacy), HasSubstr("ECDHE_ECDSA"));
  limit(TLS1_VERSION, "AES128-SHA");
  EXPECT_THAT(spoken(*legacy), HasSubstr("TLS_RSA_WITH_AES_128_CBC_SHA"));
  // Without a common group there is no ephemeral key, but RSA does without.
  limit(TLS1_VERSION, "ECDHE-ECDSA-AES128-SHA:AES128-SHA");
  ASSERT_EQ(SSL_CTX_set1_curves_list(odd_.context(), "P-521"), 1);
  EXPECT_THAT(spoken(*legacy), HasSubstr("TLS_RSA_WITH_AES_128_CBC_SHA"));
}

TEST_F(Legacy, HasNoRc4) {
  EXPECT_EQ(SSL_CTX_set_strict_cipher_list(odd_.context(), "RC4-SHA"), 0);
}

TEST_F(Legacy, ResumesButNotAcrossProfiles) {
  const auto legacy = server(Profile::legacy);
  limit(TLS1_1_VERSION, "AES128-SHA");
  spoken(*legacy);
  EXPECT_FALSE(resumed_);
  EXPECT_THAT(spoken(*legacy, odd_.session()), StartsWith("TLSv1.1"));
  EXPECT_TRUE(resumed_);
  limit(TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256");
  spoken(*legacy);
  spoken(*server(Profile::modern), odd_.session());
  EXPECT_FALSE(resumed_);
}

TEST_F(Legacy, StandsByteByByte) {
  limit(TLS1_VERSION, "AES128-SHA");
  TlsPair pair(odd_.connection(), *server(Profile::legacy),
               {.deliver_per_turn = 1, .accept_per_turn = 7});
  pair.run();
  EXPECT_TRUE(pair.established());
}

}  // namespace
}  // namespace gatepost::testing
