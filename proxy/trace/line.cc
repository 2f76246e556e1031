#include "proxy/trace/line.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gatepost::trace {

namespace {

using Json = nlohmann::ordered_json;
using Kind = Event::Kind;
using std::string_view_literals::operator""sv;

// In the order of their enums.
constexpr std::array kKinds = {"begin"sv,  "heard"sv,   "connected"sv, "failed"sv, "secured"sv,
                               "ended"sv,  "drained"sv, "cut"sv,       "said"sv,   "connecting"sv,
                               "closed"sv, "over"sv,    "route"sv,     "login"sv,  "dropped"sv};
static_assert(kKinds.size() == static_cast<std::size_t>(Kind::count_));
constexpr std::array kClientTls = {"implicit"sv, "starttls"sv, "none"sv};
constexpr std::array kSecurity = {"none"sv, "stls"sv, "implicit"sv};
constexpr std::array kUtf8 = {"client"sv, "downgrade"sv};

/// Words of a peer in events of ours: error codes, reasons, versions.
constexpr std::size_t kMaxWord = 64;
/// Servers of a route.
constexpr std::size_t kMaxServers = 64;
constexpr std::uint64_t kMaxNumber = 1ULL << 53U;  // JSON's numbers are exact up to there

/// Octets as characters.
std::string to_text(std::string_view octets) {
  std::string text;
  text.reserve(octets.size());
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xC0U | (octet >> 6U));
      text += static_cast<char>(0x80U | (octet & 0x3FU));
    }
  }
  return text;
}

/// The other way round; false for a character beyond U+00FF. `text` is UTF-8.
bool to_octets(std::string_view text, std::string& octets) {
  octets.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      octets += text[i];
      continue;
    }
    if (first > 0xC3 || i + 1 >= text.size()) return false;
    const auto second = static_cast<unsigned char>(text[++i]);
    octets += static_cast<char>((first << 6U) | (second & 0x3FU));
  }
  return true;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + '\n';
}

Json to_json(const RouteFacts& route) {
  Json json{{"found", route.found}};
  if (!route.found) return json;
  json["user"] = to_text(route.form);
  json["lower_case"] = route.lower_case;
  json["default_domain"] = to_text(route.default_domain);
  json["device_suffix"] = to_text(route.device_suffix);
  json["chain"] = route.chain;
  json["retention"] = route.retention;
  json["attempts"] = route.attempts;
  json["servers"] = Json::array();
  for (const ServerFacts& server : route.servers) {
    Json one{{"tls", kSecurity.at(static_cast<std::size_t>(server.security))},
             {"xclient", server.xclient},
             {"initial_response", server.initial_response},
             {"utf8", kUtf8.at(static_cast<std::size_t>(server.utf8))}};
    if (server.known) {
      one["capa"] = to_text(server.known->body);
      if (server.known->greeting) one["greeting"] = to_text(*server.known->greeting);
    }
    json["servers"].push_back(std::move(one));
  }
  return json;
}

struct NamedTimeout {
  std::string_view name;
  Duration config::Timeouts::* value;
};
constexpr std::array<NamedTimeout, 7> kTimeouts = {{
    {"handshake", &config::Timeouts::handshake},
    {"login", &config::Timeouts::login},
    {"inactivity", &config::Timeouts::inactivity},
    {"upstream_connect", &config::Timeouts::upstream_connect},
    {"upstream_greeting", &config::Timeouts::upstream_greeting},
    {"upstream_login", &config::Timeouts::upstream_login},
    {"upstream_reply", &config::Timeouts::upstream_reply},
}};

Json to_json(const Beginning& beginning) {
  Json json{{"tls", kClientTls.at(static_cast<std::size_t>(beginning.tls))},
            {"apop", beginning.apop},
            {"xclient", beginning.xclient},
            {"trusted", beginning.trusted},
            {"cleartext_login", beginning.cleartext_login},
            {"implementation", to_text(beginning.implementation)},
            {"client", to_text(beginning.client)},
            {"local", to_text(beginning.local)},
            {"secure", beginning.secure},
            {"hops", beginning.hops}};
  if (beginning.route) json["route"] = to_json(*beginning.route);
  for (const NamedTimeout& timeout : kTimeouts) {
    json["timeouts_ms"][timeout.name] = (beginning.timeouts.*timeout.value).count();
  }
  json["limits"] = {{"login_attempts", beginning.login_attempts},
                    {"pipeline", beginning.pipeline},
                    {"bad_commands", beginning.bad_commands}};
  return json;
}

/// Reads the values of one object, and remembers the first complaint.
class Fields {
 public:
  Fields(const Json& json, std::string_view where) : json_(json), where_(where) {
    if (!json_.is_object()) complain("", "is no object");
  }

  [[nodiscard]] bool good() const { return problem_.empty(); }
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] bool has(std::string_view key) const {
    return json_.is_object() && json_.contains(key);
  }
  [[nodiscard]] const Json* find(std::string_view key) const {
    return has(key) ? &json_.at(key) : nullptr;
  }
  void complain(std::string_view key, std::string_view what) {
    if (!problem_.empty()) return;
    problem_ = key.empty() ? fmt::format("{} {}", where_, what)
                           : fmt::format("\"{}\" of {} {}", key, where_, what);
  }
  void adopt(const Fields& inner) {
    if (problem_.empty()) problem_ = inner.problem_;
  }

  bool boolean(std::string_view key) {
    const Json* const value = find(key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) complain(key, "is neither true nor false");
    return value->is_boolean() && value->get<bool>();
  }
  std::string text(std::string_view key, std::size_t most) {
    const Json* const value = find(key);
    std::string octets;
    if (value == nullptr) return octets;
    if (!value->is_string()) {
      complain(key, "is no text");
    } else if (!to_octets(value->get_ref<const std::string&>(), octets)) {
      complain(key, "has a character that is no octet");
    } else if (octets.size() > most) {
      complain(key, "is too long");
    }
    return octets;
  }
  std::uint64_t number(std::string_view key, std::uint64_t most, std::uint64_t otherwise = 0) {
    const Json* const value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > most) {
      complain(key, fmt::format("is no number from 0 to {}", most));
      return otherwise;
    }
    return value->get<std::uint64_t>();
  }
  template <std::size_t N>
  std::size_t word(std::string_view key, const std::array<std::string_view, N>& words) {
    const std::string said = text(key, kMaxWord);
    if (!has(key)) return 0;
    const auto at = std::ranges::find(words, std::string_view(said));
    if (at != words.end()) return static_cast<std::size_t>(at - words.begin());
    complain(key, "is no word that is known");
    return 0;
  }

 private:
  const Json& json_;
  std::string_view where_;
  std::string problem_;
};

RouteFacts read_route(const Json& json, Fields& outer) {
  Fields fields(json, "route");
  RouteFacts route;
  route.found = fields.boolean("found");
  route.form = route.found ? fields.text("user", kMaxText) : route.form;
  route.lower_case = fields.boolean("lower_case");
  route.default_domain = fields.text("default_domain", kMaxText);
  route.device_suffix = fields.text("device_suffix", kMaxText);
  route.chain = fields.boolean("chain");
  route.retention = fields.boolean("retention");
  route.attempts = static_cast<std::uint32_t>(fields.number("attempts", kMaxServers, 1));
  const Json* const servers = fields.find("servers");
  if (servers != nullptr && (!servers->is_array() || servers->size() > kMaxServers)) {
    fields.complain("servers", "is no list, or too long");
  } else if (servers != nullptr) {
    for (const Json& one : *servers) {
      Fields said(one, "server");
      ServerFacts server;
      server.security = static_cast<upstream::Security>(said.word("tls", kSecurity));
      server.xclient = said.boolean("xclient");
      server.initial_response = said.boolean("initial_response");
      server.utf8 = static_cast<config::Utf8>(said.word("utf8", kUtf8));
      if (said.has("capa")) {
        server.known.emplace();
        server.known->body = said.text("capa", kMaxText);
        if (said.has("greeting")) server.known->greeting = said.text("greeting", kMaxText);
      }
      fields.adopt(said);
      route.servers.push_back(std::move(server));
    }
  }
  outer.adopt(fields);
  return route;
}

Beginning read_beginning(const Json& json, Fields& outer) {
  constexpr std::uint64_t kMaxLimit = 1'000'000;
  Fields fields(json, "beginning");
  Beginning beginning;
  if (fields.has("tls")) {
    beginning.tls = static_cast<config::ListenerTls>(fields.word("tls", kClientTls));
  }
  beginning.apop = fields.boolean("apop");
  beginning.xclient = fields.boolean("xclient");
  beginning.trusted = fields.boolean("trusted");
  beginning.cleartext_login = fields.boolean("cleartext_login");
  beginning.implementation = fields.text("implementation", kMaxWord * 4);
  beginning.client = fields.text("client", kMaxWord);
  beginning.local = fields.text("local", kMaxWord);
  beginning.secure = fields.boolean("secure");
  beginning.hops = static_cast<std::uint8_t>(fields.number("hops", 255, beginning.hops));
  if (const Json* const route = fields.find("route")) beginning.route = read_route(*route, fields);
  if (const Json* const json_timeouts = fields.find("timeouts_ms")) {
    Fields timeouts(*json_timeouts, "timeouts_ms");
    for (const NamedTimeout& timeout : kTimeouts) {
      Duration& value = beginning.timeouts.*timeout.value;
      value = Duration(timeouts.number(timeout.name, kMaxNumber >> 10U,
                                       static_cast<std::uint64_t>(value.count())));
    }
    fields.adopt(timeouts);
  }
  if (const Json* const json_limits = fields.find("limits")) {
    Fields limits(*json_limits, "limits");
    const auto limit = [&limits](std::string_view name, std::uint32_t& value) {
      value = static_cast<std::uint32_t>(limits.number(name, kMaxLimit, value));
    };
    limit("login_attempts", beginning.login_attempts);
    limit("pipeline", beginning.pipeline);
    limit("bad_commands", beginning.bad_commands);
    fields.adopt(limits);
  }
  outer.adopt(fields);
  return beginning;
}

/// Without exceptions: discarded when it is no JSON, or nested deeper than any event.
Json parse(std::string_view line) {
  constexpr int kMaxDepth = 6;
  const auto too_deep = [](int depth, Json::parse_event_t /*event*/, Json& /*parsed*/) {
    return depth <= kMaxDepth;
  };
  return Json::parse(line, too_deep, false);
}

}  // namespace

std::string header_line(const Options& options, std::string_view version) {
  return dump(Json{{"gatepost_trace", kFormat},
                   {"version", to_text(version)},
                   {"redacted", !options.full},
                   {"names", options.names ? "real" : "pseudonyms"}});
}

std::string event_line(const Event& event) {
  Json json{{"t", event.ms}, {"session", to_text(event.session)}};
  const bool of_leg = event.kind != Kind::begin && event.kind != Kind::route &&
                      event.kind != Kind::login && event.kind != Kind::over &&
                      event.kind != Kind::drained && event.kind != Kind::cut &&
                      event.kind != Kind::dropped;
  if (of_leg) json["leg"] = event.leg == net::Tap::kClient ? "client" : "upstream";
  if (of_leg && event.leg > 1) json["connection"] = event.leg;
  if (event.kind == Kind::heard || event.kind == Kind::said) {
    json["way"] = event.kind == Kind::heard ? "in" : "out";
    json["text"] = to_text(event.text);
    return dump(json);
  }
  json["event"] = kKinds.at(static_cast<std::size_t>(event.kind));
  if (event.beginning) json["beginning"] = to_json(*event.beginning);
  if (event.route) json["route"] = to_json(*event.route);
  if (!event.text.empty()) json["what"] = to_text(event.text);
  if (event.kind == Kind::connecting) json["server"] = event.number;
  if (event.kind == Kind::dropped) json["octets"] = event.number;
  return dump(json);
}

Result<Header> read_header(std::string_view line) {
  const Json json = parse(line);
  if (json.is_discarded() || !json.is_object() || !json.contains("gatepost_trace")) {
    return fail(ErrorCode::config, "this is not a trace of Gatepost");
  }
  Fields fields(json, "the header");
  Header header;
  header.format = static_cast<int>(fields.number("gatepost_trace", 1'000'000));
  header.version = fields.text("version", kMaxWord);
  header.full = fields.has("redacted") && !fields.boolean("redacted");
  header.names = fields.text("names", kMaxWord) == "real";
  if (!fields.good()) return fail(ErrorCode::config, fields.problem());
  if (header.format != kFormat) {
    return fail(ErrorCode::config,
                fmt::format("the trace has form {}, known is {}", header.format, kFormat));
  }
  return header;
}

Result<Event> read_event(std::string_view line) {
  const Json json = parse(line);
  if (json.is_discarded()) return fail(ErrorCode::config, "no JSON");
  Fields fields(json, "the event");
  Event event;
  event.ms = fields.number("t", kMaxNumber);
  event.session = fields.text("session", kMaxWord);
  if (fields.has("leg")) {
    constexpr std::array kLegs = {"client"sv, "upstream"sv};
    const bool client = fields.word("leg", kLegs) == 0;
    if (!client) {
      event.leg = static_cast<net::Tap::Leg>(fields.number("connection", 1'000'000, 1));
      if (event.leg == net::Tap::kClient) fields.complain("connection", "is 0");
    }
  }
  if (fields.has("event")) {
    event.kind = static_cast<Kind>(fields.word("event", kKinds));
    if (event.kind == Kind::heard || event.kind == Kind::said) {
      fields.complain("event", "is no word that is known");
    }
    event.text = fields.text("what", kMaxWord);
    event.number = event.kind == Kind::connecting ? fields.number("server", kMaxServers)
                                                  : fields.number("octets", kMaxNumber);
  } else {
    constexpr std::array kWays = {"in"sv, "out"sv};
    if (!fields.has("way")) fields.complain("", R"(has neither "event" nor "way")");
    event.kind = fields.word("way", kWays) == 0 ? Kind::heard : Kind::said;
    event.text = fields.text("text", kMaxText);
  }
  if (event.kind == Kind::begin) {
    const Json* const beginning = fields.find("beginning");
    if (beginning == nullptr) {
      fields.complain("", "has no \"beginning\"");
    } else {
      event.beginning = std::make_shared<const Beginning>(read_beginning(*beginning, fields));
    }
  }
  if (event.kind == Kind::route) {
    const Json* const route = fields.find("route");
    if (route == nullptr) {
      fields.complain("", "has no \"route\"");
    } else {
      event.route = std::make_shared<const RouteFacts>(read_route(*route, fields));
    }
  }
  if (!fields.good()) return fail(ErrorCode::config, fields.problem());
  return event;
}

}  // namespace gatepost::trace
