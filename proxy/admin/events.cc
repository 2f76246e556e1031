#include "proxy/admin/events.h"

#include <utility>

#include <fmt/format.h>

#include "proxy/admin/page.h"

namespace gatepost::admin {

namespace {

std::string framed(const std::string& event) { return fmt::format("data: {}\n\n", event); }

}  // namespace

Events::Events(const Office& office, TimerService& clock)
    : office_(office), clock_(clock), timer_(clock.make_timer([this] { tick(); })) {}

void Events::watch(http::Responder responder) {
  std::erase_if(streams_, [](const Watching& one) { return !one.stream.open(); });
  if (streams_.size() >= kMaxStreams) return responder.answer(http::plain_status(503));
  http::Response head;
  head.content_type = "text/event-stream";
  protect(head);
  Watching watching{responder.stream(head), clock_.now()};
  if (streams_.empty()) {
    seen_ = Seen{office_.status(), clock_.now()};
    timer_->start(kInterval);
  }
  // Others watch already: what they saw last. Rates need two looks.
  if (!watching.stream.send(framed(event_of(seen_->status, nullptr)))) return;
  streams_.push_back(std::move(watching));
}

void Events::tick() {
  const Instant now = clock_.now();
  Seen seen{office_.status(), now};
  const Rates rates = Rates::between(seen_->status, seen.status, now - seen_->at);
  const std::string event = framed(event_of(seen.status, &rates));
  seen_ = std::move(seen);
  // Who does not keep up gets no half of the story: the stream ends.
  std::erase_if(streams_, [&](Watching& one) {
    return now - one.since >= kMaxAge || !one.stream.send(event);
  });
  if (!streams_.empty()) return timer_->start(kInterval);
  seen_.reset();
}

}  // namespace gatepost::admin
