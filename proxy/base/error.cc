#include "proxy/base/error.h"

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

}  // namespace gatepost
