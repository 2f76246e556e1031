#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "filters/quarantine/quarantine.h"
#include "proxy/admin/rooms.h"
#include "proxy/base/background.h"
#include "proxy/base/log.h"
#include "proxy/base/ticket.h"

namespace gatepost::server {

/// The quarantine in use, for the status page. It blocks, so it is looked into in the background.
class BackgroundQuarantine final : public admin::QuarantineRoom {
 public:
  /// Questions under way at once; one more is told to come again, with `limit`.
  static constexpr std::size_t kMaxQuestions = 4;

  /// `current` says which quarantine is in use; null: none is. All outlive it.
  using Current = std::function<std::shared_ptr<filters::Quarantine>()>;
  BackgroundQuarantine(Background& background, Current current, Log& log)
      : background_(background), current_(std::move(current)), log_(log) {}

  [[nodiscard]] bool exists() const override { return current_() != nullptr; }
  void list(Query query, admin::Then<Page> then) override;
  void show(std::uint64_t number, admin::Then<Message> then) override;
  void release(std::uint64_t number, std::string by, admin::Then<void> then) override;
  void remove(std::uint64_t number, std::string by, admin::Then<void> then) override;

 private:
  template <class T, class Work>
  void ask(Work work, admin::Then<T> then);

  Background& background_;
  const Current current_;
  Log& log_;
  std::map<std::uint64_t, Ticket> tickets_;
  std::uint64_t last_ = 0;
};

/// What people want to see of a message's header, which `text` begins with.
void read_fields(std::string_view text, admin::QuarantineRoom::Message& message);

}  // namespace gatepost::server
