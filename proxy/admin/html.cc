#include "proxy/admin/html.h"

#include <cassert>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

#include "proxy/base/utf8.h"

namespace gatepost::admin {

namespace {

/// `keep_lines`: LF and tabs stay.
void append_escaped(std::string& out, std::string_view text, bool keep_lines) {
  while (!text.empty()) {
    const utf8::Character next = utf8::first_character(text);
    const std::string_view octets = text.substr(0, next.size);
    text.remove_prefix(next.size);
    const bool kept = keep_lines && (next.value == '\n' || next.value == '\t');
    auto to = std::back_inserter(out);
    if (!next.valid) {
      fmt::format_to(to, "\\x{:02x}", static_cast<unsigned>(static_cast<std::uint8_t>(octets[0])));
    } else if (!kept && utf8::is_active(next.value)) {
      const auto number = static_cast<std::uint32_t>(next.value);
      number < 0x10000 ? fmt::format_to(to, "\\u{:04x}", number)
                       : fmt::format_to(to, "\\U{:08x}", number);
    } else if (octets == "&") {
      out += "&amp;";
    } else if (octets == "<") {
      out += "&lt;";
    } else if (octets == ">") {
      out += "&gt;";
    } else if (octets == "\"") {
      out += "&quot;";
    } else if (octets == "'") {
      out += "&#39;";
    } else {
      out += octets;
    }
  }
}

}  // namespace

Html::Scope Html::in(Name name, Attributes attributes) {
  open(name, attributes);
  open_.push_back(name.text());
  return Scope(*this);
}

Html& Html::element(Name name, Attributes attributes, std::string_view text) {
  const Scope scope = in(name, attributes);
  append_escaped(out_, text, false);
  return *this;
}

Html& Html::empty(Name name, Attributes attributes) {
  open(name, attributes);
  return *this;
}

Html& Html::text(std::string_view text) {
  append_escaped(out_, text, false);
  return *this;
}

Html& Html::lines(std::string_view text) {
  append_escaped(out_, text, true);
  return *this;
}

Html& Html::add(const Html& other) {
  assert(other.open_.empty());
  out_ += other.out_;
  return *this;
}

void Html::open(Name name, Attributes attributes) {
  out_ += '<';
  out_ += name.text();
  for (const Attribute& attribute : attributes) {
    if (!attribute.given) continue;
    out_ += ' ';
    out_ += attribute.name.text();
    out_ += "=\"";
    append_escaped(out_, attribute.value, false);
    out_ += '"';
  }
  out_ += '>';
}

void Html::close() {
  out_ += "</";
  out_ += open_.back();
  out_ += '>';
  open_.pop_back();
}

std::string cut(std::string_view text, std::size_t most) {
  std::size_t end = 0;
  for (std::size_t n = 0; n < most && end < text.size(); ++n) {
    end += utf8::first_character(text.substr(end)).size;
  }
  std::string out(text.substr(0, end));
  if (end < text.size()) out += "…";
  return out;
}

}  // namespace gatepost::admin
