#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace gatepost {

/// Overwrites `text`, all of its capacity, so that no copy stays in freed memory.
inline void wipe(std::string& text) {
  text.clear();  // may have been moved from
  text.resize(text.capacity());
  explicit_bzero(text.data(), text.size());
  text.clear();
}

/// Overwrites the stack below the caller: what short-lived values of functions that have returned
/// left there. To be called not deeper than those were.
void wipe_stack();

/// Overwrites what the allocator would give out next for `size` octets: something of that size,
/// just freed by a library that does not wipe what it frees. As good as the allocator allows.
void wipe_freed(std::size_t size);

/// A password or token: never logged (there is no conversion to a stream), wiped when it goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : text_(text) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept { *this = std::move(other); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe(text_);
      text_ = other.text_;  // a copy: a moved-from short string would keep its characters
      wipe(other.text_);
    }
    return *this;
  }
  ~Secret() { wipe(text_); }

  /// For the wire only. Valid as long as the Secret.
  [[nodiscard]] std::string_view reveal() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace gatepost
