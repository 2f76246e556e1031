#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "filters/attachments/content.h"

namespace gatepost::filters {

/// What is in a winmail.dat ([MS-OXTNEF]).
struct TnefContents {
  static constexpr std::size_t kMaxAttributes = 20'000;  ///< and properties
  static constexpr std::size_t kMaxName = 2 * 1024;      ///< octets; the rest is not looked at
  static constexpr unsigned kMaxDepth = 4;               ///< messages in messages

  struct File {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };
  std::vector<std::string> names;  ///< of files, UTF-8 or as they are
  std::vector<File> files;         ///< their content
  /// It ended in the middle of something, or is beyond a limit: there may be more.
  bool broken = false;
};

/// Walks over its attributes; only those that hold a name are read.
[[nodiscard]] Result<TnefContents> read_tnef(Content& content);

}  // namespace gatepost::filters
