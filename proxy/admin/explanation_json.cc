#include "proxy/admin/explanation_json.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace gatepost::admin {

namespace {

using Json = nlohmann::ordered_json;

std::string time_text(std::int64_t at) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(static_cast<std::time_t>(at / 1000)), at % 1000);
}

/// The first line, and those behind it.
void add_text(Json& to, std::string_view text) {
  Json details = Json::array();
  const std::size_t end = std::min(text.find('\n'), text.size());
  to["decision"] = text.substr(0, end);
  text.remove_prefix(end);
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::size_t line = std::min(text.find('\n'), text.size());
    details.push_back(text.substr(0, line));
    text.remove_prefix(line);
  }
  to["details"] = std::move(details);
}

/// A peer's text need not be UTF-8. In one line, with a line end.
std::string line_of(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + '\n';
}

}  // namespace

std::string as_json(const Explanation& explanation) {
  Json json;
  json["session"] = explanation.session;
  json["message"] = explanation.message == 0 ? Json(nullptr) : Json(explanation.message);
  json["known"] = !explanation.decisions.empty();
  json["older_forgotten"] = explanation.begins_later;
  Json& decisions = json["decisions"] = Json::array();
  for (const Decision& decision : explanation.decisions) {
    Json one;
    one["time"] = time_text(decision.at);
    one["about"] = to_string(decision.about);
    one["message"] = decision.message == 0 ? Json(nullptr) : Json(decision.message);
    add_text(one, decision.text);
    one["rule"] = decision.rule.empty() ? Json(nullptr) : Json(decision.rule);
    decisions.push_back(std::move(one));
  }
  return line_of(json);
}

std::string as_json(std::string_view user, const std::vector<SessionOfUser>& sessions) {
  Json json;
  json["user"] = user;
  Json& list = json["sessions"] = Json::array();
  for (const SessionOfUser& session : sessions) {
    list.push_back(
        {{"session", session.session},
         {"time", time_text(session.at)},
         {"user", session.user},
         {"end", session.end.empty() ? Json(nullptr)
                                     : Json(session.end.substr(0, session.end.find('\n')))}});
  }
  return line_of(json);
}

}  // namespace gatepost::admin
