#include "filters/memory/verdict_memory.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace gatepost::filters {
namespace {

using std::chrono::seconds;

Judgement judgement(Cause cause, std::string_view detail = {}) {
  Judgement made;
  made.trail.push_back({.scanner = "clamd", .verdict = Verdict::of(cause, detail)});
  return made;
}

Digest key(int n) { return VerdictMemory::key(sha256(std::to_string(n)), "chain", "1"); }

constexpr Instant kNow{};

TEST(VerdictMemory, knows_what_it_was_told) {
  VerdictMemory memory(10, seconds(60));
  EXPECT_FALSE(memory.find(key(1), kNow));
  memory.remember(key(1), judgement(Cause::infected, "Eicar"), kNow);
  const auto found = memory.find(key(1), kNow + seconds(59));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->remembered);
  EXPECT_EQ(found->trail.front().verdict.detail, "Eicar");
  EXPECT_FALSE(memory.find(key(1), kNow + seconds(60)));
  EXPECT_EQ(memory.size(), 0U);
}

TEST(VerdictMemory, never_knows_what_may_be_different_tomorrow) {
  VerdictMemory memory(10, seconds(60));
  for (const Cause cause :
       {Cause::unreachable, Cause::timeout, Cause::not_understood, Cause::spool_full}) {
    Judgement mixed = judgement(Cause::clean);
    mixed.trail.push_back(judgement(cause).trail.front());
    memory.remember(key(1), mixed, kNow);
    EXPECT_FALSE(memory.find(key(1), kNow));
  }
}

TEST(VerdictMemory, forgets_the_least_used_first) {
  VerdictMemory memory(3, seconds(60));
  for (int i = 0; i < 3; ++i) memory.remember(key(i), judgement(Cause::clean), kNow);
  EXPECT_TRUE(memory.find(key(0), kNow));
  memory.remember(key(3), judgement(Cause::clean), kNow);
  EXPECT_EQ(memory.size(), 3U);
  EXPECT_TRUE(memory.find(key(0), kNow));
  EXPECT_FALSE(memory.find(key(1), kNow));
}

TEST(VerdictMemory, does_not_keep_what_is_too_large) {
  VerdictMemory memory(3, seconds(60));
  Judgement large = judgement(Cause::clean);
  large.trail.front().verdict.edits.push_back(
      {.name = "X-Spam", .value = std::string(VerdictMemory::kMaxJudgement, 'x')});
  memory.remember(key(1), large, kNow);
  EXPECT_FALSE(memory.find(key(1), kNow));
}

TEST(VerdictMemory, with_no_entries_knows_nothing) {
  VerdictMemory memory(0, seconds(60));
  memory.remember(key(1), judgement(Cause::clean), kNow);
  EXPECT_FALSE(memory.find(key(1), kNow));
}

TEST(VerdictMemory, depends_on_every_part_of_the_key) {
  const Digest content = sha256("text");
  EXPECT_NE(VerdictMemory::key(content, "ab", "c"), VerdictMemory::key(content, "a", "bc"));
  EXPECT_NE(VerdictMemory::key(content, "a", "c"), VerdictMemory::key(sha256("x"), "a", "c"));
}

TEST(VerdictMemory, notes_time_outs) {
  VerdictMemory memory(10, seconds(60));
  const Digest content = sha256("text");
  EXPECT_FALSE(memory.timed_out_before(content, kNow));
  memory.note_timeout(content, kNow + seconds(5));
  EXPECT_TRUE(memory.timed_out_before(content, kNow + seconds(4)));
  EXPECT_FALSE(memory.timed_out_before(content, kNow + seconds(5)));
}

TEST(VerdictMemory, serves_many_threads) {
  VerdictMemory memory(50, seconds(60));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&memory] {
      for (int i = 0; i < 2'000; ++i) {
        memory.remember(key(i % 80), judgement(Cause::clean), kNow);
        static_cast<void>(memory.find(key((i * 7) % 80), kNow));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(memory.size(), 50U);
}

}  // namespace
}  // namespace gatepost::filters
