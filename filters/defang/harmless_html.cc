#include "filters/defang/harmless_html.h"

#include <algorithm>
#include <array>

#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

using enum ElementRole;

constexpr std::array kElements = {
    Element{"html", root},        Element{"head", root},        Element{"body", root},
    Element{"title", title},      Element{"style", title},      Element{"a", phrase},
    Element{"abbr", phrase},      Element{"acronym", phrase},   Element{"b", phrase},
    Element{"bdi", phrase},       Element{"bdo", phrase},       Element{"big", phrase},
    Element{"cite", phrase},      Element{"code", phrase},      Element{"del", phrase},
    Element{"dfn", phrase},       Element{"em", phrase},        Element{"font", phrase},
    Element{"i", phrase},         Element{"ins", phrase},       Element{"kbd", phrase},
    Element{"mark", phrase},      Element{"nobr", phrase},      Element{"q", phrase},
    Element{"s", phrase},         Element{"samp", phrase},      Element{"small", phrase},
    Element{"span", phrase},      Element{"strike", phrase},    Element{"strong", phrase},
    Element{"sub", phrase},       Element{"sup", phrase},       Element{"time", phrase},
    Element{"tt", phrase},        Element{"u", phrase},         Element{"var", phrase},
    Element{"map", phrase},       Element{"address", block},    Element{"article", block},
    Element{"aside", block},      Element{"blockquote", block}, Element{"center", block},
    Element{"dir", block},        Element{"div", block},        Element{"dl", block},
    Element{"figcaption", block}, Element{"figure", block},     Element{"footer", block},
    Element{"h1", block},         Element{"h2", block},         Element{"h3", block},
    Element{"h4", block},         Element{"h5", block},         Element{"h6", block},
    Element{"header", block},     Element{"main", block},       Element{"nav", block},
    Element{"ol", block},         Element{"p", block},          Element{"pre", block},
    Element{"section", block},    Element{"ul", block},         Element{"li", item},
    Element{"dt", term},          Element{"dd", term},          Element{"br", empty},
    Element{"hr", empty},         Element{"img", empty},        Element{"wbr", empty},
    Element{"col", empty},        Element{"area", empty},       Element{"table", table},
    Element{"caption", caption},  Element{"colgroup", caption}, Element{"thead", section},
    Element{"tbody", section},    Element{"tfoot", section},    Element{"tr", row},
    Element{"td", cell},          Element{"th", cell}};

constexpr std::array<std::string_view, 58> kWords = {
    "align",        "alink",       "bgcolor", "border",  "bordercolor", "bottommargin",
    "cellpadding",  "cellspacing", "class",   "clear",   "color",       "cols",
    "colspan",      "compact",     "coords",  "dir",     "frame",       "headers",
    "height",       "hspace",      "id",      "lang",    "leftmargin",  "link",
    "marginheight", "marginwidth", "name",    "noshade", "nowrap",      "rel",
    "rightmargin",  "role",        "rows",    "rowspan", "rules",       "scope",
    "shape",        "size",        "span",    "start",   "target",      "text",
    "topmargin",    "type",        "usemap",  "valign",  "value",       "vlink",
    "vspace",       "width",       "media",   "char",    "charoff",     "datetime",
    "reversed",     "translate",   "hidden",  "tabindex"};

constexpr std::array<std::string_view, 5> kTexts = {"alt", "title", "summary", "abbr", "face"};

constexpr std::array<std::string_view, 25> kHarmful = {
    "action",  "archive",    "classid",    "code",     "codebase",   "data",           "datafld",
    "datasrc", "dynsrc",     "lowsrc",     "ping",     "poster",     "profile",        "srcdoc",
    "srcset",  "longdesc",   "cite",       "manifest", "formaction", "implementation", "src",
    "href",    "background", "http-equiv", "is"};

constexpr std::array<std::string_view, 21> kForms = {
    "form",     "input",    "button",  "select",  "option", "optgroup", "textarea",
    "fieldset", "legend",   "label",   "isindex", "keygen", "output",   "datalist",
    "meter",    "progress", "command", "dialog",  "menu",   "menuitem", "details"};

constexpr std::array<std::string_view, 24> kObjects = {
    "object", "embed", "applet", "iframe",  "frame",  "frameset", "noframes", "noembed",
    "param",  "audio", "video",  "source",  "track",  "bgsound",  "layer",    "ilayer",
    "svg",    "math",  "canvas", "picture", "portal", "marquee",  "xml",      "image"};

}  // namespace

const Element* find_element(std::string_view name) {
  const auto* const found = std::ranges::find(kElements, name, &Element::name);
  return found == kElements.end() ? nullptr : found;
}

AttributeKind attribute_kind(std::string_view element, std::string_view name) {
  if (name == "href" && (element == "a" || element == "area")) return AttributeKind::link;
  if (name == "src" && element == "img") return AttributeKind::image;
  if (name == "background" && (element == "body" || element.starts_with('t'))) {
    return AttributeKind::image;
  }
  if (name == "style") return AttributeKind::style;
  if (std::ranges::find(kWords, name) != kWords.end()) return AttributeKind::word;
  if (std::ranges::find(kTexts, name) != kTexts.end()) return AttributeKind::text;
  if (name.starts_with("on")) return AttributeKind::handler;
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  const bool known = std::ranges::all_of(name, plain) || name == "xml:lang";
  return !known || std::ranges::find(kHarmful, name) != kHarmful.end() ? AttributeKind::harmful
                                                                       : AttributeKind::unknown;
}

bool is_harmless_word(std::string_view value) {
  constexpr std::size_t kMaxWord = 1024;
  return value.size() <= kMaxWord && std::ranges::all_of(value, [](char c) {
           const char upper = pop3::to_upper(c);
           return (upper >= 'A' && upper <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view(" _.,:#%+()*;/-").find(c) != std::string_view::npos;
         });
}

HarmKind harm_kind(std::string_view element) {
  if (element == "script") return HarmKind::script;
  if (std::ranges::find(kForms, element) != kForms.end()) return HarmKind::form;
  if (std::ranges::find(kObjects, element) != kObjects.end()) return HarmKind::object;
  return HarmKind::other;
}

}  // namespace gatepost::filters
