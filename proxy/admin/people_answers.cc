#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proxy/admin/admin_service.h"
#include "proxy/admin/numbers.h"
#include "proxy/admin/pages.h"

// Pages that somebody else has to be asked for: workers, a folder, a store. They answer later.

namespace gatepost::admin {

namespace {

/// 503 for what may be well later, 404 for what is not there.
http::Response trouble(const Viewer& viewer, const Error& error) {
  return problem_page(viewer, error.code == ErrorCode::refused ? 404 : 503, error.detail);
}

/// What to skip, as the query says: nothing unless it is a number.
std::size_t skip_of(const Form& form) {
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(number_of(form.get("skip")).value_or(0), Office::kMaxSessions));
}

}  // namespace

void AdminService::sessions(Asked& asked) {
  const std::size_t skip = skip_of(asked.form);
  SessionQuery query{.user = std::string(asked.form.get("user")),
                     .limit = std::min(skip + kMaxRows, Office::kMaxSessions)};
  std::string user = query.user;
  sources_.office.sessions(
      std::move(query), [viewer = asked.viewer, user = std::move(user), skip,
                         responder = std::move(asked.responder)](const SessionList& list) mutable {
        responder.answer(
            page(viewer, "/sessions", "Sessions", sessions_page(list, user, skip, viewer)));
      });
}

void AdminService::quarantine(Asked& asked) {
  if (!sources_.quarantine.exists()) {
    Html body;
    body.element("p", "The configuration has no quarantine.");
    return asked.answer(page(asked.viewer, "/quarantine", "Quarantine", body));
  }
  if (asked.form.has("number")) {
    const auto number = number_of(asked.form.get("number"));
    if (!number) return asked.answer(problem_page(asked.viewer, 400, "This is not a number."));
    return sources_.quarantine.show(
        *number, [viewer = asked.viewer, responder = std::move(asked.responder)](
                     Result<QuarantineRoom::Message> message) mutable {
          if (!message) return responder.answer(trouble(viewer, message.error()));
          const std::string title = fmt::format("Message {}", message->record.number);
          responder.answer(page(viewer, "/quarantine", title, message_page(*message, viewer)));
        });
  }
  const QuarantineRoom::Query query{
      .user = std::string(asked.form.get("user")), .skip = skip_of(asked.form), .limit = kMaxRows};
  sources_.quarantine.list(
      query, [query, viewer = asked.viewer, responder = std::move(asked.responder)](
                 Result<QuarantineRoom::Page> messages) mutable {
        if (!messages) return responder.answer(trouble(viewer, messages.error()));
        responder.answer(
            page(viewer, "/quarantine", "Quarantine", quarantine_page(*messages, query, viewer)));
      });
}

void AdminService::retention(Asked& asked) {
  RetentionRoom& room = sources_.retention;
  if (asked.form.has("user")) {
    if (!asked.viewer.sees_people) {
      return asked.answer(problem_page(asked.viewer, 403, "Log in to ask for an account."));
    }
    const RetentionRoom::Question question{.user = std::string(asked.form.get("user")),
                                           .pool = std::string(asked.form.get("pool")),
                                           .skip = skip_of(asked.form),
                                           .limit = kMaxRows};
    return room.report(question,
                       [question, viewer = asked.viewer, responder = std::move(asked.responder)](
                           Result<RetentionRoom::Report> report) mutable {
                         if (!report) return responder.answer(trouble(viewer, report.error()));
                         responder.answer(page(viewer, "/retention", "Retention of an account",
                                               account_page(*report, question)));
                       });
  }
  if (!room.exists()) {
    return asked.answer(
        page(asked.viewer, "/retention", "Retention", retention_page(room, {}, asked.viewer)));
  }
  room.accounts(kMaxRows, [&room, viewer = asked.viewer, responder = std::move(asked.responder)](
                              Result<std::vector<RetentionRoom::Account>> accounts) mutable {
    if (!accounts) return responder.answer(trouble(viewer, accounts.error()));
    responder.answer(
        page(viewer, "/retention", "Retention", retention_page(room, *accounts, viewer)));
  });
}

}  // namespace gatepost::admin
