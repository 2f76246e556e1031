#include "config/load.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <memory>
#include <system_error>
#include <utility>

#include "config/build.h"
#include "config/document.h"
#include "config/explain.h"
#include "config/findings.h"
#include "config/overrides.h"
#include "config/rules.h"
#include "config/shown.h"

namespace gatepost::config {

namespace {

Loaded load_unguarded(std::string_view text, const Overrides& overrides) {
  Findings findings;
  Json document = Json::object();
  if (!text.empty()) {
    auto parsed = parse_document(text, findings);
    if (!parsed) return {std::nullopt, findings.take(), {}};
    document = std::move(*parsed);
  }
  apply_overrides(overrides, document, findings);
  check_schema(document, findings);
  Built built = build(document, findings);
  check_rules(built, findings);

  Loaded loaded;
  if (!findings.any_error()) {
    loaded.config = std::move(built.config);
    loaded.document = shown(document);
  }
  loaded.problems = findings.take();
  return loaded;
}

Loaded unreadable(std::string text) {
  Loaded loaded;
  loaded.problems.push_back({"", 0, std::move(text)});
  return loaded;
}

}  // namespace

std::string to_string(const Problem& problem, std::string_view file) {
  std::string text;
  const bool from_flag = problem.path.starts_with("--");
  if (!from_flag && !file.empty()) {
    text += file;
    if (problem.line != 0) text += fmt::format(":{}", problem.line);
    text += ": ";
  }
  if (problem.warning) text += "warning: ";
  if (!problem.path.empty()) text += problem.path + ": ";
  return text + problem.text;
}

Loaded load(std::string_view text, const Overrides& overrides) {
  try {
    return load_unguarded(text, overrides);
  } catch (const std::exception& error) {
    // The JSON libraries throw; nothing of a layer leaves it that way.
    return unreadable(fmt::format("cannot be checked: {}", error.what()));
  }
}

Loaded load_file(const std::string& path, const Overrides& overrides) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (file == nullptr)
    return unreadable(fmt::format("cannot be read: {}", std::generic_category().message(errno)));
  std::string text;
  std::array<char, std::size_t{16} * 1024> block{};
  while (text.size() <= kMaxText && std::feof(file.get()) == 0 && std::ferror(file.get()) == 0) {
    const std::size_t n = std::fread(block.data(), 1, block.size(), file.get());
    text.append(block.data(), n);
  }
  if (std::ferror(file.get()) != 0) {
    return unreadable(fmt::format("cannot be read: {}", std::generic_category().message(errno)));
  }
  return load(text, overrides);
}

}  // namespace gatepost::config
