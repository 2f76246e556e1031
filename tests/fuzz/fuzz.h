#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

namespace gatepost::fuzz {

/// Stops the fuzzer with this input when `condition` does not hold, in every build type.
inline void require(bool condition, std::source_location where = std::source_location::current()) {
  if (condition) return;
  std::fprintf(stderr, "does not hold: %s:%u\n", where.file_name(), where.line());
  std::abort();
}

/// What the fuzzer made up, read from the front: a few numbers, then text.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : text_(reinterpret_cast<const char*>(data), size) {}

  /// The next octet, 0 when there is none.
  std::uint8_t octet() {
    if (text_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(text_.front());
    text_.remove_prefix(1);
    return value;
  }
  [[nodiscard]] std::string_view rest() const { return text_; }

 private:
  std::string_view text_;
};

}  // namespace gatepost::fuzz
