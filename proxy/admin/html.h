#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::admin {

/// HTML that cannot be broken out of: names of elements and attributes are literals of ours,
/// everything else is escaped where it is written, and what was opened is closed.
///
/// Text may come from anybody. Controls, octets that are not UTF-8, and characters that are
/// invisible or turn the writing direction are shown as escapes: "\u202e".
class Html {
 public:
  /// A name, known when this is compiled: no text of a peer's can become one.
  class Name {
   public:
    consteval Name(const char* text) : text_(text) {}  // NOLINT(google-explicit-constructor)
    [[nodiscard]] constexpr std::string_view text() const { return text_; }

   private:
    std::string_view text_;
  };
  /// The value is quoted and escaped. Without `given` it is left out.
  struct Attribute {
    Name name;
    std::string_view value;
    bool given = true;
  };
  using Attributes = std::initializer_list<Attribute>;

  /// Closes its element when it goes. Goes before the Html does, in the order of the elements.
  class [[nodiscard]] Scope {
   public:
    explicit Scope(Html& html) : html_(html) {}
    ~Scope() { html_.close(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Html& html_;
  };

  /// Opens an element, up to the end of the scope.
  Scope in(Name name, Attributes attributes = {});
  /// A whole element with text in it.
  Html& element(Name name, std::string_view text) { return element(name, {}, text); }
  Html& element(Name name, Attributes attributes, std::string_view text);
  /// One that has no end: meta, link, input.
  Html& empty(Name name, Attributes attributes = {});
  Html& text(std::string_view text);
  /// The same, with its line ends: for <pre>.
  Html& lines(std::string_view text);
  /// What another one holds; all its elements are closed.
  Html& add(const Html& other);

  /// All elements are closed.
  [[nodiscard]] const std::string& str() const { return out_; }
  [[nodiscard]] bool is_empty() const { return out_.empty(); }

 private:
  void open(Name name, Attributes attributes);
  void close();

  std::string out_;
  std::vector<std::string_view> open_;
};

/// At most `most` characters of `text`, with "…" where it was cut.
[[nodiscard]] std::string cut(std::string_view text, std::size_t most);

}  // namespace gatepost::admin
