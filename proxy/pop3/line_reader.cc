#include "proxy/pop3/line_reader.h"

#include <algorithm>
#include <utility>

#include "proxy/base/secret.h"

namespace gatepost::pop3 {

LineReader::~LineReader() { gatepost::wipe(line_); }

void LineReader::wipe() {
  if (!mid_line()) gatepost::wipe(line_);
}

LineReader::Outcome LineReader::next(ByteChain& in, std::size_t limit) {
  if (state_ == State::broken) return Outcome::bare_lf;
  if (state_ == State::between) line_.clear();
  while (!in.empty()) {
    if (state_ == State::between) state_ = State::mid_line;
    const std::string_view front = in.front();
    const std::size_t lf = front.find('\n');
    const std::string_view piece = front.substr(0, lf);
    if (!piece.empty()) {
      store(piece, limit);
      after_cr_ = piece.back() == '\r';
    }
    if (lf == std::string_view::npos) {
      in.wipe(front.size());
      continue;
    }
    in.wipe(lf + 1);
    return finish(limit);
  }
  return Outcome::need_data;
}

void LineReader::store(std::string_view piece, std::size_t limit) {
  if (state_ == State::dropping) return;
  const std::size_t size = line_.size() + piece.size();
  if (size >= limit) {  // no room for the LF that is still to come
    if (line_.size() < kKeptOfDropped) line_.append(piece.substr(0, kKeptOfDropped));
    drop();
    return;
  }
  if (size > line_.capacity()) {
    // Grown by hand: std::string would free the smaller buffer with a password still in it.
    std::string larger;
    larger.reserve(std::max(size, std::min(limit, 2 * line_.capacity())));
    larger = line_;
    gatepost::wipe(line_);
    line_.swap(larger);
  }
  line_.append(piece);
}

void LineReader::drop() {
  std::string start = line_.substr(0, kKeptOfDropped);
  gatepost::wipe(line_);
  line_ = start;
  gatepost::wipe(start);
  state_ = State::dropping;
}

LineReader::Outcome LineReader::finish(std::size_t limit) {
  if (!std::exchange(after_cr_, false)) {
    gatepost::wipe(line_);
    state_ = State::broken;
    return Outcome::bare_lf;
  }
  if (state_ == State::mid_line && line_.size() >= limit) drop();  // the limit shrank on the way
  if (std::exchange(state_, State::between) == State::dropping) return Outcome::too_long;
  line_.pop_back();
  return Outcome::line;
}

}  // namespace gatepost::pop3
