#include "proxy/admin/form.h"

#include <algorithm>

#include "proxy/pop3/ascii.h"

namespace gatepost::admin {

namespace {

std::unexpected<Error> wrong(std::string_view what) {
  return fail(ErrorCode::protocol, std::string(what));
}

Result<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+') {
      c = ' ';
    } else if (c == '%') {
      const int high = i + 2 < text.size() ? pop3::hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? pop3::hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return wrong("a % without two digits");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F) {
      return wrong("an octet that is not encoded");
    }
    if (c == '\0') return wrong("NUL");
    if (out.size() == Form::kMaxField) return wrong("a field is too long");
    out += c;
  }
  return out;
}

}  // namespace

Result<Form> Form::parse(std::string_view text) {
  Form form;
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(field.size() + 1, text.size()));
    if (form.fields_.size() == kMaxFields) return wrong("too many fields");
    const auto equals = field.find('=');
    if (equals == std::string_view::npos) return wrong("a field without =");
    auto name = decode(field.substr(0, equals));
    if (!name) return std::unexpected(name.error());
    auto value = decode(field.substr(equals + 1));
    if (!value) return std::unexpected(value.error());
    if (name->empty()) return wrong("a field without a name");
    if (form.has(*name)) return wrong("a field comes twice");
    form.fields_.emplace_back(*std::move(name), *std::move(value));
  }
  return form;
}

Result<Form> Form::of_body(const http::Request& request) {
  std::string_view type = request.header("Content-Type");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
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
