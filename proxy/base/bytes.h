#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatepost {

class BlockPool;

namespace detail {
struct Block;
void release(Block* block) noexcept;
}  // namespace detail

/// Shared, read-only bytes inside a pooled block. Copying shares the block; the block returns to
/// its pool with the last slice. Belongs to one thread, that of its pool.
class Slice {
 public:
  Slice() = default;
  Slice(const Slice& other) noexcept;
  Slice(Slice&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        begin_(std::exchange(other.begin_, 0)),
        size_(std::exchange(other.size_, 0)) {}
  Slice& operator=(Slice other) noexcept {
    std::swap(block_, other.block_);
    std::swap(begin_, other.begin_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Slice() {
    if (block_ != nullptr) detail::release(block_);
  }

  [[nodiscard]] std::string_view view() const;
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Drops `n` ≤ size() bytes at the front.
  void remove_prefix(std::size_t n);
  /// The first `n` ≤ size() bytes, sharing the block.
  [[nodiscard]] Slice first(std::size_t n) const;
  /// Whether `next` starts where this one ends, in the same block.
  [[nodiscard]] bool adjoins(const Slice& next) const;
  /// Takes in `next`, which must adjoin.
  void extend(const Slice& next) { size_ += next.size_; }

 private:
  friend class BlockPool;
  friend class ByteChain;
  void overwrite(std::size_t n);
  Slice(detail::Block* block, std::uint32_t begin, std::uint32_t size) noexcept;
  detail::Block* block_ = nullptr;
  std::uint32_t begin_ = 0;
  std::uint32_t size_ = 0;
};

/// Gives out memory for bytes of one worker in blocks of kBlockSize, filled one after the other by
/// whoever reads next, so that small reads of many connections share a block. Must outlive its
/// slices. Not thread-safe.
class BlockPool {
 public:
  static constexpr std::size_t kBlockSize = 64 * 1024;
  /// A smaller rest of a block is not offered for reading.
  static constexpr std::size_t kMinWritable = 16 * 1024;

  /// Keeps up to `max_free` empty blocks for reuse.
  explicit BlockPool(std::size_t max_free = 64);
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  /// At least kMinWritable bytes to write to; valid until the next call of any member.
  [[nodiscard]] std::span<char> writable();
  /// Takes the first `n` bytes of the last writable() as a slice.
  [[nodiscard]] Slice commit(std::size_t n);
  /// A copy of the first kBlockSize bytes of `text` at most, in a block of its own that is
  /// overwritten when the last slice of it goes, wherever that happens to be.
  [[nodiscard]] Slice secret(std::string_view text);

  /// Blocks that slices hold at the moment (the one being filled counts only if a slice is in it).
  [[nodiscard]] std::size_t held_blocks() const;

 private:
  friend void detail::release(detail::Block* block) noexcept;
  void take_back(detail::Block* block) noexcept;
  [[nodiscard]] detail::Block* fresh();
  void renew_current();
  detail::Block* current_ = nullptr;  // being filled; the pool holds one reference of it
  std::uint32_t filled_ = 0;
  std::vector<detail::Block*> free_;
  std::size_t max_free_;
  std::size_t live_ = 0;  // blocks outside free_
};

/// A sequence of bytes made of slices: append and splice without copying. Holds no memory worth
/// mentioning when empty.
class ByteChain {
 public:
  ByteChain() = default;
  ByteChain(const ByteChain&) = default;  ///< shares the blocks
  ByteChain(ByteChain&& other) noexcept
      : slices_(std::exchange(other.slices_, {})),
        head_(std::exchange(other.head_, 0)),
        size_(std::exchange(other.size_, 0)) {}
  ByteChain& operator=(ByteChain other) noexcept {
    std::swap(slices_, other.slices_);
    std::swap(head_, other.head_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~ByteChain() = default;
  /// A copy of `text` in memory of `pool`.
  ByteChain(BlockPool& pool, std::string_view text) { append(pool, text); }

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }

  /// Copies `text` into memory of `pool`: for what the gateway itself says, and for TLS records.
  void append(BlockPool& pool, std::string_view text);
  /// The same for a password or what holds one: nothing of it stays in memory when it has gone out,
  /// or was dropped.
  void append_secret(BlockPool& pool, std::string_view text);
  void append(Slice slice);
  /// Splices all of `other`, which becomes empty.
  void append(ByteChain&& other);

  /// The first contiguous piece; empty only when the chain is.
  [[nodiscard]] std::string_view front() const;
  /// All pieces in order.
  [[nodiscard]] std::span<const Slice> slices() const { return std::span(slices_).subspan(head_); }
  /// Drops `n` ≤ size() bytes at the front.
  void consume(std::size_t n);
  /// The same, and overwrites them. Nobody else may hold slices of these bytes.
  void wipe(std::size_t n);
  /// Cuts off the first `n` ≤ size() bytes as a chain of their own.
  [[nodiscard]] ByteChain take(std::size_t n);
  void clear();

  /// A flat copy, for short texts and for tests.
  [[nodiscard]] std::string to_string() const;

 private:
  std::vector<Slice> slices_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace gatepost
