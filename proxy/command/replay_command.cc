#include "proxy/command/replay_command.h"

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "proxy/process/version.h"
#include "proxy/trace/replay.h"
#include "proxy/trace/trace_file.h"
#include "proxy/trace/transcript.h"

namespace gatepost::command {

namespace {

using Json = nlohmann::ordered_json;

std::string as_json(const trace::Recorded& recorded, const trace::Played& played) {
  Json json{{"session", recorded.id},
            {"events", recorded.events.size()},
            {"same", !played.difference.has_value()},
            {"notes", played.notes}};
  if (const auto& difference = played.difference) {
    json["difference"] = {{"t", difference->ms},
                          {"leg", difference->leg == net::Tap::kClient ? "client" : "upstream"},
                          {"in_trace", trace::shown(difference->expected)},
                          {"here", trace::shown(difference->got)}};
  }
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + '\n';
}

std::string as_text(const trace::Recorded& recorded, const trace::Played& played, bool quiet) {
  std::string text = fmt::format("Session {}\n", trace::shown(recorded.id));
  const trace::Difference* const difference = played.difference ? &*played.difference : nullptr;
  if (!quiet) text += trace::transcript(recorded, difference);
  for (const std::string& note : played.notes) text += fmt::format("Note: {}.\n", note);
  if (difference == nullptr) return text + "The replay went as in the trace.\n";
  return text +
         fmt::format("The replay differs at {}.{:03} s, {}.\n  In the trace: {}\n  Here: {}\n",
                     difference->ms / 1000, difference->ms % 1000,
                     difference->leg == net::Tap::kClient ? "to the client" : "to upstream",
                     trace::shown(difference->expected), trace::shown(difference->got));
}

}  // namespace

ExitCode replay_trace(const CommandLine& line) {
  const auto file = trace::read_trace(line.replay.file);
  if (!file) {
    fmt::print(stderr, "gatepost: {}\n", file.error().detail);
    return ExitCode::config;
  }
  if (file->header.version != process::kVersion) {
    fmt::print(stderr, "gatepost: the trace is of version {}, this is {}\n",
               trace::shown(file->header.version), process::kVersion);
  }
  bool found = false;
  bool same = true;
  for (const trace::Recorded& recorded : file->sessions) {
    if (!line.replay.session.empty() && recorded.id != line.replay.session) continue;
    if (found && !line.json) std::fputs("\n", stdout);
    found = true;
    const trace::Played played = trace::replay(recorded);
    same = same && !played.difference;
    const std::string text =
        line.json ? as_json(recorded, played) : as_text(recorded, played, line.replay.quiet);
    std::fputs(text.c_str(), stdout);
  }
  if (!found) {
    fmt::print(stderr, "gatepost: {}: {}\n", line.replay.file,
               line.replay.session.empty() ? "there is no session in it"
                                           : "there is no such session in it");
    return ExitCode::config;
  }
  return same ? ExitCode::ok : ExitCode::runtime;
}

}  // namespace gatepost::command
