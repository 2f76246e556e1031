#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "proxy/admin/office.h"
#include "proxy/admin/rooms.h"

namespace gatepost::testing {

/// An office whose process is plain data; what is done in it is written down.
class FakeOffice final : public admin::Office {
 public:
  [[nodiscard]] admin::Status status() const override {
    ++asked;
    return now;
  }
  void sessions(admin::SessionQuery query, Then<admin::SessionList> then) override {
    done.push_back("sessions " + query.user + " " + std::to_string(query.limit));
    admin::SessionList some = list;
    if (some.sessions.size() > query.limit) some.sessions.resize(query.limit);
    if (!later) return then(std::move(some));
    waiting.emplace_back(
        [then = std::move(then), some = std::move(some)]() mutable { then(std::move(some)); });
  }
  void kick(std::vector<std::string> ids, std::string_view by, Then<std::size_t> then) override {
    std::size_t found = 0;
    for (const std::string& id : ids) {
      done.push_back("kick " + id + " by " + std::string(by));
      found += static_cast<std::size_t>(
          std::ranges::count(list.sessions, id, &session::SessionFacts::id));
    }
    then(found);
  }
  void kick_user(std::string user, std::string_view by, Then<std::size_t> then) override {
    done.push_back("kick_user " + user + " by " + std::string(by));
    then(list.sessions.size());
  }
  Result<void> drain(std::string_view by) override {
    done.push_back("drain by " + std::string(by));
    if (refusal.empty()) return {};
    return fail(ErrorCode::refused, refusal);
  }
  Result<void> reload(std::string_view by) override {
    done.push_back("reload by " + std::string(by));
    if (trouble.empty()) return {};
    return fail(ErrorCode::config, trouble);
  }
  void upgrade(std::string_view by, Then<Result<void>> then) override {
    done.push_back("upgrade by " + std::string(by));
    then({});
  }
  void set_log_level(LogLevel level, std::string_view by) override {
    done.push_back("set_log_level " + std::string(to_string(level)) + " by " + std::string(by));
  }

  admin::Status now;
  admin::SessionList list;
  std::string trouble;  ///< what a reload says; "": nothing
  std::string refusal;  ///< the same of a drain
  bool later = false;   ///< lists of sessions wait in `waiting`, to be called by the test
  std::vector<std::move_only_function<void()>> waiting;
  std::vector<std::string> done;
  mutable int asked = 0;
};

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
