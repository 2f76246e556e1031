#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatepost::filters {

/// What an address in HTML leads to.
enum class UrlKind : std::uint8_t {
  none,        ///< empty
  web,         ///< http, https
  mail,        ///< mailto, tel
  content_id,  ///< cid: another part of the message
  picture,     ///< data: of a raster image, base64
  fragment,    ///< "#…": a place in the same text
  harmful,     ///< everything else
};

struct Url {
  UrlKind kind = UrlKind::none;
  std::string text;  ///< as browsers read it: character references and controls are gone
  bool odd = false;  ///< controls or blanks stood inside of it
};

/// Octets of an address; a longer one is `harmful`. Pictures (data:) may be larger.
inline constexpr std::size_t kMaxUrl = 8 * 1024;

/// Reads the value of an attribute, as it stands in the HTML. An address must begin with one of the
/// schemes above, letter by letter; so what hides a scheme is `harmful`, whoever may see through
/// it.
[[nodiscard]] Url read_url(std::string_view attribute);

/// How a web address is shown to people: without user name and password, inert, cut after
/// `max_characters`.
[[nodiscard]] std::string shown_url(std::string_view url, std::size_t max_characters);

}  // namespace gatepost::filters
