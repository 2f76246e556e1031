#include "filters/message/header_scanner.h"

#include <algorithm>
#include <utility>

#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

FieldView parse_field(std::string_view text) {
  const std::size_t colon = text.find_first_of(":\n");
  if (colon == std::string_view::npos || text[colon] != ':') return {{}, text};
  std::string_view name = text.substr(0, colon);
  const std::size_t last = name.find_last_not_of(" \t");
  name = name.substr(0, last == std::string_view::npos ? 0 : last + 1);
  if (name.empty() || name.find_first_of(" \t") != std::string_view::npos) return {{}, text};
  return {name, text.substr(colon + 1)};
}

bool same_name(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other,
                            [](char a, char b) { return pop3::to_upper(a) == pop3::to_upper(b); });
}

HeaderScanner::Event HeaderScanner::give() {
  if (cut_) return Event::more;
  ++fields_;
  return Event::field;
}

HeaderScanner::Event HeaderScanner::next(ByteChain& in, bool last) {
  while (true) {
    if (in.empty()) {
      if (!last) return Event::need_data;
      return held_.empty() ? Event::end : give();
    }
    if (line_start_) {
      const char first = in.front().front();
      const bool folded = first == ' ' || first == '\t';
      if (!folded && !held_.empty()) return give();
      if (!folded) cut_ = false;
      if (first == '\r') return Event::end;  // canonical text: CRLF
    }
    if (held_.size() >= kMaxField) return give();
    const std::string_view piece = in.front().substr(0, kMaxField - held_.size());
    const std::size_t line_end = piece.find('\n');
    const std::size_t size = line_end == std::string_view::npos ? piece.size() : line_end + 1;
    line_start_ = line_end != std::string_view::npos;
    octets_ += size;
    held_.append(in.take(size));
  }
}

ByteChain HeaderScanner::take_field() {
  cut_ = true;  // until a line that is not folded
  return std::exchange(held_, ByteChain());
}

}  // namespace gatepost::filters
