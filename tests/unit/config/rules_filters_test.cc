#include <fmt/format.h>
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

constexpr std::string_view kClamd =
    R"({"name": "clamd", "type": "clamd", "address": "unix:/run/clamd.ctl"})";

/// A listener and a route whose members are these, and what stands at the top beside them.
Loaded loaded_with(std::string_view listener, std::string_view route, std::string_view top) {
  return load(fmt::format(R"({{"listeners": [{{"address": "127.0.0.1:110", "tls": "none"{}}}],
    "upstream": {{"address": "127.0.0.1"}},
    "routes": [{{"users": ["x"], "pool": "upstream"{}}}], {}}})",
                          listener, route, top));
}
std::string with(std::string_view listener, std::string_view route, std::string_view top) {
  return problems(loaded_with(listener, route, top));
}

/// One scanner, asked by a chain that the listener names.
std::string with_scanner(std::string_view scanner) {
  return with(R"(, "chain": "c")", "",
              fmt::format(R"("scanners": [{{"name": "s", {}}}],
                             "chains": [{{"name": "c", "scanners": ["s"]}}])",
                          scanner));
}

/// One chain that asks clamd, with these members; and what stands beside it.
std::string with_chain(std::string_view members, std::string_view top = "") {
  return with(R"(, "chain": "c")", "",
              fmt::format(R"("scanners": [{}],
                             "chains": [{{"name": "c", "scanners": ["clamd"]{}}}]{})",
                          kClamd, members, top));
}

TEST(FilterRulesTest, ReadsEverything) {
  const Loaded loaded = loaded_with(R"(, "chain": "scan")", R"(, "chain": "none")", R"(
    "scanners": [
      {"name": "a", "type": "clamd", "address": "unix:/run/clamd.ctl", "descriptor": true,
       "timeout": "30s", "concurrency": 3, "queue": 4, "max_size": "1MiB", "breaker_failures": 6,
       "breaker_pause": "7s", "self_test": "8s", "required": false},
      {"name": "b", "type": "icap", "address": "127.0.0.1", "service": "avscan", "tls": true,
       "verify": false, "ca_file": "ca.pem", "server_name": "b.example.com"},
      {"name": "c", "type": "command", "command": ["/bin/judge", "-x"], "command_memory": "64MiB"},
      {"name": "d", "type": "rspamd", "address": "[::1]"},
      {"name": "e", "type": "spamd", "address": "localhost"}],
    "chains": [{"name": "scan", "scanners": ["a", "b", "c", "d", "e"],
      "filters": [{"type": "f", "options": {"b": true, "n": -1, "t": "x", "l": ["y", "z"]}}, {"type": "g"}],
      "policy": {"infected": "refuse", "spam": "deliver"},
      "waiting": {"quiet": "1s", "interval": "2s", "deadline": "1m", "refuse_again": "4s"},
      "notice": {"language": "de,en", "text_file": "t", "html_file": "h", "contact": "k"},
      "top_lines": 5, "tag_header": "X-T", "tag_subject": "!", "remember": false,
      "read_ahead": 1, "sizes": "exact"}],
    "spool": {"folder": "/s", "max_message": "2MiB", "max_total": "3MiB"},
    "quarantine": {"folder": "/q", "max_size": "4MiB", "max_age": "5d"},
    "verdict_memory": {"entries": 6, "max_age": "7h"})");
  ASSERT_TRUE(loaded.config) << problems(loaded);
  const Config& config = *loaded.config;
  EXPECT_EQ(config.listeners[0].chain, "scan");
  EXPECT_EQ(config.routes[0].chain, "none");
  EXPECT_EQ(config.routes[1].chain, "");
  ASSERT_EQ(config.scanners.size(), 5u);
  Scanner a;
  a.name = "a";
  a.address.path = "/run/clamd.ctl";
  a.descriptor = true;
  a.timeout = Duration(30'000);
  a.concurrency = 3;
  a.queue = 4;
  a.max_size = 1 << 20;
  a.breaker_failures = 6;
  a.breaker_pause = Duration(7'000);
  a.self_test = Duration(8'000);
  a.required = false;
  EXPECT_EQ(config.scanners[0], a);
  EXPECT_EQ(config.scanners[1].type, ScannerType::icap);
  EXPECT_EQ(config.scanners[1].address.to_string(), "127.0.0.1:1344");
  EXPECT_EQ(config.scanners[1].service, "avscan");
  EXPECT_TRUE(config.scanners[1].tls);
  EXPECT_FALSE(config.scanners[1].verify);
  EXPECT_EQ(config.scanners[1].ca_file, "ca.pem");
  EXPECT_EQ(config.scanners[1].server_name, "b.example.com");
  EXPECT_EQ(config.scanners[2].command, (std::vector<std::string>{"/bin/judge", "-x"}));
  EXPECT_EQ(config.scanners[2].command_memory, 64u << 20);
  EXPECT_EQ(config.scanners[3].address.to_string(), "[::1]:11333");
  EXPECT_EQ(config.scanners[4].address.to_string(), "localhost:783");
  const Chain& chain = config.chains.at(0);
  ASSERT_EQ(chain.filters.size(), 2u);
  EXPECT_EQ(chain.filters[0].type, "f");
  const std::map<std::string, FilterOption> options{{"b", true},
                                                    {"n", std::int64_t{-1}},
                                                    {"t", std::string("x")},
                                                    {"l", std::vector<std::string>{"y", "z"}}};
  EXPECT_EQ(chain.filters[0].options, options);
  EXPECT_TRUE(chain.filters[1].options.empty());
  EXPECT_EQ(chain.scanners.size(), 5u);
  EXPECT_EQ(action_for(chain.policy, Cause::infected), Action::refuse);
  EXPECT_EQ(action_for(chain.policy, Cause::spam), Action::deliver);
  EXPECT_EQ(action_for(chain.policy, Cause::partial), Action::quarantine);
  EXPECT_EQ(chain.waiting.quiet, Duration(1'000));
  EXPECT_EQ(chain.waiting.interval, Duration(2'000));
  EXPECT_EQ(chain.waiting.deadline, Duration(60'000));
  EXPECT_EQ(chain.waiting.refuse_again, Duration(4'000));
  EXPECT_EQ(chain.notice.language, "de,en");
  EXPECT_EQ(chain.notice.text_file, "t");
  EXPECT_EQ(chain.notice.html_file, "h");
  EXPECT_EQ(chain.notice.contact, "k");
  EXPECT_EQ(chain.top_lines, 5u);
  EXPECT_EQ(chain.tag_header, "X-T");
  EXPECT_EQ(chain.tag_subject, "!");
  EXPECT_FALSE(chain.remember);
  EXPECT_EQ(chain.read_ahead, 1u);
  EXPECT_EQ(chain.sizes, Sizes::exact);
  EXPECT_EQ(config.spool, (Spool{"/s", 2 << 20, 3 << 20}));
  EXPECT_EQ(config.quarantine, (Quarantine{"/q", 4 << 20, std::chrono::days(5)}));
  EXPECT_EQ(config.verdict_memory, (VerdictMemory{6, std::chrono::hours(7)}));
}

TEST(FilterRulesTest, ThePolicyIsTheSafeOne) {
  const auto policy = [](std::string_view top) {
    const Loaded loaded = loaded_with(
        R"(, "chain": "c")", "",
        fmt::format(R"("scanners": [{}], "chains": [{{"name": "c", "scanners": ["clamd"]}}]{})",
                    kClamd, top));
    EXPECT_EQ(problems(loaded), "");
    return loaded.config->chains[0].policy;
  };
  EXPECT_EQ(policy(""), default_policy(false));
  EXPECT_EQ(policy(R"(, "quarantine": {"folder": "/q"})"), default_policy(true));
}

TEST(FilterRulesTest, NamesAreDifferentAndKnown) {
  EXPECT_THAT(with(R"(, "chain": "b")", R"(, "chain": "d")", R"("chains": [{"name": "a"}])"),
              HasSubstr("/listeners/0/chain: there is no chain \"b\""));
  EXPECT_THAT(with("", R"(, "chain": "d")", R"("chains": [{"name": "a"}])"),
              HasSubstr("/routes/0/chain: there is no chain \"d\""));
  EXPECT_THAT(with("", "", R"("chains": [{"name": "a"}, {"name": "a"}])"),
              HasSubstr("/chains/1/name: /chains/0 already has this name"));
  EXPECT_THAT(with("", "", fmt::format(R"("scanners": [{}, {}])", kClamd, kClamd)),
              HasSubstr("/scanners/1/name: /scanners/0 already has this name"));
  EXPECT_THAT(with("", "", R"("chains": [{"name": "none"}])"),
              HasSubstr("/chains/0/name: this name means no chain"));
  EXPECT_THAT(with_chain("", R"(, "verdict_memory": {"entries": 0})"), "");
  EXPECT_THAT(with("", "", R"("chains": [{"name": "c", "scanners": ["s"]}])"),
              HasSubstr("/chains/0/scanners/0: there is no scanner \"s\""));
  EXPECT_THAT(with("", "",
                   fmt::format(R"("scanners": [{}],
                                  "chains": [{{"name": "c", "scanners": ["clamd", "clamd"]}}])",
                               kClamd)),
              HasSubstr("/chains/0/scanners/1: this scanner stands here twice"));
}

TEST(FilterRulesTest, WhatNobodyNamesIsWorthAWarning) {
  const std::string text = with("", "",
                                fmt::format(R"("scanners": [{}],
                                                       "chains": [{{"name": "c"}}])",
                                            kClamd));
  EXPECT_THAT(text, HasSubstr("warning: /chains/0: no listener, no route and no shadow names it"));
  EXPECT_THAT(text, HasSubstr("warning: /scanners/0: no chain asks it"));
  EXPECT_EQ(with("", R"(, "chain": "c")", R"("chains": [{"name": "c"}])"), "");
}

TEST(FilterRulesTest, ScannersHaveWhatTheirTypeNeeds) {
  EXPECT_THAT(with_scanner(R"("type": "clamd")"), HasSubstr("/scanners/0/address: missing"));
  EXPECT_THAT(with_scanner(R"("type": "clamd", "address": "a b")"),
              HasSubstr("/scanners/0/address: \"a b\""));
  EXPECT_THAT(with_scanner(R"("type": "clamd", "address": ":3310")"),
              HasSubstr("/scanners/0/address: names no host; for a scanner on this machine write "
                        "127.0.0.1:3310"));
  EXPECT_THAT(with_scanner(R"("type": "clamd", "address": "127.0.0.1:0")"),
              HasSubstr("/scanners/0/address: port 0"));
  EXPECT_THAT(with_scanner(R"("type": "icap", "address": "127.0.0.1")"),
              HasSubstr("/scanners/0/service: missing"));
  EXPECT_THAT(with_scanner(R"("type": "spamd", "address": "127.0.0.1", "service": "x")"),
              HasSubstr("/scanners/0/service: only a scanner of type \"icap\" has one"));
  EXPECT_THAT(with_scanner(R"("type": "command")"), HasSubstr("/scanners/0/command: missing"));
  EXPECT_THAT(with_scanner(R"("type": "command", "command": ["judge"])"),
              HasSubstr("/scanners/0/command/0: must be an absolute path"));
  EXPECT_THAT(with_scanner(R"("type": "command", "command": ["/judge"], "address": "127.0.0.1:1")"),
              HasSubstr("/scanners/0/address: a command has no address"));
  EXPECT_THAT(with_scanner(R"("type": "spamd", "address": "127.0.0.1", "command": ["/judge"])"),
              HasSubstr("/scanners/0/command: only a scanner of type \"command\" has one"));
  EXPECT_THAT(with_scanner(R"("type": "spamd", "address": "127.0.0.1", "command_memory": "64MiB")"),
              HasSubstr("/scanners/0/command_memory: only a scanner of type \"command\" has one"));
  EXPECT_EQ(with_scanner(R"("type": "command", "command": ["/judge"])"), "");
  EXPECT_EQ(with_scanner(R"("type": "clamd", "address": "unix:/s", "descriptor": true)"), "");
  EXPECT_THAT(with_scanner(R"("type": "clamd", "address": "127.0.0.1", "descriptor": true)"),
              HasSubstr("/scanners/0/descriptor: only clamd at a Unix socket"));
  EXPECT_THAT(with_scanner(R"("type": "spamd", "address": "unix:/s", "descriptor": true)"),
              HasSubstr("/scanners/0/descriptor: only clamd at a Unix socket"));
}

TEST(FilterRulesTest, TlsIsForThoseWhoSpeakIt) {
  EXPECT_THAT(with_scanner(R"("type": "clamd", "address": "127.0.0.1", "tls": true)"),
              HasSubstr("/scanners/0/tls: clamd knows no TLS"));
  EXPECT_EQ(with_scanner(R"("type": "rspamd", "address": "192.0.2.1", "tls": true)"), "");
  EXPECT_THAT(
      with_scanner(R"("type": "rspamd", "address": "192.0.2.1", "tls": true, "verify": false)"),
      HasSubstr("warning: /scanners/0/verify: whoever answers"));
  EXPECT_THAT(with_scanner(R"("type": "rspamd", "address": "unix:/r", "tls": true)"),
              HasSubstr("/scanners/0/server_name: missing"));
  EXPECT_THAT(with_scanner(R"("type": "rspamd", "address": "127.0.0.1", "ca_file": "x")"),
              HasSubstr("warning: /scanners/0/ca_file: has no effect without tls"));
  EXPECT_THAT(with_scanner(R"("type": "rspamd", "address": "192.0.2.1")"),
              HasSubstr("warning: /scanners/0/address: mail travels in plain text to 192.0.2.1"));
}

TEST(FilterRulesTest, PoliciesFitTheChain) {
  EXPECT_THAT(with_chain(R"(, "policy": {"spam": "quarantine"})"),
              HasSubstr("/chains/0/policy/spam: there is no quarantine"));
  EXPECT_EQ(
      with_chain(R"(, "policy": {"spam": "quarantine"})", R"(, "quarantine": {"folder": "/q"})"),
      "");
  EXPECT_THAT(with_chain(R"(, "policy": {"infected": "tag"})"),
              HasSubstr("warning: /chains/0/policy/infected: infected messages are delivered"));
  EXPECT_THAT(with_chain(R"(, "policy": {"oversize": "deliver"})"),
              HasSubstr("warning: /chains/0/policy/oversize: messages that no scanner"));
  EXPECT_THAT(with_chain(R"(, "policy": {"clean": "refuse"})"),
              HasSubstr("/chains/0/policy/clean: unknown key"));
  EXPECT_THAT(
      with(R"(, "chain": "c")", "", R"("chains": [{"name": "c", "policy": {"spam": "deliver"}}])"),
      HasSubstr("warning: /chains/0/policy: has no effect: this chain has no scanners"));
}

TEST(FilterRulesTest, ReadsRules) {
  const Loaded loaded = loaded_with(R"(, "chain": "c")", R"(, "name": "office")",
                                    fmt::format(R"("scanners": [{}], "chains": [{{
        "name": "c", "scanners": ["clamd"], "shadow": "d",
        "internal": {{"domains": ["example.org"], "networks": ["192.0.2.0/24"]}},
        "rewrite": [{{"name": "mark", "type": "tag_subject", "options": {{"tag": "[X]"}},
          "when": {{"routes": ["office"], "users": ["a*"], "networks": ["10.0.0.0/8"],
                    "sender_domains": [".example.net"], "larger_than": "1KiB", "smaller_than": "2KiB",
                    "headers": [{{"name": "Subject", "pattern": "^x"}}], "verdicts": ["spam"],
                    "min_score": 5, "external": false}},
          "unless": {{"external": true}}}}]}}, {{"name": "d"}}])",
                                                kClamd));
  EXPECT_EQ(problems(loaded), "");
  ASSERT_TRUE(loaded.config);
  const Chain& chain = loaded.config->chains[0];
  EXPECT_EQ(chain.shadow, "d");
  EXPECT_EQ(chain.internal.domains, std::vector<std::string>{"example.org"});
  EXPECT_EQ(chain.internal.networks.size(), 1U);
  ASSERT_EQ(chain.rewrite.size(), 1U);
  const Rule& rule = chain.rewrite[0];
  EXPECT_EQ(rule.name, "mark");
  EXPECT_EQ(rule.filter.type, "tag_subject");
  EXPECT_EQ(rule.filter.options.size(), 1U);
  EXPECT_EQ(rule.when.routes, std::vector<std::string>{"office"});
  EXPECT_EQ(rule.when.users, std::vector<std::string>{"a*"});
  EXPECT_EQ(rule.when.networks.size(), 1U);
  EXPECT_EQ(rule.when.sender_domains, std::vector<std::string>{".example.net"});
  EXPECT_EQ(rule.when.larger_than, 1024U);
  EXPECT_EQ(rule.when.smaller_than, 2048U);
  ASSERT_EQ(rule.when.headers.size(), 1U);
  EXPECT_EQ(rule.when.headers[0].pattern, "^x");
  EXPECT_EQ(rule.when.verdicts, std::vector<std::string>{"spam"});
  EXPECT_EQ(rule.when.min_score, 5.0);
  EXPECT_EQ(rule.when.external, false);
  EXPECT_EQ(rule.unless.external, true);
  EXPECT_FALSE(rule.unless.min_score);
}

/// A chain without scanners, with one rule.
std::string with_rule(std::string_view members, std::string_view chain = "") {
  return with(R"(, "chain": "c")", "",
              fmt::format(R"("chains": [{{"name": "c", "rewrite": [{{"type": "t", {}}}]{}}}])",
                          members, chain));
}

TEST(FilterRulesTest, RulesFitTheChain) {
  EXPECT_THAT(with_rule(R"("options": {"action": "quarantine"})"),
              HasSubstr("/chains/0/rewrite/0/options/action: there is no quarantine"));
  EXPECT_THAT(with_rule(R"("when": {"verdicts": ["spam"]})"),
              HasSubstr("/chains/0/rewrite/0/when: asks for a verdict, but this chain has no"));
  EXPECT_THAT(with_rule(R"("unless": {"min_score": 5})"),
              HasSubstr("/chains/0/rewrite/0/unless: asks for a verdict"));
  EXPECT_THAT(with_rule(R"("when": {"external": true})"),
              HasSubstr("warning: /chains/0/rewrite/0/when/external: all messages are external"));
  EXPECT_EQ(with_rule(R"("when": {"external": true})", R"(, "internal": {"domains": ["x"]})"), "");
  EXPECT_THAT(with_rule(R"("when": {"larger_than": "2KiB", "smaller_than": "1KiB"})"),
              HasSubstr("/chains/0/rewrite/0/when/smaller_than: no size is both"));
  EXPECT_THAT(with_rule(R"("when": {"routes": ["nowhere"]})"),
              HasSubstr("/chains/0/rewrite/0/when/routes/0: there is no route \"nowhere\""));
  EXPECT_THAT(with_rule(R"("when": {"verdicts": ["worse"]})"),
              HasSubstr("/chains/0/rewrite/0/when/verdicts/0: "));
  EXPECT_THAT(with_rule(R"("when": {"networks": ["10.0.0.0/99"]})"),
              HasSubstr("/chains/0/rewrite/0/when/networks/0: "));
  EXPECT_EQ(with_rule(R"("options": {})", R"(, "policy": {"oversize": "refuse"})"), "");
}

TEST(FilterRulesTest, ShadowsAreOtherChains) {
  EXPECT_THAT(with(R"(, "chain": "c")", "", R"("chains": [{"name": "c", "shadow": "d"}])"),
              HasSubstr("/chains/0/shadow: there is no chain \"d\""));
  EXPECT_THAT(with(R"(, "chain": "c")", "", R"("chains": [{"name": "c", "shadow": "c"}])"),
              HasSubstr("/chains/0/shadow: has a shadow itself"));
}

TEST(FilterRulesTest, WaitingEnds) {
  EXPECT_THAT(with_chain(R"(, "waiting": {"quiet": "10s", "deadline": "10s"})"),
              HasSubstr("/chains/0/waiting/quiet: must be less than the deadline"));
  EXPECT_THAT(with_chain(R"(, "waiting": {"interval": "0s"})"),
              HasSubstr("/chains/0/waiting/interval: found \"0s\""));
  EXPECT_THAT(
      with_chain(R"(, "waiting": {"deadline": "50s"})"),
      HasSubstr("warning: /chains/0/waiting/deadline: is less than the timeout of \"clamd\""));
  EXPECT_EQ(with_chain(R"(, "waiting": {"deadline": "60s"})"), "");
}

TEST(FilterRulesTest, FoldersAreAbsoluteAndNamesAreNames) {
  EXPECT_THAT(with_chain("", R"(, "spool": {"folder": "tmp"})"),
              HasSubstr("/spool/folder: must be an absolute path"));
  EXPECT_THAT(with_chain("", R"(, "quarantine": {"folder": "q"})"),
              HasSubstr("/quarantine/folder: must be an absolute path"));
  EXPECT_THAT(with_chain("", R"(, "spool": {"max_message": "2MiB", "max_total": "1MiB"})"),
              HasSubstr("warning: /spool/max_message: is more than max_total"));
  EXPECT_THAT(with_chain(R"(, "tag_header": "X Y")"),
              HasSubstr("/chains/0/tag_header: found \"X Y\", must be the name of a header field"));
  EXPECT_THAT(with_chain(R"(, "filters": [{"type": "f", "options": {"A": 1}}])"),
              HasSubstr("/chains/0/filters/0/options/A: a name here is lower-case letters"));
  EXPECT_THAT(with_chain(R"(, "filters": [{"type": "f", "options": {"a": {}}}])"),
              HasSubstr("/chains/0/filters/0/options/a: found an object with 0 members, must be "
                        "true, false, a text, a list of texts or a whole number"));
  EXPECT_THAT(
      with_chain("", R"(, "quarantine": {"folder": "/q", "max_age": "1s"})"),
      HasSubstr("must be a duration from 1m to 3650d, as a number with the unit s, m, h or d"));
}

TEST(FilterRulesTest, OneFlagMakesScannersAndAChainForAllListeners) {
  Overrides overrides;
  overrides.pop3_plain = "127.0.0.1:110";
  overrides.upstream = "127.0.0.1";
  overrides.scan = {"clamd@unix:/run/c@d.ctl", "icap@127.0.0.1:1344/avscan", "clamd@[::1]",
                    "command@/bin/judge"};
  overrides.quarantine = "/q";
  const Loaded loaded = load("", overrides);
  ASSERT_TRUE(loaded.config) << problems(loaded);
  const Config& config = *loaded.config;
  ASSERT_EQ(config.scanners.size(), 4u);
  EXPECT_EQ(config.scanners[0].name, "clamd");
  EXPECT_EQ(config.scanners[0].address.path, "/run/c@d.ctl");
  EXPECT_EQ(config.scanners[1].name, "icap");
  EXPECT_EQ(config.scanners[1].address.to_string(), "127.0.0.1:1344");
  EXPECT_EQ(config.scanners[1].service, "avscan");
  EXPECT_EQ(config.scanners[2].name, "clamd-2");
  EXPECT_EQ(config.scanners[2].address.to_string(), "[::1]:3310");
  EXPECT_EQ(config.scanners[3].command, std::vector<std::string>{"/bin/judge"});
  ASSERT_EQ(config.chains.size(), 1u);
  EXPECT_EQ(config.chains[0].name, "scan");
  EXPECT_EQ(config.chains[0].scanners,
            (std::vector<std::string>{"clamd", "icap", "clamd-2", "command"}));
  EXPECT_EQ(config.chains[0].policy, default_policy(true));
  EXPECT_EQ(config.listeners[0].chain, "scan");
  EXPECT_EQ(config.quarantine.folder, "/q");
}

TEST(FilterRulesTest, WhatIsWrongWithTheFlagIsSaidOfTheFlag) {
  const auto with_flag = [](std::string scan, std::string_view file = {}) {
    Overrides overrides;
    overrides.scan = {std::move(scan)};
    return problems(load(file.empty() ? file_with("") : std::string(file), overrides));
  };
  EXPECT_EQ(with_flag("clamd@unix:/s"), "");
  EXPECT_THAT(with_flag("clamd"), HasSubstr("--scan: \"clamd\" is no TYPE@ADDRESS"));
  EXPECT_THAT(with_flag("clam@unix:/s"), HasSubstr("--scan: found \"clam\", must be \"clamd\""));
  EXPECT_THAT(with_flag("icap@127.0.0.1"), HasSubstr("--scan: missing"));
  EXPECT_THAT(with_flag("clamd@\n"), HasSubstr("--scan: a text contains a control character"));
  EXPECT_THAT(with_flag("clamd@unix:/s", file_with(R"("chains": [{"name": "scan"}])")),
              HasSubstr("--scan: /chains/0 already has this name"));
  EXPECT_THAT(with_flag("clamd@unix:/s", file_with(R"("scanners": 5, "chains": {})")),
              HasSubstr("/scanners: found 5"));
}

}  // namespace
}  // namespace gatepost::config
