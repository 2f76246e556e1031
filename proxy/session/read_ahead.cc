#include "proxy/session/read_ahead.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace gatepost::session {

using Stage = ReadAhead::Message::Stage;

bool ReadAhead::claim(std::uint32_t number) {
  in_order_ = last_ != 0 && number == last_ + 1 ? in_order_ + 1 : 1;
  last_ = number;
  Message* const message = find(number);
  if (message != nullptr && message->stage != Stage::unwanted && !message->claimed) {
    message->claimed = true;
    for (Message& each : messages_) {
      if (each.number < number) drop(each);
    }
    tidy();
    return true;
  }
  give_way();
  asked_ = number;
  return false;
}

void ReadAhead::forget(std::uint32_t number) {
  if (Message* const message = find(number)) drop(*message);
  tidy();
}

void ReadAhead::stop() {
  stopped_ = true;
  give_way();
}

void ReadAhead::give_way() {
  for (Message& message : messages_) drop(message);
  tidy();
}

std::optional<std::uint32_t> ReadAhead::next() const {
  if (stopped_ || in_order_ < kInOrder) return std::nullopt;
  std::uint32_t ahead = 0;
  for (const Message& message : messages_) {
    if (message.stage == Stage::unwanted) return std::nullopt;
    if (!message.claimed) ++ahead;
  }
  const std::uint32_t last = std::max(asked_, last_);
  if (ahead >= most_ || last == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  // One that the client asked for before it went back may still wait for its turn.
  if (find(last + 1) != nullptr) return std::nullopt;
  return last + 1;
}

void ReadAhead::asked(std::uint32_t number) {
  asked_ = number;
  Message& message = messages_.emplace_back();
  message.number = number;
}

ReadAhead::Message* ReadAhead::find(std::uint32_t number) {
  const auto at = std::ranges::find(messages_, number, &Message::number);
  return at == messages_.end() ? nullptr : &*at;
}

const ReadAhead::Message* ReadAhead::find(std::uint32_t number) const {
  const auto at = std::ranges::find(messages_, number, &Message::number);
  return at == messages_.end() ? nullptr : &*at;
}

void ReadAhead::refused(std::uint32_t number, std::string line) {
  Message* const message = find(number);
  assert(message != nullptr);
  stopped_ = true;
  if (message->stage == Stage::asked) {
    message->stage = Stage::refused;
    message->refusal = std::move(line);
    if (message->claimed) return;
    dropped_.emplace_back();
  }
  std::erase_if(messages_, [number](const Message& each) { return each.number == number; });
}

void ReadAhead::complete(std::uint32_t number) {
  Message* const message = find(number);
  assert(message != nullptr);
  const bool kept = message->stage == Stage::coming && message->retrieval;
  if (kept) {
    message->stage = Stage::whole;
  } else {
    std::erase_if(messages_, [number](const Message& each) { return each.number == number; });
  }
}

void ReadAhead::taken(std::uint32_t number) {
  std::erase_if(messages_, [number](const Message& each) {
    return each.number == number && each.stage != Stage::asked && each.stage != Stage::coming;
  });
}

std::vector<std::unique_ptr<Retrieval>> ReadAhead::take_dropped() {
  return std::exchange(dropped_, {});
}

/// Unless the client asked for it.
void ReadAhead::drop(Message& message) {
  if (message.claimed || message.stage == Stage::unwanted) return;
  dropped_.push_back(std::move(message.retrieval));
  const bool over = message.stage == Stage::whole || message.stage == Stage::refused;
  message.stage = Stage::unwanted;
  if (over) message.number = 0;
}

/// Of messages that are dropped and of which upstream owes nothing any more nothing stays.
void ReadAhead::tidy() {
  std::erase_if(messages_, [](const Message& message) { return message.number == 0; });
}

}  // namespace gatepost::session
