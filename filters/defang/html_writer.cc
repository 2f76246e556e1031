#include "filters/defang/html_writer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "filters/defang/harmless_url.h"
#include "filters/defang/html_defang.h"
#include "filters/message/charset.h"
#include "filters/message/header_text.h"
#include "filters/message/html_tokens.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

/// Octets of a link's text that are compared with its target; and characters of that that are
/// shown.
constexpr std::size_t kMaxLinkText = 4 * 1024;
constexpr std::size_t kMaxShown = 120;

/// Whether the text of a link says where it leads: the same, with or without scheme and last slash.
bool says_target(std::string_view text, std::string_view target) {
  const auto bare = [](std::string_view url) {
    std::string plain;
    for (const char c : url) {
      if (static_cast<unsigned char>(c) > 0x20) plain += pop3::to_upper(c);
    }
    for (const std::string_view scheme : {"HTTP://", "HTTPS://"}) {
      if (plain.starts_with(scheme)) plain.erase(0, scheme.size());
    }
    if (plain.ends_with('/')) plain.pop_back();
    return plain;
  };
  return bare(text) == bare(target);
}

std::string escaped(std::string_view raw, bool attribute, bool ascii) {
  std::string text(raw);
  std::erase_if(text, [](char c) { return pop3::is_control(c) && c != '\r' && c != '\n'; });
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += attribute ? "&quot;" : "\"";
        break;
      case '`':
        // Some take it for a quote when they write HTML themselves.
        out += attribute ? "&#96;" : "`";
        break;
      case '&':
        // "&{…}" in an attribute was code once.
        out += attribute && i + 1 < text.size() && text[i + 1] == '{' ? "&amp;" : "&";
        break;
      case '\r':
      case '\n':
        if (c == '\n' && i > 0 && text[i - 1] == '\r') break;
        out += attribute ? " " : "\r\n";
        break;
      default:
        out += c;
    }
  }
  return ascii ? ascii_html(out) : out;
}

}  // namespace

std::string html_text(std::string_view text, bool ascii) { return escaped(text, false, ascii); }
std::string html_attribute(std::string_view value, bool ascii) {
  return escaped(value, true, ascii);
}

std::string escape_references(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '&') out += "amp;";
  }
  return out;
}

/// The innermost open element of that name. A table ends the search, and so does a cell where
/// `cells_bar`.
std::optional<std::size_t> HtmlWriter::find(std::string_view name, bool cells_bar) const {
  for (std::size_t i = open_.size(); i-- > 0;) {
    const Element& element = *open_[i].element;
    if (element.name == name) return i;
    const bool bars =
        element.role == ElementRole::table ||
        (cells_bar && (element.role == ElementRole::cell || element.name == "caption"));
    if (bars) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::size_t> HtmlWriter::innermost_table() const { return find("table", false); }

/// The innermost list or cell; items beyond it are not of this list.
std::optional<std::size_t> HtmlWriter::find_list() const {
  for (std::size_t i = open_.size(); i-- > 0;) {
    const Element& element = *open_[i].element;
    const std::string_view name = element.name;
    if (name == "ul" || name == "ol" || name == "dir" || name == "dl" ||
        element.role == ElementRole::cell || element.role == ElementRole::table) {
      return i;
    }
  }
  return std::nullopt;
}

bool HtmlWriter::in_head() const { return !open_.empty() && open_.back().element->name == "head"; }

void HtmlWriter::close_top() {
  Open top = std::move(open_.back());
  open_.pop_back();
  if (!top.target.empty()) show_target(top.target);
  out_ += fmt::format("</{}>", top.element->name);
}

void HtmlWriter::close_from(std::size_t index) {
  while (open_.size() > index) close_top();
  while (!open_.empty() && open_.back().closing) close_top();
}

void HtmlWriter::show_target(const std::string& target) {
  const std::string shown = " [" + shown_url(target, kMaxShown) + "]";
  const std::string text = decode_references(link_text_);
  if (says_target(text, target) || text.ends_with(shown)) return;
  out_ += html_text(escape_references(shown), ascii_);
  ++shown_links_;
}

void HtmlWriter::open(const Element& element, std::string_view attributes, std::string target) {
  out_ += fmt::format("<{}{}>", element.name, attributes);
  if (element.role == ElementRole::empty) return;
  if (!target.empty()) link_text_.clear();
  open_.push_back({&element, std::move(target)});
}

/// Closes what cannot hold a part of a table, up to what can.
bool HtmlWriter::place_in_table(const Element& element) {
  const auto table = innermost_table();
  if (!table) return false;
  const auto holds = [&element](const Element& outer) {
    switch (element.role) {
      case ElementRole::row:
        return outer.role == ElementRole::section;
      case ElementRole::cell:
        return outer.role == ElementRole::row;
      default:
        return false;
    }
  };
  std::size_t keep = *table + 1;
  while (keep < open_.size() && !holds(*open_[keep].element)) ++keep;
  const bool found = keep < open_.size();
  if (!found) {
    // A cell needs a row, also directly in what holds rows.
    keep = *table + 1;
    if (element.role == ElementRole::cell && keep < open_.size() &&
        open_[keep].element->role == ElementRole::section) {
      ++keep;
    }
  } else {
    ++keep;
  }
  close_from(keep);
  if (!found && element.role == ElementRole::cell) open(*find_element("tr"), "", {});
  return true;
}

bool HtmlWriter::make_place(const Element& element) {
  const std::string_view name = element.name;
  if (element.role == ElementRole::root) {
    const auto is_root = [](const Open& open) {
      return open.element->role == ElementRole::root && open.element->name != "body";
    };
    if (std::ranges::find(roots_, name) != roots_.end() || !std::ranges::all_of(open_, is_root)) {
      return false;
    }
    if (name == "body" && in_head()) close_from(open_.size() - 1);
    roots_.push_back(name);
    return true;
  }
  if (in_head() && element.role != ElementRole::title) close_from(open_.size() - 1);
  const auto close = [this](std::optional<std::size_t> index) {
    if (index) close_from(*index);
  };
  switch (element.role) {
    case ElementRole::caption:
    case ElementRole::section:
    case ElementRole::row:
    case ElementRole::cell:
      return place_in_table(element);
    case ElementRole::item:
    case ElementRole::term: {
      const std::size_t list = find_list().value_or(0);
      for (std::size_t i = open_.size(); i-- > list;) {
        if (open_[i].element->role == element.role) {
          close_from(i);
          break;
        }
      }
      close(find("p", true));
      break;
    }
    case ElementRole::table: {
      // A table directly within a table ends that one.
      const auto outer = innermost_table();
      const auto is_cell = [](const Open& open) {
        return open.element->role == ElementRole::cell || open.element->name == "caption";
      };
      if (outer &&
          std::none_of(open_.begin() + static_cast<std::ptrdiff_t>(*outer), open_.end(), is_cell)) {
        close_from(*outer);
      }
      close(find("p", true));
      break;
    }
    case ElementRole::block:
      close(find("p", true));
      break;
    case ElementRole::phrase:
      if (name == "a" || name == "nobr") close(find(name, true));
      break;
    case ElementRole::empty:
      if (name == "hr") close(find("p", true));
      return name != "col" || innermost_table().has_value();
    case ElementRole::root:
    case ElementRole::title:
      break;
  }
  return true;
}

bool HtmlWriter::start(const Element& element, std::string_view attributes, std::string target) {
  const bool deep = element.role != ElementRole::empty && open_.size() >= kMaxHtmlDepth;
  if (deep || !make_place(element)) return false;
  open(element, attributes, std::move(target));
  return true;
}

void HtmlWriter::end(std::string_view name) {
  const Element* const element = find_element(name);
  if (element == nullptr) return;
  if (name == "head" && in_head()) return close_from(open_.size() - 1);
  switch (element->role) {
    case ElementRole::root:
    case ElementRole::title:
    case ElementRole::empty:
      return;
    default:
      break;
  }
  const bool of_table = element->role >= ElementRole::table;
  const auto index = find(name, !of_table);
  if (!index) return;
  const auto is_phrase = [](const Open& open) { return open.element->role == ElementRole::phrase; };
  // A phrase does not end the block inside of it, it ends with that.
  if (element->role == ElementRole::phrase &&
      !std::all_of(open_.begin() + static_cast<std::ptrdiff_t>(*index), open_.end(), is_phrase)) {
    open_[*index].closing = true;
    return;
  }
  close_from(*index);
}

void HtmlWriter::put(std::string_view html, bool visible) {
  if (visible && html.find_first_not_of(" \t\r\n") != std::string_view::npos && in_head()) {
    close_from(open_.size() - 1);
  }
  if (visible && link_text_.size() < kMaxLinkText) link_text_ += html.substr(0, kMaxLinkText);
  out_ += html;
}

void HtmlWriter::finish() {
  while (!open_.empty()) close_top();
}

}  // namespace gatepost::filters
