#include "proxy/server/quarantine_room.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/message/header_scanner.h"
#include "filters/message/header_text.h"
#include "proxy/base/compute.h"
#include "proxy/base/pattern.h"

namespace gatepost::server {

namespace {

using admin::QuarantineRoom;
using filters::Quarantine;
using filters::QuarantineRecord;

constexpr std::array<std::string_view, 9> kShown = {
    "From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "List-Id", "Message-ID"};
/// Fields that are shown: a message may have any number of them.
constexpr std::size_t kMaxShown = 40;
constexpr std::size_t kMaxCharacters = 2'000;

Result<QuarantineRoom::Page> list_of(const Quarantine& quarantine,
                                     const QuarantineRoom::Query& query) {
  auto all = quarantine.list();
  if (!all) return std::unexpected(all.error());
  QuarantineRoom::Page page;
  for (const QuarantineRecord& record : *all) page.octets += record.stored_size;
  if (!query.user.empty()) {
    std::erase_if(*all, [&query](const QuarantineRecord& record) {
      return !matches_pattern(query.user, record.user);
    });
  }
  page.matching = all->size();
  std::ranges::reverse(*all);
  const std::size_t skip = std::min(query.skip, all->size());
  const std::size_t shown = std::min(query.limit, all->size() - skip);
  page.records.assign(
      std::make_move_iterator(all->begin() + static_cast<std::ptrdiff_t>(skip)),
      std::make_move_iterator(all->begin() + static_cast<std::ptrdiff_t>(skip + shown)));
  return page;
}

Result<QuarantineRoom::Message> message_of(const Quarantine& quarantine, std::uint64_t number) {
  auto record = quarantine.show(number);
  if (!record) return std::unexpected(record.error());
  QuarantineRoom::Message message;
  message.record = *std::move(record);
  std::string header;
  const auto read = quarantine.read(number, [&header](std::string_view piece) {
    header += piece.substr(0, QuarantineRoom::kMaxHeader - header.size());
    return header.size() < QuarantineRoom::kMaxHeader;
  });
  // Whoever has seen enough ends it, and so never learns whether the rest is whole.
  if (!read && header.size() < QuarantineRoom::kMaxHeader) {
    message.problem = read.error().detail;
    return message;
  }
  read_fields(header, message);
  return message;
}

}  // namespace

void read_fields(std::string_view text, QuarantineRoom::Message& message) {
  // Unfolded here: a field goes on while the next line begins with a blank (RFC 5322
  // section 2.2.3).
  while (!text.empty()) {
    std::size_t end = 0;
    do {
      end = std::min(text.find('\n', end), text.size() - 1) + 1;
    } while (end < text.size() && (text[end] == ' ' || text[end] == '\t'));
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    if (line == "\r\n" || line == "\n") return;
    const filters::FieldView field = filters::parse_field(line);
    if (filters::same_name(field.name, "Received")) ++message.received;
    const bool shown = std::ranges::any_of(
        kShown, [&field](std::string_view name) { return filters::same_name(name, field.name); });
    if (!shown || message.fields.size() == kMaxShown) continue;
    message.fields.emplace_back(field.name, filters::readable_field(field.body, kMaxCharacters));
  }
}

/// Asks in the background, if there is a quarantine and somebody to do it.
template <class T, class Work>
void BackgroundQuarantine::ask(Work work, admin::Then<T> then) {
  auto quarantine = current_();
  if (!quarantine) return then(fail(ErrorCode::refused, "there is no quarantine"));
  if (tickets_.size() >= kMaxQuestions) {
    return then(fail(ErrorCode::limit, "too many look into the quarantine: try again"));
  }
  const std::uint64_t id = ++last_;
  // A result has to be made of nothing first.
  tickets_[id] = compute(
      background_,
      [quarantine = std::move(quarantine), work = std::move(work)]() mutable {
        return std::optional<Result<T>>(work(*quarantine));
      },
      [this, id, then = std::move(then)](std::optional<Result<T>> result) mutable {
        const Ticket done = std::move(tickets_.at(id));
        tickets_.erase(id);
        then(*std::move(result));
      });
}

void BackgroundQuarantine::list(Query query, admin::Then<Page> then) {
  ask<Page>([query = std::move(query)](Quarantine& from) { return list_of(from, query); },
            std::move(then));
}

void BackgroundQuarantine::show(std::uint64_t number, admin::Then<Message> then) {
  ask<Message>([number](Quarantine& from) { return message_of(from, number); }, std::move(then));
}

void BackgroundQuarantine::release(std::uint64_t number, std::string by, admin::Then<void> then) {
  ask<void>([number](Quarantine& from) { return from.release(number); },
            [this, number, by = std::move(by), then = std::move(then)](Result<void> done) mutable {
              if (done) log_.info("quarantine_released", {{"number", number}, {"by", by}});
              then(std::move(done));
            });
}

void BackgroundQuarantine::remove(std::uint64_t number, std::string by, admin::Then<void> then) {
  ask<void>([number](Quarantine& from) { return from.remove(number); },
            [this, number, by = std::move(by), then = std::move(then)](Result<void> done) mutable {
              if (done) log_.info("quarantine_deleted", {{"number", number}, {"by", by}});
              then(std::move(done));
            });
}

}  // namespace gatepost::server
