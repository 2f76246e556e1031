#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "filters/utf8_downgrade/tokens.h"

namespace gatepost::filters::downgrade {

/// A word between blanks, of a text or of a phrase.
struct Word {
  std::string blank;  ///< before it
  std::string raw;    ///< as it stands there
  std::string text;   ///< what it says
};

/// The words of a text, and the blanks behind the last one. With `quoted_pairs` they are undone in
/// what the words say.
struct Words {
  std::vector<Word> words;
  std::string tail;
};
[[nodiscard]] Words words_of(std::string_view text, bool quoted_pairs);

/// Writes a field's body anew, in ASCII: folded at blanks so that lines have about 76 characters.
class FieldWriter {
 public:
  /// `start` is what the first line begins with, "Subject:".
  explicit FieldWriter(std::string start) : out_(std::move(start)), column_(out_.size()) {}

  /// The line may be folded here; blanks at the very end are left out.
  void blank(std::string_view blanks = " ");
  /// At least one blank, where what comes next must not touch what is there.
  void space();
  /// ASCII as it stands.
  void word(std::string_view text);
  /// What is not ASCII among the words becomes encoded words (RFC 2047), neighbours together. A
  /// blank next to an encoded word that was there already goes into the new one: readers drop those
  /// between two.
  void words(std::span<const Word> words);
  /// The text as encoded words, whatever is in it. What is not UTF-8 gets the character set
  /// "unknown-8bit" (RFC 1428), so that no octet is lost.
  void encoded(std::string_view text);
  /// A token other than a quoted string or a text that is not ASCII: COMMENT of RFC 6857 section
  /// 3.1.3.
  void token(const Token& token);

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void put(std::string_view text, std::size_t ahead = 0);
  void comment(std::string_view raw);
  std::string out_;
  std::size_t column_;
  std::string blanks_;
  bool after_encoded_ = false;
};

}  // namespace gatepost::filters::downgrade
