#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config/load.h"
#include "tests/support/source_folder.h"
#include "tests/unit/config/problems.h"

namespace gatepost::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string with_listeners(std::string_view listeners) {
  return problems(load("{\"listeners\": [" + std::string(listeners) +
                       R"(], "tls": {"certificate": "c", "key": "k"},
                          "upstream": {"address": "127.0.0.1:110"}})"));
}

std::string with_upstream(std::string_view upstream) {
  return problems(load(R"({"listeners": [{"address": "127.0.0.1:110", "tls": "none"}],
    "upstream": {)" + std::string(upstream) +
                       "}}"));
}

TEST(RulesTest, ControlHasAPathAndAModeThatFit) {
  const auto with_admin = [](std::string_view admin) {
    return problems(load(file_with("\"admin\": {" + std::string(admin) + "}")));
  };
  EXPECT_THAT(with_admin(R"("address": "off")"), Not(HasSubstr("error")));
  EXPECT_THAT(with_admin(R"("control": "/run/c", "control_mode": "0660")"),
              Not(HasSubstr("control")));
  EXPECT_THAT(with_admin(R"("control": "run/c")"), HasSubstr("/admin/control: "));
  EXPECT_THAT(with_admin("\"control\": \"/" + std::string(100, 'x') + "\""),
              HasSubstr("/admin/control: "));
  EXPECT_THAT(with_admin(R"("control": "/run/c", "control_mode": "0666")"),
              HasSubstr("/admin/control_mode: "));
  EXPECT_THAT(with_admin(R"("control_mode": "0660")"),
              HasSubstr("/admin/control_mode: has no effect without control"));
  EXPECT_THAT(with_admin(R"("address": "off", "token_file": "t")"),
              HasSubstr("/admin/token_file: has no effect without an admin listener"));
}

TEST(RulesTest, AListenerWithTlsNeedsCertificateAndKey) {
  for (const char* tls : {"implicit", "starttls"}) {
    const Loaded loaded = load(R"({"listeners": [{"address": ":1", "tls": ")" + std::string(tls) +
                               R"("}], "upstream": {"address": "127.0.0.1:110"}})");
    EXPECT_FALSE(loaded.config);
    EXPECT_THAT(problems(loaded), HasSubstr("/tls/certificate: missing (or the flag --cert): "
                                            "listener \":1\" speaks TLS"));
    EXPECT_THAT(problems(loaded), HasSubstr("/tls/key: missing (or the flag --key)"));
  }
  EXPECT_TRUE(load(file_with("")).config);
}

TEST(RulesTest, ListenersNeedDifferentAddresses) {
  const char* kTwice = "/listeners/1/address: /listeners/0 already listens at this address";
  EXPECT_THAT(with_listeners(R"({"address": ":995"}, {"address": ":995"})"), HasSubstr(kTwice));
  EXPECT_THAT(with_listeners(R"({"address": ":995"}, {"address": "0.0.0.0:995"})"),
              HasSubstr(kTwice));
  EXPECT_THAT(with_listeners(R"({"address": "[0::0]:995"}, {"address": ":995"})"),
              HasSubstr(kTwice));
  EXPECT_THAT(with_listeners(R"({"address": "unix:/a"}, {"address": "unix:/a"})"),
              HasSubstr(kTwice));
  EXPECT_EQ(with_listeners(R"({"address": "[::]:995"}, {"address": "0.0.0.0:995"})"), "");
  EXPECT_EQ(with_listeners(R"({"address": ":995"}, {"address": "127.0.0.1:995"})"), "");
  EXPECT_THAT(with_listeners(R"({"address": ":0"}, {"address": ":0"})"), HasSubstr(kTwice));
  EXPECT_EQ(with_listeners(R"({"address": ":0"}, {"address": "127.0.0.1:0"})"), "");
}

TEST(RulesTest, TheAdminListenerNeedsAnAddressOfItsOwn) {
  const auto with_admin = [](const char* listener, const char* admin) {
    Overrides flags;
    flags.pop3_plain = listener;
    flags.admin = admin;
    return problems(load(file_with(""), flags));
  };
  EXPECT_THAT(with_admin("127.0.0.1:9110", "127.0.0.1:9110"),
              HasSubstr("--admin: /listeners/0 already listens at this address"));
  EXPECT_THAT(with_admin("127.0.0.1:9110", "0.0.0.0:9110"), Not(HasSubstr("already listens")));
  EXPECT_EQ(with_admin("127.0.0.1:0", "127.0.0.1:0"), "");
}

TEST(RulesTest, ListenersNeedDifferentNames) {
  EXPECT_THAT(with_listeners(R"({"name": "a", "address": ":1"}, {"name": "a", "address": ":2"})"),
              HasSubstr("/listeners/1/name: /listeners/0 already has this name"));
  EXPECT_EQ(with_listeners(R"({"name": "a", "address": ":1"}, {"name": "b", "address": ":2"})"),
            "");
}

TEST(RulesTest, OnlyStarttlsExemptsNetworks) {
  const char* kWhere = "/listeners/0/cleartext_login_networks: ";
  for (const char* tls : {"implicit", "none"}) {
    EXPECT_THAT(with_listeners(R"({"address": "[::1]:1", "cleartext_login_networks": ["::1"], )"
                               R"("tls": ")" +
                               std::string(tls) + "\"}"),
                HasSubstr(std::string(kWhere) + "only a listener with tls \"starttls\""));
  }
  EXPECT_THAT(with_listeners(R"({"address": "unix:/a", "cleartext_login_networks": ["::1"], )"
                             R"("tls": "starttls"})"),
              HasSubstr(std::string(kWhere) + "the clients of a Unix socket"));
  EXPECT_THAT(with_listeners(R"({"address": ":1", "cleartext_login_networks": ["10.0.0.1/8"], )"
                             R"("tls": "starttls"})"),
              HasSubstr("networks/0: \"10.0.0.1/8\": the address has bits set beyond"));
}

TEST(RulesTest, OnlyUnixSocketsHavePermissions) {
  EXPECT_THAT(with_listeners(R"({"address": ":1", "unix_mode": "0600"})"),
              HasSubstr("/listeners/0/unix_mode: only a Unix socket"));
  EXPECT_EQ(with_listeners(R"({"address": "unix:/a", "unix_mode": "600"})"), "");
}

TEST(RulesTest, UnixPathsFitIntoTheSystemsStructure) {
  const auto path = [](std::size_t n) {
    return with_listeners("{\"address\": \"unix:/" + std::string(n - 1, 'a') + "\"}");
  };
  EXPECT_EQ(path(107), "");
  EXPECT_THAT(path(108), HasSubstr("has at most 107 bytes, this one has 108"));
}

TEST(RulesTest, PlainTextBeyondThisMachineIsAWarning) {
  EXPECT_THAT(with_listeners(R"({"address": ":110", "tls": "none"})"),
              HasSubstr("warning: /listeners/0/tls: passwords and mail travel in plain text"));
  EXPECT_THAT(with_upstream(R"("address": "mail:110")"),
              HasSubstr("warning: /upstream/tls: passwords and mail travel in plain text to mail"));
  for (const char* local : {"localhost:110", "127.1.2.3:110", "[::1]:110", "unix:/a"}) {
    const std::string address = "\"address\": \"" + std::string(local) + "\"";
    EXPECT_EQ(with_upstream(address), "");
    EXPECT_EQ(with_listeners("{" + address + ", \"tls\": \"none\"}"), "");
  }
}

TEST(RulesTest, WarningsDoNotStopAnybody) {
  const Loaded loaded = load(R"({"listeners": [{"address": ":110", "tls": "none"}],
    "upstream": {"address": "mail", "tls": "implicit", "verify": false},
    "admin": {"address": ":9110"}})");
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.problems.size(), 3u);
  for (const Problem& problem : loaded.problems) EXPECT_TRUE(problem.warning) << problem.path;
  EXPECT_THAT(problems(loaded), HasSubstr("/upstream/verify: the upstream's certificate is not"));
  EXPECT_THAT(problems(loaded), HasSubstr("/admin/address: metrics are readable from other"));
}

TEST(RulesTest, TlsSettingsWithoutTlsAreAWarning) {
  const std::string text = with_upstream(
      R"("address": "127.0.0.1:110", "verify": false, "ca_file": "c", "server_name": "n")");
  for (const char* key : {"verify", "ca_file", "server_name"}) {
    EXPECT_THAT(text, HasSubstr("warning: /upstream/" + std::string(key) + ": has no effect"));
  }
}

TEST(RulesTest, TheUpstreamsAddressIsOneToConnectTo) {
  EXPECT_THAT(with_upstream(R"("address": ":110")"), HasSubstr("names no host"));
  EXPECT_THAT(with_upstream(R"("address": "127.0.0.1:0")"), HasSubstr("port 0 is no port"));
  EXPECT_THAT(with_upstream(R"("address": "unix:/a", "tls": "starttls")"),
              HasSubstr("/upstream/server_name: missing (or the flag --upstream-name)"));
  EXPECT_EQ(with_upstream(R"("address": "unix:/a", "tls": "starttls", "server_name": "::1")"), "");
  EXPECT_THAT(with_upstream(R"("address": "a", "tls": "starttls", "server_name": "pop:995")"),
              HasSubstr("\"pop:995\" is no host name"));
}

TEST(RulesTest, TheUpstreamsPortFollowsItsTls) {
  const auto port = [](const char* tls) {
    return load(R"({"listeners": [{"address": "[::1]:1", "tls": "none"}], "upstream":
      {"address": "mail", "tls": ")" +
                std::string(tls) + "\"}}")
        .config->pools.at(0)
        .servers.at(0)
        .address.port;
  };
  EXPECT_EQ(port("none"), 110);
  EXPECT_EQ(port("starttls"), 110);
  EXPECT_EQ(port("implicit"), 995);
}

TEST(RulesTest, TheAdminListenerSpeaksTcp) {
  EXPECT_THAT(problems(load(file_with(R"("admin": {"address": "unix:/a"})"))),
              HasSubstr("/admin/address: the admin listener speaks HTTP over TCP only"));
  EXPECT_EQ(load(file_with(R"("admin": {"address": "off"})")).config->admin.address, "");
}

TEST(ExamplesTest, EveryExampleLoadsWithNoMoreThanItsKnownWarning) {
  for (const auto& [name, warnings] : {std::pair("corporate", 1u), std::pair("antivirus", 0u),
                                       std::pair("sidecar", 1u), std::pair("hosting", 2u)}) {
    const Loaded loaded =
        load_file(gatepost::testing::source_file("config/examples/") + name + ".jsonc");
    EXPECT_TRUE(loaded.config) << name;
    EXPECT_EQ(loaded.problems.size(), warnings) << problems(loaded);
  }
}

}  // namespace
}  // namespace gatepost::config
