#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatepost::filters {

struct DefangOptions {
  /// Pictures and backgrounds that would be fetched from elsewhere: their alternative text stands
  /// in their place, or they stay.
  enum class RemoteImages : std::uint8_t { block, keep } remote_images = RemoteImages::block;
  /// Behind the text of a link that says something else: its true target, "text [https://…]".
  enum class Links : std::uint8_t { keep, show } links = Links::keep;
  /// The result holds ASCII only, so that it reads alike in every charset.
  bool ascii = false;
  /// As the part declares it, "" for none: a <meta> that declares another one goes.
  std::string charset;
};

/// What was taken out, by kind.
struct Removed {
  unsigned scripts = 0;    ///< script elements and event handlers
  unsigned forms = 0;      ///< forms and their fields
  unsigned objects = 0;    ///< frames, objects, drawings
  unsigned addresses = 0;  ///< of links and pictures, with a scheme that is not harmless
  unsigned styles = 0;     ///< CSS that loads or runs something, or covers other things
  unsigned images = 0;     ///< remote ones
  unsigned links = 0;      ///< whose target is shown now
  unsigned comments = 0;   ///< conditional ones, or those that readers end at different places
  unsigned others = 0;     ///< other elements and attributes, and what readers take differently

  [[nodiscard]] bool any() const;
  /// "2 scripts, 1 form"; "" for nothing.
  [[nodiscard]] std::string text() const;
};

struct Defanged {
  std::string html;
  Removed removed;         ///< nothing: the original is harmless, and may stay as it is
  bool too_large = false;  ///< the result, for kMaxDefanged; `html` is cut then
};

/// Elements within each other; the tags of further ones are left out.
inline constexpr std::size_t kMaxHtmlDepth = 200;
/// Octets of a result.
inline constexpr std::size_t kMaxDefanged = 12 * 1024 * 1024;

/// HTML (UTF-8) that no mail program comes to harm with. It is not the text with pieces cut out: it
/// is written anew, from the elements and attributes that are known to be harmless
/// (harmless_html.h), each quoted, closed and in its place, so that all programs read the same.
/// Text always stays, scripts and styles aside. Linear in time, and without recursion.
///
/// A second reader, the HTML5 parser gumbo, then looks for anything else in the result. Should it
/// find something, the text alone is left. To defang what is defanged changes nothing.
[[nodiscard]] Defanged defang_html(std::string_view html, const DefangOptions& options);

/// The charset that the HTML itself declares near its beginning (<meta>); empty for none.
[[nodiscard]] std::string declared_charset(std::string_view html);
/// Octets of HTML in which that is looked for.
inline constexpr std::size_t kMaxBeforeCharset = 4 * 1024;

}  // namespace gatepost::filters
