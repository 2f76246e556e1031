#include "proxy/base/cells.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <thread>

namespace gatepost {
namespace {

using std::chrono::milliseconds;

TEST(Cell, adds_subtracts_and_sets) {
  Cell cell;
  EXPECT_EQ(cell.get(), 0U);
  cell.add();
  cell.add(41);
  EXPECT_EQ(cell.get(), 42U);
  cell.subtract(2);
  EXPECT_EQ(cell.get(), 40U);
  cell.set(7);
  EXPECT_EQ(cell.get(), 7U);
}

TEST(Cell, may_be_read_by_another_thread) {
  Cell cell;
  constexpr std::uint64_t kTimes = 100'000;
  std::jthread reader([&cell] {
    std::uint64_t last = 0;
    while (last < kTimes) {
      const std::uint64_t now = cell.get();
      ASSERT_GE(now, last);
      last = now;
    }
  });
  for (std::uint64_t i = 0; i < kTimes; ++i) cell.add();
}

enum class Colour : std::uint8_t { red, green, count_ };

TEST(CellsBy, has_one_cell_for_each_value) {
  CellsBy<Colour> cells;
  static_assert(CellsBy<Colour>::kSize == 2);
  cells[Colour::green].add(3);
  EXPECT_EQ(cells[Colour::red].get(), 0U);
  EXPECT_EQ(cells[Colour::green].get(), 3U);
}

TEST(DurationCells, puts_bounds_into_the_bucket_they_close) {
  DurationCells cells;
  cells.observe(milliseconds(0));
  cells.observe(milliseconds(1));
  cells.observe(milliseconds(2));
  cells.observe(milliseconds(3));
  EXPECT_EQ(cells.buckets()[0].get(), 2U);
  EXPECT_EQ(cells.buckets()[1].get(), 1U);
  EXPECT_EQ(cells.buckets()[2].get(), 1U);
  EXPECT_EQ(cells.sum_ms(), 6U);
}

TEST(DurationCells, keeps_what_is_longer_than_every_bound) {
  DurationCells cells;
  cells.observe(milliseconds(120'000));
  cells.observe(milliseconds(120'001));
  EXPECT_EQ(cells.buckets()[DurationCells::kBounds.size() - 1].get(), 1U);
  EXPECT_EQ(cells.buckets().back().get(), 1U);
}

TEST(DurationCells, counts_a_negative_duration_as_none) {
  DurationCells cells;
  cells.observe(milliseconds(-5));
  EXPECT_EQ(cells.buckets()[0].get(), 1U);
  EXPECT_EQ(cells.sum_ms(), 0U);
}

}  // namespace
}  // namespace gatepost
