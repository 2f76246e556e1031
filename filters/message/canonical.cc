#include "filters/message/canonical.h"

#include <algorithm>

namespace gatepost::filters {

namespace {

/// A shorter piece between two mended places is copied: slices for every few octets would cost more
/// memory than the text.
constexpr std::size_t kCopied = 512;

/// How much of `text` is canonical if what went before it was: up to the first LF without CR or CR
/// without LF; a CR at the very end is not counted. All mail runs through this loop: over blocks it
/// becomes vector instructions.
std::size_t canonical_size(std::string_view text) {
  if (text.empty() || text.front() == '\n') return 0;
  constexpr std::size_t kBlock = 256;
  const char* const data = text.data();
  const std::size_t last = text.size() - 1;
  std::size_t i = 0;
  for (; i + kBlock <= last; i += kBlock) {
    const char* const block = data + i;
    unsigned char wrong = 0;
    for (std::size_t k = 0; k < kBlock; ++k) {
      wrong |= static_cast<unsigned char>((block[k] == '\r') ^ (block[k + 1] == '\n'));
    }
    if (wrong != 0) break;
  }
  for (; i < last; ++i) {
    const bool cr = data[i] == '\r';
    if (cr != (data[i + 1] == '\n')) return cr ? i : i + 1;
  }
  return data[last] == '\r' ? last : last + 1;
}

}  // namespace

void Canonicalizer::line_ends(std::size_t count, ByteChain& out) {
  if (count == 0) return;
  for (; count > 0; --count) out.append(pool_, "\r\n");
  line_open_ = false;
}

/// Moves canonical text.
void Canonicalizer::take(std::size_t count, ByteChain& in, ByteChain& out) {
  const std::string_view text = in.front().substr(0, count);
  line_open_ = text.back() != '\n';
  if (count >= kCopied || count == in.front().size()) {
    out.append(in.take(count));
  } else {
    out.append(pool_, text);
    in.consume(count);
  }
}

/// Takes what can be taken of the first piece of `in`.
void Canonicalizer::piece(ByteChain& in, ByteChain& out) {
  const char first = in.front().front();
  const bool line_end = returns_ == 0 && in.front().starts_with("\r\n");
  if (first == '\r' && !line_end) {
    if (returns_ == kMaxRun) {
      line_ends(1, out);
      --returns_;
    }
    ++returns_;
    in.consume(1);
    return;
  }
  if (first == '\n') {
    returns_ = 0;
    line_ends(1, out);
    in.consume(1);
    return;
  }
  line_ends(returns_, out);
  returns_ = 0;
  take(canonical_size(in.front()), in, out);
}

void Canonicalizer::feed(ByteChain& in, ByteChain& out) {
  while (!in.empty()) piece(in, out);
}

void Canonicalizer::end(ByteChain& out) {
  line_ends(returns_ > 0 ? returns_ : (line_open_ ? 1 : 0), out);
  returns_ = 0;
}

std::string with_line_ends(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' && text[i] != '\n') {
      out += text[i];
      continue;
    }
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    out += "\r\n";
  }
  return out;
}

}  // namespace gatepost::filters
