#include "config/findings.h"

#include <fmt/format.h>

#include <algorithm>

namespace gatepost::config {

namespace {

bool is_at_or_below(std::string_view path, std::string_view top) {
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

std::string unescape(std::string_view step) {
  std::string key;
  for (std::size_t i = 0; i < step.size(); ++i) {
    if (step[i] == '~' && i + 1 < step.size()) {
      key += step[++i] == '1' ? '/' : '~';
    } else {
      key += step[i];
    }
  }
  return key;
}

}  // namespace

std::string pointer_step(std::string_view key) {
  std::string step = "/";
  for (const char c : key) {
    if (c == '~') {
      step += "~0";
    } else if (c == '/') {
      step += "~1";
    } else {
      step += c;
    }
  }
  return step;
}

std::string quote(std::string_view text) {
  std::size_t shown = std::min<std::size_t>(text.size(), 80);
  while (shown < text.size() && shown > 0 && (text[shown] & 0xc0) == 0x80) --shown;
  std::string result = "\"";
  for (const char c : text.substr(0, shown)) {
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return result + (text.size() > shown ? "…\"" : "\"");
}

void Findings::came_from_flag(std::string path, std::string flag) {
  flags_.emplace_back(std::move(path), std::move(flag));
}

Problem Findings::locate(const std::string& path, std::string text) const {
  const std::pair<std::string, std::string>* nearest = nullptr;
  for (const auto& flag : flags_) {
    const bool is_nearer = nearest == nullptr || flag.first.size() > nearest->first.size();
    if (is_nearer && is_at_or_below(path, flag.first)) nearest = &flag;
  }
  if (nearest != nullptr) return {nearest->second, 0, std::move(text)};
  const Lines* node = &lines_;
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/', 1), rest.size());
    const auto child = node->children.find(unescape(rest.substr(1, end - 1)));
    if (child == node->children.end()) break;
    node = &child->second;
    rest.remove_prefix(end);
  }
  return {path, node->line, std::move(text)};
}

void Findings::keep(Problem problem, const std::string& path) {
  if (!problem.warning) {
    failed_ = true;
    if (std::ranges::find(failed_paths_, path) != failed_paths_.end()) return;
    if (!full()) failed_paths_.push_back(path);
  }
  if (full()) {
    dropped_ = true;
  } else {
    // In the order of lines, and of being found within one line.
    const auto place = std::ranges::upper_bound(problems_, problem.line, {}, &Problem::line);
    problems_.insert(place, std::move(problem));
  }
}

void Findings::error(const std::string& path, std::string text) {
  keep(locate(path, std::move(text)), path);
}

void Findings::warning(const std::string& path, std::string text) {
  Problem problem = locate(path, std::move(text));
  problem.warning = true;
  keep(std::move(problem), path);
}

void Findings::error_at(const std::string& path, std::size_t line, std::string text) {
  keep({path, line, std::move(text)}, path);
}

std::vector<Problem> Findings::take() {
  if (dropped_) {
    problems_.push_back(
        {"", 0, fmt::format("there are more problems than these {}", kMaxProblems), !failed_});
  }
  // What is shown comes from outside: a key may be long, or hold control characters.
  for (Problem& problem : problems_) {
    const std::string shown = quote(problem.path);
    problem.path = shown.substr(1, shown.size() - 2);
  }
  return std::move(problems_);
}

}  // namespace gatepost::config
