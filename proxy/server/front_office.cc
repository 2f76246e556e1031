#include "proxy/server/front_office.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "proxy/admin/explanation.h"
#include "proxy/base/pattern.h"
#include "proxy/process/version.h"
#include "proxy/server/gathering.h"
#include "proxy/trace/line.h"

namespace gatepost::server {

void FrontOffice::sessions(admin::SessionQuery query, Then<admin::SessionList> then) {
  query.limit = std::min(query.limit, kMaxSessions);
  const std::size_t limit = query.limit;
  Gathering<Worker::Found>::start(
      parts_.loop, parts_.workers.size(), kPatience,
      [this, query = std::move(query)](std::size_t i, auto sink) {
        parts_.workers[i]->find_sessions(query, std::move(sink));
      },
      [limit, then = std::move(then)](std::vector<Worker::Found> found,
                                      std::size_t missing) mutable {
        admin::SessionList list;
        list.silent_workers = missing;
        for (Worker::Found& part : found) {
          list.matching += part.matching;
          std::ranges::move(part.sessions, std::back_inserter(list.sessions));
        }
        std::ranges::stable_sort(list.sessions, std::greater(), &session::SessionFacts::age);
        if (list.sessions.size() > limit) list.sessions.resize(limit);
        then(std::move(list));
      });
}

void FrontOffice::end_sessions(Chosen chosen, std::string whose, std::string_view by,
                               Then<std::size_t> then) {
  Gathering<std::size_t>::start(
      parts_.loop, parts_.workers.size(), kPatience,
      [this, &chosen](std::size_t i, auto sink) {
        parts_.workers[i]->end_sessions(chosen, std::move(sink));
      },
      [this, whose = std::move(whose), by = std::string(by), then = std::move(then)](
          const std::vector<std::size_t>& ended, std::size_t /*missing*/) mutable {
        std::size_t count = 0;
        for (const std::size_t part : ended) count += part;
        parts_.log.info("control",
                        {{"action", "kick"}, {"by", by}, {"whose", whose}, {"sessions", count}});
        then(count);
      });
}

void FrontOffice::kick(std::vector<std::string> ids, std::string_view by, Then<std::size_t> then) {
  std::string whose = fmt::format("{}", fmt::join(ids, " "));
  end_sessions([ids = std::set(ids.begin(), ids.end())](
                   const session::Session& session) { return ids.contains(session.id()); },
               std::move(whose), by, std::move(then));
}

void FrontOffice::kick_user(std::string user, std::string_view by, Then<std::size_t> then) {
  end_sessions(
      [user](const session::Session& session) {
        return !session.user().empty() && matches_pattern(user, session.user());
      },
      user, by, std::move(then));
}

Result<void> FrontOffice::drain(std::string_view by) {
  if (parts_.state() == "draining") return fail(ErrorCode::refused, "it is draining already");
  note("drain", by);
  parts_.drain();
  return {};
}

Result<void> FrontOffice::reload(std::string_view by) {
  if (parts_.state() == "draining") return fail(ErrorCode::refused, "it is draining");
  note("reload", by);
  std::string problems = parts_.reload();
  if (problems.empty()) return {};
  return fail(ErrorCode::config, std::move(problems));
}

void FrontOffice::upgrade(std::string_view by, Then<Result<void>> then) {
  parts_.upgrade(by, std::move(then));  // which logs it
}

void FrontOffice::explain(std::string id, bool json, Then<std::string> then) {
  const auto form = json ? admin::ExplanationForm::json : admin::ExplanationForm::text;
  const auto owner = admin::worker_of(id);
  const bool one = owner && *owner < parts_.workers.size();
  const std::size_t first = one ? *owner : 0;
  Gathering<Explanation>::start(
      parts_.loop, one ? 1 : parts_.workers.size(), kPatience,
      [this, first, &id](std::size_t i, auto sink) {
        parts_.workers[first + i]->explain(id, std::move(sink));
      },
      [form, then = std::move(then)](const std::vector<Explanation>& found,
                                     std::size_t /*missing*/) mutable {
        const auto known = std::ranges::find_if(
            found, [](const Explanation& part) { return !part.decisions.empty(); });
        then(admin::render(known != found.end() ? *known : Explanation(), form));
      });
}

void FrontOffice::explain_user(std::string user, bool json, Then<std::string> then) {
  const auto form = json ? admin::ExplanationForm::json : admin::ExplanationForm::text;
  using Sessions = std::vector<SessionOfUser>;
  Gathering<Sessions>::start(
      parts_.loop, parts_.workers.size(), kPatience,
      [this, user](std::size_t i, auto sink) {
        parts_.workers[i]->sessions_of(user, std::move(sink));
      },
      [form, user, then = std::move(then)](std::vector<Sessions> found,
                                           std::size_t /*missing*/) mutable {
        Sessions all;
        for (Sessions& part : found) std::ranges::move(part, std::back_inserter(all));
        then(admin::render(user, std::move(all), form));
      });
}

void FrontOffice::set_log_level(LogLevel level, std::string_view by) {
  parts_.log.info("control", {{"action", "log_level"}, {"by", by}, {"level", to_string(level)}});
  parts_.log.set_level(level);
}

Result<void> FrontOffice::trace(admin::TraceWish wish, std::string_view by,
                                http::Responder& responder) {
  if (traces_.size() >= trace::TraceDesk::kMaxTraces) {
    return fail(ErrorCode::limit, "there are too many traces already");
  }
  parts_.log.info("control", {{"action", "trace"},
                              {"by", by},
                              {"whose", wish.user},
                              {"seconds", wish.lasts.count()},
                              {"full", wish.full}});
  const std::uint64_t number = next_trace_++;
  trace::Order order;
  order.user = std::move(wish.user);
  order.lasts = wish.lasts;
  order.options = {.full = wish.full, .names = wish.full, .key = trace::make_key()};
  auto stream = std::make_shared<TraceStream>(parts_.loop, [this, number] { end_trace(number); });
  traces_.emplace(number, stream);
  stream->begin(std::move(responder), trace::header_line(order.options, process::kVersion));
  for (const auto& worker : parts_.workers) worker->begin_trace(number, order, stream);
  return {};
}

void FrontOffice::end_trace(std::uint64_t number) {
  const auto node = traces_.extract(number);
  if (node.empty()) return;
  node.mapped()->close();
  for (const auto& worker : parts_.workers) worker->end_trace(number);
}

FrontOffice::~FrontOffice() {
  for (const auto& [number, stream] : traces_) stream->close();
}

void FrontOffice::note(std::string_view action, std::string_view by) const {
  parts_.log.info("control", {{"action", action}, {"by", by}});
}

void FrontOffice::note_health(const std::string& pool, const std::string& server,
                              std::string_view problem) {
  if (problem.empty()) {
    problems_.erase({pool, server});
  } else {
    problems_[{pool, server}] = problem;
  }
}

}  // namespace gatepost::server
