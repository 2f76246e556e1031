#include "proxy/trace/take.h"

#include <algorithm>
#include <utility>

#include "proxy/base/pattern.h"
#include "proxy/trace/line.h"

namespace gatepost::trace {

namespace {

bool is_text(const Event& event) {
  return event.kind == Event::Kind::heard || event.kind == Event::Kind::said;
}

}  // namespace

void detail::Trace::end(std::string_view why) {
  if (std::exchange(over, true)) return;
  timer->stop();
  sink->over(why);
}

Take::Take(std::shared_ptr<detail::Trace> trace, std::string session)
    : trace_(std::move(trace)),
      session_(std::move(session)),
      names_(trace_->order.options.key, trace_->order.options.names) {
  if (trace_->order.user.empty()) open();
}

Redactor& Take::redactor(net::Tap::Leg leg) {
  return redactors_.try_emplace(leg, names_, known_, trace_->order.options.full).first->second;
}

void Take::note(std::uint64_t ms, Event event) {
  event.ms = ms;
  event.session = session_;
  waiting_.push_back({.event = std::move(event)});
  give_out();
}

void Take::text(std::uint64_t ms, net::Tap::Leg leg, bool in, std::string_view octets) {
  const Event::Kind kind = in ? Event::Kind::heard : Event::Kind::said;
  while (!octets.empty() && !done()) {
    const std::string_view piece = octets.substr(0, kMaxText);
    octets.remove_prefix(piece.size());
    Waiting& waiting = waiting_.emplace_back();
    waiting.event.kind = kind;
    waiting.event.ms = ms;
    waiting.event.session = session_;
    waiting.event.leg = leg;
    waiting.missing = piece.size();
    held_ += piece.size();
    std::string masked;
    // Who says commands: the client to us, we to upstream.
    if (in == (leg == net::Tap::kClient)) {
      redactor(leg).commands(piece, masked);
    } else {
      redactor(leg).replies(piece, masked);
    }
    fill(leg, kind, masked);
  }
  give_out();
  if (held_ > Recording::kMaxHeld || waiting_.size() > Recording::kMaxHeld / 64) flush_all();
}

/// Gives masked text to the events it belongs to.
void Take::fill(net::Tap::Leg leg, Event::Kind kind, std::string_view masked) {
  for (Waiting& waiting : waiting_) {
    if (masked.empty()) return;
    if (waiting.missing == 0 || waiting.event.leg != leg || waiting.event.kind != kind) continue;
    const std::string_view piece = masked.substr(0, waiting.missing);
    waiting.event.text.append(piece);
    waiting.missing -= piece.size();
    masked.remove_prefix(piece.size());
  }
}

void Take::flush(net::Tap::Leg leg) {
  const auto at = redactors_.find(leg);
  if (at == redactors_.end()) return;
  const bool client = leg == net::Tap::kClient;
  std::string masked;
  at->second.flush_commands(masked);
  fill(leg, client ? Event::Kind::heard : Event::Kind::said, masked);
  masked.clear();
  at->second.flush_replies(masked);
  fill(leg, client ? Event::Kind::said : Event::Kind::heard, masked);
  give_out();
}

void Take::flush_all() {
  for (const auto& [leg, unused] : redactors_) flush(leg);
}

void Take::give_out() {
  while (!waiting_.empty() && waiting_.front().missing == 0 && !done()) {
    emit(waiting_.front().event);
    if (is_text(waiting_.front().event)) held_ -= waiting_.front().event.text.size();
    waiting_.pop_front();
  }
}

void Take::emit(const Event& event) {
  last_ms_ = event.ms;
  const std::string line = event_line(event);
  if (open_) return pass(line);
  if (backlog_.size() + line.size() > Recording::kMaxBacklog) {
    given_up_ = true;
    return;
  }
  backlog_ += line;
}

void Take::pass(std::string_view line) {
  if (trace_->over) return;
  if (trace_->octets + line.size() > TraceDesk::kMaxOctets) return trace_->end("octets");
  if (lost_ > 0) {
    const std::string gap = event_line({.kind = Event::Kind::dropped,
                                        .ms = last_ms_,
                                        .session = session_,
                                        .text = {},
                                        .number = lost_});
    if (!trace_->sink->take(gap)) {
      lost_ += line.size();
      return;
    }
    trace_->octets += gap.size();
    lost_ = 0;
  }
  if (trace_->sink->take(line)) {
    trace_->octets += line.size();
  } else {
    lost_ += line.size();
  }
}

/// From now on all of it goes to the sink, and what was kept first.
void Take::open() {
  if (open_ || done()) return;
  if (trace_->sessions >= TraceDesk::kMaxSessions) {
    given_up_ = true;
    return trace_->end("sessions");
  }
  ++trace_->sessions;
  open_ = true;
  const std::string kept = std::exchange(backlog_, {});
  std::string_view rest = kept;
  while (!rest.empty() && !done()) {
    const std::size_t end = rest.find('\n') + 1;
    pass(rest.substr(0, end));
    rest.remove_prefix(end);
  }
}

void Take::named(std::string_view user) {
  if (!user.empty() && matches_pattern(trace_->order.user, user)) open();
}

bool Take::logged_in(std::string_view account) {
  named(account);
  return open_;
}

}  // namespace gatepost::trace
