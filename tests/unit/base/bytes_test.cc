#include "proxy/base/bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/chop.h"
#include "tests/support/leak_check.h"

namespace gatepost {
namespace {

using testing::Random;
using testing::TestPool;

Slice slice_of(BlockPool& pool, std::string_view text) {
  std::memcpy(pool.writable().data(), text.data(), text.size());
  return pool.commit(text.size());
}

/// Text in which every position is recognisable.
std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('!' + i * 31 % 89);
  return text;
}

TEST(Slice, shares_its_block_and_returns_it_with_the_last_copy) {
  TestPool pool;
  std::optional<Slice> first = slice_of(pool, "hello");
  std::optional<Slice> second = first->first(4);
  EXPECT_EQ(second->view(), "hell");
  EXPECT_EQ(pool->held_blocks(), 1U);
  first.reset();
  EXPECT_EQ(pool->held_blocks(), 1U);
  EXPECT_EQ(second->view(), "hell");
  second.reset();
  EXPECT_EQ(pool->held_blocks(), 0U);
}

TEST(Slice, lets_go_when_assigned_or_moved_from) {
  TestPool pool;
  Slice slice = slice_of(pool, "abc");
  Slice moved = std::move(slice);
  EXPECT_EQ(slice.size(), 0U);  // NOLINT(bugprone-use-after-move): that is the promise
  EXPECT_EQ(slice.view(), "");
  EXPECT_EQ(moved.view(), "abc");
  moved = Slice();
  EXPECT_EQ(pool->held_blocks(), 0U);
}

TEST(Slice, knows_its_neighbour) {
  TestPool pool;
  Slice left = slice_of(pool, "left");
  const Slice right = slice_of(pool, "right");
  EXPECT_TRUE(left.adjoins(right));
  EXPECT_FALSE(right.adjoins(left));
  left.extend(right);
  EXPECT_EQ(left.view(), "leftright");
  left.remove_prefix(3);
  EXPECT_EQ(left.view(), "tright");
}

TEST(BlockPool, gives_room_worth_reading_into) {
  TestPool pool;
  std::vector<Slice> kept;
  for (int i = 0; i < 100; ++i) {
    EXPECT_GE(pool->writable().size(), BlockPool::kMinWritable);
    kept.push_back(pool->commit(777));
  }
}

TEST(BlockPool, takes_a_new_block_when_the_rest_is_small) {
  TestPool pool;
  const std::size_t most = BlockPool::kBlockSize - BlockPool::kMinWritable;
  const Slice exact = slice_of(pool, pattern(most));
  EXPECT_EQ(pool->writable().size(), BlockPool::kMinWritable);
  const Slice more = slice_of(pool, "x");
  EXPECT_TRUE(exact.adjoins(more));
  EXPECT_EQ(pool->writable().size(), BlockPool::kBlockSize);
  EXPECT_EQ(pool->held_blocks(), 1U);
  EXPECT_EQ(exact.view(), pattern(most));
}

TEST(BlockPool, fills_a_block_anew_that_nobody_looks_at) {
  TestPool pool;
  const char* const memory = pool->writable().data();
  for (int i = 0; i < 1000; ++i) {
    const Slice slice = slice_of(pool, pattern(1000));
    EXPECT_EQ(slice.view().data(), memory);
  }
  EXPECT_EQ(pool->held_blocks(), 0U);
  EXPECT_EQ(pool->writable().size(), BlockPool::kBlockSize);
}

TEST(BlockPool, shares_a_block_among_many_small_readers) {
  TestPool pool;
  std::vector<ByteChain> connections(50);
  for (ByteChain& connection : connections) connection.append(pool, "USER joe\r\n");
  EXPECT_EQ(pool->held_blocks(), 1U);
}

TEST(BlockPool, counts_held_blocks_up_and_down) {
  TestPool pool;
  EXPECT_EQ(pool->held_blocks(), 0U);
  {
    ByteChain chain(pool, pattern(10 * BlockPool::kBlockSize));
    EXPECT_GE(pool->held_blocks(), 10U);
    EXPECT_LE(pool->held_blocks(), 11U);
    chain.consume(5 * BlockPool::kBlockSize);
    EXPECT_LE(pool->held_blocks(), 6U);
  }
  EXPECT_EQ(pool->held_blocks(), 0U);
}

TEST(BlockPool, keeps_no_more_free_blocks_than_asked) {
  BlockPool pool(0);
  ByteChain chain(pool, pattern(4 * BlockPool::kBlockSize));
  chain.clear();
  EXPECT_EQ(pool.held_blocks(), 0U);
}

TEST(ByteChain, merges_pieces_that_adjoin) {
  TestPool pool;
  ByteChain chain;
  for (int i = 0; i < 100; ++i) chain.append(pool, "abc");
  EXPECT_EQ(chain.slices().size(), 1U);
  EXPECT_EQ(chain.size(), 300U);
}

TEST(ByteChain, takes_texts_larger_than_a_block) {
  TestPool pool;
  const std::string text = pattern(3 * BlockPool::kBlockSize + 12345);
  const ByteChain chain(pool, text);
  EXPECT_EQ(chain.size(), text.size());
  EXPECT_EQ(chain.to_string(), text);
}

TEST(ByteChain, splices_without_copying) {
  TestPool pool;
  ByteChain source(pool, pattern(1000));
  const char* const memory = source.front().data();
  ByteChain target;
  target.append(std::move(source));
  EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): that is the promise
  EXPECT_EQ(target.front().data(), memory);
  const ByteChain part = target.take(400);
  EXPECT_EQ(part.front().data(), memory);
  EXPECT_EQ(target.front().data(), memory + 400);
}

TEST(ByteChain, is_empty_after_it_was_moved_from) {
  TestPool pool;
  ByteChain source(pool, "bytes");
  ByteChain taken = std::move(source);
  EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): that is the promise
  EXPECT_EQ(source.to_string(), "");
  source.append(pool, "again");
  EXPECT_EQ(source.to_string(), "again");
  taken = std::move(source);
  EXPECT_TRUE(source.empty());
  EXPECT_EQ(source.front(), "");
  EXPECT_EQ(taken.to_string(), "again");
}

TEST(ByteChain, shares_its_blocks_with_a_copy) {
  TestPool pool;
  ByteChain chain(pool, "shared");
  const ByteChain copy = chain;
  chain.consume(3);
  EXPECT_EQ(chain.to_string(), "red");
  EXPECT_EQ(copy.to_string(), "shared");
  EXPECT_EQ(copy.front().data() + 3, chain.front().data());
}

TEST(ByteChain, holds_no_block_when_used_up) {
  TestPool pool;
  ByteChain chain;
  for (int i = 0; i < 1000; ++i) {
    chain.append(pool, pattern(100));
    chain.consume(100);
    EXPECT_EQ(pool->held_blocks(), 0U);
  }
  EXPECT_EQ(chain.front(), "");
  EXPECT_EQ(chain.slices().size(), 0U);
}

TEST(ByteChain, stays_small_when_it_is_a_queue_that_never_empties) {
  TestPool pool;
  ByteChain chain(pool, "x");
  for (int i = 0; i < 100'000; ++i) {
    chain.append(pool, pattern(10));
    (void)pool->writable();
    (void)pool->commit(1);  // so that the pieces do not adjoin
    chain.consume(10);
  }
  EXPECT_LE(chain.slices().size(), 2U);
  EXPECT_LE(pool->held_blocks(), 2U);
}

/// The same operations on two chains and on two strings.
class Model {
 public:
  explicit Model(std::uint64_t offset) : random_(offset) {}

  void step() {
    const std::size_t which = random_.between(0, 1);
    ByteChain& chain = chains_[which];
    std::string& text = texts_[which];
    switch (random_.between(0, 7)) {
      case 0:
      case 1: {
        const std::string more = pattern(size());
        chain.append(pool_, more);
        text += more;
        break;
      }
      case 2: {
        const std::string more = pattern(random_.between(0, 50));
        chain.append(slice_of(pool_, more));
        text += more;
        break;
      }
      case 3: {
        chain.append(std::move(chains_[1 - which]));
        text += std::exchange(texts_[1 - which], {});
        break;
      }
      case 4:
      case 5: {
        const std::size_t n = random_.between(0, text.size());
        chain.consume(n);
        text.erase(0, n);
        break;
      }
      case 6: {
        const std::size_t n = random_.between(0, text.size());
        ByteChain taken = chain.take(n);
        EXPECT_EQ(taken.to_string(), text.substr(0, n));
        chains_[1 - which].append(std::move(taken));
        texts_[1 - which] += text.substr(0, n);
        text.erase(0, n);
        break;
      }
      default: {  // a copy that outlives its source for a while
        const ByteChain copy = chain;
        chain = copy;
        break;
      }
    }
  }

  void compare() {
    for (std::size_t i = 0; i < 2; ++i) {
      ASSERT_EQ(chains_[i].size(), texts_[i].size());
      ASSERT_EQ(chains_[i].empty(), texts_[i].empty());
      ASSERT_EQ(chains_[i].to_string(), texts_[i]);
      ASSERT_EQ(chains_[i].front().empty(), texts_[i].empty());
      for (const Slice& slice : chains_[i].slices()) ASSERT_GT(slice.size(), 0U);
    }
  }

 private:
  std::size_t size() {
    return random_.between(0, 9) == 0 ? random_.between(0, 3 * BlockPool::kBlockSize)
                                      : random_.between(0, 3000);
  }

  TestPool pool_;
  Random random_;
  std::array<ByteChain, 2> chains_;
  std::array<std::string, 2> texts_;
};

TEST(ByteChain, behaves_like_a_string_under_random_operations) {
  SCOPED_TRACE(Random::name());
  for (std::uint64_t run = 0; run < 30; ++run) {
    Model model(run);
    for (int i = 0; i < 100; ++i) {
      model.step();
      model.compare();
      if (HasFatalFailure()) return;
    }
  }
}

TEST(ByteChain, leaves_nothing_of_a_secret_in_memory) {
  BlockPool pool;
  ByteChain chain(pool, "USER joe\r\n");
  chain.append_secret(pool, "PASS correct horse\r\n");
  EXPECT_EQ(chain.to_string(), "USER joe\r\nPASS correct horse\r\n");
  const ByteChain copy = chain;  // as a transport below may hold it a little longer
  const std::string_view memory = chain.slices().back().view();
  EXPECT_EQ(memory, "PASS correct horse\r\n");
  chain.clear();
  EXPECT_EQ(memory, "PASS correct horse\r\n") << "somebody still has to send it";
  const_cast<ByteChain&>(copy).clear();
  EXPECT_EQ(pool.held_blocks(), 0U);
  // The pool keeps the block for reuse.
  EXPECT_TRUE(std::ranges::all_of(memory, [](char c) { return c == '\0'; }));
}

TEST(ByteChain, takes_secrets_of_any_size) {
  BlockPool pool;
  const std::string text(BlockPool::kBlockSize + 10, 's');
  ByteChain chain;
  chain.append_secret(pool, text);
  EXPECT_EQ(chain.to_string(), text);
}

TEST(ByteChain, overwrites_what_it_drops_when_asked_to) {
  BlockPool pool;
  ByteChain chain(pool, "PASS secret\r\nSTAT\r\n");
  const std::string_view memory = chain.front();
  chain.wipe(13);
  EXPECT_EQ(chain.to_string(), "STAT\r\n");
  EXPECT_EQ(memory.substr(0, 13), std::string(13, '\0'));
  EXPECT_EQ(memory.substr(13), "STAT\r\n");
}

}  // namespace
}  // namespace gatepost
