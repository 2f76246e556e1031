#pragma once

// Internal to proxy/tls.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "proxy/base/bytes.h"
#include "proxy/net/transport.h"
#include "proxy/tls/openssl.h"

namespace gatepost::tls {

/// Where records come from and go to: straight out of the transport's slices, into a chain that
/// never blocks.
struct RecordPipe {
  net::Transport& inner;
  BlockPool& pool;
  ByteChain made{};                          ///< records that were not handed to `inner` yet
  std::optional<std::uint8_t> first_byte{};  ///< the very first one that arrived
  std::size_t asked = 0;  ///< the most that the library asked for at once; for others to set back
};

/// A BIO on `pipe`, which must outlive it. Reading asks for a retry when nothing is there, at the
/// end of the stream too: whoever drives the connection looks at inner.end() for that.
[[nodiscard]] bssl::UniquePtr<BIO> make_bio(RecordPipe& pipe);

}  // namespace gatepost::tls
