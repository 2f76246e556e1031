#include "proxy/base/bounded_table.h"

#include <gtest/gtest.h>

namespace gatepost {
namespace {

/// What is found by `low`, and told apart by both.
struct Key {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Key&) const = default;
};
struct KeyHash {
  std::size_t operator()(const Key& key) const { return key.low; }
};
using Table = BoundedTable<Key, int, KeyHash>;

Key key(std::uint64_t number) { return {.low = number, .high = 0}; }

TEST(BoundedTable, finds_what_was_touched) {
  Table table(2);
  EXPECT_EQ(table.find(key(1)), nullptr);
  EXPECT_EQ(table.touch(key(1)), 0);
  table.touch(key(1)) = 7;
  ASSERT_NE(table.find(key(1)), nullptr);
  EXPECT_EQ(*table.find(key(1)), 7);
  EXPECT_EQ(table.size(), 1U);
}

TEST(BoundedTable, tells_keys_with_one_hash_apart) {
  Table table(2);
  table.touch({.low = 1, .high = 1}) = 1;
  table.touch({.low = 1, .high = 2}) = 2;
  EXPECT_EQ(*table.find({.low = 1, .high = 1}), 1);
  EXPECT_EQ(*table.find({.low = 1, .high = 2}), 2);
}

TEST(BoundedTable, forgets_what_was_touched_longest_ago) {
  Table table(2);
  table.touch(key(1)) = 1;
  table.touch(key(2)) = 2;
  EXPECT_EQ(table.touch(key(1)), 1);  // now 2 is the oldest
  table.touch(key(3)) = 3;
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(table.find(key(2)), nullptr);
  EXPECT_NE(table.find(key(1)), nullptr);
  EXPECT_NE(table.find(key(3)), nullptr);
  ASSERT_NE(table.oldest(), nullptr);
  EXPECT_EQ(*table.oldest(), 1);
}

TEST(BoundedTable, drops_and_erases) {
  Table table(4);
  for (int i = 1; i <= 3; ++i) table.touch(key(static_cast<std::uint64_t>(i))) = i;
  table.drop_oldest();
  EXPECT_EQ(table.find(key(1)), nullptr);
  table.erase(key(3));
  table.erase(key(99));  // was not there
  EXPECT_EQ(table.find(key(3)), nullptr);
  EXPECT_EQ(table.size(), 1U);
  table.drop_oldest();
  EXPECT_EQ(table.oldest(), nullptr);
}

}  // namespace
}  // namespace gatepost
