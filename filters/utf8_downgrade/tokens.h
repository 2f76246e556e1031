#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The words of structured header fields (RFC 5322 section 3.2), where anything may stand that is
/// not ASCII (RFC 6532 section 3).
namespace gatepost::filters::downgrade {

[[nodiscard]] bool has_8bit(std::string_view text);

/// A field's body in one line: without its line ends, what they stood before stays.
[[nodiscard]] std::string unfolded(std::string_view body);

[[nodiscard]] std::string_view trimmed(std::string_view text);

struct Token {
  enum class Kind : std::uint8_t {
    blank,
    comment,  ///< with all that is nested in it
    quoted,   ///< a quoted string, with its quotes
    special,  ///< one of those that were asked for
    text,     ///< anything else: atoms, domain literals
  } kind = Kind::text;
  std::string_view raw;

  [[nodiscard]] bool is(char c) const { return kind == Kind::special && raw.front() == c; }
};
using Tokens = std::vector<Token>;

inline constexpr std::string_view kAddressSpecials = "<>@,;:";
inline constexpr std::string_view kMimeSpecials = ";=";

/// Views into `body`, which is unfolded; all of it. What is open at its end ends there.
[[nodiscard]] Tokens tokens_of(std::string_view body, std::string_view specials);

/// The text of a quoted string, or of words between blanks: quoted pairs are undone.
[[nodiscard]] std::string unquoted(std::string_view raw);

}  // namespace gatepost::filters::downgrade
