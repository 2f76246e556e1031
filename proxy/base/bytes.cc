#include "proxy/base/bytes.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

namespace gatepost {

namespace detail {
struct Block {
  BlockPool* pool;
  std::uint32_t references;
  std::uint32_t secret;  // so many bytes are overwritten when nobody looks at them any more
  std::array<char, BlockPool::kBlockSize> data;
};

void release(Block* block) noexcept {
  if (--block->references == 0) block->pool->take_back(block);
}
}  // namespace detail

Slice::Slice(detail::Block* block, std::uint32_t begin, std::uint32_t size) noexcept
    : block_(block), begin_(begin), size_(size) {
  ++block_->references;
}

Slice::Slice(const Slice& other) noexcept
    : block_(other.block_), begin_(other.begin_), size_(other.size_) {
  if (block_ != nullptr) ++block_->references;
}

std::string_view Slice::view() const {
  return block_ == nullptr ? std::string_view()
                           : std::string_view(block_->data.data() + begin_, size_);
}

void Slice::remove_prefix(std::size_t n) {
  assert(n <= size_);
  begin_ += static_cast<std::uint32_t>(n);
  size_ -= static_cast<std::uint32_t>(n);
}

void Slice::overwrite(std::size_t n) {
  assert(n <= size_);
  explicit_bzero(block_->data.data() + begin_, n);
}

Slice Slice::first(std::size_t n) const {
  assert(n <= size_);
  Slice copy(*this);
  copy.size_ = static_cast<std::uint32_t>(n);
  return copy;
}

bool Slice::adjoins(const Slice& next) const {
  return block_ == next.block_ && begin_ + size_ == next.begin_;
}

BlockPool::BlockPool(std::size_t max_free) : max_free_(max_free) {}

BlockPool::~BlockPool() {
  assert(held_blocks() == 0 && "a slice outlives its pool");
  delete current_;
  for (detail::Block* block : free_) delete block;
}

void BlockPool::renew_current() {
  if (current_ != nullptr && current_->references == 1) {
    filled_ = 0;  // nobody looks at it any more: fill the same, still warm memory again
    return;
  }
  if (current_ != nullptr) --current_->references;
  current_ = fresh();
  current_->references = 1;
  filled_ = 0;
}

/// A block that nobody refers to.
detail::Block* BlockPool::fresh() {
  detail::Block* block = nullptr;
  if (!free_.empty()) {
    block = free_.back();
    free_.pop_back();
  } else {
    // Without initialisation: 64 KiB of zeros per block would be written for nothing.
    block = new detail::Block;
    block->pool = this;
  }
  block->references = 0;
  block->secret = 0;
  ++live_;
  return block;
}

Slice BlockPool::secret(std::string_view text) {
  const std::size_t size = std::min(text.size(), kBlockSize);
  detail::Block* block = fresh();
  std::memcpy(block->data.data(), text.data(), size);
  block->secret = static_cast<std::uint32_t>(size);
  return {block, 0, block->secret};
}

std::span<char> BlockPool::writable() {
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete): the pool's own reference keeps the block
  const bool untouched = current_ != nullptr && current_->references == 1;
  if (current_ == nullptr || (untouched && filled_ > 0) || kBlockSize - filled_ < kMinWritable) {
    renew_current();
  }
  return {current_->data.data() + filled_, kBlockSize - filled_};
}

Slice BlockPool::commit(std::size_t n) {
  assert(current_ != nullptr && n <= kBlockSize - filled_);
  Slice slice(current_, filled_, static_cast<std::uint32_t>(n));
  filled_ += static_cast<std::uint32_t>(n);
  return slice;
}

void BlockPool::take_back(detail::Block* block) noexcept {
  --live_;
  if (block->secret > 0) explicit_bzero(block->data.data(), block->secret);
  if (free_.size() < max_free_) {
    free_.push_back(block);
  } else {
    delete block;
  }
}

std::size_t BlockPool::held_blocks() const {
  return live_ - (current_ != nullptr && current_->references == 1 ? 1 : 0);
}

void ByteChain::append(BlockPool& pool, std::string_view text) {
  while (!text.empty()) {
    const std::span<char> room = pool.writable();
    const std::size_t n = std::min(room.size(), text.size());
    std::memcpy(room.data(), text.data(), n);
    append(pool.commit(n));
    text.remove_prefix(n);
  }
}

void ByteChain::append_secret(BlockPool& pool, std::string_view text) {
  while (!text.empty()) {
    Slice slice = pool.secret(text);
    text.remove_prefix(slice.size());
    append(std::move(slice));
  }
}

void ByteChain::append(Slice slice) {
  if (slice.size() == 0) return;
  size_ += slice.size();
  if (head_ < slices_.size() && slices_.back().adjoins(slice)) {
    slices_.back().extend(slice);
  } else {
    slices_.push_back(std::move(slice));
  }
}

void ByteChain::append(ByteChain&& other) {
  if (empty()) {
    *this = std::move(other);
    return;
  }
  for (std::size_t i = other.head_; i < other.slices_.size(); ++i) {
    append(std::move(other.slices_[i]));
  }
  other.clear();
}

std::string_view ByteChain::front() const {
  return empty() ? std::string_view() : slices_[head_].view();
}

void ByteChain::consume(std::size_t n) {
  assert(n <= size_);
  size_ -= n;
  while (n > 0) {
    Slice& slice = slices_[head_];
    if (n < slice.size()) {
      slice.remove_prefix(n);
      break;
    }
    n -= slice.size();
    slice = Slice();
    ++head_;
  }
  if (size_ == 0) {
    clear();
  } else if (head_ > 32 && head_ > slices_.size() / 2) {
    slices_.erase(slices_.begin(), slices_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

void ByteChain::wipe(std::size_t n) {
  assert(n <= size_);
  for (std::size_t left = n, i = head_; left > 0; ++i) {
    const std::size_t part = std::min(left, slices_[i].size());
    slices_[i].overwrite(part);
    left -= part;
  }
  consume(n);
}

ByteChain ByteChain::take(std::size_t n) {
  assert(n <= size_);
  ByteChain taken;
  if (n == size_) {
    std::swap(taken, *this);
    return taken;
  }
  for (std::size_t left = n, i = head_; left > 0; ++i) {
    const std::size_t part = std::min(left, slices_[i].size());
    taken.append(slices_[i].first(part));
    left -= part;
  }
  consume(n);
  return taken;
}

void ByteChain::clear() {
  // An idle connection keeps room for a few slices only.
  constexpr std::size_t kKeep = 4;
  slices_.clear();
  if (slices_.capacity() > kKeep) std::vector<Slice>().swap(slices_);
  head_ = 0;
  size_ = 0;
}

std::string ByteChain::to_string() const {
  std::string text;
  text.reserve(size_);
  for (const Slice& slice : slices()) text += slice.view();
  return text;
}

}  // namespace gatepost
