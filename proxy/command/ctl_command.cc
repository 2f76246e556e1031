#include "proxy/command/ctl_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/command/check.h"
#include "proxy/command/ctl_client.h"
#include "proxy/command/ctl_text.h"
#include "proxy/http/form.h"

namespace gatepost::command {

namespace {

using Json = nlohmann::json;
using What = CtlOptions::What;

/// A worker that blocks is waited for, and an upgrade takes as long as a start.
constexpr Duration kPatience{90'000};
constexpr Duration kHealthPatience{4'000};

ExitCode complain(std::string_view text, ExitCode code) {
  fmt::print(stderr, "gatepost: {}\n", text);
  return code;
}

ExitCode print(std::string_view text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (whole && std::fflush(stdout) == 0) return ExitCode::ok;
  return complain("standard output cannot be written to", ExitCode::runtime);
}

/// Empty, after a complaint, where there is none.
std::string socket_of(const CommandLine& line) {
  if (!line.ctl.socket.empty()) return line.ctl.socket;
  if (line.config_file.empty()) return kUsualControlSocket;
  const config::Loaded loaded = load_configuration(line);
  if (!loaded.config) {
    print_problems(loaded, line.config_file);
    return "";
  }
  if (loaded.config->admin.control.empty()) {
    complain(line.config_file + " has no admin.control", ExitCode::config);
  }
  return loaded.config->admin.control;
}

CtlQuestion question_of(const CtlOptions& options) {
  const auto get = [](std::string target) { return CtlQuestion{{}, "GET", std::move(target), {}}; };
  const auto post = [](std::string target, const Json& body = Json::object()) {
    return CtlQuestion{
        {}, "POST", std::move(target), body.dump(-1, ' ', false, Json::error_handler_t::replace)};
  };
  switch (options.what) {
    case What::status:
      return get("/status");
    case What::upstreams:
      return get("/upstreams");
    case What::sessions:
      return get(fmt::format("/sessions?limit={}&user={}", options.limit,
                             http::percent_encode(options.user)));
    case What::kick:
      return options.user.empty() ? post("/kick", {{"ids", options.ids}})
                                  : post("/kick", {{"user", options.user}});
    case What::drain:
      return post("/drain");
    case What::reload:
      return post("/reload");
    case What::upgrade:
      return post("/upgrade");
    case What::log_level:
      return options.level.empty() ? get("/log-level")
                                   : post("/log-level", {{"level", options.level}});
    case What::trace:
      return post("/trace",
                  {{"user", options.user}, {"seconds", options.seconds}, {"full", options.full}});
    case What::explain:
      return get(options.ids.empty()
                     ? fmt::format("/explain?user={}", http::percent_encode(options.user))
                     : fmt::format("/explain?id={}", http::percent_encode(options.ids.front())));
  }
  std::unreachable();
}

/// What a person reads after it went well.
std::string words_for(const CtlOptions& options, const Json& answer) {
  switch (options.what) {
    case What::status:
      return status_text(answer);
    case What::sessions:
      return sessions_text(answer);
    case What::upstreams:
      return upstreams_text(answer);
    case What::kick:
      return fmt::format("ended {} sessions\n", answer.value("ended", std::uint64_t{0}));
    case What::drain:
      return "draining: it ends when the sessions have\n";
    case What::reload:
      return "reloaded\n";
    case What::upgrade:
      return "upgraded: sessions that went on finish in the process before\n";
    case What::log_level:
      return options.level.empty() ? answer.value("level", std::string("?")) + '\n'
                                   : "level " + options.level + " until the next reload\n";
    case What::trace:
    case What::explain:
      break;
  }
  return "";
}

ExitCode not_reached(const Error& error) {
  return complain(error.detail + " (is the gateway running, with admin.control?)",
                  ExitCode::unreachable);
}

ExitCode refused(const CtlAnswer& answer) {
  const Json json = Json::parse(answer.body, nullptr, /*throw=*/false);
  std::string why = fmt::format("refused ({})", answer.status);
  if (json.is_object()) why = json.value("error", why);
  while (why.ends_with('\n')) why.pop_back();
  return complain(why, answer.status == 400 ? ExitCode::usage : ExitCode::runtime);
}

ExitCode record(const CtlOptions& options, const CtlQuestion& question) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(nullptr, &std::fclose);
  if (!options.output.empty()) {
    file.reset(std::fopen(options.output.c_str(), "we"));
    if (!file) return complain(options.output + " cannot be written to", ExitCode::runtime);
  }
  std::FILE* const out = file ? file.get() : stdout;
  bool written = true;
  const auto answer = listen_to_gateway(question, [&](std::string_view piece) {
    written =
        std::fwrite(piece.data(), 1, piece.size(), out) == piece.size() && std::fflush(out) == 0;
    return written;
  });
  if (!answer) return not_reached(answer.error());
  if (!written) return complain("what was recorded cannot be written", ExitCode::runtime);
  return answer->status == 200 ? ExitCode::ok : refused(*answer);
}

}  // namespace

ExitCode control_gateway(const CommandLine& line) {
  const CtlOptions& options = line.ctl;
  const bool whom = !options.ids.empty() || !options.user.empty();
  if (!whom && (options.what == What::kick || options.what == What::explain)) {
    return complain("which session? Say its id, or --user", ExitCode::usage);
  }
  CtlQuestion question = question_of(options);
  question.where.path = socket_of(line);
  if (question.where.path.empty()) return ExitCode::config;
  question.patience = kPatience;
  if (options.what == What::trace) {
    question.patience += std::chrono::seconds(options.seconds);
    return record(options, question);
  }
  if (options.what == What::explain) question.target += line.json ? "&json=1" : "";
  const auto answer = ask_gateway(question);
  if (!answer) return not_reached(answer.error());
  if (answer->status != 200) return refused(*answer);
  if (line.json || options.what == What::explain) return print(answer->body);
  const Json json = Json::parse(answer->body, nullptr, /*throw=*/false);
  if (json.is_discarded()) return complain("the answer is no JSON", ExitCode::runtime);
  if (const ExitCode code = print(words_for(options, json)); code != ExitCode::ok) return code;
  // Whoever names a session that is not there made a mistake.
  const bool none = options.what == What::kick && json.value("ended", 0) == 0;
  return none ? ExitCode::runtime : ExitCode::ok;
}

ExitCode check_health(const CommandLine& line) {
  const config::Loaded loaded = load_configuration(line);
  if (!loaded.config) {
    const auto first = std::ranges::find(loaded.problems, false, &config::Problem::warning);
    return complain(to_string(*first, line.config_file), ExitCode::runtime);
  }
  const auto where = Endpoint::parse(loaded.config->admin.address);
  if (!where) return complain("there is no admin listener to ask", ExitCode::runtime);
  const auto answer = ask_gateway({.where = *where,
                                   .method = "GET",
                                   .target = line.ready ? "/readyz" : "/healthz",
                                   .body = {},
                                   .patience = kHealthPatience});
  if (!answer) return complain(answer.error().detail, ExitCode::runtime);
  if (answer->status == 200) return ExitCode::ok;
  std::string why = answer->body;
  while (why.ends_with('\n')) why.pop_back();
  std::ranges::replace(why, '\n', ';');
  return complain(why, ExitCode::runtime);
}

}  // namespace gatepost::command
