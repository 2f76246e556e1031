#include "proxy/tls/pins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/tls/handshake_failure.h"
#include "tests/unit/tls/tls_pair.h"

namespace gatepost::testing {
namespace {

using ::testing::HasSubstr;

class Pinning : public ::testing::Test {
 protected:
  /// Why a client with this pin refuses a server that shows `identity`; "" when it does not.
  std::string refusal(const Issued& identity, const std::string& pin, bool verify) {
    const auto client =
        tls::ClientContext::create({.verify = verify,
                                    .ca_file = fixture_.ca_file,
                                    .server_name = "mail.example.org",
                                    .pins = {pin_of(Authority("nobody").certificate()), pin}});
    EXPECT_TRUE(client) << client.error().detail;
    const OddServer server(identity);
    TlsPair pair(**client, server);
    pair.client->say("PASS secret\r\n");
    pair.run();
    if (pair.client->transport->established()) return "";
    EXPECT_EQ(pair.server->got, "");
    EXPECT_EQ(tls::handshake_failure(*pair.client->transport),
              tls::HandshakeFailure::bad_certificate);
    EXPECT_FALSE(pair.client->transport->end()->retryable());
    return pair.client->transport->end()->detail;
  }
  Issued with_chain(const Authority& issuer, const CertificateRequest& request = {}) {
    Issued issued = issuer.issue(request);
    issued.certificate += issuer.certificate();
    return issued;
  }
  TlsFixture fixture_;
};

TEST_F(Pinning, AcceptsTheKeyOfTheLeaf) {
  for (const bool verify : {true, false}) {
    EXPECT_EQ(refusal(fixture_.issued, pin_of(fixture_.issued.certificate), verify), "");
  }
  const Issued rsa = fixture_.authority.issue({.rsa = true});
  EXPECT_EQ(refusal(rsa, pin_of(rsa.certificate), true), "");
}

TEST_F(Pinning, AcceptsTheKeyOfAnIssuer) {
  const auto intermediate = fixture_.authority.intermediate("Intermediate");
  const Issued issued = with_chain(*intermediate);
  for (const bool verify : {true, false}) {
    EXPECT_EQ(refusal(issued, pin_of(intermediate->certificate()), verify), "");
  }
  // The root need not be sent to be in the chain that was verified.
  EXPECT_EQ(refusal(issued, pin_of(fixture_.authority.certificate()), true), "");
  const auto deep = intermediate->intermediate("Deep");
  Issued deeper = with_chain(*deep);
  deeper.certificate += intermediate->certificate();
  EXPECT_EQ(refusal(deeper, pin_of(intermediate->certificate()), false), "");
}

TEST_F(Pinning, RefusesOtherKeys) {
  const std::string other = pin_of(Authority("Other").certificate());
  for (const bool verify : {true, false}) {
    EXPECT_THAT(refusal(fixture_.issued, other, verify), HasSubstr("public key pin"));
    EXPECT_THAT(refusal(with_chain(fixture_.authority), other, verify),
                HasSubstr("public key pin"));
  }
}

TEST_F(Pinning, DoesNotReplaceVerification) {
  const Issued issued = self_signed();
  EXPECT_THAT(refusal(issued, pin_of(issued.certificate), true), HasSubstr("self signed"));
  EXPECT_EQ(refusal(issued, pin_of(issued.certificate), false), "");
}

TEST_F(Pinning, IsNotFooledByACertificateThatIsJustThere) {
  const Authority pinned("Pinned");
  const std::string pin = pin_of(pinned.certificate());
  for (const bool verify : {true, false}) {
    Issued foreign = fixture_.issued;
    foreign.certificate += pinned.certificate();
    EXPECT_THAT(refusal(foreign, pin, verify), HasSubstr("public key pin"));
    // The same name, another key.
    Issued forged = with_chain(Authority("Pinned"));
    forged.certificate.resize(forged.certificate.find("-----BEGIN", 10));
    forged.certificate += pinned.certificate();
    EXPECT_NE(refusal(forged, pin, verify), "");
  }
}

TEST_F(Pinning, IsNotFooledByALeafThatPlaysAuthority) {
  const Authority pinned("Pinned");
  const auto pretender = pinned.pretender("Pretender");
  Issued issued = with_chain(*pretender);
  issued.certificate += pinned.certificate();
  EXPECT_THAT(refusal(issued, pin_of(pinned.certificate()), false), HasSubstr("public key pin"));
}

TEST(Pins, NamesTheOneThatIsNone) {
  const std::string good = pin_of(Authority().certificate());
  EXPECT_TRUE(tls::Pins::parse({good}));
  for (const std::string& bad :
       {std::string(), std::string("x"), good.substr(1), good + "=", std::string(44, 'A'),
        "sha256/" + good, std::string(43, '!') + "="}) {
    const auto client = tls::ClientContext::create({.verify = false, .pins = {good, bad}});
    ASSERT_FALSE(client) << bad;
    EXPECT_EQ(client.error().code, ErrorCode::config);
    EXPECT_THAT(client.error().detail, HasSubstr("\"" + bad + "\" is no public key pin"));
  }
}

}  // namespace
}  // namespace gatepost::testing
