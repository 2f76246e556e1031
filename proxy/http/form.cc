#include "proxy/http/form.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "proxy/pop3/ascii.h"

namespace gatepost::http {

namespace {

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = pop3::hex_value(text[i + 1]);
    const int low = pop3::hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool is_unreserved(char c) {  // RFC 3986 section 2.3
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

std::optional<Form> parse_form(std::string_view text) {
  Form form;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view field = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (field.empty()) continue;
    if (form.size() == kMaxFields) return std::nullopt;
    const std::size_t equals = std::min(field.find('='), field.size());
    auto name = decode(field.substr(0, equals));
    auto value = decode(field.substr(std::min(equals + 1, field.size())));
    if (!name || !value) return std::nullopt;
    form.emplace_back(*std::move(name), *std::move(value));
  }
  return form;
}

std::optional<std::string_view> only(const Form& form, std::string_view name) {
  const auto named = [name](const auto& field) { return field.first == name; };
  const auto at = std::ranges::find_if(form, named);
  if (at == form.end() || std::any_of(at + 1, form.end(), named)) return std::nullopt;
  return at->second;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace gatepost::http
