#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/admin/office.h"

namespace gatepost::testing {

/// An Office that does nothing but remember what it was asked.
class FakeOffice final : public admin::Office {
 public:
  [[nodiscard]] admin::Status status() const override { return status_; }
  void sessions(admin::SessionQuery query, Then<admin::SessionList> then) override {
    query_ = std::move(query);
    answer(std::move(then), list_);
  }
  void kick(std::vector<std::string> ids, std::string_view by, Then<std::size_t> then) override {
    std::string text = "kick";
    for (const std::string& id : ids) text += " " + id;
    note(text, by);
    answer(std::move(then), ended_.value_or(ids.size()));
  }
  void kick_user(std::string user, std::string_view by, Then<std::size_t> then) override {
    note("kick user " + user, by);
    answer(std::move(then), std::size_t{1});
  }
  Result<void> drain(std::string_view by) override {
    note("drain", by);
    return outcome_;
  }
  Result<void> reload(std::string_view by) override {
    note("reload", by);
    return outcome_;
  }
  void upgrade(std::string_view by, Then<Result<void>> then) override {
    note("upgrade", by);
    answer(std::move(then), outcome_);
  }
  void explain(std::string id, bool json, Then<std::string> then) override {
    then((json ? "json of " : "text of ") + id);
  }
  void explain_user(std::string user, bool json, Then<std::string> then) override {
    then((json ? "json of user " : "text of user ") + user);
  }
  void set_log_level(LogLevel level, std::string_view by) override {
    note("level " + std::string(to_string(level)), by);
  }
  Result<void> trace(admin::TraceWish wish, std::string_view by,
                     http::Responder& responder) override {
    note("trace " + wish.user + " " + std::to_string(wish.lasts.count()) +
             (wish.full ? " full" : ""),
         by);
    if (outcome_) responder.answer({.body = "a trace\n"});
    return outcome_;
  }

  admin::Status status_;
  admin::SessionList list_;
  Result<void> outcome_;              ///< of drain, reload, upgrade, trace
  std::optional<std::size_t> ended_;  ///< by kick; null: as many as were named
  admin::SessionQuery query_;
  std::vector<std::string> done_;                         ///< "reload by uid 0"
  bool later_ = false;                                    ///< answers wait in `waiting_`
  std::vector<std::move_only_function<void()>> waiting_;  ///< to be called by the test

 private:
  void note(const std::string& what, std::string_view by) {
    done_.push_back(what + " by " + std::string(by));
  }
  template <class T>
  void answer(Then<T> then, T value) {
    if (!later_) return then(std::move(value));
    waiting_.emplace_back(
        [then = std::move(then), value = std::move(value)]() mutable { then(std::move(value)); });
  }
};

}  // namespace gatepost::testing
