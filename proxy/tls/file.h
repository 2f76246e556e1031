#pragma once

// Internal to proxy/tls.

#include <cstddef>
#include <string>

#include "proxy/base/error.h"
#include "proxy/base/secret.h"

namespace gatepost::tls {

/// What a file holds, wiped when it goes: it may be a key. Fails with `config`, naming the file,
/// when it cannot be read or is larger than `max_size` octets; `kind` is what it should have been.
[[nodiscard]] Result<Secret> read_file(const std::string& path, std::size_t max_size,
                                       const char* kind);

}  // namespace gatepost::tls
