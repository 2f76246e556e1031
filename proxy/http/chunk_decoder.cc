#include "proxy/http/chunk_decoder.h"

#include <algorithm>
#include <charconv>

namespace gatepost::http {

ChunkDecoder::Event ChunkDecoder::next(ByteChain& in, ByteChain& out) {
  for (;;) {
    if (state_ == State::end) return Event::end;
    if (state_ == State::refused) return Event::refused;
    if (in.empty()) return Event::need_data;
    if (state_ == State::data) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
      out.append(in.take(n));
      left_ -= n;
      if (left_ == 0) state_ = State::data_end;
      return Event::data;
    }
    if (take_line(in)) on_line();
  }
}

/// True when line_ is one, without its CRLF.
bool ChunkDecoder::take_line(ByteChain& in) {
  const std::string_view piece = in.front();
  const auto end = piece.find('\n');
  const std::size_t n = end == std::string_view::npos ? piece.size() : end + 1;
  line_.append(piece.substr(0, std::min(n, kMaxLine + 1 - line_.size())));
  in.consume(n);
  if (line_.size() > kMaxLine) {
    state_ = State::refused;
    return false;
  }
  if (end == std::string_view::npos) return false;
  if (!line_.ends_with("\r\n")) {
    state_ = State::refused;
    return false;
  }
  line_.resize(line_.size() - 2);
  return true;
}

void ChunkDecoder::on_line() {
  switch (state_) {
    case State::size:
      on_size();
      break;
    case State::data_end:
      state_ = line_.empty() ? State::size : State::refused;
      break;
    case State::trailer:
      trailer_ += line_.size() + 2;
      if (line_.empty()) {
        state_ = State::end;
      } else if (trailer_ > kMaxTrailer) {
        state_ = State::refused;
      }
      break;
    case State::data:
    case State::end:
    case State::refused:
      break;
  }
  line_.clear();
}

void ChunkDecoder::on_size() {
  constexpr std::size_t kMostDigits = 13;
  const char* const begin = line_.data();
  const auto [end, error] = std::from_chars(begin, begin + line_.size(), left_, 16);
  const auto digits = static_cast<std::size_t>(end - begin);
  // Behind it nothing, or an extension, perhaps after blanks.
  std::string_view rest = std::string_view(line_).substr(digits);
  while (rest.starts_with(' ') || rest.starts_with('\t')) rest.remove_prefix(1);
  if (error != std::errc() || digits == 0 || digits > kMostDigits ||
      (!rest.empty() && rest.front() != ';')) {
    state_ = State::refused;
    return;
  }
  state_ = left_ == 0 ? State::trailer : State::data;
}

}  // namespace gatepost::http
