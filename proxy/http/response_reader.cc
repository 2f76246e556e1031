#include "proxy/http/response_reader.h"

#include <algorithm>
#include <utility>

namespace gatepost::http {

ResponseReader::Event ResponseReader::next(ByteChain& in) {
  for (;;) {
    switch (state_) {
      case State::whole:
        return Event::response;
      case State::refused:
        return Event::refused;
      case State::head:
        switch (reader_.next(in)) {
          case HeadReader::Event::need_data:
            return Event::need_data;
          case HeadReader::Event::refused:
            refuse("malformed or too large a header");
            break;
          case HeadReader::Event::head:
            on_head();
            break;
        }
        break;
      case State::counted:
      case State::until_end:
        if (!take_counted(in)) return Event::need_data;
        break;
      case State::chunked:
        if (!take_chunked(in)) return Event::need_data;
        break;
    }
  }
}

ResponseReader::Event ResponseReader::end() {
  switch (state_) {
    case State::until_end:
      state_ = State::whole;
      break;
    case State::head:
    case State::counted:
    case State::chunked:
      refuse("the response is cut short");
      break;
    case State::whole:
    case State::refused:
      break;
  }
  return state_ == State::whole ? Event::response : Event::refused;
}

bool ResponseReader::keep_alive() const {
  if (state_ != State::whole || head_.lists("Connection", "close")) return false;
  // A body up to the end of the connection has no length and no chunks.
  const bool delimited = line_.status == 204 || line_.status == 304 ||
                         head_.count("Content-Length") + head_.count("Transfer-Encoding") > 0;
  return delimited && (line_.minor == 1 || head_.lists("Connection", "keep-alive"));
}

void ResponseReader::on_head() {
  head_ = std::move(reader_.head());
  reader_ = HeadReader();
  const auto line = StatusLine::parse(head_.first_line, "HTTP");
  if (!line) return refuse("not a status line of HTTP/1");
  line_ = *line;
  if (line_.status >= 200) return choose_body();
  if (line_.status == 101) return refuse("another protocol that nobody asked for");
  if (++interim_ > kMaxInterim) return refuse("too many interim responses");
}

/// RFC 9112 section 6.3.
void ResponseReader::choose_body() {
  if (line_.status == 204 || line_.status == 304) {
    state_ = State::whole;
    return;
  }
  const std::size_t lengths = head_.count("Content-Length");
  const std::size_t codings = head_.count("Transfer-Encoding");
  if (lengths + codings > 1) return refuse("more than one length");
  if (codings == 1) {
    if (line_.minor == 0 || !head_.lists("Transfer-Encoding", "chunked") ||
        head_.first("Transfer-Encoding")->contains(',')) {
      return refuse("a transfer coding other than chunked");
    }
    state_ = State::chunked;
    return;
  }
  if (lengths == 0) {
    state_ = State::until_end;
    return;
  }
  const auto length = parse_number(*head_.only("Content-Length"));
  if (!length) return refuse("Content-Length is not a number");
  if (*length > kMaxBody) return refuse("the body is too large");
  left_ = *length;
  state_ = left_ == 0 ? State::whole : State::counted;
}

bool ResponseReader::take_counted(ByteChain& in) {
  if (in.empty()) return false;
  if (state_ == State::until_end) {
    if (add(in)) in.clear();
    return true;
  }
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
  left_ -= n;
  if (add(in.take(n)) && left_ == 0) state_ = State::whole;
  return true;
}

bool ResponseReader::take_chunked(ByteChain& in) {
  ByteChain out;
  const std::size_t before = in.size();
  const auto event = chunks_.next(in, out);
  framing_ += before - in.size() - out.size();
  if (event == ChunkDecoder::Event::refused) refuse("malformed chunks");
  if (framing_ > kMaxFraming) refuse("too much chunk framing");
  if (add(out) && event == ChunkDecoder::Event::end && state_ == State::chunked) {
    state_ = State::whole;
  }
  return event != ChunkDecoder::Event::need_data || state_ != State::chunked;
}

bool ResponseReader::add(const ByteChain& octets) {
  if (octets.size() > kMaxBody - body_.size()) {
    refuse("the body is too large");
    return false;
  }
  for (const Slice& slice : octets.slices()) body_ += slice.view();
  return true;
}

void ResponseReader::refuse(std::string_view why) {
  if (state_ == State::refused) return;
  state_ = State::refused;
  problem_ = why;
}

}  // namespace gatepost::http
