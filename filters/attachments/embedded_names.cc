#include "filters/attachments/embedded_names.h"

#include <algorithm>

namespace gatepost::filters {

namespace {

/// Of "begin 644 NAME"; empty where it is no such line.
std::string_view uuencoded_name(std::string_view line) {
  for (const std::string_view word : {"begin ", "begin-base64 "}) {
    if (!line.starts_with(word)) continue;
    line.remove_prefix(word.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const std::size_t digits = std::min(line.find_first_not_of("01234567"), line.size());
    if (digits < 3 || digits > 6 || line.substr(digits, 1) != " ") return {};
    line.remove_prefix(digits);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return line;
  }
  return {};
}

std::string_view yenc_name(std::string_view line) {
  constexpr std::string_view kName = " name=";
  const std::size_t at = line.starts_with("=ybegin ") ? line.find(kName) : std::string_view::npos;
  return at == std::string_view::npos ? std::string_view() : line.substr(at + kName.size());
}

}  // namespace

void EmbeddedNames::feed(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t end = std::min(piece.find('\n'), piece.size());
    line_ += piece.substr(0, std::min(end, kMaxLine - std::min(line_.size(), kMaxLine)));
    if (end == piece.size()) return;
    end_line();
    piece.remove_prefix(end + 1);
  }
}

void EmbeddedNames::end_line() {
  std::string_view line = line_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::string_view uuencoded = uuencoded_name(line);
  const std::string_view name = uuencoded.empty() ? yenc_name(line) : uuencoded;
  uuencoded_ = uuencoded_ || !uuencoded.empty();
  if (!name.empty() && names_.size() == kMaxNames) too_many_ = true;
  if (!name.empty() && names_.size() < kMaxNames) names_.emplace_back(name);
  line_.clear();
}

}  // namespace gatepost::filters
