#include "proxy/pop3/dot_codec.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace gatepost::pop3 {

namespace {

/// Where "\n." starts in `text` at or after `from`; size() if nowhere. This is the loop that all
/// relayed mail runs through. Lines are short, so looking for LF alone would stop at every one of
/// them; the pair is rare, and a plain loop over blocks becomes vector instructions. In the block
/// that has it, LF by LF is quicker than octet by octet.
std::size_t find_dot_line(std::string_view text, std::size_t from) {
  constexpr std::size_t kBlock = 256;
  const char* const data = text.data();
  std::size_t i = from;
  for (; i + kBlock < text.size(); i += kBlock) {
    const char* const block = data + i;
    unsigned char least =
        1;  // 0 where both octets fit: a minimum is one instruction, a test is not
    for (std::size_t k = 0; k < kBlock; ++k) {
      const auto differ = static_cast<unsigned char>((block[k] ^ '\n') | (block[k + 1] ^ '.'));
      least = std::min(least, differ);
    }
    if (least == 0) break;
  }
  return std::min(text.find("\n.", i), text.size());
}

}  // namespace

void DotDecoder::step(char c) {
  switch (state_) {
    case State::line_start:
      state_ = c == '.' ? State::dot : c == '\r' ? State::cr : State::text;
      return;
    case State::text:
      state_ = c == '\r' ? State::cr : State::text;
      return;
    case State::cr:
      state_ = c == '\n' ? State::line_start : c == '\r' ? State::cr : State::text;
      return;
    case State::dot:
      state_ = c == '\r' ? State::dot_cr : State::text;
      return;
    case State::dot_cr:
      state_ = c == '\n' ? State::done : c == '\r' ? State::cr : State::text;
      return;
    case State::done:
      return;
  }
}

/// Steps through `piece` up to its end, or to a dot at a line start, or to what follows one;
/// returns how far that is. The state is as if every octet had been stepped through.
std::size_t DotDecoder::scan(std::string_view piece) {
  std::size_t i = 0;
  while (i < piece.size()) {
    if (state_ == State::dot || state_ == State::dot_cr || state_ == State::done) return i;
    if (state_ == State::line_start && piece[i] == '.') return i;
    if (state_ != State::text) {
      step(piece[i++]);
      continue;
    }
    const std::size_t lf = find_dot_line(piece, i);
    if (lf < piece.size()) {
      // In state text the octet before piece[i] was no CR.
      if (lf > i && piece[lf - 1] == '\r') {
        state_ = State::line_start;
        return lf + 1;
      }
      i = lf + 1;
      continue;
    }
    const std::string_view rest = piece.substr(i);
    if (rest.ends_with("\r\n")) {
      state_ = State::line_start;
    } else if (rest.ends_with('\r')) {
      state_ = State::cr;
    }
    return piece.size();
  }
  return i;
}

ByteChain DotDecoder::decode(ByteChain& in) {
  assert(!done());
  return form_ == Form::as_sent ? decode_as_sent(in) : decode_unstuffed(in);
}

ByteChain DotDecoder::decode_as_sent(ByteChain& in) {
  std::size_t taken = 0;
  for (const Slice& slice : in.slices()) {
    const std::string_view piece = slice.view();
    std::size_t i = 0;
    while (i < piece.size() && !done()) {
      i += scan(piece.substr(i));
      if (i < piece.size()) step(piece[i++]);
    }
    taken += i;
    if (done()) break;
  }
  return in.take(taken);
}

ByteChain DotDecoder::decode_unstuffed(ByteChain& in) {
  ByteChain out;
  while (!in.empty() && !done()) {
    const std::string_view piece = in.front();
    const std::size_t size = piece.size();
    const std::size_t text = scan(piece);
    const char next = text < size ? piece[text] : '\0';
    if (text > 0) out.append(in.take(text));
    if (text == size) continue;
    const State before = state_;
    step(next);
    if (before == State::line_start || done()) {  // the dot; LF of ".CRLF"
      in.consume(1);
      held_.clear();
    } else if (state_ == State::dot_cr) {
      held_ = in.take(1);
    } else {
      out.append(std::exchange(held_, ByteChain()));
      out.append(in.take(1));
    }
  }
  return out;
}

void DotEncoder::encode(ByteChain&& text, ByteChain& out) {
  if (text.empty()) return;
  const char last = text.slices().back().view().back();
  ByteChain all = std::exchange(held_, ByteChain());
  all.append(std::move(text));
  const std::size_t kept = last == '\n' ? 2 : last == '\r' ? 1 : 0;
  ByteChain ready = all.take(all.size() - std::min(kept, all.size()));
  held_ = std::move(all);
  while (!ready.empty()) {
    const std::string_view piece = ready.front();
    if (line_start_ && piece.front() == '.') out.append(pool_, ".");
    const std::size_t lf = find_dot_line(piece, 0);
    const std::size_t size = lf < piece.size() ? lf + 1 : piece.size();
    line_start_ = piece[size - 1] == '\n';
    out.append(ready.take(size));
  }
}

void DotEncoder::end(ByteChain& out) {
  const bool whole_line = held_.empty() ? line_start_ : held_.size() == 2;
  if (held_.size() == 2) out.append(std::exchange(held_, ByteChain()));
  out.append(pool_, whole_line ? ".\r\n" : "\r\n.\r\n");
  held_.clear();
}

std::string dot_encode(std::string_view text) {
  std::string encoded;
  encoded.reserve(text.size() + 8);
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    if (line.starts_with('.')) encoded += '.';
    encoded.append(line).append("\r\n");
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return encoded += ".\r\n";
}

}  // namespace gatepost::pop3
