#include "proxy/server/chains.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tls/certificates.h"

namespace gatepost::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ChainMakerTest : public ::testing::Test {
 protected:
  ChainMakerTest() {
    config::Scanner& clamd = config_.scanners.emplace_back();
    clamd.name = "clamd";
    clamd.address.path = "/run/clamd.ctl";
    config::Chain& chain = config_.chains.emplace_back();
    chain.name = "scan";
    chain.scanners = {"clamd"};
  }
  [[nodiscard]] Result<Chains> make(OnBroken on_broken = OnBroken::refuse) {
    return maker_.make(config_, on_broken, problems_);
  }
  [[nodiscard]] std::string problem() {
    const auto chains = make();
    EXPECT_FALSE(chains);
    if (chains) return {};
    EXPECT_EQ(chains.error().code, ErrorCode::config);
    return chains.error().detail;
  }
  [[nodiscard]] std::string fingerprint() { return make()->by_name.at("scan")->fingerprint; }
  config::Scanner& scanner() { return config_.scanners[0]; }
  config::Chain& chain() { return config_.chains[0]; }

  testing::TestFiles files_;
  config::Config config_;
  std::vector<FileProblem> problems_;
  ChainMaker maker_;
};

TEST_F(ChainMakerTest, MakesRulesAndShadows) {
  config::Rule& rule = chain().rewrite.emplace_back();
  rule.filter = {.type = "tag_subject", .options = {{"tag", std::string("[X]")}}};
  chain().shadow = "next";
  config_.chains.emplace_back().name = "next";
  const auto chains = make();
  ASSERT_TRUE(chains) << chains.error().detail;
  const filters::Chain& made = *chains->by_name.at("scan");
  ASSERT_NE(made.rules, nullptr);
  EXPECT_EQ(made.rules->counters().front()->rule, "tag_subject");
  ASSERT_NE(made.shadow, nullptr);
  EXPECT_EQ(made.shadow, chains->by_name.at("next"));
  const std::string before = made.fingerprint;
  const std::string rules_before = made.rules_fingerprint;
  config_.chains[0].rewrite[0].filter.options["tag"] = std::string("[Y]");
  EXPECT_EQ(fingerprint(), before) << "what scanners say does not depend on rules";
  EXPECT_NE(make()->by_name.at("scan")->rules_fingerprint, rules_before);
  config_.chains[0].rewrite[0].filter.options["tag"] = std::string("{x}");
  EXPECT_THAT(problem(), StartsWith("/chains/0/rewrite/0/options/tag: unknown variable {x}"));
  config_.chains[0].rewrite[0].filter.options["tag"] = std::string("[Y]");
  config_.chains[0].rewrite[0].unless.headers = {{"A", "("}};
  EXPECT_THAT(problem(), StartsWith("/chains/0/rewrite/0/unless/headers/0/pattern: missing )"));
}

TEST_F(ChainMakerTest, MakesWhatIsConfigured) {
  maker_.set_workers(4);
  chain().filters = {
      {.type = "add_header", .options = {{"lines", std::vector<std::string>{"X-A: b"}}}}};
  chain().notice.contact = "somebody";
  const auto chains = make();
  ASSERT_TRUE(chains) << chains.error().detail;
  const filters::Chain& made = *chains->by_name.at("scan");
  EXPECT_EQ(made.config.name, "scan");
  EXPECT_EQ(made.filters.size(), 1U);
  ASSERT_EQ(made.scanners.size(), 1U);
  EXPECT_EQ(made.scanners[0]->config, scanner());
  EXPECT_EQ(made.scanners[0]->workers, 4U);
  EXPECT_EQ(made.scanners[0]->counters->name, "clamd");
  EXPECT_EQ(made.scanners[0]->tls, nullptr);
  EXPECT_NE(made.notice, nullptr);
  EXPECT_EQ(chains->scanners, made.scanners);
}

TEST_F(ChainMakerTest, AChainWithNothingInItIsNone) {
  chain().scanners.clear();
  const auto chains = make();
  ASSERT_TRUE(chains);
  EXPECT_EQ(chains->by_name.at("scan"), nullptr);
  EXPECT_TRUE(chains->scanners.empty());  // nobody asks it
}

TEST_F(ChainMakerTest, SaysWhereSomethingIsWrong) {
  chain().filters = {{.type = "nonsense", .options = {}}};
  EXPECT_THAT(problem(), StartsWith("/chains/0/filters/0/type: there is no filter \"nonsense\""));
  chain().filters = {{.type = "add_header", .options = {{"lines", true}}}};
  EXPECT_THAT(problem(), StartsWith("/chains/0/filters/0/options/lines: "));
  chain().filters.clear();
  chain().notice.html_file = files_.path("none.html");
  EXPECT_THAT(problem(), StartsWith("/chains/0/notice/html_file: "));
  chain().notice.html_file.clear();
  scanner().type = config::ScannerType::icap;
  scanner().tls = true;
  scanner().server_name = "icap.example.org";
  scanner().ca_file = files_.path("none.pem");
  EXPECT_THAT(problem(), StartsWith("/scanners/0: "));
  EXPECT_THAT(problem(), HasSubstr("none.pem"));
}

TEST_F(ChainMakerTest, AScannerThatStaysIsTheSameOne) {
  const auto before = make();
  const auto again = make();
  ASSERT_TRUE(before && again);
  EXPECT_EQ(before->scanners, again->scanners);
  scanner().concurrency = 3;
  const auto changed = make();
  ASSERT_TRUE(changed);
  EXPECT_NE(before->scanners, changed->scanners);
  EXPECT_EQ(before->scanners[0]->counters, changed->scanners[0]->counters);
}

TEST_F(ChainMakerTest, ScannersWithTlsAreNewWhenTheirAuthoritiesAre) {
  const testing::Authority one;
  const testing::Authority two;
  scanner().type = config::ScannerType::icap;
  scanner().tls = true;
  scanner().server_name = "icap.example.org";
  scanner().ca_file = files_.write("ca.pem", one.certificate());
  const auto before = make();
  ASSERT_TRUE(before) << before.error().detail;
  EXPECT_NE(before->scanners[0]->tls, nullptr);
  EXPECT_EQ(make()->scanners, before->scanners);
  files_.write("ca.pem", "nonsense");
  const auto kept = make(OnBroken::keep);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->scanners, before->scanners);
  ASSERT_EQ(problems_.size(), 1U);
  EXPECT_EQ(problems_[0].file, "/scanners/0");
  EXPECT_FALSE(make());
  files_.write("ca.pem", two.certificate());
  const auto changed = make();
  ASSERT_TRUE(changed);
  EXPECT_NE(changed->scanners, before->scanners);
}

TEST_F(ChainMakerTest, ABrokenTemplateLeavesTheOneBefore) {
  chain().notice.text_file = files_.write("n.txt", "Held back: {cause}\n");
  const auto before = make();
  ASSERT_TRUE(before) << before.error().detail;
  files_.write("n.txt", "{nonsense}\n");
  EXPECT_THAT(problem(), StartsWith("/chains/0/notice/text_file: "));
  const auto kept = make(OnBroken::keep);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->by_name.at("scan")->notice, before->by_name.at("scan")->notice);
  EXPECT_EQ(problems_.size(), 1U);
}

TEST_F(ChainMakerTest, TheFingerprintDependsOnWhatVerdictsDependOn) {
  const std::string before = fingerprint();
  EXPECT_EQ(fingerprint(), before);
  chain().policy[0] = config::Action::refuse;
  chain().waiting.quiet = Duration(1);
  scanner().concurrency = 1;
  EXPECT_EQ(fingerprint(), before);
  std::set<std::string> different{before};
  scanner().max_size = 1;
  different.insert(fingerprint());
  scanner().address.path = "/other";
  different.insert(fingerprint());
  scanner().service = "x";
  different.insert(fingerprint());
  scanner().command = {"/a", "b"};
  different.insert(fingerprint());
  scanner().command = {"/a b"};
  different.insert(fingerprint());
  for (const config::FilterOption& option :
       {config::FilterOption(std::vector<std::string>{"X: a", "Y: b"}),
        config::FilterOption(std::vector<std::string>{"X: aY: b"})}) {
    chain().filters = {{.type = "add_header", .options = {{"lines", option}}}};
    different.insert(fingerprint());
  }
  EXPECT_EQ(different.size(), 8U);
}

}  // namespace
}  // namespace gatepost::server
