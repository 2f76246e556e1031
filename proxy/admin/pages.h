#pragma once

#include <chrono>
#include <string_view>

#include "proxy/admin/facts.h"
#include "proxy/admin/html.h"
#include "proxy/admin/page.h"
#include "proxy/admin/rooms.h"

/// What stands on the pages, made of facts. Nothing here asks, acts or knows HTTP.
namespace gatepost::admin {

/// A certificate that ends sooner is marked.
constexpr std::chrono::days kExpiryWarning{21};

using Now = std::chrono::system_clock::time_point;

[[nodiscard]] Html overview_page(const Status& status, const Viewer& viewer, Now now);
[[nodiscard]] Html upstreams_page(const Status& status);
[[nodiscard]] Html scanning_page(const Status& status);
[[nodiscard]] Html certificates_page(const Status& status, Now now);
/// `document`: JSON.
[[nodiscard]] Html configuration_page(const Status& status, std::string_view document);

/// `list` begins with the first session of all; those before `skip` are not shown.
[[nodiscard]] Html sessions_page(const SessionList& list, std::string_view user, std::size_t skip,
                                 const Viewer& viewer);

[[nodiscard]] Html quarantine_page(const QuarantineRoom::Page& messages,
                                   const QuarantineRoom::Query& query, const Viewer& viewer);
[[nodiscard]] Html message_page(const QuarantineRoom::Message& message, const Viewer& viewer);

/// Policies, and the way to ask for an account; `accounts` is what is known without names.
[[nodiscard]] Html retention_page(const RetentionRoom& room,
                                  const std::vector<RetentionRoom::Account>& accounts,
                                  const Viewer& viewer);
[[nodiscard]] Html account_page(const RetentionRoom::Report& report,
                                const RetentionRoom::Question& question);

[[nodiscard]] Html login_page(const Viewer& viewer, std::string_view next);
/// Asks whether that is really meant; what was sent comes back with "confirmed".
[[nodiscard]] Html confirm_page(const Viewer& viewer, std::string_view question,
                                std::string_view action, std::string_view button,
                                std::string_view field, std::string_view value);

}  // namespace gatepost::admin
