#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "filters/message/header_edit.h"
#include "filters/rewrite/rule.h"
#include "filters/rewrite/rule_book.h"
#include "tests/support/leak_check.h"

namespace gatepost::filters {
namespace {

using ::gatepost::testing::TestPool;
using ::testing::HasSubstr;
using Options = std::map<std::string, config::FilterOption>;
using Texts = std::vector<std::string>;

std::string edited(const std::vector<HeaderEdit>& edits, std::string_view text) {
  TestPool pool;
  HeaderEditor editor(edits, pool);
  ByteChain in(pool, text);
  ByteChain out;
  EXPECT_EQ(editor.step(in, true, out, 1 << 20), HeaderEditor::Progress::finished);
  return out.to_string();
}

/// What the rules make of a message that has only a header.
std::string ruled(const std::vector<config::Rule>& rules, const std::string& header,
                  RuleInput input = {}) {
  config::Chain chain;
  chain.name = "c";
  chain.rewrite = rules;
  const auto book = RuleBook::create(chain);
  if (!book) return book.error().detail;
  input.header = header;
  RewritePlan plan(nullptr, nullptr);
  EXPECT_TRUE(book->apply(input, RuleBook::Which::header_only, plan));
  auto outcome = plan.finish();
  EXPECT_TRUE(outcome);
  return edited(outcome->header, header + "\r\n");
}

config::Rule rule(const std::string& type, const Options& options) {
  config::Rule rule;
  rule.filter = {type, options};
  return rule;
}

std::string error_of(const std::string& type, const Options& options) {
  const auto made = make_rule({type, options});
  return made ? "" : made.error().detail;
}

TEST(HeaderRules, fill_in_what_is_known) {
  RuleInput input;
  input.user = "joe";
  input.client_address = "192.0.2.1";
  input.route = "main";
  input.verdict = "spam";
  input.score = 7.25;
  input.size = 1234;
  const Texts lines = {"X-Who: {user} at {client_address} by {route}",
                       "X-What: {verdict} {score} {size} {from} {}"};
  EXPECT_EQ(ruled({rule("add_header", {{"lines", lines}})}, "From: a@b\r\n", input),
            "X-Who: joe at 192.0.2.1 by main\r\nX-What: spam 7.2 1234 a@b {}\r\nFrom: a@b\r\n\r\n");
  EXPECT_EQ(ruled({rule("add_header", {{"lines", lines}})}, "A: 1\r\n"),
            "X-Who: at by\r\nX-What: {}\r\nA: 1\r\n\r\n");
}

TEST(HeaderRules, values_are_inert) {
  RuleInput input;
  input.user = "joe\r\nX-Evil: 1";
  EXPECT_EQ(ruled({rule("add_header", {{"lines", Texts{"X-Who: {user}"}}})}, "A: 1\r\n", input),
            "X-Who: joe X-Evil: 1\r\nA: 1\r\n\r\n");
}

TEST(HeaderRules, take_out_what_is_forged) {
  const auto added = rule("add_header", {{"lines", Texts{"X-External: yes", "List-Id: us"}}});
  EXPECT_EQ(ruled({added}, "x-external: no\r\nList-Id: them\r\n"),
            "X-External: yes\r\nList-Id: us\r\nList-Id: them\r\n\r\n");
  // Also where it does not apply: without the field it says that the message is none.
  auto conditional = added;
  conditional.when.external = true;
  EXPECT_EQ(ruled({conditional}, "X-External: yes\r\nA: 1\r\n"), "A: 1\r\n\r\n");
  auto kept =
      rule("add_header", {{"lines", Texts{"X-External: yes"}}, {"forged", std::string("keep")}});
  EXPECT_EQ(ruled({kept}, "X-External: no\r\n"), "X-External: yes\r\nX-External: no\r\n\r\n");
}

TEST(HeaderRules, replace_remove_rename_tag) {
  EXPECT_EQ(ruled({rule("replace_header", {{"lines", Texts{"A: new"}}}),
                   rule("remove_header", {{"names", Texts{"B", "X-C-*"}}}),
                   rule("rename_header", {{"names", Texts{"D: X-D"}}}),
                   rule("tag_subject", {{"tag", std::string("[{user}]")}})},
                  "A: 1\r\nB: 2\r\nX-C-D: 3\r\nD: 4\r\nSubject: Hi\r\n"),
            "A: new\r\nX-D: 4\r\nSubject: [] Hi\r\n\r\n");
}

TEST(HeaderRules, check_their_options) {
  EXPECT_EQ(error_of("add_header", {{"lines", Texts{"A: {user}"}}}), "");
  EXPECT_THAT(error_of("add_header", {{"lines", Texts{"A: {usr}"}}}),
              HasSubstr("/options/lines: unknown variable {usr}; known are user, "));
  EXPECT_EQ(error_of("add_header", {{"lines", Texts{"A B: 1"}}}),
            "/options/lines: each must be \"Name: value\"");
  EXPECT_EQ(error_of("replace_header", {}), "/options/lines: must be a list of texts, not empty");
  EXPECT_EQ(error_of("remove_header", {{"names", Texts{"A:"}}}),
            "/options/names: each must be the name of a header field");
  EXPECT_EQ(error_of("rename_header", {{"names", Texts{"A: b c"}}}),
            "/options/names: each must be \"Old-Name: New-Name\"");
  EXPECT_EQ(error_of("tag_subject", {}), "/options/tag: must be a text, not empty");
  EXPECT_EQ(error_of("tag_subject", {{"tag", std::string("\xff")}}), "/options/tag: not UTF-8");
  EXPECT_THAT(error_of("nothing", {}),
              HasSubstr("/type: there is no rule \"nothing\"; there are: "));
  const auto known = rule_types();
  EXPECT_TRUE(std::ranges::is_sorted(known));
}

TEST(HeaderRules, are_limited) {
  RewritePlan plan(nullptr, nullptr);
  for (std::size_t i = 0; i <= RewritePlan::kMaxEdits; ++i) {
    plan.edit_header({HeaderEdit::What::add, "A", "1"});
  }
  const auto outcome = plan.finish();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().detail, "more than 1000 changes of the header");
}

}  // namespace
}  // namespace gatepost::filters
