#include "proxy/upstream/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace gatepost::upstream {
namespace {

net::ClientFacts client_at(std::string_view ip) {
  net::ClientFacts client;
  client.address = {.ip = *IpAddress::parse(ip), .port = 4711};
  return client;
}

/// A config::Route of which a test names what it needs.
struct Conditions {
  std::string name = {};
  std::vector<std::string> listeners = {};
  std::vector<std::string> server_names = {};
  std::vector<IpNetwork> networks = {};
  std::vector<std::string> certificates = {};
  std::vector<std::string> domains = {};
  std::vector<std::string> users = {};
  std::string default_domain = {};
};

Route route_for(const Conditions& conditions) {
  Route route;
  route.conditions.name = conditions.name;
  route.conditions.listeners = conditions.listeners;
  route.conditions.server_names = conditions.server_names;
  route.conditions.networks = conditions.networks;
  route.conditions.certificates = conditions.certificates;
  route.conditions.domains = conditions.domains;
  route.conditions.users = conditions.users;
  route.conditions.default_domain = conditions.default_domain;
  return route;
}

/// The name of the route, "" without.
std::string name_of(const Route* route) { return route != nullptr ? route->conditions.name : ""; }

TEST(Router, takes_the_first_route_that_fits) {
  const Router router({route_for({.name = "joe", .users = {"joe"}}),
                       route_for({.name = "j", .users = {"j*"}}), route_for({.name = "all"}),
                       route_for({.name = "never"})});
  const net::ClientFacts client = client_at("192.0.2.1");
  EXPECT_EQ(name_of(router.route("", client, "joe")), "joe");
  EXPECT_EQ(name_of(router.route("", client, "jane")), "j");
  EXPECT_EQ(name_of(router.route("", client, "mary")), "all");
  EXPECT_EQ(Router({}).route("", client, "joe"), nullptr);
  EXPECT_EQ(Router({route_for({.users = {"x"}})}).route("", client, "joe"), nullptr);
}

struct Case {
  const char* what;
  Conditions conditions;
  std::string listener;
  net::ClientFacts client;
  std::string user;
  bool fits;
};

std::vector<Case> cases() {
  const net::ClientFacts plain = client_at("192.0.2.1");
  net::ClientFacts named = plain;
  named.server_name = "mail.example.org";
  named.certificate = "CN=joe,O=Example";
  net::ClientFacts local;
  local.address.unix_socket = true;
  const std::vector<IpNetwork> nets = {*IpNetwork::parse("192.0.2.0/24"),
                                       *IpNetwork::parse("2001:db8::/32")};
  const std::vector<IpNetwork> all = {*IpNetwork::parse("0.0.0.0/0")};
  const Conditions domains{.domains = {"example.org", "Example.COM"}};
  const Conditions with_default{.domains = {"example.org"}, .default_domain = "EXAMPLE.org"};
  return {
      {"no condition", {}, "a", plain, "joe", true},
      {"no condition, no user", {}, "a", local, "", true},
      {"listener", {.listeners = {"a", "b"}}, "b", plain, "joe", true},
      {"another listener", {.listeners = {"a", "b"}}, "c", plain, "joe", false},
      {"names of listeners are exact", {.listeners = {"a"}}, "A", plain, "joe", false},
      {"server name", {.server_names = {"mail.example.org"}}, "", named, "joe", true},
      {"server name, case", {.server_names = {"MAIL.example.ORG"}}, "", named, "joe", true},
      {"server name, pattern", {.server_names = {"x", "*.example.org"}}, "", named, "joe", true},
      {"server name, parent", {.server_names = {"example.org"}}, "", named, "joe", false},
      {"no server name", {.server_names = {"*"}}, "", plain, "joe", false},
      {"network", {.networks = nets}, "", plain, "joe", true},
      {"network v6", {.networks = nets}, "", client_at("2001:db8::7"), "joe", true},
      {"another network", {.networks = nets}, "", client_at("198.51.100.1"), "joe", false},
      {"Unix socket", {.networks = all}, "", local, "joe", false},
      {"certificate", {.certificates = {"*O=Example"}}, "", named, "joe", true},
      {"another certificate", {.certificates = {"CN=jane*"}}, "", named, "joe", false},
      {"no certificate", {.certificates = {"*"}}, "", plain, "joe", false},
      {"domain", domains, "", plain, "joe@example.org", true},
      {"domain, case", domains, "", plain, "joe@EXAMPLE.com", true},
      {"last @", domains, "", plain, "\"a@b\"@example.org", true},
      {"not the last @", domains, "", plain, "joe@example.org@evil.example", false},
      {"another domain", domains, "", plain, "joe@sub.example.org", false},
      {"domains are no patterns", {.domains = {"*"}}, "", plain, "joe@example.org", false},
      {"no domain", domains, "", plain, "joe", false},
      {"empty domain", domains, "", plain, "joe@", false},
      {"default domain", with_default, "", plain, "joe", true},
      {"default domain, another given", with_default, "", plain, "joe@x.example", false},
      {"user", {.users = {"joe", "jane"}}, "", plain, "JANE", true},
      {"user pattern", {.users = {"sales-*@example.???"}}, "", plain, "sales-x@example.org", true},
      {"another user", {.users = {"joe"}}, "", plain, "joey", false},
      {"all must hold",
       {.listeners = {"a"}, .networks = nets, .domains = {"example.org"}, .users = {"j*"}},
       "a",
       plain,
       "joe@example.org",
       true},
      {"one does not hold",
       {.listeners = {"a"}, .networks = nets, .domains = {"example.org"}, .users = {"x*"}},
       "a",
       plain,
       "joe@example.org",
       false},
  };
}

TEST(Router, looks_at_every_condition) {
  for (const Case& one : cases()) {
    const Router router({route_for(one.conditions)});
    EXPECT_EQ(router.route(one.listener, one.client, one.user) != nullptr, one.fits) << one.what;
  }
}

TEST(Router, knows_before_the_user_only_what_does_not_depend_on_the_user) {
  const net::ClientFacts client = client_at("192.0.2.1");
  const Router router({route_for({.name = "other", .listeners = {"other"}, .users = {"joe"}}),
                       route_for({.name = "printers", .listeners = {"printers"}}),
                       route_for({.name = "domain", .listeners = {"mixed"}, .domains = {"x"}}),
                       route_for({.name = "all"})});
  EXPECT_EQ(name_of(router.route("printers", client)), "printers");
  EXPECT_EQ(name_of(router.route("any", client)), "all");
  EXPECT_EQ(router.route("other", client), nullptr);
  EXPECT_EQ(router.route("mixed", client), nullptr);
  EXPECT_EQ(Router({}).route("any", client), nullptr);
}

TEST(UserForm, builds_the_name_for_upstream) {
  struct Form {
    const char* form;
    bool lower_case;
    const char* default_domain;
    const char* user;
    const char* outcome;  // "": refused
  };
  const std::vector<Form> forms = {
      {"{user}", false, "", "Joe@Example.org", "Joe@Example.org"},
      {"{user}", true, "", "Joe@Example.org", "joe@example.org"},
      {"{user}", false, "example.org", "joe", "joe"},
      {"{local}", false, "", "joe@example.org", "joe"},
      {"{local}", false, "", "joe", "joe"},
      {"{local}", false, "", "a@b@example.org", "a@b"},
      {"{local}", false, "", "@example.org", ""},
      {"{local}@{domain}", false, "example.org", "joe", "joe@example.org"},
      {"{local}@{domain}", false, "example.org", "joe@", "joe@example.org"},
      {"{local}@{domain}", false, "example.org", "joe@x.example", "joe@x.example"},
      {"{local}@{domain}", false, "", "joe", ""},
      {"{domain}/{local}", true, "", "Joe@EXAMPLE.org", "example.org/joe"},
      {"{local}.{local}", false, "", "joe", "joe.joe"},
      {"pre-{user}-{x}{", false, "", "joe", "pre-joe-{x}{"},
      {"{user}", false, "", "{local}@x", "{local}@x"},  // what is put in is not read again
      {"{user}", true, "", "J\xC3\x96RG", "j\xC3\x96rg"},
      {"{user}", false, "", "joe\r\nDELE 1", ""},
      {"{user}", false, "", "", ""},
  };
  for (const Form& one : forms) {
    const UserForm form(one.form, one.lower_case, one.default_domain);
    const auto outcome = form.apply(one.user);
    if (*one.outcome == '\0') {
      ASSERT_FALSE(outcome.has_value()) << one.form << ' ' << one.user;
      EXPECT_EQ(outcome.error().code, ErrorCode::refused);
    } else {
      ASSERT_TRUE(outcome.has_value()) << one.form << ' ' << one.user;
      EXPECT_EQ(*outcome, one.outcome);
    }
  }
  EXPECT_EQ(*UserForm().apply("Joe"), "Joe");
}

TEST(UserForm, refuses_what_becomes_too_long) {
  const UserForm form("{user}{user}", false, "");
  EXPECT_TRUE(form.apply(std::string(256, 'x')).has_value());
  EXPECT_FALSE(form.apply(std::string(257, 'x')).has_value());
}

TEST(UserForm, says_whether_it_changes_names) {
  EXPECT_FALSE(UserForm().changes_names());
  EXPECT_FALSE(UserForm("{user}", false, "example.org").changes_names());
  EXPECT_TRUE(UserForm("{user}", true, "").changes_names());
  EXPECT_TRUE(UserForm("{local}", false, "").changes_names());
}

// ---- Why

TEST(RouterExplains, what_was_chosen_and_what_was_not) {
  std::vector<Route> routes;
  routes.push_back(route_for({.name = "office", .listeners = {"inside"}}));
  routes.push_back(route_for({.name = "sni", .server_names = {"pop.a.example"}}));
  routes.push_back(route_for({.name = "net", .networks = {*IpNetwork::parse("198.51.100.0/24")}}));
  routes.push_back(route_for({.name = "devices", .certificates = {"CN=*"}}));
  routes.push_back(route_for({.name = "ann", .users = {"ann@*"}}));
  routes.push_back(route_for({.name = "a", .domains = {"a.example"}}));
  routes.push_back(route_for({.name = "b", .domains = {"b.example"}, .users = {"j*"}}));
  for (std::size_t i = 0; i < routes.size(); ++i) routes[i].path = "/routes/" + std::to_string(i);
  const Router router(routes);
  const net::ClientFacts client = client_at("192.0.2.1");
  const Route* const chosen = router.route("outside", client, "joe@b.example");
  ASSERT_EQ(name_of(chosen), "b");
  const RouteStory story = router.explain(chosen, "outside", client, "joe@b.example");
  EXPECT_EQ(story.rule, "/routes/6");
  EXPECT_EQ(story.text,
            "route b to pool : its conditions hold: users, domains\n"
            "not route office, for its listeners (/routes/0/listeners): listener outside\n"
            "not route sni, for its server_names (/routes/1/server_names): without server name\n"
            "not route net, for its networks (/routes/2/networks): client 192.0.2.1:4711\n"
            "not route devices, for its certificates (/routes/3/certificates): without client "
            "certificate\n"
            "not route ann, for its users (/routes/4/users): user joe@b.example\n"
            "not route a, for its domains (/routes/5/domains): domain b.example");
}

TEST(RouterExplains, that_the_user_is_not_known_yet) {
  std::vector<Route> routes = {route_for({.name = "a", .domains = {"a.example"}}),
                               route_for({.name = "all"})};
  const Router router(routes);
  const net::ClientFacts client = client_at("192.0.2.1");
  const RouteStory story = router.explain(router.route("", client), "", client, "");
  EXPECT_EQ(story.rule, "/routes");
  EXPECT_EQ(story.text, "no route\nroute a depends on the user, who is not known yet");
}

TEST(RouterExplains, no_more_routes_than_that) {
  std::vector<Route> routes(Router::kMaxPassedBy + 3, route_for({.name = "x", .users = {"x"}}));
  routes.push_back(route_for({.name = "all"}));
  const Router router(routes);
  const net::ClientFacts client = client_at("192.0.2.1");
  const std::string text = router.explain(router.route("", client, "joe"), "", client, "joe").text;
  EXPECT_EQ(std::ranges::count(text, '\n'), static_cast<int>(Router::kMaxPassedBy) + 1) << text;
  EXPECT_TRUE(text.ends_with("\nnor 3 more routes before it")) << text;
}

}  // namespace
}  // namespace gatepost::upstream
