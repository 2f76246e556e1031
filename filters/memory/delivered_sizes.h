#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "filters/chain.h"
#include "proxy/base/digest.h"

namespace gatepost::filters {

/// How many octets clients really got of messages that went through a chain, so that LIST and STAT
/// can say so (config::Sizes::exact). Only ever a size: no verdict hangs on what upstream calls its
/// messages. Shared by all workers, thread-safe, bounded; the least used go first.
class DeliveredSizes {
 public:
  /// 0 entries: nothing is remembered.
  explicit DeliveredSizes(std::size_t entries);
  ~DeliveredSizes();

  /// Stands for what one user of one route gets through a chain as it is configured.
  [[nodiscard]] static Digest mailbox(std::string_view route, std::string_view user,
                                      const Chain& chain);
  /// Stands for one message of it, by the name that upstream's UIDL gives it.
  [[nodiscard]] static Digest key(const Digest& mailbox, std::string_view uidl);

  [[nodiscard]] std::optional<std::uint64_t> find(const Digest& key);
  void remember(const Digest& key, std::uint64_t octets);

  [[nodiscard]] std::size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gatepost::filters
