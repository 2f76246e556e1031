#include "filters/small_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "proxy/base/unique_fd.h"

namespace gatepost::filters {

Result<std::string> read_small_file(const std::string& path, std::size_t most) {
  const auto problem = [&path] {
    return fail(ErrorCode::config,
                fmt::format("{}: {}", path, std::generic_category().message(errno)));
  };
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return problem();
  std::string text(most + 1, '\0');
  std::size_t size = 0;
  ssize_t got = 0;
  do {
    got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got > 0) size += static_cast<std::size_t>(got);
  } while (got > 0 || (got < 0 && errno == EINTR));
  if (got < 0) return problem();
  text.resize(size);
  return text;
}

}  // namespace gatepost::filters
