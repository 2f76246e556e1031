#pragma once

#include <cstddef>
#include <string>

#include "proxy/base/error.h"

namespace gatepost::filters {

/// All of a file that the configuration names. One of more than `most` octets gives `most` + 1 of
/// them: whoever asked says what is wrong. Fails with `config`: "/path: No such file or directory".
[[nodiscard]] Result<std::string> read_small_file(const std::string& path, std::size_t most);

}  // namespace gatepost::filters
