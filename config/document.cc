#include "config/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace gatepost::config {

namespace {

/// Where the parser is. Its tokens hold no newline, so the line of the last character that is no
/// white space is the line of the token that was just read, even after a character of look-ahead.
struct Position {
  std::size_t line = 1;
  std::size_t token_line = 1;
};

/// Counts lines while the parser reads: its events carry no position of their own.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, Position* position) : at_(at), position_(position) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    if (*at_ == '\n') {
      ++position_->line;
    } else if (*at_ != ' ' && *at_ != '\t' && *at_ != '\r') {
      position_->token_line = position_->line;
    }
    ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  Position* position_;
};

/// "[json.exception.…] parse error at line 3, column 5: syntax error …" as (3, "syntax error …").
std::pair<std::size_t, std::string> parts_of(std::string_view what) {
  constexpr std::string_view kMark = "parse error at line ";
  std::size_t line = 0;
  if (const std::size_t mark = what.find(kMark); mark != what.npos) {
    what.remove_prefix(mark + kMark.size());
    while (!what.empty() && what.front() >= '0' && what.front() <= '9') {
      line = line * 10 + static_cast<std::size_t>(what.front() - '0');
      what.remove_prefix(1);
    }
    if (what.starts_with(", ")) what.remove_prefix(2);
  } else if (const std::size_t end = what.find("] "); end != what.npos) {
    what.remove_prefix(end + 2);
  }
  std::string text(what.substr(0, 300));
  // The parser quotes the file: nothing but printable ASCII in an error line.
  std::ranges::replace_if(text, [](char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return {line, text};
}

/// Builds the value and the tree of lines side by side.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(const Position& position, Findings& findings)
      : position_(position), findings_(findings) {}

  Json take_root() { return std::move(root_); }
  Lines take_lines() { return std::move(lines_); }

  bool null() override { return add(nullptr) != nullptr; }
  bool boolean(bool value) override { return add(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return add(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return add(value) != nullptr; }
  bool number_float(number_float_t value, const string_t&) override {
    return add(value) != nullptr;
  }
  bool string(string_t& value) override { return fits(value) && add(std::move(value)) != nullptr; }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (!fits(name)) return false;
    Frame& frame = frames_.back();
    frame.key = name;
    Lines& lines = frame.lines->children[name];
    if (lines.line != 0) {
      findings_.error_at(path(), position_.token_line,
                         fmt::format("this key stands here twice, first in line {}", lines.line));
      lines.children.clear();
    }
    lines.line = position_.token_line;
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const Json::exception& error) override {
    auto [line, text] = parts_of(error.what());
    findings_.error_at("", line == 0 ? position_.token_line : line, std::move(text));
    return false;
  }

 private:
  struct Frame {
    Json* value;
    Lines* lines;
    std::string key;  // of an object: the one being read
  };

  /// Null when there are too many. Nothing refers into a container but the frames of what is open,
  /// so its growth hurts nobody.
  Json* add(Json value) {
    if (++values_ > kMaxValues) {
      findings_.error_at("", position_.token_line, fmt::format("more than {} values", kMaxValues));
      return nullptr;
    }
    if (frames_.empty()) {
      root_ = std::move(value);
      lines_.line = position_.token_line;
      return &root_;
    }
    Frame& frame = frames_.back();
    if (frame.value->is_array()) {
      frame.lines->children[std::to_string(frame.value->size())].line = position_.token_line;
      return &frame.value->emplace_back(std::move(value));
    }
    return &((*frame.value)[frame.key] = std::move(value));
  }

  bool open(Json empty) {
    if (frames_.size() >= kMaxDepth) {
      findings_.error_at("", position_.token_line,
                         fmt::format("nested deeper than {} levels", kMaxDepth));
      return false;
    }
    Json* value = add(std::move(empty));
    if (value == nullptr) return false;
    Lines* lines = &lines_;
    if (!frames_.empty()) {
      const Frame& parent = frames_.back();
      lines = &parent.lines
                   ->children[parent.value->is_array() ? std::to_string(parent.value->size() - 1)
                                                       : parent.key];
    }
    frames_.push_back({value, lines, {}});
    return true;
  }

  bool close() {
    frames_.pop_back();
    return true;
  }

  bool fits(const std::string& text) {
    std::string fault = fault_of_text(text);
    if (fault.empty()) return true;
    findings_.error_at("", position_.token_line, std::move(fault));
    return false;
  }

  /// Of the value being read. Made only for an error: a path may be long.
  [[nodiscard]] std::string path() const {
    std::string result;
    for (const Frame& frame : frames_) {
      result += pointer_step(frame.value->is_array() ? std::to_string(frame.value->size() - 1)
                                                     : frame.key);
    }
    return result;
  }

  const Position& position_;
  Findings& findings_;
  Json root_;
  Lines lines_;
  std::vector<Frame> frames_;
  std::size_t values_ = 0;
};

}  // namespace

std::string fault_of_text(std::string_view text) {
  if (text.size() > kMaxString) return fmt::format("a text is longer than {} bytes", kMaxString);
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
  return std::ranges::any_of(text, is_control) ? "a text contains a control character" : "";
}

std::optional<Json> parse_document(std::string_view text, Findings& findings) {
  if (text.size() > kMaxText) {
    findings.error_at("", 0, fmt::format("larger than {} bytes", kMaxText));
    return std::nullopt;
  }
  // The parser takes a NUL for the end of the text and would ignore what follows.
  if (const std::size_t nul = text.find('\0'); nul != text.npos) {
    const auto line = std::ranges::count(text.substr(0, nul), '\n') + 1;
    findings.error_at("", static_cast<std::size_t>(line), "a NUL byte: this is no JSON text");
    return std::nullopt;
  }
  Position position;
  Builder builder(position, findings);
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): the end is the next argument
  const bool complete = Json::sax_parse(CountingIterator(text.data(), &position),
                                        CountingIterator(text.data() + text.size(), &position),
                                        &builder, nlohmann::detail::input_format_t::json,
                                        /*strict=*/true, /*ignore_comments=*/true);
  if (!complete) return std::nullopt;
  findings.set_lines(builder.take_lines());
  return builder.take_root();
}

}  // namespace gatepost::config
