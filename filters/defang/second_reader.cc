#include "filters/defang/second_reader.h"

#include <gumbo.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "filters/defang/harmless_css.h"
#include "filters/defang/harmless_html.h"
#include "filters/defang/harmless_url.h"

namespace gatepost::filters {

namespace {

bool is_harmless(std::string_view element, const GumboAttribute& attribute) {
  if (attribute.attr_namespace != GUMBO_ATTR_NAMESPACE_NONE) return false;
  const std::string_view value = attribute.value;
  switch (attribute_kind(element, attribute.name)) {
    case AttributeKind::word:
      return is_harmless_word(value);
    case AttributeKind::text:
      return true;
    case AttributeKind::link:
    case AttributeKind::image: {
      const Url url = read_url(value);
      return url.kind != UrlKind::harmful && url.kind != UrlKind::none && !url.odd;
    }
    case AttributeKind::style:
      return !harmless_declarations(value).harmful;
    case AttributeKind::unknown:
    case AttributeKind::handler:
    case AttributeKind::harmful:
      break;
  }
  return false;
}

template <class T>
std::span<T* const> elements_of(const GumboVector& vector) {
  return {reinterpret_cast<T* const*>(vector.data), vector.length};
}

/// The only one that stays: it names the charset that the result is in.
bool is_harmless_meta(const GumboElement& element) {
  const GumboAttribute* const content = gumbo_get_attribute(&element.attributes, "content");
  const GumboAttribute* const name = gumbo_get_attribute(&element.attributes, "http-equiv");
  return element.attributes.length == 2 && content != nullptr && name != nullptr &&
         std::string_view(name->value) == "Content-Type" &&
         std::string_view(content->value) == "text/html; charset=utf-8";
}

bool is_harmless(const GumboElement& element) {
  if (element.tag_namespace != GUMBO_NAMESPACE_HTML) return false;
  if (element.tag == GUMBO_TAG_META) return is_harmless_meta(element);
  const std::string_view name = gumbo_normalized_tagname(element.tag);
  if (element.tag == GUMBO_TAG_UNKNOWN || find_element(name) == nullptr) return false;
  for (const auto* const attribute : elements_of<GumboAttribute>(element.attributes)) {
    if (!is_harmless(name, *attribute)) return false;
  }
  return true;
}

bool is_style(const GumboNode* node) {
  return node != nullptr && node->type == GUMBO_NODE_ELEMENT &&
         node->v.element.tag == GUMBO_TAG_STYLE;
}

}  // namespace

bool reads_as_harmless(std::string_view html) {
  GumboOptions options = kGumboDefaultOptions;
  options.max_errors = 0;
  const auto destroy = [&options](GumboOutput* output) { gumbo_destroy_output(&options, output); };
  const std::unique_ptr<GumboOutput, decltype(destroy)> output(
      gumbo_parse_with_options(&options, html.data(), html.size()), destroy);
  std::vector<const GumboNode*> waiting = {output->document};
  while (!waiting.empty()) {
    const GumboNode* const node = waiting.back();
    waiting.pop_back();
    switch (node->type) {
      case GUMBO_NODE_DOCUMENT:
        for (const auto* child : elements_of<GumboNode>(node->v.document.children)) {
          waiting.push_back(child);
        }
        break;
      case GUMBO_NODE_ELEMENT:
        if (!is_harmless(node->v.element)) return false;
        for (const auto* child : elements_of<GumboNode>(node->v.element.children)) {
          waiting.push_back(child);
        }
        break;
      case GUMBO_NODE_TEXT:
        if (is_style(node->parent) && harmless_sheet(node->v.text.text).harmful) return false;
        break;
      case GUMBO_NODE_WHITESPACE:
        break;
      case GUMBO_NODE_CDATA:
      case GUMBO_NODE_COMMENT:
      case GUMBO_NODE_TEMPLATE:
        return false;
    }
  }
  return true;
}

}  // namespace gatepost::filters
