#include "proxy/pop3/mechanism.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/pop3/sasl.h"

namespace gatepost::pop3 {
namespace {

using Kind = Mechanism::Kind;
using Use = Mechanism::Use;

constexpr std::string_view kDigest = "b913a602c7eda7a495b4e6e7334d3890";

::testing::AssertionResult names(Kind kind, std::string_view message, std::string_view user) {
  const Result<std::string> found = sasl_user(kind, message);
  if (!found) return ::testing::AssertionFailure() << message << ": " << found.error().detail;
  if (*found != user) return ::testing::AssertionFailure() << message << " names " << *found;
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult refused(Kind kind, std::string_view message,
                                   ErrorCode code = ErrorCode::protocol) {
  const Result<std::string> found = sasl_user(kind, message);
  if (found) return ::testing::AssertionFailure() << message << " names " << *found;
  if (found.error().code != code || found.error().detail.empty()) {
    return ::testing::AssertionFailure() << message << ": " << found.error().detail;
  }
  return ::testing::AssertionSuccess();
}

TEST(MechanismTest, KnowsWhatCanBeDoneWithIt) {
  for (const std::string_view name : {"PLAIN", "LOGIN"}) {
    EXPECT_EQ(Mechanism::find(name).use(), Use::password) << name;
  }
  for (const std::string_view name : {"CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512",
                                      "SCRAM-SHA3-512", "XOAUTH2", "OAUTHBEARER"}) {
    const Mechanism mechanism = Mechanism::find(name);
    EXPECT_EQ(mechanism.use(), Use::relay) << name;
    EXPECT_EQ(mechanism.name(), name);
    EXPECT_EQ(mechanism.refusal(), "") << name;
    EXPECT_EQ(mechanism.client_first(), name != "CRAM-MD5") << name;
  }
}

TEST(MechanismTest, RefusesWithAReason) {
  for (const std::string_view name :
       {"NTLM", "GSSAPI", "GSS-SPNEGO", "KERBEROS_V4", "DIGEST-MD5", "EXTERNAL",
        "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "XYZ-PLUS", "XYZ", "", "SCRAM", "ANONYMOUS"}) {
    EXPECT_EQ(Mechanism::find(name).use(), Use::refused) << name;
    EXPECT_NE(Mechanism::find(name).refusal(), "") << name;
  }
  EXPECT_TRUE(Mechanism::find("SCRAM-SHA-256-PLUS").refusal().starts_with("Channel binding"));
  EXPECT_TRUE(Mechanism::find("NTLM").refusal().starts_with("NTLM"));
}

TEST(MechanismTest, IsRelayedOnlyWhereUpstreamListsIt) {
  const Capabilities upstream = Capabilities::parse("SASL PLAIN CRAM-MD5 SCRAM-SHA-256 NTLM\r\n");
  EXPECT_TRUE(Mechanism::find("CRAM-MD5").relayed_by(upstream));
  EXPECT_TRUE(Mechanism::find("SCRAM-SHA-256").relayed_by(upstream));
  EXPECT_FALSE(Mechanism::find("SCRAM-SHA-1").relayed_by(upstream));
  EXPECT_FALSE(Mechanism::find("NTLM").relayed_by(upstream));
  EXPECT_FALSE(Mechanism::find("PLAIN").relayed_by(upstream));
  EXPECT_FALSE(Mechanism::find("CRAM-MD5").relayed_by({}));
}

TEST(MechanismTest, IsNoScramWhereUpstreamListsChannelBinding) {
  const Capabilities upstream =
      Capabilities::parse("SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1 XOAUTH2\r\n");
  EXPECT_FALSE(Mechanism::find("SCRAM-SHA-256").relayed_by(upstream));
  EXPECT_FALSE(Mechanism::find("SCRAM-SHA-1").relayed_by(upstream));
  EXPECT_TRUE(Mechanism::find("XOAUTH2").relayed_by(upstream));
}

TEST(MechanismTest, OffersWhatCanBeKept) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(offered_mechanisms(nullptr), (Names{"PLAIN", "LOGIN"}));
  const Capabilities upstream = Capabilities::parse(
      "SASL GSSAPI LOGIN xoauth2 DIGEST-MD5 CRAM-MD5 XOAUTH2 NTLM\r\nSASL OAUTHBEARER\r\n");
  EXPECT_EQ(offered_mechanisms(&upstream),
            (Names{"PLAIN", "LOGIN", "XOAUTH2", "CRAM-MD5", "OAUTHBEARER"}));
}

TEST(MechanismTest, PassesNoNameOnThatIsNone) {
  const std::string longest = "SCRAM-SHA" + std::string(11, 'X');
  const auto upstream = Capabilities::parse("SASL SCRAM-SHA\x04 SCRAM-SHA\xB2 " + longest + " " +
                                            longest + "X SCRAM-SHA-1;\r\n");
  EXPECT_EQ(offered_mechanisms(&upstream), (std::vector<std::string>{"PLAIN", "LOGIN", longest}));
}

TEST(MechanismTest, OffersSoManyAtMost) {
  std::string many = "SASL";
  for (char c = 'A'; c <= 'Z'; ++c) many += std::string(" SCRAM-SHA-") + c;
  const auto upstream = Capabilities::parse(many);
  EXPECT_EQ(offered_mechanisms(&upstream).size(), kMaxOffered);
}

TEST(SaslUserTest, ReadsXoauth2) {
  EXPECT_TRUE(
      names(Kind::xoauth2, "user=joe@example.com\1auth=Bearer ya29.x\1\1", "joe@example.com"));
  EXPECT_TRUE(names(Kind::xoauth2, "user=joe\1host=a\1auth=Bearer x\1\1", "joe"));
  const std::string token(9'000, 'x');
  EXPECT_TRUE(names(Kind::xoauth2, "user=joe\1auth=Bearer " + token + "\1\1", "joe"));
  using namespace std::string_view_literals;
  for (const std::string_view message :
       {""sv, "user=joe"sv, "user=joe\1"sv, "user=joe\1auth=Bearer x"sv,
        "user=joe\1auth=Bearer x\1"sv, "user=joe\1auth=Bearer x\1\1\1"sv,
        "user=joe\1auth=Bearer x\1\1more"sv, "user=joe\1\1"sv, "user=\1auth=Bearer x\1\1"sv,
        "auth=Bearer x\1user=joe\1\1"sv, "user=joe\1auth=Bearer x\1auth=Bearer y\1\1"sv,
        "user=joe\1auth=Bearer x\1user=jim\1\1"sv, "user=j\r\noe\1auth=Bearer x\1\1"sv,
        "user=joe\1auth=Bearer x\r\n\1\1"sv, "user=joe\1auth=Bearer x\0\1\1"sv,
        "user=joe\1auth\1\1"sv, "\1"sv}) {
    EXPECT_TRUE(refused(Kind::xoauth2, message));
  }
}

TEST(SaslUserTest, ReadsOauthbearer) {
  EXPECT_TRUE(names(Kind::oauthbearer,
                    "n,a=joe@example.com,\1host=pop.example.com\1port=995\1auth=Bearer x\1\1",
                    "joe@example.com"));
  EXPECT_TRUE(names(Kind::oauthbearer, "y,a=j=2Co=3De,\1auth=Bearer x\1\1", "j,o=e"));
  EXPECT_TRUE(
      refused(Kind::oauthbearer, "p=tls-exporter,a=joe,\1auth=Bearer x\1\1", ErrorCode::refused));
  for (const std::string_view message :
       {"", "n", "n,", "n,,", "n,,\1auth=Bearer x\1\1", "n,a=joe,auth=Bearer x\1\1",
        "n,a=joe\1auth=Bearer x\1\1", "n,a=joe,\1auth=Bearer x\1", "n,a=joe,\1\1",
        "n,joe,\1auth=Bearer x\1\1", "F,n,a=joe,\1auth=Bearer x\1\1",
        "n,a=j=oe,\1auth=Bearer x\1\1", "n,a=joe=,\1auth=Bearer x\1\1",
        "n,a=joe=2,\1auth=Bearer x\1\1", "n,a=j\noe,\1auth=Bearer x\1\1"}) {
    EXPECT_TRUE(refused(Kind::oauthbearer, message));
  }
}

TEST(SaslUserTest, ReadsScram) {
  EXPECT_TRUE(names(Kind::scram, "n,,n=joe,r=fyko+d2lbbFgONRv9qkxdawL", "joe"));
  EXPECT_TRUE(names(Kind::scram, "y,,n=j=2Coe,r=abc,x=ext", "j,oe"));
  EXPECT_TRUE(names(Kind::scram, "n,a=joe,n=joe,r=abc", "joe"));
  EXPECT_TRUE(refused(Kind::scram, "n,a=boss,n=joe,r=abc", ErrorCode::refused));
  EXPECT_TRUE(refused(Kind::scram, "p=tls-unique,,n=joe,r=abc", ErrorCode::refused));
  for (const std::string_view message :
       {"", "n,,", "n,,n=joe", "n,,n=joe,", "n,,n=,r=abc", "n,,m=x,n=joe,r=abc", "n,,r=abc,n=joe",
        "x,,n=joe,r=abc", "n,n=joe,r=abc", "n,,n=j=oe,r=abc", "n,,n=joe,r=a\1c", "n,,n=j\roe,r=abc",
        "n,,n=joe,x=1,r=abc"}) {
    EXPECT_TRUE(refused(Kind::scram, message));
  }
}

TEST(SaslUserTest, ReadsCramMd5) {
  const std::string digest(kDigest);
  EXPECT_TRUE(names(Kind::cram_md5, "tim " + digest, "tim"));
  EXPECT_TRUE(names(Kind::cram_md5, "tim  tom " + digest, "tim  tom"));
  EXPECT_TRUE(refused(Kind::cram_md5, ""));
  EXPECT_TRUE(refused(Kind::cram_md5, digest));
  EXPECT_TRUE(refused(Kind::cram_md5, " " + digest));
  EXPECT_TRUE(refused(Kind::cram_md5, "tim " + digest + "0"));
  EXPECT_TRUE(refused(Kind::cram_md5, "tim " + digest + " "));
  EXPECT_TRUE(refused(Kind::cram_md5, "t\nim " + digest));
}

TEST(SaslUserTest, HasALimit) {
  const std::string digest = " " + std::string(kDigest);
  const std::string longest(kMaxUserName, 'u');
  EXPECT_TRUE(names(Kind::cram_md5, longest + digest, longest));
  EXPECT_TRUE(refused(Kind::cram_md5, longest + "u" + digest));
}

TEST(SaslUserTest, IsNotForOurOwnDialogs) {
  for (const Kind kind : {Kind::plain, Kind::login, Kind::refused}) {
    EXPECT_TRUE(refused(kind, "user=joe\1auth=Bearer x\1\1"));
  }
}

TEST(SaslUserTest, CanBeChangedWhereNoProofCoversIt) {
  const std::string digest = " " + std::string(kDigest);
  EXPECT_EQ(sasl_with_user(Kind::xoauth2, "user=joe\1auth=Bearer x\1\1", "joe@example.com"),
            "user=joe@example.com\1auth=Bearer x\1\1");
  EXPECT_EQ(sasl_with_user(Kind::oauthbearer, "n,a=j=2Co,\1auth=Bearer x\1\1", "a=b,c"),
            "n,a=a=3Db=2Cc,\1auth=Bearer x\1\1");
  EXPECT_EQ(sasl_with_user(Kind::cram_md5, "tim" + digest, "tim@b"), "tim@b" + digest);
}

TEST(SaslUserTest, CannotBeChangedInScram) {
  EXPECT_EQ(sasl_with_user(Kind::scram, "n,,n=j=2Coe,r=abc", "j,oe"), "n,,n=j=2Coe,r=abc");
  const Result<std::string> changed = sasl_with_user(Kind::scram, "n,,n=joe,r=abc", "joe@b");
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::refused);
}

}  // namespace
}  // namespace gatepost::pop3
