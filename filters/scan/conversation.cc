#include "filters/scan/conversation.h"

#include <utility>

namespace gatepost::filters {

Conversation::Conversation(ScannerLines& lines)
    : lines_(lines), teller_(lines.tools().timers.make_timer([this] { on_timer(); })) {}

Conversation::~Conversation() {
  if (line_) line_->set_observer(nullptr);
}

void Conversation::start() {
  place_ = lines_.take_place([this] {
    if (auto kept = lines_.take_kept()) {
      served_before_ = true;
      on_line(std::move(kept));
    } else {
      connect();
    }
  });
}

void Conversation::connect() {
  state_ = State::connecting;
  connecting_ = lines_.connect([this](Result<ScannerLines::Line> made) {
    if (!made) return broken(made.error());
    on_line(std::move(*made));
  });
}

void Conversation::on_line(ScannerLines::Line line) {
  state_ = State::open;
  line_ = std::move(line);
  line_->set_observer(this);
  pump();
}

void Conversation::send(std::string_view text) {
  line_->send(ByteChain(lines_.tools().pool, text));
}

void Conversation::pump() {
  if (!line_ || over() || pumping_) return;
  pumping_ = true;
  bool again = true;
  while (again) {
    const Progress progress = turn();
    if (over() || !line_) break;
    const bool full = line_->unsent() >= kMaxUnsent;
    again = line_->settle();
    // What was full may have room now, and nobody would tell us again.
    again = again || progress == Progress::more || (full && line_->unsent() < kMaxUnsent);
  }
  pumping_ = false;
}

Conversation::Progress Conversation::turn() {
  Progress progress = Progress::wait;
  if (state_ == State::open && line_->established()) {
    state_ = State::talking;
    begin();
  }
  if (state_ == State::talking) {
    while (!over() && line_->unsent() < kMaxUnsent && speak() == Progress::more) {
    }
    heard_ = heard_ || !line_->received().empty();
    if (!over()) progress = listen(line_->received());
  }
  if (!over() && line_->end()) on_end();
  return progress;
}

void Conversation::on_end() {
  if (served_before_ && !heard_) {
    served_before_ = false;
    // Not here: this may be its own callback.
    teller_->start(Duration(0));
    line_->set_observer(nullptr);
    state_ = State::connecting;
    dead_ = std::move(line_);
    return;
  }
  broken(*line_->end());
}

void Conversation::finish(bool reusable) {
  if (over()) return;
  state_ = State::over;
  reusable_ = reusable;
  if (line_ && !reusable) line_->close(net::CloseMode::abort);
  teller_->start(Duration(0));
}

void Conversation::on_timer() {
  if (!over()) {
    dead_.reset();
    return connect();
  }
  if (line_) {
    line_->set_observer(nullptr);
    if (reusable_) lines_.keep(std::move(line_));
    line_.reset();
  }
  place_.reset();
  tell();
}

}  // namespace gatepost::filters
