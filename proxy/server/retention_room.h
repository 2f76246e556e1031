#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/admin/rooms.h"
#include "proxy/base/background.h"
#include "proxy/base/ticket.h"
#include "proxy/server/retention_stores.h"
#include "proxy/server/snapshot.h"
#include "proxy/store/record_store.h"

namespace gatepost::server {

/// The retention store in use, for the status page: asked as a worker asks it, on the main loop.
class MainRetention final : public admin::RetentionRoom {
 public:
  /// Questions under way at once; one more is told to come again, with `limit`.
  static constexpr std::size_t kMaxQuestions = 4;

  /// All of it outlives the room.
  struct Parts {
    Background& background;
    store::RedisTools tools;
    const std::shared_ptr<const Snapshot>& snapshot;
    const RetentionStores& stores;
  };
  explicit MainRetention(Parts parts) : parts_(parts) {}

  [[nodiscard]] bool exists() const override;
  [[nodiscard]] std::vector<Policy> policies() const override;
  [[nodiscard]] std::vector<std::string> pools() const override;
  [[nodiscard]] std::vector<std::string> holds() const override;
  void accounts(std::size_t limit, admin::Then<std::vector<Account>> then) override;
  void report(Question question, admin::Then<Report> then) override;

 private:
  struct Inquiry;
  [[nodiscard]] store::RecordStore* open();
  /// Null: somebody has to come again, or there is no store; `then` was told.
  template <class T>
  [[nodiscard]] store::RecordStore* open_for(admin::Then<T>& then);
  void judge(const std::shared_ptr<Inquiry>& inquiry);

  Parts parts_;
  // Made of these; made anew when a reload has replaced them.
  std::shared_ptr<store::RecordTable> table_;
  std::shared_ptr<const store::RedisAccess> redis_;
  std::shared_ptr<store::RecordStore> store_;
  std::map<std::uint64_t, Ticket> tickets_;
  std::uint64_t last_ = 0;
};

/// What a policy does, for people: "keep_for 30 d, counted from seen; hide".
[[nodiscard]] std::string words_for(const config::RetentionPolicy& policy);

}  // namespace gatepost::server
