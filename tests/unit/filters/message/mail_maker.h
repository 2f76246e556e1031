#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::filters::test {

/// Makes up messages: the same ones from the same seed.
class MailMaker {
 public:
  explicit MailMaker(std::uint64_t seed) : random_(seed) {}

  /// One that is as it should be: parts within parts, encodings, charsets, names, comments, folded
  /// fields. Canonical.
  [[nodiscard]] std::string message();
  /// The same with a few things that went wrong. Canonical.
  [[nodiscard]] std::string broken(std::string message);

 private:
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <class Item, std::size_t count>
  const Item& one_of(const Item (&items)[count]) {
    return items[below(count)];
  }

  std::string part(unsigned depth);
  std::string multipart(unsigned depth, std::string fields);
  std::string attached(unsigned depth, std::string fields);
  std::string leaf(std::string fields);
  std::string field(std::string_view name, std::string value,
                    const std::vector<std::string>& parameters);
  std::vector<std::string> name_parameters(std::string_view word);
  std::string boundary();
  std::string text();
  std::string octets();
  std::string word();

  std::mt19937_64 random_;
  std::size_t boundaries_ = 0;
  bool in_digest_ = false;  // the part that is made stands in one
};

}  // namespace gatepost::filters::test
