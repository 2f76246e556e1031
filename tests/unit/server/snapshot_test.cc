#include "proxy/server/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tls/certificates.h"

namespace gatepost::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() {
    const testing::Issued issued = authority_.issue();
    config_.tls.certificate = files_.write("cert.pem", issued.certificate);
    config_.tls.key = files_.write("key.pem", issued.key);
    config_.upstream.address = {"mail.example.org", 995, {}};
    config_.listeners = {listener("pop3s", config::ListenerTls::implicit)};
  }
  static config::Listener listener(std::string name, config::ListenerTls tls) {
    config::Listener made;
    made.name = std::move(name);
    made.address = {"127.0.0.1", 0, {}};
    made.tls = tls;
    return made;
  }
  [[nodiscard]] Result<std::shared_ptr<const Snapshot>> make() const {
    return make_snapshot(config_, std::make_shared<tls::TicketKeys>());
  }
  /// The error that making it ends with.
  [[nodiscard]] std::string problem() const {
    const auto snapshot = make();
    EXPECT_FALSE(snapshot);
    if (snapshot) return {};
    EXPECT_EQ(snapshot.error().code, ErrorCode::config);
    return snapshot.error().detail;
  }

  testing::Authority authority_;
  testing::TestFiles files_;
  config::Config config_;
};

TEST_F(SnapshotTest, HasSettingsForEachListener) {
  config_.listeners.push_back(listener("pop3", config::ListenerTls::starttls));
  config_.listeners.push_back(listener("plain", config::ListenerTls::none));
  config_.listeners[1].cleartext_login_networks = {*IpNetwork::parse("192.0.2.0/24")};
  config_.timeouts.login = Duration(1234);
  config_.limits.pipeline = 5;
  const auto snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  ASSERT_EQ((*snapshot)->listeners.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const session::Settings& settings = *(*snapshot)->listeners[i].settings;
    EXPECT_EQ(settings.listener, config_.listeners[i].name);
    EXPECT_EQ(settings.client_tls_mode, config_.listeners[i].tls);
    EXPECT_EQ(settings.timeouts.login, Duration(1234));
    EXPECT_EQ(settings.limits.pipeline, 5U);
    EXPECT_EQ(settings.router->route("joe").address.to_string(), "mail.example.org:995");
  }
  EXPECT_NE((*snapshot)->listeners[0].settings->client_tls, nullptr);
  EXPECT_EQ((*snapshot)->listeners[0].settings->client_tls,
            (*snapshot)->listeners[1].settings->client_tls);
  EXPECT_EQ((*snapshot)->listeners[2].settings->client_tls, nullptr);
  EXPECT_EQ((*snapshot)->listeners[1].settings->cleartext_login_networks.size(), 1U);
}

TEST_F(SnapshotTest, TellsAboutTheCertificate) {
  const auto snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  ASSERT_EQ((*snapshot)->certificates.size(), 1U);
  EXPECT_EQ((*snapshot)->certificates[0].file, config_.tls.certificate);
  EXPECT_EQ((*snapshot)->certificates[0].info.subject, "CN=mail.example.org");
}

TEST_F(SnapshotTest, ReadsNoCertificateThatNobodyUses) {
  config_.listeners = {listener("plain", config::ListenerTls::none)};
  config_.tls.certificate = files_.path("missing.pem");
  const auto snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  EXPECT_TRUE((*snapshot)->certificates.empty());
}

TEST_F(SnapshotTest, MakesTlsTowardsUpstreamAsConfigured) {
  config_.upstream.tls = config::UpstreamTls::implicit;
  config_.upstream.ca_file = files_.write("ca.pem", authority_.certificate());
  auto snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  const auto* server = &(*snapshot)->listeners[0].settings->router->route("joe");
  EXPECT_EQ(server->security, upstream::Security::implicit);
  EXPECT_NE(server->tls, nullptr);

  config_.upstream.tls = config::UpstreamTls::starttls;
  snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  server = &(*snapshot)->listeners[0].settings->router->route("joe");
  EXPECT_EQ(server->security, upstream::Security::stls);
  EXPECT_NE(server->tls, nullptr);
}

TEST_F(SnapshotTest, NeedsNoTicketKeys) { EXPECT_TRUE(make_snapshot(config_, nullptr)); }

TEST_F(SnapshotTest, NamesACertificateThatIsMissing) {
  config_.tls.certificate = files_.path("missing.pem");
  EXPECT_THAT(problem(), AllOf(StartsWith("/tls"), HasSubstr(config_.tls.certificate)));
}

TEST_F(SnapshotTest, NamesACertificateThatIsNone) {
  config_.tls.certificate = files_.write("bad.pem", "no certificate\n");
  EXPECT_THAT(problem(), AllOf(StartsWith("/tls"), HasSubstr(config_.tls.certificate)));
}

TEST_F(SnapshotTest, NamesAKeyThatIsMissing) {
  config_.tls.key = files_.path("missing.key");
  EXPECT_THAT(problem(), AllOf(StartsWith("/tls"), HasSubstr(config_.tls.key)));
}

TEST_F(SnapshotTest, NamesAKeyThatDoesNotFit) {
  config_.tls.key = files_.write("other.key", authority_.issue().key);
  EXPECT_THAT(problem(), AllOf(StartsWith("/tls"), HasSubstr(config_.tls.key)));
}

TEST_F(SnapshotTest, NamesTheAuthoritiesFileThatIsMissing) {
  config_.upstream.tls = config::UpstreamTls::implicit;
  config_.upstream.ca_file = files_.path("missing-ca.pem");
  EXPECT_THAT(problem(), AllOf(StartsWith("/upstream"), HasSubstr(config_.upstream.ca_file)));
}

TEST_F(SnapshotTest, ShowsNothingOfAKeyInItsErrors) {
  const std::string key = authority_.issue().key;
  config_.tls.key = files_.write("broken.key", key.substr(0, key.size() / 2));
  EXPECT_EQ(problem().find(key.substr(40, 16)), std::string::npos);
}

}  // namespace
}  // namespace gatepost::server
