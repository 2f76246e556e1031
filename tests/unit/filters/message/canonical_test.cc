#include "filters/message/canonical.h"

#include <gtest/gtest.h>

#include "tests/support/chop.h"
#include "tests/support/leak_check.h"
#include "tests/unit/filters/message/naive_message.h"

namespace gatepost::filters {
namespace {

using ::gatepost::testing::Chopping;
using ::gatepost::testing::for_each_chopping;
using ::gatepost::testing::Random;
using ::gatepost::testing::TestPool;

std::string canonical(std::string_view text, Chopping chopping) {
  TestPool pool;
  TestPool own;
  Canonicalizer canonicalizer(own);
  ByteChain out;
  for (const std::string_view piece : chopping.cut(text)) {
    ByteChain in(pool, piece);
    canonicalizer.feed(in, out);
    EXPECT_TRUE(in.empty());
  }
  canonicalizer.end(out);
  return out.to_string();
}

std::string canonical(std::string_view text) {
  return canonical(text, Chopping(Chopping::Kind::whole));
}

void expect_like_naive(std::string_view text) {
  for_each_chopping([&](Chopping& chopping) {
    ASSERT_EQ(canonical(text, chopping), test::naive_canonical(text));
  });
}

TEST(Canonicalizer, leaves_canonical_text_as_it_is) {
  const std::string text = "Subject: x\r\n\r\nbody\r\n\r\n..\r\n";
  EXPECT_EQ(canonical(text), text);
  expect_like_naive(text);
  EXPECT_EQ(canonical(""), "");
  EXPECT_EQ(canonical("\r\n"), "\r\n");
}

TEST(Canonicalizer, makes_crlf_of_every_line_end) {
  EXPECT_EQ(canonical("a\nb"), "a\r\nb\r\n");
  EXPECT_EQ(canonical("\n\n"), "\r\n\r\n");
  EXPECT_EQ(canonical("a\r\r\r\nb\r\n"), "a\r\nb\r\n");
  EXPECT_EQ(canonical("a\rb\r"), "a\r\nb\r\n");
  EXPECT_EQ(canonical("a\r\rb"), "a\r\n\r\nb\r\n");
  EXPECT_EQ(canonical("a\n\rb"), "a\r\n\r\nb\r\n");
  EXPECT_EQ(canonical(std::string_view("\0\r\0\n\0", 5)),
            std::string_view("\0\r\n\0\r\n\0\r\n", 9));
  for (const std::string_view text : {"a\nb", "\n\n", "a\r\r\r\nb\r\n", "a\r\rb", "a\n\rb", "\r",
                                      "\r\r", "\n", "a\r", "\n\r", "\r\n\r", "a\r\n\n\r\r\n"}) {
    expect_like_naive(text);
  }
}

TEST(Canonicalizer, holds_back_a_bounded_run) {
  const std::string run(Canonicalizer::kMaxRun, '\r');
  EXPECT_EQ(canonical("a" + run + "\n"), "a\r\n");
  EXPECT_EQ(canonical("a" + run + "\r\n"), "a\r\n\r\n");
  expect_like_naive(run + run + run + "x" + run + "\r\r\n");
}

TEST(Canonicalizer, is_like_the_naive_one_on_random_text) {
  Random random;
  for (int round = 0; round < 300; ++round) {
    const ::testing::ScopedTrace trace(__FILE__, __LINE__, Random::name());
    std::string text;
    const std::size_t size = random.between(0, 700);
    while (text.size() < size) {
      switch (random.between(0, 6)) {
        case 0:
          text += '\r';
          break;
        case 1:
          text += '\n';
          break;
        case 2:
          text += "\r\n";
          break;
        default:
          text += std::string(random.between(0, 40), 'x');
      }
    }
    for (const auto kind : {Chopping::Kind::whole, Chopping::Kind::random}) {
      ASSERT_EQ(canonical(text, Chopping(kind)), test::naive_canonical(text));
    }
  }
}

TEST(Canonicalizer, finds_what_is_wrong_at_every_place_of_a_block) {
  for (std::size_t at = 0; at < 600; ++at) {
    for (const char wrong : {'\r', '\n'}) {
      std::string text(600, 'x');
      text[at] = wrong;
      ASSERT_EQ(canonical(text), test::naive_canonical(text)) << at;
    }
  }
}

TEST(Canonicalizer, does_not_copy_what_is_right) {
  TestPool pool;
  const std::string line = std::string(74, 'x') + "\r\n";
  std::string text;
  while (text.size() < 60'000) text += line;
  ByteChain in(pool, text);
  const std::string_view before = in.front();
  Canonicalizer canonicalizer(pool);
  ByteChain out;
  canonicalizer.feed(in, out);
  EXPECT_EQ(out.slices().size(), 1U);
  EXPECT_EQ(out.front().data(), before.data());
}

TEST(Canonicalizer, needs_few_slices_for_text_that_is_wrong_everywhere) {
  TestPool pool;
  TestPool own;
  Canonicalizer canonicalizer(own);
  ByteChain out;
  ByteChain in(pool, std::string(60'000, '\n'));
  canonicalizer.feed(in, out);
  EXPECT_EQ(out.size(), 120'000U);
  EXPECT_LE(out.slices().size(), 4U);
}

}  // namespace
}  // namespace gatepost::filters
