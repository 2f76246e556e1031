#include "filters/filter_line.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/support/chop.h"
#include "tests/support/leak_check.h"

namespace gatepost::filters {
namespace {

using ::gatepost::testing::Chopping;
using ::gatepost::testing::for_each_chopping;
using ::gatepost::testing::TestPool;
using Kinds = std::vector<std::shared_ptr<const FilterKind>>;
using Step = std::function<Result<FilterStatus>(MessageFilter::Input, MessageFilter::Output)>;

/// A filter made of one function.
class FunctionKind : public FilterKind {
 public:
  explicit FunctionKind(Step step) : step_(std::move(step)) {}
  [[nodiscard]] std::unique_ptr<MessageFilter> make() const override {
    return std::make_unique<Filter>(step_);
  }

 private:
  class Filter : public MessageFilter {
   public:
    explicit Filter(Step step) : step_(std::move(step)) {}
    Result<FilterStatus> step(Input in, Output out) override { return step_(in, out); }
    [[nodiscard]] std::size_t held() const override { return 0; }

   private:
    Step step_;
  };
  Step step_;
};

Kinds kinds(const std::vector<Step>& steps) {
  Kinds all;
  for (const Step& step : steps) all.push_back(std::make_shared<FunctionKind>(step));
  return all;
}

/// Says every octet `times` times, one at a time.
Step repeat(std::size_t times) {
  return [times](MessageFilter::Input in, MessageFilter::Output out) -> Result<FilterStatus> {
    const std::size_t full = out.bytes.size() + out.room;
    while (!in.bytes.empty()) {
      if (out.bytes.size() >= full) return FilterStatus::need_room;
      out.bytes.append(out.pool, std::string(times, in.bytes.front().front()));
      in.bytes.consume(1);
    }
    return in.end ? FilterStatus::finished : FilterStatus::need_input;
  };
}

struct Outcome {
  std::string text;
  std::size_t most_held = 0;
  std::string error;
};

Outcome run(const Kinds& filters, std::string_view text, Chopping chopping, std::size_t room = 0) {
  TestPool pool;
  FilterLine line(filters, pool);
  Outcome outcome;
  ByteChain in;
  ByteChain out;
  auto pieces = chopping.cut(text);
  pieces.emplace_back();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    in.append(pool, pieces[i]);
    const bool last = i + 1 == pieces.size();
    auto status = FilterStatus::need_room;
    while (status == FilterStatus::need_room) {
      const auto result = line.step(in, last, out, room == 0 ? chopping.next() : room);
      outcome.most_held = std::max(outcome.most_held, line.held());
      if (!result) {
        outcome.error = result.error().detail;
        return outcome;
      }
      status = *result;
      EXPECT_TRUE(status != FilterStatus::need_input || in.empty());
    }
    EXPECT_EQ(status == FilterStatus::finished, last);
  }
  outcome.text = out.to_string();
  return outcome;
}

TEST(FilterLine, without_filters_passes_the_text_on) {
  for_each_chopping([](Chopping& chopping) {
    EXPECT_EQ(run({}, "some text", chopping).text, "some text");
    EXPECT_EQ(run({}, "", chopping).text, "");
    EXPECT_EQ(run({}, "some text", chopping, 1).text, "some text");
  });
}

TEST(FilterLine, runs_filters_one_after_the_other) {
  for_each_chopping([](Chopping& chopping) {
    EXPECT_EQ(run(kinds({repeat(2), repeat(3)}), "ab", chopping).text, "aaaaaabbbbbb");
    EXPECT_EQ(run(kinds({repeat(2), repeat(3)}), "ab", chopping, 1).text, "aaaaaabbbbbb");
    EXPECT_EQ(run(kinds({repeat(1), repeat(0), repeat(2)}), "ab", chopping).text, "");
  });
}

TEST(FilterLine, holds_a_bounded_amount_between_filters) {
  const std::string text(1'000'000, 'x');
  const Outcome outcome =
      run(kinds({repeat(1), repeat(1)}), text, Chopping(Chopping::Kind::whole), 1000);
  EXPECT_EQ(outcome.text, text);
  EXPECT_LE(outcome.most_held, FilterLine::kMaxBetween);
  EXPECT_GE(outcome.most_held, FilterLine::kMaxBetween / 2);
}

TEST(FilterLine, hands_errors_on) {
  const Step broken = [](MessageFilter::Input, MessageFilter::Output) -> Result<FilterStatus> {
    return fail(ErrorCode::limit, "too odd");
  };
  EXPECT_EQ(run(kinds({repeat(1), broken}), "x", Chopping(Chopping::Kind::whole)).error, "too odd");
}

TEST(FilterLine, notices_a_filter_that_breaks_its_contract) {
  const auto says = [](FilterStatus status) -> Step {
    return [status](MessageFilter::Input, MessageFilter::Output) -> Result<FilterStatus> {
      return status;
    };
  };
  const Chopping whole(Chopping::Kind::whole);
  EXPECT_EQ(run(kinds({says(FilterStatus::need_input)}), "x", whole).error,
            "filter 1 wants input and has some");
  EXPECT_EQ(run(kinds({says(FilterStatus::need_input)}), "", whole).error,
            "filter 1 wants input after the end");
  EXPECT_EQ(run(kinds({repeat(1), says(FilterStatus::need_room)}), "x", whole).error,
            "filter 2 wants room and has some");
  EXPECT_EQ(run(kinds({says(FilterStatus::finished)}), "x", whole).error,
            "filter 1 finished before the end");
}

}  // namespace
}  // namespace gatepost::filters
