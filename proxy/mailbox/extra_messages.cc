#include "proxy/mailbox/extra_messages.h"

#include <cassert>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace gatepost::mailbox {

namespace {

/// The number at the front of `text`, up to a blank or the end; takes it away. Digits alone.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc()) return std::nullopt;
  const auto size = static_cast<std::size_t>(end - text.data());
  if (size < text.size() && text[size] != ' ') return std::nullopt;
  text.remove_prefix(size);
  return number;
}

void skip_blanks(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
}

/// As far as it goes: what upstream says may be anything.
std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  return a > kMost - b ? kMost : a + b;
}

}  // namespace

std::string quarantine_uidl(std::uint64_t number) {
  return fmt::format("gatepost-quarantine-{}", number);
}

ExtraMessages::ExtraMessages(std::vector<ExtraMessage> messages, std::uint64_t upstream_count)
    : upstream_count_(upstream_count) {
  // With more than fits into a number nothing can come behind them.
  if (sum(upstream_count, messages.size()) == std::numeric_limits<std::uint64_t>::max()) return;
  messages_.reserve(messages.size());
  for (ExtraMessage& message : messages) messages_.push_back({std::move(message), false});
}

std::optional<std::uint64_t> ExtraMessages::number_of(std::string_view arguments) const {
  skip_blanks(arguments);
  const auto number = take_number(arguments);
  if (!number || !has(*number)) return std::nullopt;
  return number;
}

const ExtraMessages::Message& ExtraMessages::at(std::uint64_t number) const {
  assert(has(number));
  return messages_[number - upstream_count_ - 1];
}

ExtraMessages::Totals ExtraMessages::totals() const {
  Totals totals;
  for (const Message& message : messages_) {
    if (message.deleted) continue;
    ++totals.count;
    totals.octets = sum(totals.octets, message.message.size);
  }
  return totals;
}

std::string ExtraMessages::add_to_stat(std::string_view reply, const Totals& more) {
  std::string_view rest = reply;
  if (more.count == 0 || !rest.starts_with("+OK ")) return std::string(reply);
  rest.remove_prefix(4);
  skip_blanks(rest);
  const auto count = take_number(rest);
  if (!count) return std::string(reply);
  skip_blanks(rest);
  const auto octets = take_number(rest);
  if (!octets) return std::string(reply);
  return fmt::format("+OK {} {}{}", sum(*count, more.count), sum(*octets, more.octets), rest);
}

std::string ExtraMessages::without_counts(std::string_view reply) {
  return std::string(reply.starts_with("+OK") ? "+OK" : reply);
}

template <class Text>
std::string ExtraMessages::lines(Text text) const {
  std::string out;
  std::uint64_t number = upstream_count_;
  for (const Message& message : messages_) {
    ++number;
    if (!message.deleted) out += fmt::format("{} {}\r\n", number, text(message.message));
  }
  return out;
}

std::string ExtraMessages::list_lines() const {
  return lines([](const ExtraMessage& message) { return message.size; });
}

std::string ExtraMessages::uidl_lines() const {
  return lines([](const ExtraMessage& message) -> const std::string& { return message.uidl; });
}

std::string ExtraMessages::list(std::uint64_t number) const {
  const ExtraMessage* message = find(number);
  return message == nullptr ? no_such_message() : fmt::format("+OK {} {}", number, message->size);
}

std::string ExtraMessages::uidl(std::uint64_t number) const {
  const ExtraMessage* message = find(number);
  return message == nullptr ? no_such_message() : fmt::format("+OK {} {}", number, message->uidl);
}

std::string ExtraMessages::dele(std::uint64_t number) {
  if (find(number) == nullptr) return no_such_message();
  messages_[number - upstream_count_ - 1].deleted = true;
  return "+OK Marked to be deleted.";
}

const ExtraMessage* ExtraMessages::find(std::uint64_t number) const {
  const Message& message = at(number);
  return message.deleted ? nullptr : &message.message;
}

std::string ExtraMessages::no_such_message() { return "-ERR Message is deleted."; }

void ExtraMessages::rset() {
  for (Message& message : messages_) message.deleted = false;
}

std::vector<std::uint64_t> ExtraMessages::deleted() const {
  std::vector<std::uint64_t> keys;
  for (const Message& message : messages_) {
    if (message.deleted) keys.push_back(message.message.key);
  }
  return keys;
}

}  // namespace gatepost::mailbox
