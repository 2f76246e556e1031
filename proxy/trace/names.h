#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/digest.h"
#include "proxy/base/secret.h"

namespace gatepost::trace {

/// Other names for users. Every word in a name (letters and digits in a row) becomes another one of
/// the same length and the same upper and lower case; what stands between words stays. The same
/// word always becomes the same one under one key, so what Gatepost makes of a name ("joe%home" of
/// "joe@home") it makes of the other name, too.
class Names {
 public:
  /// `keep`: names stay as they are.
  Names(std::string_view key, bool keep) : hash_(key), keep_(keep) {}
  [[nodiscard]] std::string of(std::string_view name) const;
  /// The same for a text with {user}, {local} and {domain}, which stay.
  [[nodiscard]] std::string of_form(std::string_view form) const;
  [[nodiscard]] bool keep() const { return keep_; }

 private:
  HmacSha256 hash_;
  bool keep_;
};

/// What one session said that must not stand in its trace, to be masked wherever a server repeats
/// it. Wiped when it goes.
class Confidences {
 public:
  /// So many are remembered; after that no text of a server is shown any more.
  static constexpr std::size_t kMaxConfidences = 32;
  /// A shorter one is not looked for in lists and messages, where it would be found by chance.
  static constexpr std::size_t kMinSought = 4;

  /// A password, a digest, a token; its base64 as well.
  void add_secret(std::string_view secret);
  /// A user name.
  void add_name(std::string_view name);
  /// Puts '*' over them in a line of status; over all of it where too many are known.
  void mask_status(std::string& text) const;
  /// Puts '*' over secrets in any other line.
  void mask_text(std::string& text) const;

 private:
  void remember(std::string_view secret);
  std::vector<Secret> secrets_;
  std::vector<std::string> names_;  // lower case
  bool too_many_ = false;
};

}  // namespace gatepost::trace
