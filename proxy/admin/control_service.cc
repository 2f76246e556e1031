#include "proxy/admin/control_service.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/admin/facts_json.h"
#include "proxy/admin/form.h"

namespace gatepost::admin {

namespace {

using http::Request;
using http::Responder;
using Json = nlohmann::ordered_json;

void answer(Responder& responder, const Json& json, std::uint16_t status = 200) {
  responder.answer({.status = status, .content_type = "application/json", .body = text_of(json)});
}

void refuse(Responder& responder, std::uint16_t status, std::string_view why) {
  answer(responder, {{"error", why}}, status);
}

/// Something was to be done: an empty object, or why it was not.
void answer(Responder& responder, const Result<void>& done) {
  if (done) return answer(responder, Json::object());
  refuse(responder, done.error().code == ErrorCode::config ? 422 : 409, done.error().detail);
}

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<LogLevel> level_of(std::string_view word) {
  for (const LogLevel level :
       {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    if (word == to_string(level)) return level;
  }
  return std::nullopt;
}

/// The text of a key of the body; nothing where it is no text.
std::optional<std::string> text(const Json& body, const char* key) {
  const auto at = body.find(key);
  if (at == body.end() || !at->is_string()) return std::nullopt;
  return at->get<std::string>();
}

/// What a request is about: the office, what was sent, who wants it.
struct Wish {
  Office& office;
  const Request& request;
  Json body;  // an object, empty without one
  std::string_view by;
};

void status(const Wish& wish, Responder responder) {
  answer(responder, to_json(wish.office.status()));
}

void upstreams(const Wish& wish, Responder responder) {
  answer(responder, to_json(wish.office.status().upstreams));
}

void sessions(const Wish& wish, Responder responder) {
  const auto form = Form::parse(wish.request.query);
  if (!form) return refuse(responder, 400, form.error().detail);
  SessionQuery query;
  query.user = form->get("user");
  const auto limit = form->has("limit") ? number(form->get("limit")) : query.limit;
  if (!limit || query.user.size() > ControlService::kMaxPattern) {
    return refuse(responder, 400, R"("limit" is a number, "user" a pattern)");
  }
  query.limit = *limit;
  wish.office.sessions(std::move(query),
                       [responder = std::move(responder)](const SessionList& list) mutable {
                         answer(responder, to_json(list));
                       });
}

std::optional<std::vector<std::string>> ids_of(const Json& body) {
  const auto at = body.find("ids");
  if (at == body.end() || !at->is_array() || at->size() > ControlService::kMaxIds) {
    return std::nullopt;
  }
  std::vector<std::string> ids;
  for (const Json& id : *at) {
    if (!id.is_string()) return std::nullopt;
    ids.push_back(id.get<std::string>());
  }
  return ids;
}

void kick(const Wish& wish, Responder responder) {
  auto ids = ids_of(wish.body);
  auto user = text(wish.body, "user");
  if (ids.has_value() == user.has_value() || (user && user->empty()) ||
      (user && user->size() > ControlService::kMaxPattern)) {
    return refuse(responder, 400, R"(whom? Either "ids" or "user")");
  }
  auto then = [responder = std::move(responder)](std::size_t ended) mutable {
    answer(responder, {{"ended", ended}});
  };
  if (ids) {
    wish.office.kick(*std::move(ids), wish.by, std::move(then));
  } else {
    wish.office.kick_user(*std::move(user), wish.by, std::move(then));
  }
}

void drain(const Wish& wish, Responder responder) { answer(responder, wish.office.drain(wish.by)); }

void reload(const Wish& wish, Responder responder) {
  answer(responder, wish.office.reload(wish.by));
}

void upgrade(const Wish& wish, Responder responder) {
  wish.office.upgrade(wish.by, [responder = std::move(responder)](
                                   const Result<void>& done) mutable { answer(responder, done); });
}

void log_level(const Wish& wish, Responder responder) {
  answer(responder, {{"level", wish.office.status().log_level}});
}

void set_log_level(const Wish& wish, Responder responder) {
  const auto level = level_of(text(wish.body, "level").value_or(""));
  if (!level) return refuse(responder, 400, "\"level\" is debug, info, warning or error");
  wish.office.set_log_level(*level, wish.by);
  answer(responder, Json::object());
}

void trace(const Wish& wish, Responder responder) {
  TraceWish wanted;
  wanted.user = text(wish.body, "user").value_or("");
  if (wanted.user.empty() || wanted.user.size() > ControlService::kMaxPattern) {
    return refuse(responder, 400, "whom? \"user\" is a pattern for names");
  }
  if (const auto at = wish.body.find("seconds"); at != wish.body.end()) {
    const bool good = at->is_number_unsigned() && at->get<std::uint64_t>() > 0 &&
                      at->get<std::uint64_t>() <= ControlService::kMaxTraceSeconds;
    if (!good) return refuse(responder, 400, "\"seconds\" is a number from 1 to 86400");
    wanted.lasts = std::chrono::seconds(at->get<std::uint64_t>());
  }
  if (const auto at = wish.body.find("full"); at != wish.body.end()) {
    if (!at->is_boolean()) return refuse(responder, 400, "\"full\" is true or false");
    wanted.full = at->get<bool>();
  }
  const auto begun = wish.office.trace(std::move(wanted), wish.by, responder);
  if (!begun) answer(responder, begun);
}

/// {"text": "…"} would only have to be taken apart again: the answer is what is printed.
void explain(const Wish& wish, Responder responder) {
  const auto form = Form::parse(wish.request.query);
  if (!form) return refuse(responder, 400, form.error().detail);
  const std::string id(form->get("id"));
  const std::string user(form->get("user"));
  const bool json = form->has("json");
  if (id.empty() == user.empty() || id.size() > ControlService::kMaxPattern ||
      user.size() > ControlService::kMaxPattern) {
    return refuse(responder, 400, R"(which? Either "id" or "user")");
  }
  auto then = [json, responder = std::move(responder)](std::string text) mutable {
    http::Response response;
    if (json) response.content_type = "application/json";
    response.body = std::move(text);
    responder.answer(response);
  };
  if (id.empty()) {
    wish.office.explain_user(user, json, std::move(then));
  } else {
    wish.office.explain(id, json, std::move(then));
  }
}

struct Way {
  std::string_view method;
  std::string_view path;
  void (*go)(const Wish&, Responder);
};
constexpr std::array<Way, 11> kWays = {{{"GET", "/status", status},
                                        {"GET", "/explain", explain},
                                        {"GET", "/sessions", sessions},
                                        {"GET", "/upstreams", upstreams},
                                        {"GET", "/log-level", log_level},
                                        {"POST", "/kick", kick},
                                        {"POST", "/drain", drain},
                                        {"POST", "/reload", reload},
                                        {"POST", "/upgrade", upgrade},
                                        {"POST", "/log-level", set_log_level},
                                        {"POST", "/trace", trace}}};

}  // namespace

void ControlService::handle(const Request& request, Responder responder, std::string_view by) {
  bool known = false;
  for (const Way& way : kWays) {
    if (way.path != request.path) continue;
    known = true;
    if (way.method != request.method) continue;
    Json body = Json::object();
    if (!request.body.empty()) body = Json::parse(request.body, nullptr, /*throw=*/false);
    if (!body.is_object()) return refuse(responder, 400, "the body is no JSON object");
    return way.go({office_, request, std::move(body), by}, std::move(responder));
  }
  refuse(responder, known ? 405 : 404, known ? "not with this method" : "there is no such thing");
}

}  // namespace gatepost::admin
