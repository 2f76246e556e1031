#pragma once

#include <cstddef>
#include <memory>

#include "filters/scan/scanner_lines.h"

namespace gatepost::filters {

/// One question to a scanner and its answer, on a connection of its own while it lasts. What comes
/// of it is told by a timer, never from inside a call. Destroying it gives everything up.
///
/// A connection that has served before may turn out to be closed: if not one octet of an answer
/// has come, the whole is said once more on a new one.
class Conversation : public net::TransportObserver {
 public:
  /// Octets on their way to the scanner that it has not taken.
  static constexpr std::size_t kMaxUnsent = 128 * 1024;

  virtual ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  /// Once.
  void start();

 protected:
  explicit Conversation(ScannerLines& lines);

  enum class Progress : std::uint8_t { more, wait };

  /// A connection stands: everything begins, perhaps for the second time.
  virtual void begin() = 0;
  /// Sends what is to be said next, a piece. `wait`: there is nothing, or it is not here yet; then
  /// pump() is called when it is.
  [[nodiscard]] virtual Progress speak() = 0;
  /// Something may have arrived in `in`. `more`: that makes speak() worth another call.
  [[nodiscard]] virtual Progress listen(ByteChain& in) = 0;
  /// There will be no answer, or no more of it. Calls finish().
  virtual void broken(const Error& error) = 0;
  /// After finish(): says what came of it. May destroy this.
  virtual void tell() = 0;

  void pump();
  void send(ByteChain&& bytes) { line_->send(std::move(bytes)); }
  void send(std::string_view text);
  /// Whether the system has taken all that was sent: what waits here nobody can have looked at.
  [[nodiscard]] bool all_gone() const { return line_->unsent() == 0; }
  [[nodiscard]] ScannerLines& lines() const { return lines_; }
  /// It is over; `reusable`: the connection may serve again.
  void finish(bool reusable);
  [[nodiscard]] bool over() const { return state_ == State::over; }

 private:
  enum class State : std::uint8_t { connecting, open, talking, over };
  void on_activity() final { pump(); }
  void connect();
  void on_line(ScannerLines::Line line);
  [[nodiscard]] Progress turn();
  void on_end();
  void on_timer();

  ScannerLines& lines_;
  std::unique_ptr<Timer> teller_;
  State state_ = State::connecting;
  Ticket place_;
  Ticket connecting_;
  ScannerLines::Line line_;
  ScannerLines::Line dead_;  // closed before it was asked, and about to go
  bool served_before_ = false;
  bool heard_ = false;     // something of an answer
  bool reusable_ = false;  // when over
  bool pumping_ = false;
};

}  // namespace gatepost::filters
