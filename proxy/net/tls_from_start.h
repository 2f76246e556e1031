#pragma once

#include <memory>
#include <utility>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/net/transport.h"

namespace gatepost::net {

/// TlsLayer::wrap() for a connection that is TLS from its first octet behind a PROXY header: what
/// has arrived and was not consumed is the beginning of the handshake. Never for STLS, where it
/// would open the injection hole that wrap() closes: there something was said in clear before.
[[nodiscard]] inline Result<std::unique_ptr<Transport>> wrap_from_start(
    const TlsLayer& layer, std::unique_ptr<Transport>&& plain, BlockPool& pool) {
  Transport& inner = *plain;  // lives on: inside the wrapped transport, or with the caller
  ByteChain arrived = std::exchange(inner.received(), {});
  auto wrapped = layer.wrap(std::move(plain), pool);
  inner.received().append(std::move(arrived));
  return wrapped;
}

}  // namespace gatepost::net
