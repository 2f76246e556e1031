#include "proxy/probe/write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/unit/probe/sample_report.h"

namespace gatepost::probe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string text_of(const Report& report) {
  return as_text(report, judge(report, sample_options(), kToday));
}

std::string json_of(const Report& report) {
  return as_json(report, judge(report, sample_options(), kToday));
}

/// Everything a server can put into a report, full of what a terminal or a parser might obey.
Report hostile_report() {
  const std::string nasty = "\x1b[2J\r\n\"x\": \x9b\xff\xe2\x80\xae\\ \x7f" + std::string(1, '\0');
  Report report = good_report();
  report.greeting = "+OK " + nasty;
  report.problem = nasty;
  report.capa_plain->lines = {nasty};
  report.capa_tls->lines = {nasty, "SASL " + nasty};
  report.injection_detail = nasty;
  report.tls->versions.front().problem = nasty;
  report.tls->usable_problem = nasty;
  tls::PeerCertificate& leaf = report.tls->best->chain.front();
  leaf.subject = leaf.issuer = nasty;
  leaf.names = {nasty};
  return report;
}

bool is_printable(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); });
}

TEST(Printable, makes_what_a_server_said_harmless) {
  EXPECT_EQ(printable("+OK ready."), "+OK ready.");
  EXPECT_EQ(printable("a\\b"), "a\\\\b");
  EXPECT_EQ(printable(std::string_view("\x1b[2J\0\r\n\x7f\xc3\xa4", 9)),
            "\\x1b[2J\\x00\\x0d\\x0a\\x7f\\xc3");
  EXPECT_EQ(printable(std::string(kMaxShown, 'x')), std::string(kMaxShown, 'x'));
  EXPECT_EQ(printable(std::string(kMaxShown + 1, 'x')), std::string(kMaxShown, 'x') + "...");
}

TEST(DateText, is_utc) {
  EXPECT_EQ(date_text(kToday), "2026-03-01T00:00:00Z");
  EXPECT_EQ(date_text(kToday - std::chrono::seconds{1}), "2026-02-28T23:59:59Z");
}

TEST(AsText, shows_everything) {
  const std::string text = text_of(good_report());
  for (const char* part : {"mail.example.org:110\n",
                           "192.0.2.1:110 connected in 1.2 ms",
                           "[2001:db8::1]:110 connection refused",
                           "+OK ready",
                           "12.3 ms (median of 5)",
                           "announced; two commands at once: answered",
                           "\n  + SASL PLAIN LOGIN\n",
                           "\n    TOP\n",
                           "\n  - STLS\n",
                           "TLSv1.0        not accepted: no TLS version in common",
                           "TLSv1.3        accepted",
                           "TLS_AES_128_GCM_SHA256",
                           "X25519",
                           "with Gatepost  works",
                           "safe: what was sent ahead",
                           "CN=Some CA",
                           "mail.example.org, 192.0.2.1",
                           "2026-02-19T00:00:00Z to 2026-04-30T00:00:00Z",
                           "EC P-256, 256 bits",
                           "cGlu",
                           "matches mail.example.org",
                           "\"upstream\": {",
                           "\"tls\": \"starttls\""}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(AsText, leaves_out_what_was_not_found) {
  const std::string text = text_of(Report{});
  EXPECT_THAT(text, Not(HasSubstr("TLS\n")));
  EXPECT_THAT(text, Not(HasSubstr("upstream")));
  EXPECT_THAT(text, HasSubstr("No POP3 server answered."));
}

TEST(AsText, names_a_hole) {
  Report report = good_report();
  report.injectable = Finding::yes;
  EXPECT_THAT(text_of(report), HasSubstr("VULNERABLE"));
}

TEST(AsText, of_a_hostile_server_is_harmless) {
  EXPECT_TRUE(is_printable(text_of(hostile_report()))) << text_of(hostile_report());
}

TEST(AsJson, of_a_hostile_server_is_harmless) {
  const std::string json = json_of(hostile_report());
  EXPECT_TRUE(is_printable(json)) << json;
  EXPECT_EQ(std::ranges::count(json, '\n'), 1);
  EXPECT_THAT(json, HasSubstr(R"("greeting":"+OK \\x1b[2J\\x0d\\x0a\"x\": \\x9b\\xff)"));
}

TEST(AsJson, has_every_key_whatever_was_found) {
  for (const Report& report : {good_report(), Report{}}) {
    const std::string json = json_of(report);
    for (const char* key : {"target", "reached", "problem", "addresses", "implicit_tls", "greeting",
                            "apop", "xclient", "round_trip_ms", "capabilities", "sasl",
                            "pipelining", "stls", "server_name", "tls", "remarks", "upstream"}) {
      EXPECT_THAT(json, HasSubstr('"' + std::string(key) + "\":"));
    }
  }
  EXPECT_THAT(json_of(Report{}), HasSubstr(R"("greeting":null)"));
  EXPECT_THAT(json_of(Report{}), HasSubstr(R"("tls":null)"));
  EXPECT_THAT(json_of(Report{}), HasSubstr(R"("upstream":null)"));
}

TEST(AsJson, says_null_where_it_could_not_find_out) {
  Report report = good_report();
  report.injectable = Finding::unknown;
  EXPECT_THAT(json_of(report), HasSubstr(R"("injectable":null)"));
  EXPECT_THAT(json_of(report), HasSubstr(R"("round_trip_ms":12.345)"));
}

TEST(AsJson, and_as_text_end_long_lists) {
  Report report = good_report();
  report.capa_tls->lines.assign(kMaxShownItems + 20, "LINE");
  report.tls->best->chain.front().names.assign(kMaxShownItems + 20, "NAME");
  for (const std::string& text : {json_of(report), text_of(report)}) {
    for (const char* word : {"LINE", "NAME"}) {
      std::size_t count = 0;
      for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
        ++count;
      }
      EXPECT_EQ(count, kMaxShownItems);
    }
  }
}

TEST(ConfigurationOf, has_only_what_is_needed) {
  Upstream upstream;
  upstream.address = "[2001:db8::1]:110";
  EXPECT_EQ(configuration_of(upstream),
            "\"upstream\": {\n  \"address\": \"[2001:db8::1]:110\",\n  \"tls\": \"none\"\n}");
  upstream.tls = "implicit";
  upstream.ca_file = "ca.pem";
  upstream.server_name = "pop.example.org";
  upstream.verify = false;
  upstream.pins = {"cGlu"};
  upstream.xclient = true;
  const std::string text = configuration_of(upstream);
  for (const char* part : {R"("ca_file": "ca.pem")", R"("server_name": "pop.example.org")",
                           R"("verify": false)", R"("cGlu")", R"("xclient": true)"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

}  // namespace
}  // namespace gatepost::probe
