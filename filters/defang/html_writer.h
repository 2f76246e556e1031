#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/defang/harmless_html.h"

namespace gatepost::filters {

/// Text of a document or of an attribute, from HTML: what stands there as a character reference
/// stays one, nothing in it opens or closes anything, line ends are CRLF (blanks in an attribute),
/// other controls go. `ascii`: what is not ASCII becomes a reference.
[[nodiscard]] std::string html_text(std::string_view text, bool ascii);
[[nodiscard]] std::string html_attribute(std::string_view value, bool ascii);
/// The same for plain text: "&" is one.
[[nodiscard]] std::string escape_references(std::string_view text);

/// Writes HTML in which all that is opened is closed, in order: missing end tags are added where
/// browsers imply them, end tags of what is not open are left out.
class HtmlWriter {
 public:
  explicit HtmlWriter(bool ascii) : ascii_(ascii) {}

  /// An element with its attributes, ` name="value"` each. False where it cannot stand there: a
  /// part of a table outside of one, a second body, too many within each other; then nothing is
  /// written. `target`: a link whose target is shown behind its text, if that says something else.
  bool start(const Element& element, std::string_view attributes, std::string target = {});
  void end(std::string_view name);
  /// Text or a whole element, as it is to stand there. `visible`: it is text.
  void put(std::string_view html, bool visible);
  /// The end of the text: closes everything.
  void finish();

  [[nodiscard]] bool in_head() const;
  [[nodiscard]] bool is_empty() const { return out_.empty(); }
  [[nodiscard]] std::size_t depth() const { return open_.size(); }
  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] unsigned shown_links() const { return shown_links_; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  struct Open {
    const Element* element;
    std::string target;
    bool closing = false;  // its end tag came; it ends with what is inside of it
  };
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name, bool cells_bar) const;
  [[nodiscard]] std::optional<std::size_t> find_list() const;
  [[nodiscard]] std::optional<std::size_t> innermost_table() const;
  [[nodiscard]] bool make_place(const Element& element);
  [[nodiscard]] bool place_in_table(const Element& element);
  void close_from(std::size_t index);
  void close_top();
  void show_target(const std::string& target);
  void open(const Element& element, std::string_view attributes, std::string target);

  bool ascii_;
  std::string out_;
  std::vector<Open> open_;
  std::vector<std::string_view> roots_;  // that were opened
  std::string link_text_;
  unsigned shown_links_ = 0;
};

}  // namespace gatepost::filters
