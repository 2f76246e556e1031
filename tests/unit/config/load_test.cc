#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>

#include "tests/unit/config/problems.h"

namespace gatepost::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kWhole = R"({
  "$schema": "schema.json",
  "workers": 3, // threads
  "listeners": [
    {"name": "a", "address": "[::1]:995", "tls": "implicit"},
    {"address": ":110", "tls": "starttls", "cleartext_login_networks": ["10.0.0.0/8", "::1"]},
    {"address": "unix:/run/g.sock", "tls": "none", "unix_mode": "0666"}
  ],
  "tls": {"certificate": "c.pem", "key": "k.pem", "min_version": "1.3", "ticket_rotation": "2h"},
  "upstream": {"address": "up.example", "tls": "implicit", "verify": true, "ca_file": "ca.pem",
    "server_name": "pop.example", "min_version": "1.3", "resolve_every": "90s"},
  "timeouts": {"handshake": "500ms", "login": "1m", "inactivity": "1h", "upstream_connect": "1s",
    "upstream_greeting": "2s", "upstream_login": "3s", "upstream_reply": "4s", "drain": "0s",
    "upgrade": "2h"},
  "limits": {"connections": 7, "login_attempts": 2, "pipeline": 4, "bad_commands": 5,
    "memory": 33554432},
  "admin": {"address": "127.0.0.1:9", "token_file": "t", "control": "/run/c", "control_mode": "0660"},
  /* last */ "log": {"level": "debug", "format": "json", "file": "g.log"}
})";

TEST(LoadTest, PutsEveryKeyInItsPlace) {
  const Loaded loaded = load(kWhole);
  EXPECT_EQ(problems(loaded), "");
  ASSERT_TRUE(loaded.config);
  const Config& c = *loaded.config;
  EXPECT_EQ(c.workers, 3u);
  ASSERT_EQ(c.listeners.size(), 3u);
  EXPECT_EQ(c.listeners[0].name, "a");
  EXPECT_EQ(c.listeners[0].address, (Endpoint{"::1", 995, ""}));
  EXPECT_EQ(c.listeners[1].name, ":110");
  EXPECT_EQ(c.listeners[1].tls, ListenerTls::starttls);
  ASSERT_EQ(c.listeners[1].cleartext_login_networks.size(), 2u);
  EXPECT_EQ(c.listeners[1].cleartext_login_networks[0].to_string(), "10.0.0.0/8");
  EXPECT_EQ(c.listeners[2].address.path, "/run/g.sock");
  EXPECT_EQ(c.listeners[2].unix_mode, 0666u);
  EXPECT_EQ(c.tls.certificates.at(0).certificate, "c.pem");
  EXPECT_EQ(c.tls.certificates.at(0).key, "k.pem");
  EXPECT_EQ(c.tls.min_version, TlsVersion::tls1_3);
  EXPECT_EQ(c.tls.ticket_rotation, seconds(7200));
  EXPECT_EQ(c.pools.at(0).servers.at(0).address, (Endpoint{"up.example", 995, ""}));
  EXPECT_EQ(c.pools.at(0).tls, UpstreamTls::implicit);
  EXPECT_TRUE(c.pools.at(0).verify);
  EXPECT_EQ(c.pools.at(0).ca_file, "ca.pem");
  EXPECT_EQ(c.pools.at(0).server_name, "pop.example");
  EXPECT_EQ(c.pools.at(0).min_version, TlsVersion::tls1_3);
  EXPECT_EQ(c.pools.at(0).resolve_every, seconds(90));
  EXPECT_EQ(c.timeouts.handshake, milliseconds(500));
  EXPECT_EQ(c.timeouts.login, seconds(60));
  EXPECT_EQ(c.timeouts.inactivity, seconds(3600));
  EXPECT_EQ(c.timeouts.upstream_connect, seconds(1));
  EXPECT_EQ(c.timeouts.upstream_greeting, seconds(2));
  EXPECT_EQ(c.timeouts.upstream_login, seconds(3));
  EXPECT_EQ(c.timeouts.upstream_reply, seconds(4));
  EXPECT_EQ(c.timeouts.drain, seconds(0));
  EXPECT_EQ(c.limits.connections, 7u);
  EXPECT_EQ(c.limits.login_attempts, 2u);
  EXPECT_EQ(c.limits.pipeline, 4u);
  EXPECT_EQ(c.limits.bad_commands, 5u);
  EXPECT_EQ(c.limits.memory, 33'554'432u);
  EXPECT_EQ(c.timeouts.upgrade, seconds(7200));
  EXPECT_EQ(c.admin.address, "127.0.0.1:9");
  EXPECT_EQ(c.admin.token_file, "t");
  EXPECT_EQ(c.admin.control, "/run/c");
  EXPECT_EQ(c.admin.control_mode, 0660u);
  EXPECT_EQ(c.log.level, LogLevel::debug);
  EXPECT_EQ(c.log.format, LogFormat::json);
  EXPECT_EQ(c.log.file, "g.log");
}

std::vector<std::string> texts(const std::vector<IpNetwork>& networks) {
  std::vector<std::string> result;
  for (const IpNetwork& network : networks) result.push_back(network.to_string());
  return result;
}

constexpr std::string_view kFull = R"({
  "listeners": [{"name": "a", "address": ":995", "legacy_tls_networks": ["10.0.0.9"],
    "proxy_protocol": true, "xclient": true, "trusted_networks": ["10.0.0.0/8", "::1"],
    "apop": true, "implementation": "Some Server 1.0"}],
  "tls": {"certificate": "c", "ocsp": "o", "client_certificates": "optional",
    "certificates": [{"certificate": "c1", "key": "k1", "ocsp": "o1"}, {"certificate": "c2"}],
    "certificate_folders": ["f1", "f2"], "ticket_key_file": "t", "client_ca_file": "ca",
    "watch_every": "0s"},
  "pools": {
    "many": {"servers": ["s1.example", {"address": "s2.example:1995", "weight": 3,
        "max_connections": 7, "priority": 2}],
      "tls": "implicit", "certificate": "pc", "key": "pk", "balance": "user_hash", "retries": 0,
      "pins": ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="], "slow_start": "1500ms",
      "health_check": {"interval": "0s", "rise": 4, "fall": 5}, "proxy_protocol": "v2",
      "xclient": true, "initial_response": false, "utf8": "downgrade",
      "master_user": "{user}*m", "master_password_file": "mp"},
    "by-dns": {"srv": "example.com", "proxy_protocol": "v1"}},
  "routes": [
    {"name": "r", "listeners": ["a"], "server_names": ["*.example.com"], "networks": ["::/0"],
      "certificates": ["CN=*"], "domains": ["example.com"], "users": ["a*", "?"], "pool": "by-dns",
      "user": "{local}@{domain}", "lower_case": true, "default_domain": "example.net"},
    {"pool": "many"}],
  "limits": {"connections_per_network": 10, "network_prefix_v4": 24, "network_prefix_v6": 48,
    "accept_rate": 11, "free_failed_logins": 12, "failed_login_delay_max": "1500ms",
    "failed_login_memory": "2m", "exempt_networks": ["127.0.0.1"]}
})";

TEST(LoadTest, PutsEveryKeyOfClientsInItsPlace) {
  const Loaded loaded = load(kFull);
  ASSERT_TRUE(loaded.config) << problems(loaded);
  const Listener& listener = loaded.config->listeners.at(0);
  EXPECT_THAT(texts(listener.legacy_tls_networks), ElementsAre("10.0.0.9/32"));
  EXPECT_TRUE(listener.proxy_protocol);
  EXPECT_TRUE(listener.xclient);
  EXPECT_THAT(texts(listener.trusted_networks), ElementsAre("10.0.0.0/8", "::1/128"));
  EXPECT_TRUE(listener.apop);
  EXPECT_EQ(listener.implementation, "Some Server 1.0");

  const Tls& tls = loaded.config->tls;
  std::string certificates;
  for (const Certificate& each : tls.certificates) {
    certificates += each.certificate + "," + each.key + "," + each.ocsp + " ";
  }
  EXPECT_EQ(certificates, "c,,o c1,k1,o1 c2,, ");
  EXPECT_THAT(tls.certificate_folders, ElementsAre("f1", "f2"));
  EXPECT_EQ(tls.ticket_key_file, "t");
  EXPECT_EQ(tls.client_certificates, ClientCertificates::optional);
  EXPECT_EQ(tls.client_ca_file, "ca");
  EXPECT_EQ(tls.watch_every, seconds(0));

  const Limits& limits = loaded.config->limits;
  EXPECT_EQ(limits.connections_per_network, 10u);
  EXPECT_EQ(limits.network_prefix_v4, 24u);
  EXPECT_EQ(limits.network_prefix_v6, 48u);
  EXPECT_EQ(limits.accept_rate, 11u);
  EXPECT_EQ(limits.free_failed_logins, 12u);
  EXPECT_EQ(limits.failed_login_delay_max, milliseconds(1500));
  EXPECT_EQ(limits.failed_login_memory, seconds(120));
  EXPECT_THAT(texts(limits.exempt_networks), ElementsAre("127.0.0.1/32"));
}

TEST(LoadTest, PutsEveryKeyOfPoolsInItsPlace) {
  const Loaded loaded = load(kFull);
  ASSERT_TRUE(loaded.config) << problems(loaded);
  ASSERT_EQ(loaded.config->pools.size(), 2u);
  const Pool& dns = loaded.config->pools[0];
  EXPECT_EQ(dns.name, "by-dns");
  EXPECT_TRUE(dns.servers.empty());
  EXPECT_EQ(dns.srv, "example.com");
  EXPECT_EQ(dns.proxy_protocol, ProxyProtocol::v1);
  EXPECT_EQ(dns.health_check.interval, milliseconds(10'000));

  const Pool& many = loaded.config->pools[1];
  EXPECT_EQ(many.name, "many");
  ASSERT_EQ(many.servers.size(), 2u);
  EXPECT_EQ(many.servers[0].address, (Endpoint{"s1.example", 995, ""}));
  EXPECT_EQ(many.servers[0].weight, 1u);
  EXPECT_EQ(many.servers[1].address, (Endpoint{"s2.example", 1995, ""}));
  EXPECT_EQ(many.servers[1].weight, 3u);
  EXPECT_EQ(many.servers[1].max_connections, 7u);
  EXPECT_EQ(many.servers[1].priority, 2u);
  EXPECT_EQ(many.certificate, "pc");
  EXPECT_EQ(many.key, "pk");
  EXPECT_THAT(many.pins, ElementsAre("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="));
  EXPECT_EQ(many.balance, Balance::user_hash);
  EXPECT_EQ(many.retries, 0u);
  EXPECT_EQ(many.slow_start, milliseconds(1500));
  EXPECT_EQ(many.health_check.interval, milliseconds(0));
  EXPECT_EQ(many.health_check.rise, 4u);
  EXPECT_EQ(many.health_check.fall, 5u);
  EXPECT_EQ(many.proxy_protocol, ProxyProtocol::v2);
  EXPECT_TRUE(many.xclient);
  EXPECT_FALSE(many.initial_response);
  EXPECT_EQ(many.utf8, Utf8::downgrade);
  EXPECT_EQ(many.master_user, "{user}*m");
  EXPECT_EQ(many.master_password_file, "mp");
}

TEST(LoadTest, PutsEveryKeyOfRoutesInItsPlace) {
  const Loaded loaded = load(kFull);
  ASSERT_TRUE(loaded.config) << problems(loaded);
  ASSERT_EQ(loaded.config->routes.size(), 2u);
  const Route& route = loaded.config->routes[0];
  EXPECT_EQ(route.name, "r");
  EXPECT_THAT(route.listeners, ElementsAre("a"));
  EXPECT_THAT(route.server_names, ElementsAre("*.example.com"));
  EXPECT_THAT(texts(route.networks), ElementsAre("::/0"));
  EXPECT_THAT(route.certificates, ElementsAre("CN=*"));
  EXPECT_THAT(route.domains, ElementsAre("example.com"));
  EXPECT_THAT(route.users, ElementsAre("a*", "?"));
  EXPECT_EQ(route.pool, "by-dns");
  EXPECT_EQ(route.user, "{local}@{domain}");
  EXPECT_TRUE(route.lower_case);
  EXPECT_EQ(route.default_domain, "example.net");
  EXPECT_EQ(loaded.config->routes[1].name, "route 2");
  EXPECT_EQ(loaded.config->routes[1].pool, "many");
}

TEST(LoadTest, UpstreamIsAPoolAndTheLastRoute) {
  const Loaded loaded = load(file_with(R"("pools": {"p": {"address": "127.0.0.1"}},
    "routes": [{"users": ["a"], "pool": "p"}])"));
  EXPECT_EQ(problems(loaded), "");
  ASSERT_TRUE(loaded.config);
  ASSERT_EQ(loaded.config->pools.size(), 2u);
  EXPECT_EQ(loaded.config->pools[0].name, "upstream");
  ASSERT_EQ(loaded.config->routes.size(), 2u);
  EXPECT_EQ(loaded.config->routes[1].name, "upstream");
  EXPECT_EQ(loaded.config->routes[1].pool, "upstream");
  EXPECT_EQ(loaded.config->routes[1].user, "{user}");
}

TEST(LoadTest, WithoutAFileFlagsAreEnough) {
  Overrides flags;
  flags.pop3s = ":995";
  flags.pop3 = ":110";
  flags.upstream = "127.0.0.1:1110";
  flags.cert = "c.pem";
  flags.key = "k.pem";
  const Loaded loaded = load("", flags);
  EXPECT_EQ(problems(loaded), "");
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->listeners[0].tls, ListenerTls::implicit);
  EXPECT_EQ(loaded.config->listeners[1].tls, ListenerTls::starttls);
  EXPECT_EQ(loaded.config->workers, 0u);
}

TEST(LoadTest, WithoutAnythingSaysWhatIsNeeded) {
  const Loaded loaded = load("");
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(problems(loaded),
              HasSubstr("/listeners: missing (or the flag --pop3s, --pop3, --pop3-plain)"));
  EXPECT_THAT(problems(loaded), HasSubstr("/upstream/address: missing (or the flag --upstream)"));
}

TEST(LoadTest, EveryFlagReplacesTheFilesValue) {
  Overrides flags;
  flags.upstream = "flag.example";
  flags.upstream_tls = "starttls";
  flags.upstream_ca = "flag-ca.pem";
  flags.upstream_name = "name.example";
  flags.upstream_verify = false;
  flags.cert = "flag-c.pem";
  flags.key = "flag-k.pem";
  flags.workers = "auto";
  flags.admin = "127.0.0.1:1";
  flags.admin_token_file = "flag-t";
  flags.control = "/flag";
  flags.log_level = "error";
  flags.log_format = "text";
  flags.log_file = "flag.log";
  const Loaded loaded = load(kWhole, flags);
  ASSERT_TRUE(loaded.config) << problems(loaded);
  const Config& c = *loaded.config;
  EXPECT_EQ(c.listeners.size(), 3u);
  EXPECT_EQ(c.pools.at(0).servers.at(0).address, (Endpoint{"flag.example", 110, ""}));
  EXPECT_EQ(c.pools.at(0).tls, UpstreamTls::starttls);
  EXPECT_EQ(c.pools.at(0).ca_file, "flag-ca.pem");
  EXPECT_EQ(c.pools.at(0).server_name, "name.example");
  EXPECT_FALSE(c.pools.at(0).verify);
  EXPECT_EQ(c.tls.certificates.at(0).certificate, "flag-c.pem");
  EXPECT_EQ(c.tls.certificates.at(0).key, "flag-k.pem");
  EXPECT_EQ(c.workers, 0u);
  EXPECT_EQ(c.admin.address, "127.0.0.1:1");
  EXPECT_EQ(c.admin.token_file, "flag-t");
  EXPECT_EQ(c.admin.control, "/flag");
  EXPECT_EQ(c.log.level, LogLevel::error);
  EXPECT_EQ(c.log.format, LogFormat::text);
  EXPECT_EQ(c.log.file, "flag.log");
}

TEST(LoadTest, TheUpstreamFlagReplacesEveryWayToNameServers) {
  Overrides flags;
  flags.upstream = "a.example,b.example:1110,unix:/c";
  flags.upstream_tls = "starttls";
  flags.upstream_name = "pop.example";
  for (const char* before : {R"("address": "x")", R"("servers": ["x", "y"])", R"("srv": "x.y")"}) {
    const Loaded loaded = load(R"({"listeners": [{"address": "[::1]:110", "tls": "none"}],
      "upstream": {)" + std::string(before) +
                                   "}}",
                               flags);
    EXPECT_EQ(problems(loaded), "");
    ASSERT_TRUE(loaded.config);
    const Pool& pool = loaded.config->pools.at(0);
    EXPECT_EQ(pool.srv, "");
    ASSERT_EQ(pool.servers.size(), 3u);
    EXPECT_EQ(pool.servers[0].address, (Endpoint{"a.example", 110, ""}));
    EXPECT_EQ(pool.servers[1].address, (Endpoint{"b.example", 1110, ""}));
    EXPECT_EQ(pool.servers[2].address.path, "/c");
  }
  flags.upstream = "a.example,";
  EXPECT_THAT(problems(load(file_with(""), flags)), HasSubstr("--upstream: found \"\", must be"));
  flags.upstream = "a.example,A.example";
  EXPECT_THAT(problems(load(file_with(""), flags)),
              HasSubstr("--upstream: /upstream/servers/0 is this server already"));
}

TEST(LoadTest, FlagsOfTrustReachEveryListener) {
  Overrides flags;
  flags.proxy_protocol = true;
  flags.trusted_network = "192.0.2.4,2001:db8::/32";
  const Loaded loaded = load(R"({"upstream": {"address": "127.0.0.1"}, "listeners": [
    {"address": "127.0.0.1:1", "tls": "none"}, {"address": "unix:/a", "tls": "none"}]})",
                             flags);
  EXPECT_EQ(problems(loaded), "");
  ASSERT_TRUE(loaded.config);
  for (const Listener& listener : loaded.config->listeners) EXPECT_TRUE(listener.proxy_protocol);
  EXPECT_THAT(texts(loaded.config->listeners[0].trusted_networks),
              ElementsAre("192.0.2.4/32", "2001:db8::/32"));
  EXPECT_TRUE(loaded.config->listeners[1].trusted_networks.empty());

  flags.pop3_plain = "127.0.0.1:2";
  flags.trusted_network = "192.0.2.4/24";
  EXPECT_THAT(problems(load("", flags)), HasSubstr("--trusted-network: \"192.0.2.4/24\""));
  flags.trusted_network.reset();
  EXPECT_THAT(problems(load("", flags)), HasSubstr("--pop3-plain: missing (or the flag --trusted"));
}

TEST(LoadTest, TheFolderFlagReplacesTheFilesFolders) {
  Overrides flags;
  flags.pop3s = "127.0.0.1:995";
  flags.cert_folder = "flag,s";
  const Loaded loaded = load(file_with(R"("tls": {"certificate_folders": ["a", "b"]})"), flags);
  EXPECT_EQ(problems(loaded), "");
  ASSERT_TRUE(loaded.config);
  EXPECT_THAT(loaded.config->tls.certificate_folders, ElementsAre("flag,s"));
  EXPECT_TRUE(loaded.config->tls.certificates.empty());
}

TEST(LoadTest, AnyListenerFlagReplacesTheFilesListeners) {
  Overrides flags;
  flags.pop3_plain = "127.0.0.1:2110";
  const Loaded loaded = load(kWhole, flags);
  ASSERT_TRUE(loaded.config) << problems(loaded);
  ASSERT_EQ(loaded.config->listeners.size(), 1u);
  EXPECT_EQ(loaded.config->listeners[0].name, "127.0.0.1:2110");
  EXPECT_EQ(loaded.config->listeners[0].tls, ListenerTls::none);
}

TEST(LoadTest, ErrorsNameTheFlagThatTheValueCameFrom) {
  Overrides flags;
  flags.pop3s = "995";
  flags.pop3 = ":110000";
  flags.upstream_tls = "ssl";
  flags.cert = "c.pem";
  flags.key = "k.pem";
  flags.workers = "-1";
  flags.log_level = std::string(100'000, 'x');
  const Loaded loaded = load(file_with(""), flags);
  EXPECT_FALSE(loaded.config);
  for (const Problem& problem : loaded.problems) {
    EXPECT_EQ(problem.line, 0u) << problem.path << problem.text;
  }
  const std::string text = problems(loaded);
  EXPECT_THAT(text, HasSubstr("--pop3s: \"995\": for a port on every address write \":995\""));
  EXPECT_THAT(text, HasSubstr("--pop3: \":110000\": the port is a number"));
  EXPECT_THAT(text, HasSubstr("--upstream-tls: found \"ssl\", must be \"none\", \"starttls\" or"));
  EXPECT_THAT(text,
              HasSubstr("--workers: found \"-1\", must be \"auto\" or a whole number from 1"));
  EXPECT_THAT(text, HasSubstr("--log-level: a text is longer than 4096 bytes"));
}

TEST(LoadTest, FlagsHoldPlainUtf8) {
  for (const std::string bad : {"\xff", "a\xc3", "\xed\xa0\x80", "\x80\x80\x80\x80\x80\x80\x80"}) {
    Overrides flags;
    flags.cert = bad;
    flags.pop3s = bad;
    const std::string text = problems(load(file_with(""), flags));
    EXPECT_THAT(text, HasSubstr("--cert: a text is not UTF-8"));
    EXPECT_THAT(text, HasSubstr("--pop3s: a text is not UTF-8"));
  }
  Overrides flags;
  flags.cert = "a\nb";
  EXPECT_THAT(problems(load(file_with(""), flags)), HasSubstr("--cert: a text contains a control"));
  flags.cert = "schl\xc3\xbcssel.pem";
  EXPECT_TRUE(load(file_with(""), flags).config);
}

TEST(LoadTest, FlagsDoNotHideThatTheFileIsWrong) {
  Overrides flags;
  flags.upstream = "127.0.0.1:110";
  flags.cert = "c.pem";
  const Loaded loaded = load(R"({"listeners": 5, "upstream": [], "tls": "x"})", flags);
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(problems(loaded), HasSubstr("f:1: /upstream: found a list of 0 items, must be an"));
  EXPECT_THAT(problems(loaded), HasSubstr("f:1: /tls: found \"x\", must be an object"));
  EXPECT_FALSE(load("[]", flags).config);
  EXPECT_FALSE(load("5", flags).config);
}

TEST(LoadTest, ProblemsReadLikeACompilers) {
  EXPECT_EQ(to_string({"/a", 12, "bad"}, "g.json"), "g.json:12: /a: bad");
  EXPECT_EQ(to_string({"/a", 0, "bad"}, "g.json"), "g.json: /a: bad");
  EXPECT_EQ(to_string({"", 3, "bad"}, "g.json"), "g.json:3: bad");
  EXPECT_EQ(to_string({"/a", 12, "odd", true}, "g.json"), "g.json:12: warning: /a: odd");
  EXPECT_EQ(to_string({"--cert", 0, "bad"}, "g.json"), "--cert: bad");
  EXPECT_EQ(to_string({"/a", 0, "bad"}, ""), "/a: bad");
}

class LoadFileTest : public ::testing::Test {
 protected:
  void write(std::string_view text) { std::ofstream(path_, std::ios::binary) << text; }
  ~LoadFileTest() override { std::remove(path_.c_str()); }
  std::string path_ = ::testing::TempDir() + "load_test." + std::to_string(::getpid()) + ".jsonc";
};

TEST_F(LoadFileTest, ReadsAFile) {
  write(kWhole);
  const Loaded loaded = load_file(path_);
  EXPECT_EQ(problems(loaded), "");
  EXPECT_TRUE(loaded.config);
}

TEST_F(LoadFileTest, SaysWhyAFileCannotBeRead) {
  EXPECT_THAT(problems(load_file(path_)), HasSubstr("f: cannot be read: No such file"));
  EXPECT_THAT(problems(load_file(::testing::TempDir())), HasSubstr("cannot be read: Is a dir"));
}

TEST_F(LoadFileTest, TakesOneMebibyteAndNotOneByteMore) {
  const std::string file = file_with("");
  const std::size_t limit = 1024 * 1024;
  write(file + std::string(limit - file.size(), ' '));
  EXPECT_TRUE(load_file(path_).config);
  write(file + std::string(limit - file.size() + 1, ' '));
  EXPECT_THAT(problems(load_file(path_)), HasSubstr("larger than 1048576 bytes"));
}

TEST(LoadTest, PutsEveryKeyOfTheProcessInItsPlace) {
  const Loaded loaded = load(file_with(
      R"("process": {"user": "mail", "group": "staff", "core_dumps": true, "seccomp": "log"})"));
  ASSERT_TRUE(loaded.config) << problems(loaded);
  const Process& process = loaded.config->process;
  EXPECT_EQ(process.user, "mail");
  EXPECT_EQ(process.group, "staff");
  EXPECT_TRUE(process.core_dumps);
  EXPECT_EQ(process.seccomp, Seccomp::log);
}

TEST(LoadTest, AGroupNeedsAUser) {
  const Loaded loaded = load(file_with(R"("process": {"group": "mail"})"));
  EXPECT_FALSE(loaded.config);
  EXPECT_TRUE(problems(loaded).contains("/process/group")) << problems(loaded);
}

}  // namespace
}  // namespace gatepost::config
