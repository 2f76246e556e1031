#include "tests/bench/common/histogram.h"

#include <algorithm>
#include <bit>

namespace gatepost::bench {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < (1U << kSubBits)) return value;
  const unsigned exponent = static_cast<unsigned>(std::bit_width(value)) - 1;
  const std::uint64_t step = (value >> (exponent - kSubBits)) & ((1U << kSubBits) - 1);
  return (static_cast<std::size_t>(exponent - kSubBits + 1) << kSubBits) + step;
}

std::uint64_t Histogram::middle_of(std::size_t bucket) {
  if (bucket < (1U << kSubBits)) return bucket;
  const std::size_t exponent = (bucket >> kSubBits) - 1 + kSubBits;
  const std::uint64_t width = std::uint64_t{1} << (exponent - kSubBits);
  const std::uint64_t step = bucket & ((1U << kSubBits) - 1);
  return (std::uint64_t{1} << exponent) + step * width + width / 2;
}

void Histogram::add(std::uint64_t value) {
  buckets_[bucket_of(value)]++;
  count_++;
  sum_ += static_cast<double>(value);
  max_ = std::max(max_, value);
  min_ = std::min(min_, value);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < buckets_.size(); i++) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
  min_ = std::min(min_, other.min_);
}

std::uint64_t Histogram::percentile(double percent) const {
  if (count_ == 0) return 0;
  const auto wanted = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(percent / 100.0 * static_cast<double>(count_) + 0.5));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); i++) {
    seen += buckets_[i];
    if (seen >= wanted) return std::min(middle_of(i), max_);
  }
  return max_;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

}  // namespace gatepost::bench
