#include "proxy/base/wall_clock.h"

#include <chrono>

namespace gatepost {

std::int64_t seconds_since_1970() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::floor<std::chrono::seconds>(now).count();
}

}  // namespace gatepost
