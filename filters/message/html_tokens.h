#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::filters {

struct HtmlAttribute {
  std::string name;        ///< in lower case
  std::string_view value;  ///< as it stands, character references and all
};

/// One piece of an HTML text, of which every octet belongs to one.
struct HtmlToken {
  enum class Kind : std::uint8_t {
    text,       ///< with character references
    raw_text,   ///< inside of script, style, title, …: up to the end tag of that name
    start_tag,  ///< also a self-closing one
    end_tag,
    comment,  ///< <!-- … -->
    doctype,  ///< <!DOCTYPE …>
    bogus,    ///< <? … >, <! … >, </ … >, CDATA, a tag that does not end
  } kind = Kind::text;
  std::size_t begin = 0;  ///< offsets into the text
  std::size_t end = 0;
  std::string name;  ///< of tags, in lower case
  std::vector<HtmlAttribute> attributes;
  /// Programs that are less patient than a browser may read it otherwise: attributes twice, not
  /// apart, with quotes or "<" in their names, or too many; a comment with an unusual end.
  bool odd = false;
};

/// Cuts HTML into tags and text the way browsers do (HTML standard, section 13.2.5), in linear time
/// and without an opinion about what belongs into what. The text must outlive it and is ASCII or a
/// superset, as UTF-8 is.
class HtmlTokens {
 public:
  /// Attributes of one tag; further ones are not read, and the tag is odd.
  static constexpr std::size_t kMaxAttributes = 100;
  /// Octets of a name of a tag or an attribute that are kept; a longer one is odd.
  static constexpr std::size_t kMaxName = 64;

  explicit HtmlTokens(std::string_view html) : html_(html) {}
  /// The next piece; false at the end of the text.
  [[nodiscard]] bool next(HtmlToken& token);
  /// A piece with all its octets.
  [[nodiscard]] std::string_view text_of(const HtmlToken& token) const {
    return html_.substr(token.begin, token.end - token.begin);
  }

 private:
  void markup(HtmlToken& token);
  void tag(HtmlToken& token);
  void attribute(HtmlToken& token);
  void comment(HtmlToken& token);
  void until(std::string_view end, std::size_t from, HtmlToken& token);
  void raw_text(HtmlToken& token);
  void skip_blanks();
  [[nodiscard]] char at(std::size_t offset) const;

  std::string_view html_;
  std::size_t at_ = 0;
  std::string raw_;  // the element whose raw text comes next
};

/// Character references as the characters they are: numbers, and the few names that hide something
/// in addresses and styles. Others stay as they stand. UTF-8.
[[nodiscard]] std::string decode_references(std::string_view text);

}  // namespace gatepost::filters
