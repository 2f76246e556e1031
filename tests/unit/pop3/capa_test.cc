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

TEST(CapaReplyTest, AfterLoginOnlyWhatUpstreamHas) {
  EXPECT_EQ(capa_reply({.logged_in = true, .login_allowed = true, .top = false, .uidl = false}),
            "+OK Capability list follows\r\nPIPELINING\r\nRESP-CODES\r\n.\r\n");
  EXPECT_EQ(capa_reply({.logged_in = true}),
            "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\n.\r\n");
}

}  // namespace
}  // namespace gatepost::pop3
