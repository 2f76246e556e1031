#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/message/splicer.h"

/// The header of one part, for those who change its Content-… fields.
namespace gatepost::filters {

/// A field, or another line, of a part's header: where it stands, all its lines.
struct PartField {
  std::string_view name;  ///< empty: no field
  std::string_view text;
  std::size_t offset;  ///< in the header
};

/// A part's header: all lines up to the empty one, or all there are.
class PartHeader {
 public:
  /// `text` is from the part's header_begin to its body_begin, and outlives this.
  explicit PartHeader(std::string_view text);

  [[nodiscard]] const std::vector<PartField>& fields() const { return fields_; }
  /// Behind the last line of the header, where fields are added.
  [[nodiscard]] std::size_t end() const { return end_; }
  /// There is an empty line: a body may follow.
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool has(std::string_view name) const;

 private:
  std::vector<PartField> fields_;
  std::size_t end_ = 0;
  bool closed_ = false;
};

/// "Content-Type", "Content-Disposition", …
[[nodiscard]] bool is_content_field(std::string_view name);

/// A Content-Type field with another charset; what else it says stays. `field` has its name and all
/// its lines, so has what comes back.
[[nodiscard]] std::string with_charset(std::string_view field, std::string_view charset);

/// What is to become of the Content-… fields of one part.
class ContentFields {
 public:
  /// `text` is from the part's header_begin, which stands at `offset` of the message, to its
  /// body_begin.
  ContentFields(std::string text, std::uint64_t offset)
      : text_(std::move(text)), offset_(offset), header_(text_) {}
  ContentFields(const ContentFields&) = delete;
  ContentFields& operator=(const ContentFields&) = delete;

  [[nodiscard]] const PartHeader& header() const { return header_; }
  /// The first field of that name, as it came; "" if there is none.
  [[nodiscard]] std::string_view original(std::string_view name) const;
  /// All of them go, `fields` come.
  void replace_all(std::string_view fields);
  /// All fields of that name go, `field` comes. Nothing after replace_all().
  void set(std::string_view name, std::string_view field);

  /// As they are to be.
  [[nodiscard]] std::string result() const;
  /// Makes it so, or takes all of them away. With `version` a MIME-Version field is added where
  /// there is none.
  void finish(bool version, std::vector<Splice>& splices) const;
  void take_away(std::vector<Splice>& splices) const;

 private:
  [[nodiscard]] bool goes(const PartField& field) const;
  std::string text_;
  std::uint64_t offset_;
  PartHeader header_;
  bool replaced_ = false;
  std::vector<std::string> set_;  // names
  std::string added_;
};

}  // namespace gatepost::filters
