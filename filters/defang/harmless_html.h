#pragma once

#include <cstdint>
#include <string_view>

/// The HTML that is known to be harmless: what is not listed here does not stay.
namespace gatepost::filters {

/// What an element is to the text around it.
enum class ElementRole : std::uint8_t {
  root,     ///< html, head, body: once
  title,    ///< title, style: their content has no tags
  phrase,   ///< within a line: b, font, a
  block,    ///< ends a paragraph: div, ul, h1
  item,     ///< li; ends the item before
  term,     ///< dt, dd
  empty,    ///< has no content: br, img
  table,    ///<
  caption,  ///< caption, colgroup
  section,  ///< thead, tbody, tfoot
  row,      ///< tr
  cell,     ///< td, th
};

struct Element {
  std::string_view name;
  ElementRole role;
};

/// Null for one that is not harmless. `name` is in lower case.
[[nodiscard]] const Element* find_element(std::string_view name);

/// How the value of an attribute is checked.
enum class AttributeKind : std::uint8_t {
  word,     ///< numbers, names, colours
  text,     ///< for people
  link,     ///< an address that a click leads to
  image,    ///< an address that is loaded
  style,    ///< declarations of CSS
  unknown,  ///< goes, and does no harm
  handler,  ///< onclick and the like
  harmful,  ///< addresses and code in other attributes
};

/// `element` and `name` in lower case.
[[nodiscard]] AttributeKind attribute_kind(std::string_view element, std::string_view name);

/// Whether a value, decoded, is one of the kind `word`.
[[nodiscard]] bool is_harmless_word(std::string_view value);

/// What an element that is not harmless is for people.
enum class HarmKind : std::uint8_t { script, form, object, other };
[[nodiscard]] HarmKind harm_kind(std::string_view element);

}  // namespace gatepost::filters
