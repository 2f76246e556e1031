#include "filters/quarantine/releases.h"

#include <optional>
#include <utility>

namespace gatepost::filters {

namespace {

/// Runs `work`, which gives a Value, in the background, and hands it to `done`.
template <class Value, class Work, class Done>
Ticket ask(Background& background, Work work, Done done) {
  // Both closures share it: one writes it, then the other reads it.
  auto answer = std::make_shared<std::optional<Value>>();
  return background.run(
      [answer, work = std::move(work)] { answer->emplace(work()); },
      [answer, done = std::move(done)]() mutable { done(std::move(answer->value())); });
}

}  // namespace

Ticket find_released(Background& background, std::shared_ptr<Quarantine> quarantine,
                     std::string route, std::string user, Released done) {
  return ask<Result<std::vector<QuarantineRecord>>>(
      background,
      [quarantine = std::move(quarantine), route = std::move(route), user = std::move(user)] {
        return quarantine->released(route, user);
      },
      std::move(done));
}

std::shared_ptr<const Spool> fetch_released(const Host& host,
                                            std::shared_ptr<Quarantine> quarantine,
                                            std::uint64_t number, std::uint64_t octets,
                                            std::move_only_function<void()> on_activity) {
  auto spool =
      std::make_shared<Spool>(host.room, host.pool, host.background, std::move(on_activity));
  spool->fill(octets, [quarantine = std::move(quarantine), number](const auto& sink) {
    return quarantine->read(number, sink);
  });
  return spool;
}

Ticket settle_released(Background& background, std::shared_ptr<Quarantine> quarantine,
                       std::vector<std::uint64_t> numbers,
                       std::move_only_function<void(Result<void>)> done) {
  return ask<Result<void>>(
      background,
      [quarantine = std::move(quarantine), numbers = std::move(numbers)] {
        return quarantine->delivered(numbers);
      },
      std::move(done));
}

}  // namespace gatepost::filters
