#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "proxy/base/bytes.h"
#include "proxy/base/timer.h"
#include "proxy/net/transport.h"

namespace gatepost::server {

/// Clients of one worker that are turned away, and are still reading why.
class Refusals {
 public:
  /// Clients whose connections stay open until they have read why. Further ones are broken off at
  /// once.
  static constexpr std::size_t kMaxRefused = 256;
  /// How long a client may take to read it.
  static constexpr Duration kTimeToRead{1'000};

  /// `pool` outlives this.
  explicit Refusals(BlockPool& pool) : pool_(pool) {}

  /// Says `why`, a line without its end. A handshake for everyone who is turned away would cost as
  /// much as for those who are let in, so where TLS comes first the client gets an alert.
  void add(std::unique_ptr<net::Transport> client, config::ListenerTls tls, std::string_view why,
           Instant now);
  /// Lets go of who has gone, or has had time to read.
  void sweep(Instant now);
  void clear() { refused_.clear(); }
  [[nodiscard]] bool empty() const { return refused_.empty(); }

 private:
  struct Refused {
    Instant since;
    std::unique_ptr<net::Transport> client;
  };

  BlockPool& pool_;
  std::vector<Refused> refused_;
};

}  // namespace gatepost::server
