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

/// Pools "a" and "b" beside "upstream", a listener "l", and these routes.
std::string with_routes(std::string_view routes, std::string_view more = "") {
  return problems(load(R"({"listeners": [{"name": "l", "address": "127.0.0.1:110", "tls": "none"}],
    "upstream": {"address": "127.0.0.1"},
    "pools": {"a": {"address": "127.0.0.1"}, "b": {"address": "127.0.0.1"}},
    "routes": [)" + std::string(routes) +
                       "]" + std::string(more) + "}"));
}

/// A route to "a" with these members; all else is in order.
std::string with_route(std::string_view members) {
  return with_routes(R"({"users": ["x"], "pool": "b"}, {"pool": "a", )" + std::string(members) +
                     "}");
}

TEST(RouteRulesTest, RoutesNameWhatThereIs) {
  EXPECT_EQ(with_route(R"("listeners": ["l"])"), "");
  EXPECT_THAT(with_route(R"("listeners": ["l", "m"])"),
              HasSubstr("/routes/1/listeners/1: no listener has the name \"m\""));
  EXPECT_THAT(with_routes(R"({"pool": "c"})"), HasSubstr("/routes/0/pool: there is no pool \"c\""));
  EXPECT_THAT(with_routes("{}"), HasSubstr("/routes/0/pool: missing"));
  EXPECT_THAT(with_routes(R"({"users": ["x"], "pool": "upstream"})"), Not(HasSubstr("/routes")));
}

TEST(RouteRulesTest, AListenerWithoutANameIsKnownByItsAddress) {
  EXPECT_EQ(problems(load(R"({"listeners": [{"address": "127.0.0.1:110", "tls": "none"}],
    "upstream": {"address": "127.0.0.1"},
    "routes": [{"listeners": ["127.0.0.1:110"], "pool": "upstream", "user": "{local}"}]})")),
            "");
}

TEST(RouteRulesTest, NamesOfRoutesAreDifferent) {
  EXPECT_THAT(with_routes(R"({"name": "r", "users": ["x"], "pool": "a"},
                             {"name": "r", "users": ["y"], "pool": "b"})"),
              HasSubstr("/routes/1/name: /routes/0 already has this name"));
  EXPECT_EQ(with_routes(R"({"name": "upstream", "users": ["x"], "pool": "a"},
                           {"users": ["y"], "pool": "b"})"),
            "");
}

TEST(RouteRulesTest, WhatComesAfterARouteForEverybodyIsNeverUsed) {
  const std::string text = with_routes(R"({"users": ["x"], "pool": "a"}, {"pool": "a"},
    {"users": ["y"], "pool": "b"}, {"pool": "upstream"})");
  EXPECT_THAT(text, HasSubstr("warning: /routes/2: is never used: /routes/1, before it, is for"));
  EXPECT_THAT(text, HasSubstr("warning: /routes/3: is never used: /routes/1"));
  EXPECT_THAT(text, HasSubstr("warning: /pools/b: no route leads here"));
  EXPECT_THAT(text, HasSubstr("warning: /upstream: no route leads here"));
  EXPECT_THAT(text, Not(HasSubstr("/pools/a")));
}

TEST(RouteRulesTest, TheLastRouteMayBeWrittenOut) {
  EXPECT_EQ(with_routes(R"({"users": ["x"], "pool": "a"}, {"users": ["y"], "pool": "b"},
                           {"pool": "upstream", "user": "{local}"})"),
            "");
}

TEST(RouteRulesTest, APoolThatNoRouteUsesIsAWarning) {
  EXPECT_EQ(with_routes(R"({"users": ["x"], "pool": "b"})"),
            "f:3: warning: /pools/a: no route leads here\n");
}

TEST(RouteRulesTest, PoolsWithoutRoutesServeNobody) {
  constexpr const char* kStart = R"({"listeners": [{"address": "127.0.0.1:110", "tls": "none"}],
    "pools": {"a": {"address": "127.0.0.1"}})";
  EXPECT_EQ(problems(load(kStart + std::string("}"))),
            "f:1: /routes: missing: without \"upstream\", it is routes that lead to pools\n");
  EXPECT_THAT(problems(load(kStart + std::string(", \"routes\": []}"))),
              HasSubstr("f:2: /routes: missing"));
  EXPECT_EQ(problems(load(kStart + std::string(R"(, "routes": [{"pool": "a"}]})"))), "");
}

TEST(RouteRulesTest, DomainsAndServerNamesAreDnsNames) {
  EXPECT_EQ(with_route(R"("domains": ["a.example", "xn--bcher-kva.example"])"), "");
  EXPECT_EQ(with_route(R"("server_names": ["a.example", "*.a.example"])"), "");
  EXPECT_THAT(with_route(R"("domains": ["@a.example", "*.a.example", "b\u00fc.example"])"),
              HasSubstr("/routes/1/domains/0: \"@a.example\" is no DNS name (write"));
  EXPECT_THAT(with_route(R"("domains": ["*.a.example"])"),
              HasSubstr("/routes/1/domains/0: \"*.a.example\" is no DNS name"));
  for (const char* bad : {"*", "*.", "a.*.example", "**.a", "*a.example", "a.example:995", "::1"}) {
    EXPECT_THAT(with_route("\"server_names\": [\"" + std::string(bad) + "\"]"),
                HasSubstr("/routes/1/server_names/0: "));
  }
}

TEST(RouteRulesTest, NetworksAreNetworks) {
  EXPECT_EQ(with_route(R"("networks": ["10.0.0.0/8", "::1"])"), "");
  EXPECT_THAT(with_route(R"("networks": ["10.0.0.1/8"])"),
              HasSubstr("/routes/1/networks/0: \"10.0.0.1/8\": the address has bits set"));
}

TEST(RouteRulesTest, AnEmptyListIsNoCondition) {
  for (const char* key :
       {"listeners", "server_names", "networks", "certificates", "domains", "users"}) {
    EXPECT_THAT(with_route("\"" + std::string(key) + "\": []"),
                HasSubstr("/routes/1/" + std::string(key) + ": found a list of 0 items"));
  }
}

TEST(RouteRulesTest, TheNameSentUpstreamIsSafe) {
  EXPECT_EQ(
      with_route(R"("users": ["y"], "user": "{local}%{domain}", "default_domain": "a.example")"),
      "");
  EXPECT_EQ(with_route(R"("users": ["y"], "user": "{local}@{domain}")"), "");
  EXPECT_THAT(with_route(R"("users": ["y"], "user": "{name}")"),
              HasSubstr("/routes/1/user: \"{name}\" is none of"));
  EXPECT_THAT(with_route(R"("users": ["y"], "user": "shared")"),
              HasSubstr("/routes/1/user: holds neither"));
  EXPECT_THAT(with_route(R"("users": ["y"], "user": "{user} x")"),
              HasSubstr("/routes/1/user: holds a character"));
}

TEST(RouteRulesTest, TheDefaultDomainIsADomainThatIsUsed) {
  EXPECT_THAT(with_route(R"("users": ["y"], "user": "{local}@{domain}", "default_domain": "a b")"),
              HasSubstr("/routes/1/default_domain: \"a b\" is no DNS name"));
  EXPECT_EQ(with_route(R"("domains": ["a.example"], "default_domain": "a.example")"), "");
  EXPECT_THAT(with_route(R"("default_domain": "a.example")"),
              HasSubstr("warning: /routes/1/default_domain: has no effect"));
}

TEST(RouteRulesTest, ConditionsOnCertificatesNeedCertificates) {
  const std::string warning = "warning: /routes/1/certificates: no client has a certificate";
  EXPECT_THAT(with_route(R"("certificates": ["CN=*"])"), HasSubstr(warning));
  constexpr const char* kRoute = R"({"certificates": ["CN=*"], "pool": "a"},
                                    {"users": ["x"], "pool": "b"})";
  EXPECT_EQ(
      with_routes(kRoute, R"(, "tls": {"client_certificates": "optional", "client_ca_file": "c"})"),
      "");
  // A proxy in front may have seen one.
  Overrides flags;
  flags.pop3_plain = "127.0.0.1:110";
  flags.proxy_protocol = true;
  flags.trusted_network = "127.0.0.1";
  EXPECT_EQ(problems(load(file_with(R"("pools": {"a": {"address": "127.0.0.1"}},
    "routes": [{"certificates": ["CN=*"], "pool": "a"}])"),
                          flags)),
            "");
}

TEST(RouteRulesTest, ApopKnowsNoUserBeforeTheGreeting) {
  const auto apop = [](const char* routes) {
    return problems(load(R"({"upstream": {"address": "127.0.0.1"},
      "listeners": [{"name": "l", "address": "127.0.0.1:1", "tls": "none", "apop": true},
                    {"name": "m", "address": "127.0.0.1:2", "tls": "none"}],
      "routes": [)" + std::string(routes) +
                         "]}"));
  };
  EXPECT_EQ(apop(""), "");
  EXPECT_EQ(apop(R"({"networks": ["::1"], "pool": "upstream"})"), "");
  for (const char* condition : {R"("users": ["x"])", R"("domains": ["x"])"}) {
    const std::string route = "{\"pool\": \"upstream\", " + std::string(condition);
    EXPECT_THAT(apop((route + "}").c_str()),
                HasSubstr("warning: /listeners/0/apop: before the greeting no user is known: who "
                          "might be for /routes/0 is offered no APOP"));
    EXPECT_EQ(apop((route + R"(, "listeners": ["m"]})").c_str()), "");
    EXPECT_EQ(apop((R"({"listeners": ["l"], "pool": "upstream"}, )" + route + "}").c_str()), "");
  }
}

TEST(RouteRulesTest, RoutesAndPatternsAreBounded) {
  const auto repeated = [](const std::string& piece, int count) {
    std::string list = piece;
    for (int i = 1; i < count; ++i) list += "," + piece;
    return list;
  };
  const std::string routes = R"({"users": ["x"], "pool": "a"},{"users": ["x"], "pool": "b"})";
  EXPECT_EQ(with_routes(repeated(routes, 500)), "");
  EXPECT_THAT(with_routes(repeated(routes, 500) + "," + routes),
              HasSubstr("/routes: found a list of 1002 items, must be a list of 0 to 1000"));
  for (const char* key : {"users", "domains", "server_names"}) {
    const std::string start = "\"" + std::string(key) + "\": [";
    EXPECT_EQ(with_route(start + repeated("\"x\"", 256) + "]"), "");
    EXPECT_THAT(with_route(start + repeated("\"x\"", 257) + "]"),
                HasSubstr("must be a list of 1 to 256 items"));
  }
  EXPECT_EQ(with_route("\"users\": [\"" + std::string(512, '*') + "\"]"), "");
  EXPECT_THAT(with_route("\"users\": [\"" + std::string(513, '*') + "\"]"),
              HasSubstr("must be a text of 1 to 512 characters"));
}

}  // namespace
}  // namespace gatepost::config
