#include "proxy/pop3/client_codec.h"

#include <string>
#include <utility>

#include "proxy/pop3/ascii.h"

namespace gatepost::pop3 {

namespace {

/// "+" alone counts: Exchange sends it so.
bool is_continuation(std::string_view line) { return line == "+" || line.starts_with("+ "); }

}  // namespace

ClientCodec::Event ClientCodec::next(ByteChain& in) {
  if (!error_.empty()) return Event::protocol_error;
  return decoder_ ? read_body(in) : read_status(in);
}

ClientCodec::Event ClientCodec::read_status(ByteChain& in) {
  if (in.empty()) return Event::need_data;
  if (owed_.empty()) return broken("reply that nobody asked for");
  while (!in.empty()) {
    const std::string_view front = in.front();
    const std::size_t lf = front.find('\n');
    const bool ended = lf != std::string_view::npos;
    const std::size_t part = ended ? lf + 1 : front.size();
    // Not at its end only: that may never come.
    if (line_.size() + part + (ended ? 0 : 1) > kMaxStatusLine)
      return broken("status line too long");
    line_.append(in.take(part));
    if (ended) return on_line();
  }
  return Event::need_data;
}

ClientCodec::Event ClientCodec::on_line() {
  const bool contiguous = line_.front().size() == line_.size();
  const std::string copy = contiguous ? std::string() : line_.to_string();
  std::string_view line = contiguous ? line_.front() : std::string_view(copy);
  if (!line.ends_with("\r\n")) return broken("bare LF in a status line");
  line.remove_suffix(2);
  const Expected expected = owed_.front();
  if (expected.continuation && is_continuation(line) && !breaks_lines(line)) {
    status_ = Status{true, std::string(line.substr(line.size() < 2 ? 1 : 2))};
    line_.wipe(line_.size());
    return Event::continuation;
  }
  std::optional<Status> status = parse_status(line);
  if (!status) return broken("not a status line");
  status_ = std::move(*status);
  if (expected.keep_line) {
    kept_line_ = std::exchange(line_, ByteChain());
  } else {
    line_.wipe(line_.size());
  }
  if (status_.ok && expected.shape == ReplyShape::multi) {
    decoder_.emplace(expected.form);
  } else {
    owed_.erase(owed_.begin());
  }
  return Event::status;
}

ClientCodec::Event ClientCodec::read_body(ByteChain& in) {
  if (!decoder_->done()) {
    ByteChain piece = decoder_->decode(in);
    if (!piece.empty()) {
      body_.append(std::move(piece));
      return Event::body_data;
    }
    if (!decoder_->done()) return Event::need_data;
  }
  decoder_.reset();
  owed_.erase(owed_.begin());
  return Event::body_end;
}

ClientCodec::Event ClientCodec::broken(std::string_view text) {
  error_ = text;
  line_.wipe(line_.size());
  return Event::protocol_error;
}

}  // namespace gatepost::pop3
