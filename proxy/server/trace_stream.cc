#include "proxy/server/trace_stream.h"

#include <utility>

namespace gatepost::server {

TraceStream::TraceStream(net::Loop& loop, std::move_only_function<void()> over)
    : loop_(loop), over_(std::move(over)) {}

void TraceStream::begin(http::Responder responder, std::string_view header) {
  again_ = loop_.make_timer([this] { send(); });
  stream_ = responder.stream({.status = 200, .content_type = "application/x-ndjson", .body = {}});
  stream_.on_gone([this] { end(); });
  stream_.send(header);
}

void TraceStream::close() {
  over_ = nullptr;
  again_.reset();
  stream_ = http::Stream();
  lines_.clear();
}

bool TraceStream::take(std::string_view line) {
  if (waiting_.fetch_add(line.size(), std::memory_order_relaxed) + line.size() > kMaxWaiting) {
    waiting_.fetch_sub(line.size(), std::memory_order_relaxed);
    return false;
  }
  loop_.post([self = shared_from_this(), text = std::string(line)]() mutable {
    self->pass(std::move(text));
  });
  return true;
}

void TraceStream::over(std::string_view /*why*/) {
  loop_.post([self = shared_from_this()] {
    self->ending_ = true;
    self->send();
  });
}

void TraceStream::pass(std::string line) {
  if (!over_) return;  // closed
  lines_.push_back(std::move(line));
  send();
}

void TraceStream::send() {
  if (!over_) return;
  while (!lines_.empty()) {
    if (!stream_.send(lines_.front())) {
      if (!stream_.open()) return end();
      return again_->start(kLookAgain);
    }
    waiting_.fetch_sub(lines_.front().size(), std::memory_order_relaxed);
    lines_.pop_front();
  }
  if (ending_) end();
}

void TraceStream::end() {
  if (auto over = std::exchange(over_, nullptr)) over();
}

}  // namespace gatepost::server
