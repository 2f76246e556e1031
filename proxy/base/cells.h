#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gatepost {

/// A number with one writer (a worker) and any readers (the scrape): no locked instruction.
class Cell {
 public:
  void add(std::uint64_t n = 1) { set(get() + n); }
  void subtract(std::uint64_t n = 1) { set(get() - n); }
  void set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

/// One Cell for each value of `Enum`, which must end with `count_`.
template <class Enum>
class CellsBy {
 public:
  static constexpr std::size_t kSize = static_cast<std::size_t>(Enum::count_);
  Cell& operator[](Enum e) { return cells_[static_cast<std::size_t>(e)]; }
  const Cell& operator[](Enum e) const { return cells_[static_cast<std::size_t>(e)]; }

 private:
  std::array<Cell, kSize> cells_;
};

/// Durations sorted into fixed buckets, 1 ms to 2 minutes.
class DurationCells {
 public:
  /// Upper bounds in milliseconds; one further bucket takes the rest.
  static constexpr std::array<std::uint32_t, 14> kBounds = {
      1, 2, 5, 10, 25, 50, 100, 250, 500, 1'000, 5'000, 10'000, 30'000, 120'000};

  void observe(std::chrono::milliseconds d) {
    const auto ms = static_cast<std::uint64_t>(d.count() < 0 ? 0 : d.count());
    std::size_t i = 0;
    while (i < kBounds.size() && ms > kBounds[i]) ++i;
    buckets_[i].add();
    sum_ms_.add(ms);
  }
  /// kBounds.size() + 1 counts, not cumulated.
  [[nodiscard]] std::span<const Cell> buckets() const { return buckets_; }
  [[nodiscard]] std::uint64_t sum_ms() const { return sum_ms_.get(); }

 private:
  std::array<Cell, kBounds.size() + 1> buckets_;
  Cell sum_ms_;
};

}  // namespace gatepost
