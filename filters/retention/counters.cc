#include "filters/retention/counters.h"

#include <utility>

namespace gatepost::filters {

std::string_view to_string(RetentionDecision decision) {
  switch (decision) {
    case RetentionDecision::hidden:
      return "hidden";
    case RetentionDecision::kept:
      return "kept";
    case RetentionDecision::refused:
      return "refused";
    case RetentionDecision::due:
      return "due";
    case RetentionDecision::removed:
      return "removed";
    case RetentionDecision::failed:
      return "failed";
    case RetentionDecision::undeleted:
      return "undeleted";
    case RetentionDecision::count_:
      break;
  }
  std::unreachable();
}

std::string_view to_string(RetentionGuard guard) {
  switch (guard) {
    case RetentionGuard::not_retrieved:
      return "not_retrieved";
    case RetentionGuard::not_allowed:
      return "not_allowed";
    case RetentionGuard::brake:
      return "brake";
    case RetentionGuard::hold:
      return "hold";
    case RetentionGuard::ambiguous:
      return "ambiguous";
    case RetentionGuard::changed:
      return "changed";
    case RetentionGuard::count_:
      break;
  }
  std::unreachable();
}

}  // namespace gatepost::filters
