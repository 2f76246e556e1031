#include "filters/message/header_edit.h"

#include <algorithm>
#include <array>
#include <utility>

#include "filters/message/header_text.h"
#include "proxy/base/utf8.h"

namespace gatepost::filters {

namespace {

constexpr std::size_t kMaxName = 76;   // so that name and colon fit in a line that is not folded
constexpr std::size_t kMaxWord = 900;  // with name and colon less than the 998 of RFC 5322
constexpr std::size_t kLine = 78;      // RFC 5322 section 2.1.1

/// Inert, and without words that fit in no line.
std::string writable(std::string_view value) {
  std::string text = inert_text(value, HeaderEditor::kMaxValue);
  std::size_t word = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    word = text[i] == ' ' ? 0 : word + 1;
    if (word <= kMaxWord || utf8::is_continuation(text[i])) continue;
    text.insert(i, 1, ' ');
    word = 0;
  }
  return text;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool ends_with_star(std::string_view name) { return name.ends_with("-*"); }

/// The text behind "Re:", "AW: Fwd:" and the like, which mail programs put before a subject.
std::string_view without_reply_marks(std::string_view text) {
  constexpr std::array<std::string_view, 9> kMarks = {
      "re:", "aw:", "fw:", "fwd:", "wg:", "sv:", "tr:", "rv:", "antw:"};
  for (bool found = true; found;) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    found = false;
    for (const std::string_view mark : kMarks) {
      if (!same_name(text.substr(0, mark.size()), mark)) continue;
      text.remove_prefix(mark.size());
      found = true;
      break;
    }
  }
  return text;
}

}  // namespace

bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~' && c != ':'; });
}

std::string write_field(std::string_view name, std::string_view value) {
  std::string text(name);
  text += ": ";
  text += encode_words(writable(value), text.size());
  return text += "\r\n";
}

HeaderEditor::HeaderEditor(std::vector<HeaderEdit> edits, BlockPool& pool)
    : edits_(std::move(edits)), pool_(pool) {
  std::erase_if(edits_, [](const HeaderEdit& edit) { return !is_field_name(edit.name); });
  for (const HeaderEdit& edit : edits_) {
    if (count_of(edit.name) == nullptr) counts_.emplace_back(edit.name, 0);
    if (edit.what == HeaderEdit::What::remove && edit.which < 0) hold_ = true;
  }
}

int* HeaderEditor::count_of(std::string_view name) {
  for (auto& [known, count] : counts_) {
    if (same_name(known, name)) return &count;
  }
  return nullptr;
}

bool HeaderEditor::removed(const Field& field) {
  const bool begins_so = std::ranges::any_of(edits_, [&field](const HeaderEdit& edit) {
    if (edit.what != HeaderEdit::What::remove || !ends_with_star(edit.name)) return false;
    const std::string_view beginning = std::string_view(edit.name).substr(0, edit.name.size() - 1);
    return same_name(beginning, std::string_view(field.name).substr(0, beginning.size()));
  });
  if (begins_so) return true;
  const int* const total = field.count == 0 ? nullptr : count_of(field.name);
  if (total == nullptr) return false;
  return std::ranges::any_of(edits_, [&](const HeaderEdit& edit) {
    if (!same_name(edit.name, field.name)) return false;
    if (edit.what == HeaderEdit::What::replace) return true;
    if (edit.what != HeaderEdit::What::remove) return false;
    if (edit.which > 0) return field.count == edit.which;
    return edit.which == 0 || gave_up_ || field.count - *total - 1 == edit.which;
  });
}

/// `edit.value` between the colon and the text that is there, which stays as it is.
void HeaderEditor::prefix(const HeaderEdit& edit, Field& field) {
  const std::string text = field.text.to_string();
  const std::size_t colon = text.find(':');
  const std::string_view body = std::string_view(text).substr(colon + 1);
  std::string value = writable(edit.value);
  if (without_reply_marks(readable_field(body, kMaxValue)).starts_with(value)) return;
  ByteChain marked = field.text.take(colon + 1);
  // Between two encoded words a blank is not shown (RFC 2047 section 6.2).
  const std::size_t first_word = std::min(body.find_first_not_of(" \t\r\n"), body.size());
  if (!is_plain(value) && body.substr(first_word).starts_with("=?")) value += ' ';
  std::string mark = " " + encode_words(value, colon + 2);
  const std::size_t first_line = std::min(body.find('\r'), body.size());
  const std::size_t start = std::min(body.find_first_not_of(" \t"), first_line);
  if (start < first_line) {
    const std::size_t line_start = mark.rfind('\n');  // npos + 1 is 0, as it should be
    const std::size_t used = mark.size() - (line_start + 1) + (line_start + 1 == 0 ? colon + 1 : 0);
    if (used + 1 + first_line > kLine) mark += "\r\n";
    if (!is_blank(body.front())) mark += ' ';
  }
  marked.append(pool_, mark);
  marked.append(std::move(field.text));
  field.text = std::move(marked);
}

void HeaderEditor::rename(const std::string& name, Field& field) {
  const std::string text = field.text.to_string();
  field.text.consume(text.find(':'));
  ByteChain renamed(pool_, name);
  renamed.append(std::move(field.text));
  field.text = std::move(renamed);
}

void HeaderEditor::add(HeaderEdit::Place place) {
  for (const HeaderEdit& edit : edits_) {
    if (edit.place != place) continue;
    const bool adds = edit.what == HeaderEdit::What::add || edit.what == HeaderEdit::What::replace;
    if (adds) ready_.append(pool_, write_field(edit.name, edit.value));
  }
  if (place == HeaderEdit::Place::top) return;
  for (const HeaderEdit& edit : edits_) {
    if (edit.what != HeaderEdit::What::prefix || *count_of(edit.name) > 0) continue;
    ready_.append(pool_, write_field(edit.name, edit.value));
  }
}

void HeaderEditor::begin_field(ByteChain text) {
  const std::string flat = text.to_string();
  Field field{std::string(parse_field(flat).name), 0, std::move(text)};
  int* const count = field.name.empty() ? nullptr : count_of(field.name);
  if (count != nullptr) field.count = ++*count;
  if (state_ == State::before_top) {
    const bool mbox = scanner_.fields() == 1 && field.name.empty() && flat.starts_with("From ");
    if (mbox || is_blank(flat.front())) {
      ready_.append(std::move(field.text));
      return;
    }
    add(HeaderEdit::Place::top);
    state_ = State::header;
  }
  if (field.count > 0) {
    for (const HeaderEdit& edit : edits_) {
      if (!same_name(edit.name, field.name)) continue;
      if (edit.what == HeaderEdit::What::prefix) prefix(edit, field);
      if (edit.what == HeaderEdit::What::rename && is_field_name(edit.value)) {
        rename(edit.value, field);
      }
    }
  }
  if (hold_) {
    waiting_size_ += field.text.size();
    waiting_.push_back(std::move(field));
    return;
  }
  dropping_ = removed(field);
  if (!dropping_) ready_.append(std::move(field.text));
}

void HeaderEditor::more_of_field(ByteChain text) {
  if (hold_ && !waiting_.empty()) {
    waiting_size_ += text.size();
    waiting_.back().text.append(std::move(text));
  } else if (!dropping_) {
    ready_.append(std::move(text));
  }
}

void HeaderEditor::release_waiting() {
  hold_ = false;
  for (Field& field : std::exchange(waiting_, {})) {
    dropping_ = removed(field);
    if (!dropping_) ready_.append(std::move(field.text));
  }
  waiting_size_ = 0;
}

void HeaderEditor::on_event(HeaderScanner::Event event) {
  if (event == HeaderScanner::Event::field) {
    begin_field(scanner_.take_field());
  } else if (event == HeaderScanner::Event::more) {
    more_of_field(scanner_.take_field());
  } else {
    release_waiting();
    if (state_ == State::before_top) add(HeaderEdit::Place::top);
    add(HeaderEdit::Place::end);
    state_ = State::body;
  }
  if (hold_ && waiting_size_ > kMaxHeader) {
    gave_up_ = true;
    release_waiting();
  }
}

HeaderEditor::Progress HeaderEditor::step(ByteChain& in, bool last, ByteChain& out,
                                          std::size_t room) {
  const std::size_t full = out.size() + room;
  while (true) {
    out.append(std::exchange(ready_, ByteChain()));
    if (state_ == State::body) {
      const std::size_t left = full > out.size() ? full - out.size() : 0;
      if (left > 0 && !in.empty()) out.append(in.take(std::min(left, in.size())));
      if (!in.empty()) return Progress::need_room;
      return last ? Progress::finished : Progress::need_input;
    }
    if (out.size() >= full) return Progress::need_room;
    const HeaderScanner::Event event = scanner_.next(in, last);
    if (event == HeaderScanner::Event::need_data) return Progress::need_input;
    on_event(event);
  }
}

std::size_t HeaderEditor::held() const { return scanner_.held() + waiting_size_ + ready_.size(); }

}  // namespace gatepost::filters
