#include "filters/message/splicer.h"

#include <gtest/gtest.h>

#include "tests/support/chop.h"
#include "tests/support/leak_check.h"

namespace gatepost::filters {
namespace {

using ::gatepost::testing::Chopping;
using ::gatepost::testing::for_each_chopping;
using ::gatepost::testing::Random;
using ::gatepost::testing::TestPool;

std::string spliced(std::vector<Splice> splices, std::string_view text, Chopping& chopping) {
  TestPool pool;
  Splicer splicer(std::move(splices), pool);
  ByteChain in;
  ByteChain out;
  for (const std::string_view piece : chopping.cut(text)) {
    in.append(pool, piece);
    while (splicer.step(in, false, out, chopping.next()) == Splicer::Progress::need_room) continue;
    EXPECT_TRUE(in.empty());
  }
  while (splicer.step(in, true, out, chopping.next()) == Splicer::Progress::need_room) continue;
  return out.to_string();
}

std::string naive(const std::vector<Splice>& splices, std::string text) {
  for (auto splice = splices.rbegin(); splice != splices.rend(); ++splice) {
    text.replace(splice->offset, splice->length, splice->text);
  }
  return text;
}

TEST(Splicer, replaces_inserts_and_removes) {
  const std::string text = "0123456789";
  const std::vector<std::vector<Splice>> all = {
      {},
      {{0, 0, "a"}},
      {{0, 10, ""}},
      {{0, 10, "abc"}},
      {{10, 0, "end"}},
      {{2, 3, "XYZ"}, {5, 0, "-"}, {5, 0, "+"}, {9, 1, ""}},
  };
  for (const auto& splices : all) {
    for_each_chopping([&](Chopping& chopping) {
      // Those at one place stand in their order.
      std::string expected = naive(splices, text);
      if (splices.size() == 4) expected = "01XYZ-+5678";
      EXPECT_EQ(spliced(splices, text, chopping), expected);
    });
  }
}

TEST(Splicer, gives_all_text_though_the_message_is_shorter) {
  for_each_chopping([&](Chopping& chopping) {
    EXPECT_EQ(spliced({{2, 9, "x"}, {40, 2, "y"}}, "0123", chopping), "01xy");
  });
}

TEST(Splicer, is_as_a_string_would_be) {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    const std::string text(random.between(0, 300), 't');
    std::vector<Splice> splices;
    for (std::size_t at = random.between(0, 40); at < text.size();) {
      const std::size_t length = std::min(random.between(0, 20), text.size() - at);
      splices.push_back({at, length, std::string(random.between(0, 50), 's')});
      at += length + random.between(1, 60);
    }
    for_each_chopping([&](Chopping& chopping) {
      EXPECT_EQ(spliced(splices, text, chopping), naive(splices, text)) << Random::name();
    });
  }
}

}  // namespace
}  // namespace gatepost::filters
