#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Another reader of messages, to compare ours with: GMime.
namespace gatepost::filters::test {

/// A part as one reader sees it.
struct ReadPart {
  unsigned depth = 0;
  std::string type;     ///< in lower case
  std::string name;     ///< of the file; "" when there is none
  std::string content;  ///< decoded; "" of what has parts of its own
};

/// All parts, in the order in which they begin.
[[nodiscard]] std::vector<ReadPart> read_with_gmime(std::string_view message);

}  // namespace gatepost::filters::test
