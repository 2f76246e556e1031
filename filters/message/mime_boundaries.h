#pragma once

#include <bitset>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::filters {

/// The boundaries that a message's open multiparts are cut by. A line is compared with all of them
/// at once: it costs no more where there are many.
class MimeBoundaries {
 public:
  explicit MimeBoundaries(std::size_t most) : most_(most) {}

  struct Match {
    std::size_t level = 0;  ///< of the multipart
    bool last = false;      ///< "--" behind it: its parts are over
    bool exact = true;      ///< nothing else behind it but blanks
  };
  /// Which multipart a line is a boundary of; `line` is what stands behind its "--". The inner one
  /// goes first, and one that is not over yet; a longer boundary before a shorter one that it
  /// begins with. What has text behind it (RFC 2046 section 5.1.1 wants only its beginning
  /// compared) counts where nothing else fits.
  [[nodiscard]] std::optional<Match> find(std::string_view line) const;

  /// Adds one of the multipart at `level`, as many levels down the tree; false when there are too
  /// many.
  [[nodiscard]] bool add(std::string text, std::size_t level);
  /// The last boundary of that multipart came.
  void set_over(std::size_t level);
  /// Forgets those of `level` and of what is deeper.
  void remove_from(std::size_t level);
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t held() const;

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  struct Entry {
    std::string text;
    std::size_t level;
    bool over;
    std::size_t shorter;  // the next entry that this one begins with, or kNone
  };
  void connect();
  std::size_t most_;
  std::vector<Entry> entries_;  // sorted by text, and level
  std::bitset<256> first_;      // octets that one of them begins with
  bool has_empty_ = false;
};

}  // namespace gatepost::filters
