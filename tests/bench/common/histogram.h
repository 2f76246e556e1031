#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace gatepost::bench {

/// Counts values in steps of 1.6 per cent of the value, so that percentiles need no list of them.
class Histogram {
 public:
  void add(std::uint64_t value);
  void merge(const Histogram& other);
  /// The value that `percent` of all values do not exceed; 0 when there are none.
  [[nodiscard]] std::uint64_t percentile(double percent) const;
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t min() const { return min_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  [[nodiscard]] double mean() const;

 private:
  static constexpr unsigned kSubBits = 6;  // 64 steps per power of two
  [[nodiscard]] static std::size_t bucket_of(std::uint64_t value);
  [[nodiscard]] static std::uint64_t middle_of(std::size_t bucket);

  std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>(64 << kSubBits);
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  std::uint64_t min_ = std::numeric_limits<std::uint64_t>::max();
  double sum_ = 0;
};

}  // namespace gatepost::bench
