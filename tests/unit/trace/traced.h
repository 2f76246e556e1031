#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/trace/desk.h"
#include "proxy/trace/line.h"
#include "proxy/trace/replay.h"
#include "proxy/trace/trace_file.h"
#include "proxy/trace/transcript.h"
#include "tests/support/session_harness.h"

namespace gatepost::trace {

/// Keeps what it is given, up to `room` octets.
class KeepingSink final : public Sink {
 public:
  [[nodiscard]] bool take(std::string_view line) override {
    if (text.size() + line.size() > room) return false;
    text += line;
    return true;
  }
  void over(std::string_view why) override { ended += why; }
  std::string text;
  std::string ended;
  std::size_t room = std::string::npos;
};

/// Traces the session of a harness; to be made before start().
class Traced {
 public:
  explicit Traced(testing::SessionHarness& harness, Order order = {})
      : harness_(harness), options_(order.options), desk(harness.timers) {
    if (order.options.key.empty()) order.options.key = "a key for tests";
    auto begun = desk.begin(std::move(order), sink);
    if (begun) ticket = std::move(*begun);
    harness.services_for = [this](const session::Services& services,
                                  const session::Settings& settings) -> const session::Services& {
      recording = desk.record("0-1", services, settings, harness_.facts);
      return recording ? recording->services() : services;
    };
  }
  ~Traced() {
    ticket.reset();
    harness_.kill();
  }
  Traced(const Traced&) = delete;
  Traced& operator=(const Traced&) = delete;

  [[nodiscard]] std::string text() const { return header_line(options_, "1.0") + sink->text; }

 private:
  testing::SessionHarness& harness_;
  Options options_;

 public:
  std::shared_ptr<KeepingSink> sink = std::make_shared<KeepingSink>();
  std::unique_ptr<Recording> recording;
  TraceDesk desk;
  Ticket ticket;
};

/// Plays the only session of a trace; it must go as it did.
inline Played expect_same(const std::string& text) {
  const auto file = parse_trace(text);
  if (!file) {
    ADD_FAILURE() << file.error().detail << "\n" << text;
    return {};
  }
  EXPECT_EQ(file->sessions.size(), 1U);
  if (file->sessions.empty()) return {};
  Played played = replay(file->sessions.front());
  if (played.difference) {
    ADD_FAILURE() << transcript(file->sessions.front(), &*played.difference) << text;
  }
  return played;
}

}  // namespace gatepost::trace
