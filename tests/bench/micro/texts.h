#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"

namespace gatepost::bench {

/// Lines of 20 to 76 octets as mail has them, CRLF, one in 40 dot-stuffed; `size` octets and up to
/// one line more, without the final ".\r\n".
[[nodiscard]] std::string mail_text(std::size_t size);

/// `text` in blocks of `pool`, as a socket would have delivered it: pieces of up to 16 KiB or more.
[[nodiscard]] ByteChain arrived(BlockPool& pool, std::string_view text);

}  // namespace gatepost::bench
