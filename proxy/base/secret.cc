#include "proxy/base/secret.h"

#include <array>
#include <cstdlib>

namespace gatepost {

[[gnu::noinline]] void wipe_stack() {
  constexpr std::size_t kDeep = std::size_t{16} * 1024;  // parsing a login takes less
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written in the next line
  std::array<char, kDeep> below;
  explicit_bzero(below.data(), below.size());
}

void wipe_freed(std::size_t size) {
  void* again = std::malloc(size);  // NOLINT(cppcoreguidelines-no-malloc): it is about malloc
  if (again == nullptr) return;
  explicit_bzero(again, size);
  std::free(again);  // NOLINT(cppcoreguidelines-no-malloc)
}

}  // namespace gatepost
