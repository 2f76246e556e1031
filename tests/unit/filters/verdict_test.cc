#include "filters/verdict.h"

#include <gtest/gtest.h>

namespace gatepost::filters {
namespace {

Opinion opinion(Cause cause, std::string_view detail = {}) {
  return {.scanner = "s", .verdict = Verdict::of(cause, detail)};
}

TEST(Verdict, is_not_clean_unless_somebody_says_so) {
  EXPECT_NE(Verdict().cause, Cause::clean);
  EXPECT_EQ(Verdict::clean().cause, Cause::clean);
}

TEST(Verdict, makes_what_a_scanner_says_inert_and_short) {
  EXPECT_EQ(Verdict::of(Cause::infected, "A\r\nB\x80\x7f").detail, "A??B??");
  EXPECT_EQ(Verdict::of(Cause::infected, std::string(10'000, 'x')).detail.size(),
            Verdict::kMaxDetail);
}

TEST(Judgement, takes_the_worst) {
  const config::Policy policy = config::default_policy(true);
  Judgement judgement;
  EXPECT_EQ(judgement.worst(policy), nullptr);
  judgement.trail = {opinion(Cause::clean), opinion(Cause::infected), opinion(Cause::spam)};
  EXPECT_EQ(judgement.worst(policy)->verdict.cause, Cause::infected);
  judgement.trail = {opinion(Cause::clean), opinion(Cause::unreachable), opinion(Cause::spam)};
  EXPECT_EQ(judgement.worst(policy)->verdict.cause, Cause::unreachable);
}

TEST(Judgement, what_stops_a_message_goes_before_what_lets_it_pass) {
  config::Policy policy = config::default_policy(true);
  config::action_for(policy, Cause::infected) = Action::tag;
  Judgement judgement;
  judgement.trail = {opinion(Cause::infected), opinion(Cause::timeout)};
  EXPECT_EQ(judgement.worst(policy)->verdict.cause, Cause::timeout);
}

TEST(Judgement, says_who_said_what) {
  Judgement judgement;
  judgement.trail = {opinion(Cause::infected, "OK FOUND"), opinion(Cause::clean)};
  EXPECT_EQ(judgement.to_string(), "s=infected(OK FOUND) s=clean");
}

}  // namespace
}  // namespace gatepost::filters
