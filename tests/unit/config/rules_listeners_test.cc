#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "config/load.h"
#include "tests/unit/config/problems.h"

namespace gatepost::config {
namespace {

using ::testing::HasSubstr;

std::string with_listener(std::string_view listener) {
  return problems(load("{\"listeners\": [{" + std::string(listener) +
                       R"(}], "tls": {"certificate": "c", "key": "k"},
                          "upstream": {"address": "127.0.0.1:110"}})"));
}

TEST(ListenerRulesTest, WhoBelievesSaysWhom) {
  for (const char* key : {"proxy_protocol", "xclient"}) {
    const std::string listener = R"("address": ":995", ")" + std::string(key) + "\": true";
    EXPECT_THAT(with_listener(listener),
                HasSubstr("f:1: /listeners/0/trusted_networks: missing (or the flag "
                          "--trusted-network): " +
                          std::string(key) + " believes"));
    EXPECT_EQ(with_listener(listener + R"(, "trusted_networks": ["10.0.0.0/8"])"), "");
  }
  EXPECT_EQ(with_listener(R"("address": ":995", "proxy_protocol": true, "xclient": true,
                             "trusted_networks": ["10.0.0.1"])"),
            "");
}

TEST(ListenerRulesTest, TrustForNothingIsAWarning) {
  EXPECT_THAT(with_listener(R"("address": ":995", "trusted_networks": ["10.0.0.1"])"),
              HasSubstr("warning: /listeners/0/trusted_networks: has no effect without"));
}

TEST(ListenerRulesTest, TrustInEverybodyIsAWarning) {
  for (const char* all : {"0.0.0.0/0", "::/0"}) {
    EXPECT_THAT(with_listener(R"("address": ":995", "xclient": true, "trusted_networks": [")" +
                              std::string(all) + "\"]"),
                HasSubstr("warning: /listeners/0/trusted_networks: everybody may claim"));
  }
}

TEST(ListenerRulesTest, TrustedNetworksAreNetworks) {
  EXPECT_THAT(with_listener(R"("address": ":995", "xclient": true,
                               "trusted_networks": ["10.0.0.1", "lb.example"])"),
              HasSubstr("/listeners/0/trusted_networks/1: \"lb.example\" is"));
}

TEST(ListenerRulesTest, AUnixSocketTrustsWhoeverMayOpenIt) {
  EXPECT_EQ(with_listener(R"("address": "unix:/a", "proxy_protocol": true)"), "");
  EXPECT_THAT(with_listener(R"("address": "unix:/a", "xclient": true,
                               "trusted_networks": ["10.0.0.1"])"),
              HasSubstr("/listeners/0/trusted_networks: the clients of a Unix socket"));
}

TEST(ListenerRulesTest, OldTlsIsAWarning) {
  for (const char* tls : {"implicit", "starttls"}) {
    EXPECT_THAT(with_listener(R"("address": ":1", "legacy_tls_networks": ["10.0.0.1"], "tls": ")" +
                              std::string(tls) + "\""),
                HasSubstr("warning: /listeners/0/legacy_tls_networks: TLS 1.0, TLS 1.1 and old"));
  }
  const Loaded loaded = load(R"({"listeners": [{"address": ":1", "legacy_tls_networks": ["::1"]}],
    "tls": {"certificate": "c", "min_version": "1.3"}, "upstream": {"address": "127.0.0.1:110"}})");
  EXPECT_TRUE(loaded.config);
  EXPECT_EQ(loaded.problems.size(), 1u) << problems(loaded);
}

TEST(ListenerRulesTest, OldTlsNeedsTlsAndNetworks) {
  const std::string legacy = R"(, "legacy_tls_networks": ["10.0.0.1"])";
  EXPECT_THAT(with_listener(R"("address": "127.0.0.1:1", "tls": "none")" + legacy),
              HasSubstr("/listeners/0/legacy_tls_networks: this listener speaks no TLS"));
  EXPECT_THAT(with_listener(R"("address": "unix:/a")" + legacy),
              HasSubstr("/listeners/0/legacy_tls_networks: the clients of a Unix socket have no"));
  // Where PROXY headers say who the client is, networks mean something.
  const std::string told = R"("address": "unix:/a", "proxy_protocol": true)";
  EXPECT_THAT(with_listener(told + legacy), HasSubstr("legacy_tls_networks: TLS 1.0"));
  EXPECT_EQ(with_listener(told + R"(, "tls": "starttls", "cleartext_login_networks": ["::1"])"),
            "");
}

TEST(ListenerRulesTest, WhatCapaSaysIsPlainText) {
  EXPECT_EQ(with_listener(R"("address": ":1", "implementation": "A b 1.0 [c]")"), "");
  EXPECT_EQ(with_listener(R"("address": ":1", "implementation": ")" + std::string(200, 'a') + "\""),
            "");
  EXPECT_THAT(with_listener(R"("address": ":1", "implementation": "\u00e4")"),
              HasSubstr("/listeners/0/implementation: found"));
  EXPECT_THAT(
      with_listener(R"("address": ":1", "implementation": ")" + std::string(201, 'a') + "\""),
      HasSubstr("must be printable ASCII of 0 to 200 characters"));
}

}  // namespace
}  // namespace gatepost::config
