#include "proxy/tls/inspection.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proxy/tls/inspected_certificate.h"
#include "tests/unit/tls/tls_pair.h"

namespace gatepost::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tls::InspectedVersion;

class Inspecting : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<tls::Inspector> inspector(
      const std::string& name = "mail.example.org",
      InspectedVersion version = InspectedVersion::tls1_3) const {
    return tls::Inspector::create(
               {.version = version, .ca_file = fixture_.ca_file, .server_name = name})
        .value();
  }
  /// What is seen of a server with `identity`; it must come to a connection.
  [[nodiscard]] tls::Inspection seen(const Issued& identity,
                                     const std::string& name = "mail.example.org") const {
    const auto layer = inspector(name);
    const OddServer server(identity);
    TlsPair pair(*layer, server);
    EXPECT_EQ(layer->seen(), nullptr);
    pair.run();
    EXPECT_TRUE(pair.established());
    return layer->seen() != nullptr ? *layer->seen() : tls::Inspection{};
  }
  [[nodiscard]] tls::PeerVerdict verdict(const CertificateRequest& request,
                                         const std::string& name = "mail.example.org") const {
    return seen(fixture_.authority.issue(request), name).verdict;
  }

  TlsFixture fixture_;
};

TEST_F(Inspecting, FindsAGoodServerGood) {
  const tls::Inspection inspection = seen(fixture_.authority.issue());
  EXPECT_TRUE(inspection.verdict.good());
  EXPECT_EQ(inspection.verdict.trust_problem, "");
  EXPECT_FALSE(inspection.verdict.self_signed);
  EXPECT_EQ(inspection.version, "TLSv1.3");
  EXPECT_THAT(inspection.cipher, HasSubstr("TLS_"));
  EXPECT_NE(inspection.group, "");
}

TEST_F(Inspecting, DescribesTheCertificate) {
  const tls::Inspection inspection =
      seen(fixture_.authority.issue({.addresses = {"192.0.2.1", "2001:db8::1"}}));
  ASSERT_FALSE(inspection.chain.empty());
  const tls::SeenCertificate& leaf = inspection.chain.front();
  EXPECT_EQ(leaf.subject, "CN=mail.example.org");
  EXPECT_EQ(leaf.issuer, "CN=Test CA");
  EXPECT_THAT(leaf.names, ElementsAre("mail.example.org", "192.0.2.1", "2001:db8::1"));
  EXPECT_LT(leaf.not_before, std::chrono::system_clock::now());
  EXPECT_GT(leaf.not_after, std::chrono::system_clock::now());
  EXPECT_EQ(leaf.key, "EC P-256");
  EXPECT_EQ(leaf.key_bits, 256U);
  EXPECT_EQ(leaf.signature_algorithm, "ecdsa-with-SHA256");
  EXPECT_EQ(leaf.sha256.size(), 64U);
  EXPECT_EQ(leaf.spki_pin.size(), 44U);
}

TEST_F(Inspecting, LooksAtNoMoreCertificatesThanItsLimit) {
  Issued identity = fixture_.authority.issue();
  const std::string other = fixture_.authority.issue({.dns = {"other.example.org"}}).certificate;
  for (std::size_t i = 0; i < tls::Inspector::kMaxChain + 3; ++i) identity.certificate += other;
  const tls::Inspection inspection = seen(identity);
  ASSERT_EQ(inspection.chain.size(), tls::Inspector::kMaxChain);
  EXPECT_EQ(inspection.chain.front().names.front(), "mail.example.org");
  EXPECT_TRUE(inspection.verdict.good());
}

TEST_F(Inspecting, LooksAtNoMoreNamesThanItsLimit) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < tls::kMaxInspectedNames + 5; ++i) {
    names.push_back(fmt::format("name-{}.example.org", i));
  }
  const tls::Inspection inspection = seen(fixture_.authority.issue({.dns = names}), names.back());
  ASSERT_FALSE(inspection.chain.empty());
  EXPECT_EQ(inspection.chain.front().names.size(), tls::kMaxInspectedNames);
  // What is not shown is checked all the same.
  EXPECT_TRUE(inspection.verdict.name_matches);
}

TEST_F(Inspecting, KnowsOtherKeys) {
  const auto rsa = seen(fixture_.authority.issue({.rsa = true})).chain.front();
  EXPECT_EQ(rsa.key, "RSA");
  EXPECT_EQ(rsa.key_bits, 2048U);
  const auto p384 = seen(fixture_.authority.issue({.curve = "P-384"})).chain.front();
  EXPECT_EQ(p384.key, "EC P-384");
  EXPECT_EQ(p384.key_bits, 384U);
}

TEST_F(Inspecting, GivesThePinThatPinsTakes) {
  const Issued identity = self_signed();
  const auto pinned = tls::ClientContext::create(
      {.verify = false, .server_name = {}, .pins = {seen(identity).chain.front().spki_pin}});
  ASSERT_TRUE(pinned);
  const OddServer server(identity);
  const OddServer other(self_signed());
  TlsPair good(**pinned, server);
  good.run();
  EXPECT_TRUE(good.established());
  TlsPair bad(**pinned, other);
  bad.run();
  EXPECT_FALSE(bad.established());
}

TEST_F(Inspecting, AnswersEachQuestionForItself) {
  const tls::PeerVerdict other = verdict({.dns = {"pop.example.org"}});
  EXPECT_TRUE(other.trusted);
  EXPECT_FALSE(other.name_matches);
  EXPECT_TRUE(other.in_time);

  for (const auto& [from, to] : {std::pair{-20, -10}, std::pair{10, 20}}) {
    const tls::PeerVerdict date = verdict({.from_day = from, .to_day = to});
    EXPECT_TRUE(date.trusted) << date.trust_problem;
    EXPECT_TRUE(date.name_matches);
    EXPECT_FALSE(date.in_time);
    EXPECT_FALSE(date.good());
  }

  const tls::PeerVerdict purpose = verdict({.purpose = "clientAuth"});
  EXPECT_FALSE(purpose.trusted);
  EXPECT_THAT(purpose.trust_problem, HasSubstr("purpose"));
}

TEST_F(Inspecting, FindsNobodyBehindASelfSignedCertificate) {
  const tls::PeerVerdict self = seen(self_signed()).verdict;
  EXPECT_FALSE(self.trusted);
  EXPECT_THAT(self.trust_problem, HasSubstr("self signed"));
  EXPECT_TRUE(self.self_signed);
  EXPECT_TRUE(self.name_matches);
  EXPECT_TRUE(self.in_time);
}

TEST_F(Inspecting, FindsNobodyBehindAnotherAuthority) {
  const Authority other("Another CA");
  const tls::PeerVerdict stranger = seen(other.issue()).verdict;
  EXPECT_FALSE(stranger.trusted);
  EXPECT_FALSE(stranger.self_signed);
  EXPECT_NE(stranger.trust_problem, "");
}

TEST_F(Inspecting, MatchesNamesAsRfc9525Says) {
  EXPECT_TRUE(verdict({.dns = {"*.example.org"}}).name_matches);
  EXPECT_FALSE(verdict({.dns = {"m*.example.org"}}).name_matches);
  EXPECT_FALSE(verdict({.common_name = "mail.example.org", .dns = {}}).name_matches);
  EXPECT_TRUE(verdict({.addresses = {"192.0.2.1"}}, "192.0.2.1").name_matches);
  EXPECT_FALSE(verdict({}, "192.0.2.1").name_matches);
  EXPECT_FALSE(verdict({}, "").name_matches);
}

TEST_F(Inspecting, SpeaksOneVersionOnly) {
  const OddServer server(fixture_.authority.issue(), TLS1_2_VERSION);
  SSL_CTX_set_min_proto_version(server.context(), TLS1_VERSION);
  for (const auto version : {InspectedVersion::tls1_0, InspectedVersion::tls1_1,
                             InspectedVersion::tls1_2, InspectedVersion::tls1_3}) {
    const auto layer = inspector("mail.example.org", version);
    TlsPair pair(*layer, server);
    pair.run();
    EXPECT_EQ(pair.established(), version != InspectedVersion::tls1_3);
    const tls::Inspection* seen = layer->seen();
    EXPECT_EQ(seen != nullptr ? seen->version : "",
              pair.established() ? to_string(version) : std::string_view());
  }
}

TEST_F(Inspecting, DoesNotStartBehindPlainText) {
  BlockPool pool;
  auto [plain, peer] = make_memory_transport(pool);
  peer->deliver("+OK forged\r\n");
  peer->turn();
  const auto wrapped = inspector()->wrap(std::move(plain), pool);
  ASSERT_FALSE(wrapped);
  EXPECT_EQ(wrapped.error().code, ErrorCode::protocol);
}

TEST_F(Inspecting, NamesWhatCannotBeUsed) {
  const auto no_file = tls::Inspector::create({.ca_file = "/nonexistent/ca.pem"});
  ASSERT_FALSE(no_file);
  EXPECT_EQ(no_file.error().code, ErrorCode::config);
  EXPECT_THAT(no_file.error().detail, HasSubstr("/nonexistent/ca.pem"));
  const auto no_name = tls::Inspector::create({.server_name = std::string(300, 'x')});
  ASSERT_FALSE(no_name);
  EXPECT_EQ(no_name.error().code, ErrorCode::config);
  EXPECT_TRUE(tls::Inspector::create({})) << "the system's authorities";
}

}  // namespace
}  // namespace gatepost::testing
