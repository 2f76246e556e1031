#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/http/responder.h"
#include "proxy/net/loop.h"
#include "proxy/trace/desk.h"

namespace gatepost::server {

/// A trace on its way from the workers to whoever asked for it. As a Sink for the workers' threads;
/// everything else for the main thread.
class TraceStream final : public trace::Sink, public std::enable_shared_from_this<TraceStream> {
 public:
  /// Octets of lines that have not been sent; a worker's next line finds no room then.
  static constexpr std::size_t kMaxWaiting = 1024 * 1024;

  /// `over` is called once, in the main thread, when the client has gone or the trace has ended by
  /// itself; then close() is due.
  TraceStream(net::Loop& loop, std::move_only_function<void()> over);

  /// Once, before the workers are given this: begins the answer with `header`, a line.
  void begin(http::Responder responder, std::string_view header);
  /// Ends the answer; what still comes is dropped.
  void close();

  [[nodiscard]] bool take(std::string_view line) override;
  void over(std::string_view why) override;

 private:
  /// How soon it is looked again whether a slow client has room.
  static constexpr Duration kLookAgain{20};
  void pass(std::string line);
  void send();
  void end();

  net::Loop& loop_;
  std::move_only_function<void()> over_;
  std::atomic<std::size_t> waiting_ = 0;
  http::Stream stream_;
  std::unique_ptr<Timer> again_;
  std::deque<std::string> lines_;
  bool ending_ = false;  // when the last line has left
};

}  // namespace gatepost::server
