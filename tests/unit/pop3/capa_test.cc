#include "proxy/pop3/capa.h"

#include <gtest/gtest.h>

namespace gatepost::pop3 {
namespace {

TEST(CapabilitiesTest, ReadsNamesCaseBlind) {
  const Capabilities capa = Capabilities::parse("TOP\r\nuidl\r\nLOGIN-DELAY 900\r\nSTLS\r\n");
  EXPECT_TRUE(capa.has("TOP"));
  EXPECT_TRUE(capa.has("UIDL"));
  EXPECT_TRUE(capa.has("stls"));
  EXPECT_TRUE(capa.has("LOGIN-DELAY"));
  EXPECT_FALSE(capa.has("900"));
  EXPECT_FALSE(capa.has("PIPELINING"));
  EXPECT_FALSE(capa.has(""));
}

TEST(CapabilitiesTest, ReadsSaslMechanisms) {
  const Capabilities capa = Capabilities::parse("SASL PLAIN login\r\nSASL XOAUTH2\r\nX PLAIN2\r\n");
  EXPECT_TRUE(capa.has_sasl("PLAIN"));
  EXPECT_TRUE(capa.has_sasl("plain"));
  EXPECT_TRUE(capa.has_sasl("LOGIN"));
  EXPECT_TRUE(capa.has_sasl("XOAUTH2"));
  EXPECT_FALSE(capa.has_sasl("PLAIN2"));
  EXPECT_FALSE(capa.has_sasl("SASL"));
  EXPECT_FALSE(capa.has("PLAIN"));
}

TEST(CapabilitiesTest, ToleratesAnything) {
  EXPECT_FALSE(Capabilities::parse("").has("TOP"));
  EXPECT_FALSE(Capabilities().has("TOP"));
  const Capabilities capa = Capabilities::parse("\r\n  \r\n  TOP \t x\nUIDL");
  EXPECT_TRUE(capa.has("TOP"));
  EXPECT_TRUE(capa.has("UIDL"));
  EXPECT_FALSE(Capabilities::parse(std::string_view("TOP\0\r\n", 6)).has("TOP"));
  EXPECT_FALSE(Capabilities::parse("SASL\r\n").has_sasl("PLAIN"));
}

TEST(CapabilitiesTest, ReadsArguments) {
  using Words = std::vector<std::string>;
  const Capabilities capa =
      Capabilities::parse("EXPIRE 5 user\r\nSASL PLAIN\r\nUTF8 USER\r\nSASL login\r\nLANG\r\n");
  EXPECT_EQ(capa.arguments("expire"), (Words{"5", "USER"}));
  EXPECT_EQ(capa.arguments("SASL"), (Words{"PLAIN", "LOGIN"}));
  EXPECT_EQ(capa.arguments("LANG"), Words());
  EXPECT_EQ(capa.arguments("TOP"), Words());
  EXPECT_TRUE(capa.has("utf8", "user"));
  EXPECT_FALSE(capa.has("UTF8", "UTF8"));
  EXPECT_FALSE(capa.has("LANG", "USER"));
}

TEST(CapabilitiesTest, KeepsWhatBothAnnounce) {
  const Capabilities one =
      Capabilities::parse("TOP\r\nSASL PLAIN CRAM-MD5\r\nUTF8 USER\r\nEXPIRE 5\r\nLANG\r\n");
  const Capabilities two =
      Capabilities::parse("utf8\r\nsasl cram-md5 login\r\nTOP\r\nEXPIRE NEVER\r\n");
  const Capabilities both = one.common_with(two);
  EXPECT_TRUE(both.has("TOP"));
  EXPECT_TRUE(both.has_sasl("CRAM-MD5"));
  EXPECT_FALSE(both.has_sasl("PLAIN"));
  EXPECT_FALSE(both.has_sasl("LOGIN"));
  EXPECT_TRUE(both.has("UTF8"));
  EXPECT_FALSE(both.has("UTF8", "USER"));
  EXPECT_FALSE(both.has("LANG"));
  EXPECT_TRUE(both.arguments("EXPIRE").empty());
  EXPECT_TRUE(one.common_with({}).empty());
}

TEST(CapaReplyTest, BeforeTlsWhereTlsComesFirst) {
  EXPECT_EQ(capa_reply({.stls_possible = true, .login_allowed = false}),
            "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nSTLS\r\n"
            ".\r\n");
}

TEST(CapaReplyTest, BeforeLoginUnderTls) {
  EXPECT_EQ(capa_reply({.login_allowed = true}),
            "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nUSER\r\n"
            "SASL PLAIN LOGIN\r\n.\r\n");
}

TEST(CapaReplyTest, BeforeLoginWithWhatUpstreamIsKnownToOffer) {
  const Capabilities upstream = Capabilities::parse(
      "SASL CRAM-MD5\r\nUTF8 USER\r\nLANG\r\nEXPIRE 5\r\nIMPLEMENTATION Secret 1.0\r\n");
  EXPECT_EQ(capa_reply({.login_allowed = true,
                        .upstream = &upstream,
                        .mechanisms = {"PLAIN", "LOGIN", "CRAM-MD5"},
                        .implementation = "Gate"}),
            "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nUSER\r\n"
            "SASL PLAIN LOGIN CRAM-MD5\r\nUTF8 USER\r\nIMPLEMENTATION Gate\r\n.\r\n");
}

TEST(CapaReplyTest, AfterLoginOnlyWhatUpstreamHas) {
  const Capabilities some = Capabilities::parse(
      "UIDL\r\nEXPIRE 5 USER\r\nLOGIN-DELAY 900\r\nLANG\r\nUTF8\r\nIMPLEMENTATION Secret\r\n");
  EXPECT_EQ(capa_reply({.logged_in = true, .login_allowed = true, .upstream = &some}),
            "+OK Capability list follows\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nUTF8\r\nLANG\r\n"
            "EXPIRE 5 USER\r\nLOGIN-DELAY 900\r\n.\r\n");
  const Capabilities silent;
  EXPECT_EQ(capa_reply({.logged_in = true, .upstream = &silent}),
            "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\n.\r\n");
}

TEST(CapaReplyTest, TakesNoOddLineFromUpstream) {
  const std::string body = "EXPIRE \x07\r\nLOGIN-DELAY " + std::string(70, '9') + "\r\n";
  const Capabilities odd = Capabilities::parse(body);
  EXPECT_EQ(capa_reply({.logged_in = true, .upstream = &odd}),
            "+OK Capability list follows\r\nPIPELINING\r\nRESP-CODES\r\n.\r\n");
  const Capabilities limit =
      Capabilities::parse("EXPIRE " + std::string(CapaContext::kMaxArguments - 1, '9') + "\r\n");
  EXPECT_NE(capa_reply({.logged_in = true, .upstream = &limit}).find("EXPIRE 9"),
            std::string::npos);
}

TEST(CapaReply, says_the_sooner_of_two_expiries) {
  const auto expire = [](std::string_view upstreams, std::string ours) {
    const Capabilities upstream = Capabilities::parse(upstreams);
    const std::string reply =
        capa_reply({.logged_in = true, .upstream = &upstream, .expire = std::move(ours)});
    const std::size_t at = reply.find("EXPIRE");
    return at == std::string::npos ? std::string() : reply.substr(at, reply.find('\r', at) - at);
  };
  EXPECT_EQ(expire("TOP\r\n", "NEVER"), "EXPIRE NEVER");
  EXPECT_EQ(expire("EXPIRE 5\r\n", "NEVER"), "EXPIRE 5");
  EXPECT_EQ(expire("EXPIRE 5 USER\r\n", "30"), "EXPIRE 5");
  EXPECT_EQ(expire("EXPIRE 60\r\n", "30"), "EXPIRE 30");
  EXPECT_EQ(expire("EXPIRE NEVER\r\n", "0"), "EXPIRE 0");
  EXPECT_EQ(expire("EXPIRE sometimes\r\n", "30"), "EXPIRE 30");
}

}  // namespace
}  // namespace gatepost::pop3
