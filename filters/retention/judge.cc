#include "filters/retention/judge.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace gatepost::filters {

using config::CountFrom;
using config::RetentionType;
using config::RetentionView;

namespace {

bool keeps(const config::RetentionPolicy& policy) {
  return policy.type == RetentionType::keep || policy.type == RetentionType::keep_for;
}

std::int64_t counted_from(CountFrom from, const Record& record) {
  switch (from) {
    case CountFrom::seen:
      return record.seen;
    case CountFrom::retrieved:
      return record.retrieved;
    case CountFrom::deleted:
      return record.deleted;
  }
  std::unreachable();
}

std::optional<std::int64_t> end_of_period(const config::RetentionPolicy& policy,
                                          const Record& record) {
  const std::int64_t period = policy.period.count();
  if (policy.type == RetentionType::keep_for) {
    const std::int64_t from = counted_from(policy.count_from, record);
    if (from > 0) return std::max(from, record.undeleted) + period;
  }
  // What was brought back has to be fetched again before it goes at once.
  if (policy.type == RetentionType::delete_after_retrieval && record.retrieved > record.undeleted) {
    return record.retrieved + period;
  }
  return std::nullopt;
}

/// "30d", "36h", "90s"
std::string text_of(std::chrono::seconds period) {
  constexpr std::pair<std::int64_t, char> kUnits[] = {{86'400, 'd'}, {3'600, 'h'}, {60, 'm'}};
  const std::int64_t seconds = period.count();
  for (const auto& [unit, letter] : kUnits) {
    if (seconds % unit == 0) return fmt::format("{}{}", seconds / unit, letter);
  }
  return fmt::format("{}s", seconds);
}

std::string_view event_of(const config::RetentionPolicy& policy) {
  if (policy.type == RetentionType::delete_after_retrieval) return "retrieved";
  switch (policy.count_from) {
    case CountFrom::seen:
      return "seen";
    case CountFrom::retrieved:
      return "retrieved";
    case CountFrom::deleted:
      return "deleted";
  }
  std::unreachable();
}

}  // namespace

bool is_hidden(const config::RetentionPolicy& policy, const Record& record,
               std::optional<std::uint64_t> device) {
  // Removed, and still there: upstream did not do what it said. Then clients must see it.
  if (!keeps(policy) || record.deleted == 0 || record.removed > 0) return false;
  switch (policy.view) {
    case RetentionView::hide:
      return true;
    case RetentionView::hide_for_device:
      return device && record.has_device(*device);
    case RetentionView::show:
      return false;
  }
  std::unreachable();
}

std::optional<Due> due_of(const config::RetentionPolicy& policy, const Record& record) {
  const auto end = end_of_period(policy, record);
  const bool purged = record.purge_asked > 0;
  if (purged && (!end || record.purge_asked < *end)) {
    return Due{record.purge_asked, RemovalCause::purge};
  }
  if (end) return Due{*end, RemovalCause::period};
  return std::nullopt;
}

std::optional<RetentionGuard> guard_of(const Record& record) {
  if (record.not_allowed > 0) return RetentionGuard::not_allowed;
  const bool forced = record.purge_asked > 0 && record.purge_forced;
  if (record.retrieved == 0 && !forced) return RetentionGuard::not_retrieved;
  return std::nullopt;
}

bool needs_first_sight(const config::RetentionPolicy& policy) {
  return policy.dry_run ||
         (policy.type == RetentionType::keep_for && policy.count_from == CountFrom::seen);
}

std::size_t brake_limit(const config::Brake& brake, std::size_t messages) {
  std::size_t limit = std::numeric_limits<std::size_t>::max();
  if (brake.messages > 0) limit = brake.messages;
  if (brake.percent > 0) {
    limit = std::min(limit, std::max<std::size_t>(messages * brake.percent / 100, 1));
  }
  return limit;
}

std::string removal_reason(const config::RetentionPolicy& policy, RemovalCause cause) {
  switch (cause) {
    case RemovalCause::client:
      return "deleted by the client";
    case RemovalCause::purge:
      return "purged by the administrator";
    case RemovalCause::period:
      break;
  }
  if (policy.period.count() == 0) return fmt::format("it was {}", event_of(policy));
  return fmt::format("{} after it was {}", text_of(policy.period), event_of(policy));
}

}  // namespace gatepost::filters
