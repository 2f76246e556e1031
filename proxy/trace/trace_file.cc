#include "proxy/trace/trace_file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>

namespace gatepost::trace {

namespace {

std::unexpected<Error> wrong(std::size_t line, std::string_view what) {
  return fail(ErrorCode::config, fmt::format("line {}: {}", line, what));
}

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<TraceFile> parse_trace(std::string_view text) {
  TraceFile file;
  std::map<std::string, std::size_t, std::less<>> sessions;
  std::size_t number = 0;
  std::size_t events = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);  // it came by mail
    if (line.size() >= kMaxLine) return wrong(number, "too long");
    if (number == 1) {
      auto header = read_header(line);
      if (!header) return wrong(number, header.error().detail);
      file.header = std::move(*header);
      continue;
    }
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    auto event = read_event(line);
    if (!event) return wrong(number, event.error().detail);
    if (++events > TraceFile::kMaxEvents) return wrong(number, "too many events");
    const auto at = sessions.find(event->session);
    if (event->kind == Event::Kind::begin) {
      if (at != sessions.end()) return wrong(number, "the session began already");
      if (sessions.size() >= TraceFile::kMaxRecorded) return wrong(number, "too many sessions");
      sessions.emplace(event->session, file.sessions.size());
      file.sessions.push_back({event->session, {}});
      file.sessions.back().events.push_back(std::move(*event));
      continue;
    }
    if (at == sessions.end()) return wrong(number, "the session has no beginning");
    std::vector<Event>& told = file.sessions[at->second].events;
    if (event->ms < told.back().ms) return wrong(number, "it happened before the line before it");
    told.push_back(std::move(*event));
  }
  if (number == 0) return fail(ErrorCode::config, "line 1: the file is empty");
  return file;
}

Result<TraceFile> read_trace(const std::string& path) {
  const std::unique_ptr<std::FILE, Closer> file(std::fopen(path.c_str(), "re"));
  if (!file) return system_failure(path, errno);
  std::string text;
  std::array<char, 64 * 1024> room{};
  while (const std::size_t n = std::fread(room.data(), 1, room.size(), file.get())) {
    if (text.size() + n > TraceFile::kMaxFile) {
      return fail(ErrorCode::config, path + ": the file is too large");
    }
    text.append(room.data(), n);
  }
  if (std::ferror(file.get()) != 0) return system_failure(path, errno);
  auto trace = parse_trace(text);
  if (!trace) return fail(trace.error().code, path + ": " + trace.error().detail);
  return trace;
}

}  // namespace gatepost::trace
