#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "proxy/admin/facts.h"

namespace gatepost::admin {

/// What moved since the figures before, a second.
struct Rates {
  std::uint64_t octets = 0;  ///< to clients
  double messages = 0;
  double logins = 0;  ///< of any result

  /// Of two states, `time` apart.
  [[nodiscard]] static Rates between(const Status& before, const Status& now, Duration time);
};

/// Texts by the id of the element that shows them: all that changes on the overview. Without rates
/// those of the rates are "–".
using Figures = std::map<std::string, std::string>;
[[nodiscard]] Figures figures(const Status& status, const Rates* rates);

/// The event for a page that shows them: {"figures":{…},"curves":{"octets":…,"sessions":…}}.
[[nodiscard]] std::string event_of(const Status& status, const Rates* rates);

/// "up" of all.
struct Share {
  std::size_t good = 0;
  std::size_t all = 0;
};
[[nodiscard]] Share upstreams_up(const Status& status);
[[nodiscard]] Share scanners_effective(const Status& status);

}  // namespace gatepost::admin
