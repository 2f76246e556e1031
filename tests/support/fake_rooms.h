#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "proxy/admin/rooms.h"

namespace gatepost::testing {

/// Rooms that hold what the test puts there.
class FakeQuarantine final : public admin::QuarantineRoom {
 public:
  [[nodiscard]] bool exists() const override { return there; }
  void list(Query query, admin::Then<Page> then) override {
    Page page;
    for (const Message& one : messages) page.records.push_back(one.record);
    page.matching = page.records.size();
    page.records.resize(std::min(page.records.size(), query.limit));
    then(std::move(page));
  }
  void show(std::uint64_t number, admin::Then<Message> then) override {
    const auto at = find(number);
    if (at == messages.end()) return then(fail(ErrorCode::refused, "no such message"));
    then(*at);
  }
  void release(std::uint64_t number, std::string by, admin::Then<void> then) override {
    done.push_back("release " + std::to_string(number) + " by " + by);
    if (find(number) == messages.end()) return then(fail(ErrorCode::refused, "no such message"));
    then({});
  }
  void remove(std::uint64_t number, std::string by, admin::Then<void> then) override {
    done.push_back("remove " + std::to_string(number) + " by " + by);
    then({});
  }

  bool there = true;
  std::vector<Message> messages;
  std::vector<std::string> done;

 private:
  [[nodiscard]] std::vector<Message>::const_iterator find(std::uint64_t number) const {
    return std::ranges::find_if(messages,
                                [&](const Message& one) { return one.record.number == number; });
  }
};

class FakeRetention final : public admin::RetentionRoom {
 public:
  [[nodiscard]] bool exists() const override { return there; }
  [[nodiscard]] std::vector<Policy> policies() const override { return all; }
  [[nodiscard]] std::vector<std::string> pools() const override { return {"upstream"}; }
  [[nodiscard]] std::vector<std::string> holds() const override { return held; }
  void accounts(std::size_t /*limit*/, admin::Then<std::vector<Account>> then) override {
    then(known);
  }
  void report(Question question, admin::Then<Report> then) override {
    done.push_back("report " + question.user + " of " + question.pool);
    then(answer);
  }

  bool there = true;
  std::vector<Policy> all;
  std::vector<std::string> held;
  std::vector<Account> known;
  Report answer;
  std::vector<std::string> done;
};

}  // namespace gatepost::testing
