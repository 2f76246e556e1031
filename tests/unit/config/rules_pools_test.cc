#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "config/load.h"
#include "tests/unit/config/problems.h"

namespace gatepost::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kStart = R"({"listeners": [{"address": "127.0.0.1:110", "tls": "none"}], )";

std::string with_pool(std::string_view pool) {
  return problems(load(
      kStart + (R"("pools": {"p": {)" + std::string(pool) + R"(}}, "routes": [{"pool": "p"}]})")));
}

std::string with_upstream(std::string_view upstream) {
  return problems(load(kStart + (R"("upstream": {)" + std::string(upstream) + "}}")));
}

TEST(PoolRulesTest, ServersAreNamedInExactlyOneWay) {
  EXPECT_EQ(with_pool(R"("address": "127.0.0.1")"), "");
  EXPECT_EQ(with_pool(R"("servers": ["127.0.0.1"])"), "");
  EXPECT_EQ(with_pool(R"("srv": "a.example", "tls": "starttls", "server_name": "b")"), "");
  EXPECT_THAT(with_pool(""), HasSubstr("f:1: /pools/p/address: missing, or \"servers\", or"));
  EXPECT_THAT(with_upstream(""), HasSubstr("/upstream/address: missing (or the flag --upstream), "
                                           "or \"servers\", or \"srv\""));
  EXPECT_THAT(with_pool(R"("address": "127.0.0.1", "servers": ["::1"])"),
              HasSubstr("/pools/p/servers: only one of \"address\", \"servers\" and \"srv\" may"));
  EXPECT_THAT(with_pool(R"("srv": "a.example", "servers": ["::1"])"),
              HasSubstr("/pools/p/srv: only one of \"address\", \"servers\" and \"srv\" may be "
                        "given, and \"servers\" is"));
  EXPECT_THAT(with_pool(R"("servers": [])"),
              HasSubstr("/pools/p/servers: found a list of 0 items"));
}

TEST(PoolRulesTest, EveryServerIsOneToConnectTo) {
  const std::string text = with_pool(R"("servers": ["a b", ":110", "127.0.0.1:0",
    {"address": "unix:"}, {"address": ":1"}, {}, 5, ""])");
  for (const char* part :
       {"/pools/p/servers/0: \"a b\"", "/pools/p/servers/1: names no host",
        "/pools/p/servers/2: port 0 is no port", "/pools/p/servers/3/address: \"unix:\"",
        "/pools/p/servers/4/address: names no host", "/pools/p/servers/5/address: missing",
        "/pools/p/servers/6: found 5, must be an address, or an object with an \"address\"",
        "/pools/p/servers/7: found \"\", must be an address, or"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(PoolRulesTest, AServerStandsInAPoolOnce) {
  EXPECT_THAT(with_pool(R"("servers": ["localhost", "::1", {"address": "LOCALHOST:110"}])"),
              HasSubstr("/pools/p/servers/2/address: /pools/p/servers/0 is this server already"));
  EXPECT_THAT(with_pool(R"("servers": ["localhost:1", "localhost:2"])"), "");
  EXPECT_EQ(with_pool(R"("servers": ["unix:/a", "unix:/A"])"), "");
  // What matters is the port after the default was put in.
  EXPECT_THAT(with_pool(R"("tls": "implicit", "servers": ["a", "a:995"])"),
              HasSubstr("/pools/p/servers/1: /pools/p/servers/0 is this server already"));
}

TEST(PoolRulesTest, SrvIsADomain) {
  EXPECT_THAT(with_pool(R"("tls": "starttls", "server_name": "a", "srv": "_pop3._tcp.a.example")"),
              HasSubstr("/pools/p/srv: \"_pop3._tcp.a.example\" is no domain"));
}

TEST(PoolRulesTest, AMasterUserHasAPasswordAndNamesTheMailbox) {
  const auto with_master = [](const std::string& user, const std::string& file) {
    return with_pool(R"("address": "127.0.0.1", "master_user": ")" + user +
                     R"(", "master_password_file": ")" + file + "\"");
  };
  EXPECT_EQ(with_master("", ""), "");
  EXPECT_EQ(with_master("{user}*master", "/p"), "");
  EXPECT_EQ(with_master("{user}", "/p"), "");
  EXPECT_THAT(with_master("{user}*m", ""),
              HasSubstr("/pools/p/master_password_file: missing: \"master_user\" needs"));
  EXPECT_THAT(with_master("", "/p"), HasSubstr("/pools/p/master_user: missing: whose is"));
  EXPECT_THAT(with_master("{local}*m", "/p"), HasSubstr("/pools/p/master_user: holds no {user}"));
  EXPECT_THAT(with_master("*m", "/p"), HasSubstr("/pools/p/master_user: holds neither {user}"));
  EXPECT_THAT(with_master("{user} m", "/p"), HasSubstr("/pools/p/master_user: holds a character"));
}

TEST(PoolRulesTest, PlainTextToAnotherMachineIsAWarning) {
  EXPECT_THAT(with_pool(R"("servers": ["127.0.0.1", "a.example"])"),
              HasSubstr("warning: /pools/p/tls: passwords and mail travel in plain text to "
                        "a.example:110"));
  EXPECT_THAT(with_pool(R"("srv": "a.example")"),
              HasSubstr("warning: /pools/p/tls: passwords and mail travel in plain text to the "
                        "servers of \"a.example\""));
}

TEST(PoolRulesTest, TlsSettingsWithoutTlsAreAWarning) {
  const std::string text = with_pool(R"("address": "127.0.0.1", "verify": false, "ca_file": "c",
    "server_name": "n", "min_version": "1.3", "certificate": "c",
    "pins": ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="])");
  for (const char* key :
       {"verify", "ca_file", "server_name", "min_version", "certificate", "pins"}) {
    EXPECT_THAT(text, HasSubstr("warning: /pools/p/" + std::string(key) + ": has no effect"));
  }
}

TEST(PoolRulesTest, WhoIsVerifiedIsKnown) {
  constexpr const char* kPins = R"(, "pins": ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="])";
  const std::string blind = R"("address": "a", "tls": "implicit", "verify": false)";
  EXPECT_THAT(with_pool(blind), HasSubstr("warning: /pools/p/verify: the upstream's certificate"));
  EXPECT_EQ(with_pool(blind + kPins), "");
  EXPECT_THAT(with_pool(R"("servers": ["a", "unix:/b"], "tls": "implicit")"),
              HasSubstr("/pools/p/server_name: missing: a Unix socket has no name"));
  const std::string dns = R"("srv": "a.example", "tls": "implicit")";
  EXPECT_THAT(with_pool(dns), HasSubstr("warning: /pools/p/server_name: missing: whoever forges"));
  EXPECT_EQ(with_pool(dns + kPins), "");
  EXPECT_EQ(with_pool(dns + R"(, "server_name": "pop.a.example")"), "");
}

TEST(PoolRulesTest, PinsAreBase64Of32Octets) {
  EXPECT_THAT(with_pool(R"("address": "a", "tls": "implicit",
    "pins": ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "YWJj"])"),
              HasSubstr("/pools/p/pins/1: \"YWJj\" is not the base64 of 32 octets"));
}

TEST(PoolRulesTest, AKeyBelongsToACertificate) {
  EXPECT_THAT(with_pool(R"("address": "a", "tls": "implicit", "key": "k")"),
              HasSubstr("/pools/p/key: there is no \"certificate\""));
}

TEST(PoolRulesTest, NobodyIsAskedWithoutAPause) {
  const auto interval = [](const char* text) {
    return with_pool(R"("address": "[::1]", "health_check": {"interval": ")" + std::string(text) +
                     "\"}");
  };
  EXPECT_EQ(interval("0s"), "");
  EXPECT_EQ(interval("0ms"), "");
  EXPECT_EQ(interval("100ms"), "");
  EXPECT_THAT(interval("99ms"),
              HasSubstr("/pools/p/health_check/interval: must be at least 100ms"));
}

TEST(PoolRulesTest, PoolsHaveNames) {
  const auto named = [](const std::string& name) {
    return problems(load(kStart + (R"("upstream": {"address": "127.0.0.1"}, "pools": {")" + name +
                                   R"(": {"address": "127.0.0.1"}}})")));
  };
  EXPECT_EQ(named("a.B_c-1"), "f:1: warning: /pools/a.B_c-1: no route leads here\n");
  EXPECT_THAT(named(std::string(64, 'a')), Not(HasSubstr("letters")));
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("-a"), std::string("a/b"),
        std::string(65, 'a'), std::string(4096, 'a')}) {
    EXPECT_THAT(named(bad), HasSubstr("a name here is up to 64 letters, digits, \".\"")) << bad;
  }
  EXPECT_THAT(named("upstream"), HasSubstr("/pools/upstream: this name is taken"));
  // A long name is not repeated in every problem of the pool.
  const Loaded loaded = load(kStart + ("\"pools\": {\"" + std::string(4096, 'a') +
                                       R"(": {"servers": ["[::1]", "[::1]"]}}})"));
  for (const Problem& problem : loaded.problems) EXPECT_LT(problem.text.size(), 500u);
}

TEST(PoolRulesTest, UnknownKeysInAPoolHaveTheirPath) {
  EXPECT_THAT(with_pool(R"("adress": "a")"),
              HasSubstr("/pools/p/adress: unknown key (did you mean \"address\"?)"));
  EXPECT_THAT(with_pool(R"("address": "a", "health_check": {"rises": 1})"),
              HasSubstr("/pools/p/health_check/rises: unknown key (did you mean \"rise\"?)"));
  EXPECT_THAT(with_pool(R"("servers": [{"address": "a", "wieght": 1}])"),
              HasSubstr("/pools/p/servers/0/wieght: unknown key (did you mean \"weight\"?)"));
  EXPECT_THAT(with_pool(R"("address": "a", "retries": "2")"),
              HasSubstr("/pools/p/retries: found \"2\", must be a whole number from 0 to 16"));
  EXPECT_THAT(with_pool(R"("address": "a", "slow_start": "2h")"),
              HasSubstr("/pools/p/slow_start: found \"2h\", must be a duration from 0s to 1h"));
}

TEST(PoolRulesTest, PoolsAndServersAreBounded) {
  const auto servers = [](int count) {
    std::string list = "\"localhost:1\"";
    for (int i = 2; i <= count; ++i) list += ",\"localhost:" + std::to_string(i) + "\"";
    return with_pool("\"servers\": [" + list + "]");
  };
  EXPECT_EQ(servers(256), "");
  EXPECT_THAT(servers(257), HasSubstr("/pools/p/servers: found a list of 257 items, must be a list "
                                      "of 1 to 256"));
  const auto pools = [](int count) {
    std::string list;
    std::string routes;
    for (int i = 0; i < count; ++i) {
      const std::string name = "\"p" + std::to_string(i) + "\"";
      list += (i == 0 ? "" : ",") + name + R"(: {"address": "127.0.0.1"})";
      routes += (i == 0 ? "" : ",") + (R"({"users": ["u"], "pool": )" + name + "}");
    }
    return problems(load(kStart + ("\"pools\": {" + list + "}, \"routes\": [" + routes + "]}")));
  };
  EXPECT_EQ(pools(64), "");
  EXPECT_THAT(pools(65),
              HasSubstr("/pools: found an object with 65 members, must be an object with "
                        "1 to 64 members"));
  EXPECT_THAT(pools(0), HasSubstr("/pools: found an object with 0 members"));
}

}  // namespace
}  // namespace gatepost::config
