#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/store/record_store.h"

namespace gatepost::testing {

/// The store of one worker, with its loop.
class StoreFace {
 public:
  virtual ~StoreFace() = default;
  [[nodiscard]] virtual net::Loop& loop() = 0;
  [[nodiscard]] virtual store::RecordStore& store() = 0;
};

/// One set of records, empty at first, and gone at the end.
class StoreKit {
 public:
  virtual ~StoreKit() = default;
  /// One more worker. Must not outlive the kit. From any thread.
  [[nodiscard]] virtual std::unique_ptr<StoreFace> face(std::size_t max_records) = 0;
};

/// "memory", "sqlite", "redis".
[[nodiscard]] std::vector<const char*> store_kinds();
/// Null: what it needs is not installed.
[[nodiscard]] std::unique_ptr<StoreKit> make_store_kit(std::string_view kind);

}  // namespace gatepost::testing
