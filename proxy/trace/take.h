#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/timer.h"
#include "proxy/trace/desk.h"
#include "proxy/trace/event.h"
#include "proxy/trace/names.h"
#include "proxy/trace/redactor.h"

namespace gatepost::trace {

namespace detail {

/// One trace of one worker. Outlives its ticket as long as recordings refer to it.
struct Trace {
  Order order;
  std::shared_ptr<Sink> sink;
  std::unique_ptr<Timer> timer;
  std::size_t octets = 0;    // given out
  std::size_t sessions = 0;  // followed
  bool over = false;

  void end(std::string_view why);
};

}  // namespace detail

/// What one session is in one trace: masks what it hears, keeps the order of things, and gives it
/// out once it is known that the session is wanted.
class Take {
 public:
  Take(std::shared_ptr<detail::Trace> trace, std::string session);

  /// Something other than text. Of `event` only the time and the session need not be set.
  void note(std::uint64_t ms, Event event);
  /// Text that came (`in`) or was said.
  void text(std::uint64_t ms, net::Tap::Leg leg, bool in, std::string_view octets);
  /// The session is of this user. False: it is not wanted, and this is to go.
  void named(std::string_view user);
  [[nodiscard]] bool logged_in(std::string_view account);
  /// Nothing more will be said on this connection: what waits for the end of a line is given out.
  void flush(net::Tap::Leg leg);
  /// Whether nobody wants this any more.
  [[nodiscard]] bool done() const { return trace_->over || given_up_; }

  /// For what stands in events.
  [[nodiscard]] const Names& names() const { return names_; }
  [[nodiscard]] Confidences& known() { return known_; }

 private:
  /// An event that waits for its text to be masked, or for one before it.
  struct Waiting {
    Event event;
    std::size_t missing = 0;  // octets of text
  };
  [[nodiscard]] Redactor& redactor(net::Tap::Leg leg);
  void fill(net::Tap::Leg leg, Event::Kind kind, std::string_view masked);
  void flush_all();
  void give_out();
  void emit(const Event& event);
  void pass(std::string_view line);
  void open();

  const std::shared_ptr<detail::Trace> trace_;
  const std::string session_;
  const Names names_;
  Confidences known_;
  std::map<net::Tap::Leg, Redactor> redactors_;
  std::deque<Waiting> waiting_;
  std::size_t held_ = 0;  // octets of text in waiting_, there or missing
  bool open_ = false;     // lines go to the sink
  bool given_up_ = false;
  std::string backlog_;     // until then
  std::uint64_t lost_ = 0;  // octets of lines that the sink did not take
  std::uint64_t last_ms_ = 0;
};

}  // namespace gatepost::trace
