#include "proxy/base/unique_fd.h"

#include <unistd.h>

namespace gatepost {

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace gatepost
