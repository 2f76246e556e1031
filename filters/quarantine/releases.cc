#include "filters/quarantine/releases.h"

#include <utility>

#include "proxy/base/compute.h"

namespace gatepost::filters {

Ticket find_released(Background& background, std::shared_ptr<Quarantine> quarantine,
                     std::string route, std::string user, Released done) {
  return compute(
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
  return compute(
      background,
      [quarantine = std::move(quarantine), numbers = std::move(numbers)] {
        return quarantine->delivered(numbers);
      },
      std::move(done));
}

}  // namespace gatepost::filters
