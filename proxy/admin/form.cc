#include "proxy/admin/form.h"

#include <algorithm>
#include <utility>

#include "proxy/http/form.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::admin {

namespace {

std::unexpected<Error> wrong(std::string_view what) {
  return fail(ErrorCode::protocol, std::string(what));
}

/// What http::parse_form() puts up with and no browser writes; "" for nothing.
std::string_view oddity_of(std::string_view text) {
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(field.size() + 1, text.size()));
    const auto equals = field.find('=');
    if (equals == 0) return "a field without a name";
    if (equals == std::string_view::npos) return "a field without =";
    const bool encoded = std::ranges::all_of(field, [](char c) { return c > ' ' && c < 0x7F; });
    if (!encoded) return "an octet that is not encoded";
  }
  return {};
}

}  // namespace

Result<Form> Form::parse(std::string_view text) {
  if (const auto odd = oddity_of(text); !odd.empty()) return wrong(odd);
  auto fields = http::parse_form(text);
  if (!fields) return wrong("a % without two digits, or too many fields");
  if (fields->size() > kMaxFields) return wrong("too many fields");
  Form form;
  for (auto& [name, value] : *fields) {
    if (name.size() > kMaxField || value.size() > kMaxField) return wrong("a field is too long");
    if ((name + value).find('\0') != std::string::npos) return wrong("NUL");
    if (form.has(name)) return wrong("a field comes twice");
    form.fields_.emplace_back(std::move(name), std::move(value));
  }
  return form;
}

Result<Form> Form::of_body(const http::Request& request) {
  std::string_view type = request.header("Content-Type");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  if (type.empty() && request.body.empty()) return Form();  // nothing was to be said
  if (pop3::to_lower(type) != "application/x-www-form-urlencoded") {
    return wrong("a form is application/x-www-form-urlencoded");
  }
  return parse(request.body);
}

std::string_view Form::get(std::string_view name) const {
  const auto at = std::ranges::find(fields_, name, &std::pair<std::string, std::string>::first);
  return at == fields_.end() ? std::string_view() : at->second;
}

bool Form::has(std::string_view name) const {
  return std::ranges::find(fields_, name, &std::pair<std::string, std::string>::first) !=
         fields_.end();
}

}  // namespace gatepost::admin
