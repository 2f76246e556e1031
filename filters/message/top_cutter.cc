#include "filters/message/top_cutter.h"

#include <string>
#include <utility>

namespace gatepost::filters {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

void TopCutter::cut(ByteChain&& in, ByteChain& out) {
  while (!in.empty() && state_ != State::done) {
    switch (state_) {
      case State::line_start:
        begin_line(in.front().front());
        break;
      case State::name:
      case State::blanks:
        examine(in, out);
        break;
      default: {
        const std::size_t lf = in.front().find('\n');
        const bool ended = lf != std::string_view::npos;
        out.append(in.take(ended ? lf + 1 : in.front().size()));
        if (ended) end_line();
      }
    }
  }
  in.clear();
}

void TopCutter::begin_line(char first) {
  state_ = first == '\r' ? State::empty_line : is_blank(first) ? State::line : State::name;
}

/// Takes one octet of what may be a field's name.
void TopCutter::examine(ByteChain& in, ByteChain& out) {
  const char c = in.front().front();
  const bool mbox = first_line_ && c == ' ' && state_ == State::name && held_.size() == 4 &&
                    held_.to_string() == "From";
  const bool field = (c == ':' && !held_.empty()) || mbox;
  const bool part =
      (state_ == State::name && c > ' ' && c <= '~' && c != ':') || (is_blank(c) && !held_.empty());
  if (field || (part && held_.size() < kMaxName)) {
    held_.append(in.take(1));
    if (is_blank(c)) state_ = State::blanks;
    if (!field) return;
    state_ = State::line;
  } else {
    begin_body();
    if (state_ == State::done) return held_.clear();
  }
  out.append(std::exchange(held_, ByteChain()));
}

void TopCutter::end_line() {
  first_line_ = false;
  if (state_ == State::line) {
    state_ = State::line_start;
  } else if (state_ == State::empty_line) {
    begin_body();
  } else if (--left_ == 0) {
    state_ = State::done;
  }
}

void TopCutter::begin_body() { state_ = left_ == 0 ? State::done : State::body; }

}  // namespace gatepost::filters
