#pragma once

#include <string>
#include <string_view>

#include "config/load.h"

namespace gatepost::config {

/// All problems of `loaded`, one a line, as an administrator sees them.
inline std::string problems(const Loaded& loaded) {
  std::string text;
  for (const Problem& problem : loaded.problems) text += to_string(problem, "f") + "\n";
  return text;
}

/// A file that is in order, with `more` among its top keys.
inline std::string file_with(std::string_view more) {
  return R"({"listeners": [{"address": "127.0.0.1:110", "tls": "none"}],
"upstream": {"address": "127.0.0.1:1110"}
)" + (more.empty() ? "" : ", " + std::string(more)) +
         "}";
}

}  // namespace gatepost::config
