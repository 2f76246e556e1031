#include "proxy/base/error.h"

#include <system_error>

#include <fmt/format.h>

namespace gatepost {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::protocol:
      return "protocol";
    case ErrorCode::closed:
      return "closed";
    case ErrorCode::truncated:
      return "truncated";
    case ErrorCode::refused:
      return "refused";
    case ErrorCode::network:
      return "network";
    case ErrorCode::tls:
      return "tls";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::limit:
      return "limit";
    case ErrorCode::config:
      return "config";
    case ErrorCode::system:
      return "system";
  }
  std::unreachable();
}

std::unexpected<Error> system_failure(std::string_view what, int code) {
  return fail(ErrorCode::system,
              fmt::format("{}: {}", what, std::generic_category().message(code)));
}

}  // namespace gatepost
