#include "proxy/command/line_diff.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "proxy/base/utf8.h"

namespace gatepost::command {

namespace {

using Lines = std::vector<std::string_view>;

struct Cut {
  Lines lines;
  bool whole;
};

Cut lines_of(DiffText text) {
  Cut cut{.lines = {}, .whole = text.whole};
  std::string_view rest = text.text;
  while (!rest.empty()) {
    if (cut.lines.size() == LineDiff::kMaxLines) {
      cut.whole = false;
      break;
    }
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos && !text.whole) break;  // half a line
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    cut.lines.push_back(line);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return cut;
}

/// One line: of both texts, gone from the first, or new in the second.
struct Step {
  enum class What : std::uint8_t { same, gone, added } what;
  std::size_t before;  // the line in the first text, or where it would be
  std::size_t after;
};
using Steps = std::vector<Step>;
using What = Step::What;

/// Eugene W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), given up after
/// kMaxEdits: then all that is left went, and all that is left in the other text came.
class Comparison {
 public:
  using Number = std::ptrdiff_t;

  /// `whole`: there is no more of either.
  Comparison(std::span<const std::string_view> before, std::span<const std::string_view> after,
             bool whole)
      : before_(before), after_(after), whole_(whole) {}

  Steps steps() {
    Steps steps = walk_back(search());
    const Number x = best_.x;
    const Number y = best_.y;
    if (best_.arrived) return steps;
    for (Number i = x; i < size(before_); ++i) add(steps, What::gone, i, y);
    for (Number i = y; i < size(after_); ++i) add(steps, What::added, size(before_), i);
    return steps;
  }

 private:
  /// How far one gets with so many edits: for each diagonal x - y the largest x.
  using Reach = std::vector<Number>;
  static Number& at(Reach& reach, Number diagonal) {
    return reach[static_cast<std::size_t>(diagonal + size(reach) / 2)];
  }
  template <typename List>
  static Number size(const List& list) {
    return static_cast<Number>(list.size());
  }
  static void add(Steps& steps, What what, Number x, Number y) {
    steps.push_back({what, static_cast<std::size_t>(x), static_cast<std::size_t>(y)});
  }

  /// Whether diagonal `k` is reached with the last of `edits` from the one above, by a new line.
  static bool comes_down(Reach& last, Number k, Number edits) {
    return k == -edits || (k != edits && at(last, k - 1) < at(last, k + 1));
  }

  [[nodiscard]] bool same(Number x, Number y) const {
    return before_[static_cast<std::size_t>(x)] == after_[static_cast<std::size_t>(y)];
  }
  /// Of a text that was cut the rest cannot be compared.
  [[nodiscard]] bool at_end(Number x, Number y) const {
    const bool all_before = x == size(before_);
    const bool all_after = y == size(after_);
    return whole_ ? all_before && all_after : all_before || all_after;
  }

  /// Sets best_ and says how many edits it took.
  Number search() {
    for (Number edits = 0; edits <= static_cast<Number>(LineDiff::kMaxEdits); ++edits) {
      Reach reach(static_cast<std::size_t>(2 * edits + 1), 0);
      Number best_edits = best_edits_;
      for (Number k = -edits; k <= edits; k += 2) {
        Number x = 0;
        if (edits > 0) {
          Reach& last = reach_.back();
          x = comes_down(last, k, edits) ? at(last, k + 1) : at(last, k - 1) + 1;
        }
        Number y = x - k;
        while (x < size(before_) && y < size(after_) && same(x, y)) {
          ++x;
          ++y;
        }
        at(reach, k) = x;
        if (x > size(before_) || y > size(after_)) continue;
        if (edits > 0 && x + y <= best_.x + best_.y) continue;
        best_ = {x, y, at_end(x, y)};
        best_edits = edits;
        if (best_.arrived) break;
      }
      best_edits_ = best_edits;
      reach_.push_back(std::move(reach));
      if (best_.arrived) break;
    }
    return best_edits_;
  }

  /// The steps to best_.
  Steps walk_back(Number edits) {
    Steps steps;
    Number x = best_.x;
    Number y = best_.y;
    for (; edits > 0; --edits) {
      Reach& last = reach_[static_cast<std::size_t>(edits - 1)];
      const Number k = x - y;
      const bool down = comes_down(last, k, edits);
      const Number from = down ? k + 1 : k - 1;
      const Number from_x = at(last, from);
      while (x > from_x && y > from_x - from) add(steps, What::same, --x, --y);
      x = from_x;
      y = from_x - from;
      add(steps, down ? What::added : What::gone, x, y);
    }
    while (x > 0 && y > 0) add(steps, What::same, --x, --y);
    std::ranges::reverse(steps);
    return steps;
  }

  struct Best {
    Number x = 0;
    Number y = 0;
    bool arrived = false;
  };
  std::span<const std::string_view> before_;
  std::span<const std::string_view> after_;
  bool whole_;
  std::vector<Reach> reach_;  // by edits
  Best best_;
  Number best_edits_ = 0;
};

/// Lines that both end with.
std::size_t common_end(const Lines& before, const Lines& after) {
  const auto [mine, theirs] =
      std::ranges::mismatch(before | std::views::reverse, after | std::views::reverse);
  return static_cast<std::size_t>(mine - before.rbegin());
}

/// The steps as text, within LineDiff's bounds.
class Printer {
 public:
  Printer(const Lines& before, const Lines& after) : before_(before), after_(after) {}

  std::string print(const Steps& steps) {
    std::size_t from = 0;  // what is before it has been shown, or is not to be
    for (std::size_t i = 0; i < steps.size();) {
      if (steps[i].what == What::same) {
        ++i;
        continue;
      }
      if (i == 0 || i > from) heading(steps[i == 0 ? 0 : i - 1]);
      if (i > from) same(steps[i - 1]);
      i = runs(steps, i);
      from = i;
      if (i < steps.size()) {
        same(steps[i]);
        from = i + 1;
      }
    }
    if (more_ > 0) text_ += fmt::format("… {} more lines changed\n", more_);
    return std::move(text_);
  }

 private:
  [[nodiscard]] bool full() const { return shown_ >= LineDiff::kMaxShown; }

  void show(char sign, std::string_view line) {
    text_ += sign;
    text_ += visible_line(line, LineDiff::kMaxWidth);
    text_ += '\n';
    ++shown_;
  }
  void heading(const Step& step) {
    if (full()) return;
    text_ += fmt::format("@@ -{} +{} @@\n", step.before + 1, step.after + 1);
    ++shown_;
  }
  void same(const Step& step) {
    if (!full()) show(' ', before_[step.before]);
  }
  /// All lines that went or came, from the `i`-th step on; says which step is the next.
  std::size_t runs(const Steps& steps, std::size_t i) {
    while (i < steps.size() && steps[i].what != What::same) {
      const What what = steps[i].what;
      std::size_t length = 0;
      std::size_t hidden = 0;
      for (; i < steps.size() && steps[i].what == what; ++i, ++length) {
        if (full()) {
          ++more_;
        } else if (length < LineDiff::kMaxRun) {
          const bool gone = what == What::gone;
          show(gone ? '-' : '+', gone ? before_[steps[i].before] : after_[steps[i].after]);
        } else {
          ++hidden;
        }
      }
      if (hidden == 0) continue;
      text_ += fmt::format("{}… {} more\n", what == What::gone ? '-' : '+', hidden);
      ++shown_;
    }
    return i;
  }

  const Lines& before_;
  const Lines& after_;
  std::string text_;
  std::size_t shown_ = 0;
  std::size_t more_ = 0;
};

}  // namespace

std::string line_diff(DiffText before, DiffText after) {
  const Cut old = lines_of(before);
  const Cut now = lines_of(after);
  const bool whole = old.whole && now.whole;
  const std::size_t tail = whole ? common_end(old.lines, now.lines) : 0;
  const std::span olds(old.lines.data(), old.lines.size() - tail);
  const std::span news(now.lines.data(), now.lines.size() - tail);
  Steps steps = Comparison(olds, news, whole).steps();
  // What follows the last change, to show where it is.
  if (tail > 0) steps.push_back({What::same, olds.size(), news.size()});
  return Printer(old.lines, now.lines).print(steps);
}

std::string visible_line(std::string_view line, std::size_t width) {
  std::string out;
  for (std::size_t count = 0; !line.empty(); ++count) {
    if (count == width) return out + "…";
    const utf8::Character c = utf8::first_character(line);
    if (!c.valid || c.value < 0x20 || c.value == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(line.front()));
    } else if (utf8::is_active(c.value)) {
      out += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(c.value));
    } else {
      out += line.substr(0, c.size);
    }
    line.remove_prefix(c.size);
  }
  return out;
}

}  // namespace gatepost::command
