#include "filters/verdict.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace gatepost::filters {

std::string_view to_string(Cause cause) {
  return config::kCauseNames[static_cast<std::size_t>(cause)];
}

std::string_view to_string(Action action) {
  return config::kActionNames[static_cast<std::size_t>(action)];
}

bool no_verdict(Cause cause) {
  switch (cause) {
    case Cause::clean:
    case Cause::spam:
    case Cause::encrypted:
    case Cause::attachment:
    case Cause::infected:
      return false;
    case Cause::unreachable:
    case Cause::timeout:
    case Cause::not_understood:
    case Cause::spool_full:
    case Cause::partial:
    case Cause::oversize:
    case Cause::unscannable:
    case Cause::count_:
      return true;
  }
  return true;
}

Verdict Verdict::of(Cause cause, std::string_view detail) {
  Verdict verdict;
  verdict.cause = cause;
  verdict.detail = detail.substr(0, kMaxDetail);
  std::ranges::replace_if(verdict.detail, [](char c) { return c < ' ' || c > '~'; }, '?');
  return verdict;
}

bool Verdict::passing() const {
  return cause == Cause::unreachable || cause == Cause::timeout || cause == Cause::not_understood ||
         cause == Cause::spool_full;
}

const Opinion* Judgement::worst(const config::Policy& policy) const {
  const auto badness = [&policy](const Opinion& opinion) {
    const Cause cause = opinion.verdict.cause;
    const Action action = config::action_for(policy, cause);
    const bool stops = action != Action::deliver && action != Action::tag;
    return std::tuple(stops, cause);
  };
  const auto worst = std::ranges::max_element(trail, {}, badness);
  return worst == trail.end() ? nullptr : &*worst;
}

std::string Judgement::to_string() const {
  std::string text;
  for (const Opinion& opinion : trail) {
    if (!text.empty()) text += ' ';
    text += fmt::format("{}={}", opinion.scanner, filters::to_string(opinion.verdict.cause));
    if (!opinion.verdict.detail.empty()) text += fmt::format("({})", opinion.verdict.detail);
  }
  return text;
}

}  // namespace gatepost::filters
