#include "config/shown.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace gatepost::config {

namespace {

constexpr std::string_view kHidden = "***";

/// Whether a key or an option ("--api-key") speaks of a secret.
bool speaks_of_secret(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kWords = {
      "password", "passwd", "secret", "token", "api-key", "apikey", "api_key"};
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::any_of(
      kWords, [&lower](std::string_view word) { return lower.find(word) != std::string::npos; });
}

bool names_a_file(std::string_view name) {
  return name.ends_with("_file") || name.ends_with("-file");
}

/// "redis://user:password@host" without what stands before the "@".
void hide_user_of_url(std::string& text) {
  const auto scheme = text.find("://");
  if (scheme == std::string::npos) return;
  const auto begin = scheme + 3;
  const auto end = std::min(text.find_first_of("/?#", begin), text.size());
  const auto at = text.rfind('@', end);
  if (at == std::string::npos || at < begin) return;
  text.replace(begin, at - begin, kHidden);
}

/// Of a command: "--token=x", and what follows "--token".
void hide_arguments(Json& command) {
  bool hide = false;
  for (Json& argument : command) {
    if (!argument.is_string()) continue;
    auto text = argument.get<std::string>();
    const auto equals = text.find('=');
    const std::string_view option = std::string_view(text).substr(0, equals);
    const bool secret =
        option.starts_with('-') && speaks_of_secret(option) && !names_a_file(option);
    if (hide) {
      text = kHidden;
    } else if (secret && equals != std::string::npos) {
      text.replace(equals + 1, std::string::npos, kHidden);
    }
    hide = secret && equals == std::string::npos;
    argument = text;
  }
}

/// The document is at most kMaxDepth deep.
void hide(Json& value, std::string_view key) {  // NOLINT(misc-no-recursion)
  if (value.is_object()) {
    for (auto& [name, inner] : value.items()) hide(inner, name);
  } else if (value.is_array()) {
    for (Json& inner : value) hide(inner, key);
    if (key == "command") hide_arguments(value);
  } else if (value.is_string()) {
    auto text = value.get<std::string>();
    if (speaks_of_secret(key) && !names_a_file(key)) {
      text = text.empty() ? "" : kHidden;
    } else {
      hide_user_of_url(text);
    }
    value = text;
  }
}

}  // namespace

std::string shown(Json document) {
  hide(document, {});
  return document.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace gatepost::config
