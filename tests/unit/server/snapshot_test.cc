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
    config_.tls.certificates = {{.certificate = files_.write("cert.pem", issued.certificate),
                                 .key = files_.write("key.pem", issued.key),
                                 .ocsp = ""}};
    config_.pools.emplace_back();
    pool().name = "upstream";
    pool().servers = {{.address = {"mail.example.org", 995, {}}}};
    config_.routes.emplace_back();
    config_.routes[0].pool = "upstream";
    config_.listeners = {listener("pop3s", config::ListenerTls::implicit)};
  }
  static config::Listener listener(std::string name, config::ListenerTls tls) {
    config::Listener made;
    made.name = std::move(name);
    made.address = {"127.0.0.1", 0, {}};
    made.tls = tls;
    return made;
  }
  [[nodiscard]] Result<std::shared_ptr<const Snapshot>> make(
      OnBroken on_broken = OnBroken::refuse) {
    return make_snapshot(config_, holdings_, on_broken);
  }
  config::Pool& pool() { return config_.pools[0]; }
  config::Certificate& certificate() { return config_.tls.certificates[0]; }
  /// The only server of the only pool.
  static const upstream::Server& server(const Snapshot& snapshot) {
    return snapshot.pools.at(0)->servers()[0];
  }
  /// The error that making it ends with.
  [[nodiscard]] std::string problem() {
    const auto snapshot = make();
    EXPECT_FALSE(snapshot);
    if (snapshot) return {};
    EXPECT_EQ(snapshot.error().code, ErrorCode::config);
    return snapshot.error().detail;
  }

  testing::Authority authority_;
  testing::TestFiles files_;
  config::Config config_;
  Holdings holdings_;
};

TEST_F(SnapshotTest, PoliciesAreThoseOfListenersUnlessTheRouteHasItsOwn) {
  config::RetentionPolicy policy;
  policy.name = "a";
  policy.type = config::RetentionType::keep;
  config_.retention.policies = {policy, policy};
  config_.retention.policies[1].name = "b";
  config_.listeners[0].retention = "a";
  config_.listeners.push_back(listener("other", config::ListenerTls::none));
  config_.routes.insert(config_.routes.begin(), 2, config_.routes[0]);
  config_.routes[0].users = {"ann"};
  config_.routes[0].retention = "b";
  config_.routes[1].users = {"ben"};
  config_.routes[1].retention = "client";
  const auto snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  const session::Settings& settings = *(*snapshot)->listeners[0].settings;
  EXPECT_EQ(settings.retention, (*snapshot)->policies.by_name.at("a"));
  EXPECT_EQ((*snapshot)->listeners[1].settings->retention, nullptr);
  const auto of = [&settings](std::string_view user) {
    return settings.router->route(settings.listener, {}, user)->retention;
  };
  EXPECT_EQ(of("ann"), (*snapshot)->policies.by_name.at("b"));
  EXPECT_EQ(of("ben"), std::optional<Policies::Policy>(nullptr));
  EXPECT_EQ(of("joe"), std::nullopt);
  const auto counters = settings.retention->counters;
  const auto next = make();
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)->listeners[0].settings->retention->counters, counters);
  config_.listeners[0].retention = "c";
  EXPECT_THAT(problem(), StartsWith("/listeners/0/retention: no policy is called c"));
  config_.listeners[0].retention.clear();
  config_.routes[1].retention = "c";
  EXPECT_THAT(problem(), StartsWith("/routes/1/retention: no policy is called c"));
}

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
    const upstream::Route* route = settings.router->route(settings.listener, {}, "joe");
    ASSERT_NE(route, nullptr);
    EXPECT_EQ(route->pool->servers()[0].address.to_string(), "mail.example.org:995");
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
  ASSERT_EQ((*snapshot)->identities.size(), 1U);
  EXPECT_EQ((*snapshot)->identities[0]->files().certificate, certificate().certificate);
  EXPECT_EQ((*snapshot)->identities[0]->info().subject, "CN=mail.example.org");
}

TEST_F(SnapshotTest, ReadsNoCertificateThatNobodyUses) {
  config_.listeners = {listener("plain", config::ListenerTls::none)};
  certificate().certificate = files_.path("missing.pem");
  const auto snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  EXPECT_TRUE((*snapshot)->identities.empty());
}

TEST_F(SnapshotTest, MakesTlsTowardsUpstreamAsConfigured) {
  pool().tls = config::UpstreamTls::implicit;
  pool().ca_file = files_.write("ca.pem", authority_.certificate());
  auto snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  EXPECT_EQ(server(**snapshot).security, upstream::Security::implicit);
  EXPECT_NE(server(**snapshot).tls, nullptr);

  pool().tls = config::UpstreamTls::starttls;
  snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  EXPECT_EQ(server(**snapshot).security, upstream::Security::stls);
  EXPECT_NE(server(**snapshot).tls, nullptr);
}

TEST_F(SnapshotTest, NamesACertificateThatIsMissing) {
  certificate().certificate = files_.path("missing.pem");
  EXPECT_THAT(problem(), AllOf(StartsWith("/tls"), HasSubstr(certificate().certificate)));
}

TEST_F(SnapshotTest, NamesACertificateThatIsNone) {
  certificate().certificate = files_.write("bad.pem", "no certificate\n");
  EXPECT_THAT(problem(), AllOf(StartsWith("/tls"), HasSubstr(certificate().certificate)));
}

TEST_F(SnapshotTest, NamesAKeyThatIsMissing) {
  certificate().key = files_.path("missing.key");
  EXPECT_THAT(problem(), AllOf(StartsWith("/tls"), HasSubstr(certificate().key)));
}

TEST_F(SnapshotTest, NamesAKeyThatDoesNotFit) {
  certificate().key = files_.write("other.key", authority_.issue().key);
  EXPECT_THAT(problem(), AllOf(StartsWith("/tls"), HasSubstr(certificate().key)));
}

TEST_F(SnapshotTest, NamesTheAuthoritiesFileThatIsMissing) {
  pool().tls = config::UpstreamTls::implicit;
  pool().ca_file = files_.path("missing-ca.pem");
  EXPECT_THAT(problem(), AllOf(StartsWith("/upstream"), HasSubstr(pool().ca_file)));
}

TEST_F(SnapshotTest, ShowsNothingOfAKeyInItsErrors) {
  const std::string key = authority_.issue().key;
  certificate().key = files_.write("broken.key", key.substr(0, key.size() / 2));
  EXPECT_EQ(problem().find(key.substr(40, 16)), std::string::npos);
}

TEST_F(SnapshotTest, KeepsACertificateWhoseFileWasBroken) {
  const auto before = make();
  ASSERT_TRUE(before) << before.error().detail;
  files_.write("cert.pem", "broken\n");
  EXPECT_THAT(problem(), HasSubstr("cert.pem"));
  const auto after = make(OnBroken::keep);
  ASSERT_TRUE(after) << after.error().detail;
  EXPECT_EQ((*after)->identities, (*before)->identities);
  ASSERT_EQ((*after)->problems.size(), 1U);
  EXPECT_EQ((*after)->problems[0].file, certificate().certificate);
}

TEST_F(SnapshotTest, KeepsTlsTowardsUpstreamWhenItsFilesBreakAndTakesWhatElseIsNew) {
  pool().tls = config::UpstreamTls::implicit;
  pool().ca_file = files_.write("ca.pem", authority_.certificate());
  config_.tls.client_certificates = config::ClientCertificates::optional;
  config_.tls.client_ca_file = files_.write("client-ca.pem", authority_.certificate());
  const auto before = make();
  ASSERT_TRUE(before) << before.error().detail;
  files_.write("ca.pem", "broken\n");
  const testing::Issued issued = authority_.issue({.common_name = "new.example.org"});
  files_.write("cert.pem", issued.certificate);
  files_.write("key.pem", issued.key);
  auto after = make(OnBroken::keep);
  ASSERT_TRUE(after) << after.error().detail;
  EXPECT_EQ((*after)->problems.size(), 1U);
  EXPECT_EQ(server(**after).tls, server(**before).tls);
  EXPECT_EQ((*after)->identities[0]->info().subject, "CN=new.example.org");
  EXPECT_FALSE(make());

  files_.write("client-ca.pem", "broken\n");
  after = make(OnBroken::keep);
  ASSERT_TRUE(after) << after.error().detail;
  EXPECT_EQ((*after)->problems.size(), 2U);
  EXPECT_NE((*after)->listeners[0].settings->client_tls, nullptr);
}

TEST_F(SnapshotTest, TakesAChangedCertificate) {
  ASSERT_TRUE(make());
  const testing::Issued issued = authority_.issue({.common_name = "new.example.org"});
  files_.write("cert.pem", issued.certificate);
  files_.write("key.pem", issued.key);
  const auto after = make(OnBroken::keep);
  ASSERT_TRUE(after) << after.error().detail;
  EXPECT_TRUE((*after)->problems.empty());
  EXPECT_EQ((*after)->identities[0]->info().subject, "CN=new.example.org");
}

TEST_F(SnapshotTest, ForgetsNothingAboutAServerThatStays) {
  const auto before = make();
  ASSERT_TRUE(before) << before.error().detail;
  pool().servers.push_back({.address = {"other.example.org", 995, {}}});
  const auto after = make();
  ASSERT_TRUE(after) << after.error().detail;
  EXPECT_EQ(server(**after).state, server(**before).state);
  EXPECT_NE((*after)->pools[0]->servers()[1].state, server(**before).state);
}

TEST_F(SnapshotTest, TakesTheServersThatWereFound) {
  pool().servers.clear();
  pool().srv = "example.org";
  auto snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  EXPECT_TRUE((*snapshot)->pools[0]->servers().empty());
  holdings_.discovered["upstream"] = {{.address = {"found.example.org", 110, {}}}};
  snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  EXPECT_EQ(server(**snapshot).address.to_string(), "found.example.org:110");
}

TEST_F(SnapshotTest, HasLegacyTlsOnlyWhereItIsWanted) {
  auto snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  EXPECT_EQ((*snapshot)->listeners[0].settings->legacy_tls, nullptr);
  config_.listeners[0].legacy_tls_networks = {*IpNetwork::parse("192.0.2.0/24")};
  snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  const session::Settings& settings = *(*snapshot)->listeners[0].settings;
  EXPECT_NE(settings.legacy_tls, nullptr);
  EXPECT_NE(settings.legacy_tls, settings.client_tls);
  EXPECT_EQ(settings.legacy_tls_networks.size(), 1U);
}

TEST_F(SnapshotTest, ChainsAreTheRoutesOrElseTheListeners) {
  config::Scanner& scanner = config_.scanners.emplace_back();
  scanner.name = "clamd";
  scanner.address.path = "/run/clamd.ctl";
  for (const char* name : {"a", "b"}) {
    config::Chain& chain = config_.chains.emplace_back();
    chain.name = name;
    chain.scanners = {"clamd"};
  }
  config_.chains.emplace_back().name = "nothing";
  config_.listeners[0].chain = "a";
  config_.listeners.push_back(listener("plain", config::ListenerTls::none));
  config_.routes.resize(4, config_.routes[0]);
  config_.routes[0].users = {"b"};
  config_.routes[0].chain = "b";
  config_.routes[1].users = {"none"};
  config_.routes[1].chain = "none";
  config_.routes[2].users = {"nothing"};
  config_.routes[2].chain = "nothing";
  const auto snapshot = make();
  ASSERT_TRUE(snapshot) << snapshot.error().detail;
  const session::Settings& settings = *(*snapshot)->listeners[0].settings;
  ASSERT_NE(settings.chain, nullptr);
  EXPECT_EQ(settings.chain->config.name, "a");
  EXPECT_EQ((*snapshot)->listeners[1].settings->chain, nullptr);
  const auto chain = [&settings](std::string_view user) {
    return settings.router->route("pop3s", {}, user)->chain;
  };
  ASSERT_TRUE(chain("b") && *chain("b"));
  EXPECT_EQ((*chain("b"))->config.name, "b");
  EXPECT_TRUE(chain("none") && *chain("none") == nullptr);
  EXPECT_TRUE(chain("nothing") && *chain("nothing") == nullptr);
  EXPECT_FALSE(chain("joe"));
  EXPECT_EQ((*snapshot)->chains.scanners.size(), 1U);
}

TEST_F(SnapshotTest, WatchesTheFilesThatItReads) {
  config_.tls.certificate_folders = {"folder"};
  config_.tls.ticket_key_file = "tickets";
  pool().ca_file = "ca.pem";
  EXPECT_THAT(watched_files(config_),
              ::testing::ElementsAre(certificate().certificate, certificate().key, "folder",
                                     "tickets", "ca.pem"));
  config_.scanners.resize(2);
  config_.scanners[0].ca_file = "unused.pem";
  config_.scanners[1].ca_file = "scanner.pem";
  config_.scanners[1].tls = true;
  config_.chains.emplace_back().notice = {
      .language = "en", .text_file = "n.txt", .html_file = "n.html", .contact = ""};
  EXPECT_THAT(watched_files(config_),
              ::testing::ElementsAre(certificate().certificate, certificate().key, "folder",
                                     "tickets", "ca.pem", "scanner.pem", "n.txt", "n.html"));
}

}  // namespace
}  // namespace gatepost::server
