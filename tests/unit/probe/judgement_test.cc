#include "proxy/probe/judgement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/probe/sample_report.h"

namespace gatepost::probe {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> codes(const Judgement& judgement) {
  std::vector<std::string> result;
  for (const Remark& remark : judgement.remarks) result.push_back(remark.code);
  return result;
}

Judgement judged(const Report& report, const Options& options = sample_options()) {
  return judge(report, options, kToday);
}

TEST(Judgement, of_a_good_server_is_good) {
  const Judgement judgement = judged(good_report());
  EXPECT_THAT(codes(judgement), ElementsAre("certificate_good", "fits"));
  EXPECT_EQ(judgement.worst(), Level::good);
  ASSERT_TRUE(judgement.upstream);
  EXPECT_EQ(judgement.upstream->address, "mail.example.org:110");
  EXPECT_EQ(judgement.upstream->tls, "starttls");
  EXPECT_TRUE(judgement.upstream->verify);
  EXPECT_THAT(judgement.upstream->pins, IsEmpty());
  EXPECT_EQ(judgement.upstream->ca_file, "");
  EXPECT_EQ(judgement.upstream->server_name, "");
}

TEST(Judgement, names_what_was_given_to_verify) {
  Report report = good_report();
  Options options = sample_options();
  options.ca_file = "ca.pem";
  report.server_name = options.server_name = "pop.example.org";
  const auto upstream = judged(report, options).upstream;
  EXPECT_EQ(upstream->ca_file, "ca.pem");
  EXPECT_EQ(upstream->server_name, "pop.example.org");
}

TEST(Judgement, of_nobody_has_no_configuration) {
  const Judgement judgement = judged(Report{});
  EXPECT_THAT(codes(judgement), ElementsAre("not_reached"));
  EXPECT_EQ(judgement.worst(), Level::bad);
  EXPECT_FALSE(judgement.upstream);
}

TEST(Judgement, pins_the_key_of_a_certificate_that_would_be_refused) {
  for (const char* expected :
       {"certificate_self_signed", "certificate_untrusted", "certificate_name"}) {
    Report report = good_report();
    tls::PeerVerdict& verdict = report.tls->best->verdict;
    verdict.trusted = expected == std::string("certificate_name");
    verdict.name_matches = !verdict.trusted;
    verdict.self_signed = expected == std::string("certificate_self_signed");
    const Judgement judgement = judged(report);
    EXPECT_THAT(codes(judgement), ElementsAre(expected));
    EXPECT_EQ(judgement.worst(), Level::bad);
    EXPECT_FALSE(judgement.upstream->verify);
    EXPECT_THAT(judgement.upstream->pins, ElementsAre("cGlu"));
  }
}

TEST(Judgement, looks_at_the_dates_of_the_certificate) {
  Report report = good_report();
  report.tls->best->chain.front().not_after = kToday + std::chrono::days{20};
  EXPECT_THAT(codes(judged(report)), Contains("certificate_expires_soon"));
  EXPECT_EQ(judged(report).worst(), Level::warning);
  report.tls->best->verdict.in_time = false;
  EXPECT_THAT(codes(judged(report)), ElementsAre("certificate_expired"));
  EXPECT_TRUE(judged(report).upstream->verify) << "a date is no reason to pin";
}

TEST(Judgement, knows_which_versions_of_tls_will_do) {
  Report report = good_report();
  report.tls->versions[0].accepted = true;
  EXPECT_THAT(codes(judged(report)), Contains("tls_old_accepted"));
  report.tls->versions[2].accepted = report.tls->versions[3].accepted = false;
  report.tls->usable = Finding::no;
  EXPECT_THAT(codes(judged(report)), Contains("tls_too_old"));
  EXPECT_EQ(judged(report).upstream->tls, "none");
}

TEST(Judgement, notices_suites_that_gatepost_does_not_have) {
  Report report = good_report();
  report.tls->usable = Finding::no;
  EXPECT_THAT(codes(judged(report)), Contains("tls_not_usable"));
}

TEST(Judgement, notices_that_no_tls_came_about) {
  Report report = good_report();
  report.tls->best.reset();
  EXPECT_THAT(codes(judged(report)), ElementsAre("tls_failed"));
  EXPECT_EQ(judged(report).upstream->tls, "none");
}

TEST(Judgement, warns_of_plain_text) {
  Report report = good_report();
  report.tls.reset();
  report.stls = Finding::no;
  report.capa_tls.reset();
  report.capa_plain->lines = {"TOP", "PIPELINING"};
  EXPECT_THAT(codes(judged(report)), ElementsAre("no_stls"));

  Options options = sample_options();
  options.mode = Mode::plain;
  EXPECT_THAT(codes(judged(report, options)), ElementsAre("fits")) << "as asked for";
  report.stls = Finding::yes;
  EXPECT_THAT(codes(judged(report, options)), ElementsAre("stls_unused"));
}

TEST(Judgement, names_the_hole_of_stls) {
  Report report = good_report();
  report.injectable = Finding::yes;
  EXPECT_THAT(codes(judged(report)), Contains("stls_injection"));
  EXPECT_EQ(judged(report).worst(), Level::bad);
}

TEST(Judgement, notices_what_is_there_but_not_announced) {
  Report report = good_report();
  report.capa_plain->lines = {"TOP"};
  report.capa_tls->lines = {"TOP"};
  EXPECT_THAT(codes(judged(report)), ElementsAre("certificate_good", "stls_not_announced",
                                                 "pipelining_not_announced", "fits"));
}

TEST(Judgement, notices_what_is_announced_but_not_there) {
  Report report = good_report();
  report.pipelining = Finding::no;
  EXPECT_THAT(codes(judged(report)), Contains("pipelining_untrue"));
  report.pipelining = Finding::unknown;
  EXPECT_THAT(codes(judged(report)), Not(Contains("pipelining_untrue")));
}

TEST(Judgement, speaks_of_no_capa_and_of_apop_and_of_xclient) {
  Report report = good_report();
  report.capa_tls = Capa{.lines = {}, .problem = "-ERR what?"};
  report.apop = true;
  report.xclient = true;
  report.pipelining = Finding::no;
  EXPECT_THAT(codes(judged(report)),
              ElementsAre("certificate_good", "no_capa", "apop", "xclient", "fits"));
  EXPECT_TRUE(judged(report).upstream->xclient);
}

TEST(Judgement, of_tls_from_the_first_octet_asks_for_no_stls) {
  Report report = good_report();
  report.implicit_tls = true;
  report.capa_plain.reset();
  report.stls = report.injectable = Finding::unknown;
  EXPECT_THAT(codes(judged(report)), ElementsAre("certificate_good", "fits"));
  EXPECT_EQ(judged(report).upstream->tls, "implicit");
}

}  // namespace
}  // namespace gatepost::probe
