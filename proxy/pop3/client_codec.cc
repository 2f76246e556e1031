#include "proxy/pop3/client_codec.h"

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
  switch (reader_.next(in, kMaxStatusLine)) {
    case LineReader::Outcome::need_data:
      // Not at its end only: that may never come.
      return reader_.dropping() ? broken("status line too long") : Event::need_data;
    case LineReader::Outcome::too_long:
      return broken("status line too long");
    case LineReader::Outcome::bare_lf:
      return broken("bare LF in a status line");
    case LineReader::Outcome::line:
      break;
  }
  const std::string_view line = reader_.line();
  const Expected expected = owed_.front();
  if (expected.continuation && is_continuation(line) && !breaks_lines(line)) {
    status_ = Status{true, std::string(line.substr(line.size() < 2 ? 1 : 2))};
    return Event::continuation;
  }
  std::optional<Status> status = parse_status(line);
  if (!status) return broken("not a status line");
  status_ = std::move(*status);
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
  return Event::protocol_error;
}

}  // namespace gatepost::pop3
