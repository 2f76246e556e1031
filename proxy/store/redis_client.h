#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proxy/base/ticket.h"
#include "proxy/store/redis_opening.h"

namespace gatepost::store {

/// The one connection of a worker to Redis. Made when it is needed, and again when it was lost or
/// when the server is none that can be written to any more. Requests go out in order, without
/// waiting for each other; their replies come in that order.
///
/// Nobody waits longer than connect_timeout + timeout: when a connection could not be made,
/// requests fail at once until a pause is over, which grows with every failure.
class RedisClient final : private RedisLine::Owner {
 public:
  static constexpr Duration kFirstPause{100};
  static constexpr Duration kLongestPause{5'000};

  RedisClient(const RedisTools& tools, std::shared_ptr<const RedisAccess> access);
  ~RedisClient();
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  using Done = std::move_only_function<void(Result<RedisReply>)>;
  /// `command`: of redis_command(). `done` is called from the loop, never from inside this call,
  /// and not at all once the ticket is gone; it must not destroy the client. An error of the
  /// server is a reply; errors are those of RecordStore. Whether the server has carried out what
  /// failed nobody knows.
  [[nodiscard]] Ticket ask(std::string command, Done done);

  /// Why the server may forget what it was told; empty: no reason known.
  [[nodiscard]] const std::string& warning() const { return warning_; }

 private:
  struct Request;
  using RequestPtr = std::shared_ptr<Request>;

  void on_line() override;
  void open();
  void on_opened(Result<RedisOpening::Opened> opened);
  void send(RequestPtr request);
  void lose(const Error& error);
  void fail_later(RequestPtr request, const Error& error);
  void tell();
  void watch_front();
  void on_late();

  const RedisTools tools_;
  const std::shared_ptr<const RedisAccess> access_;
  std::unique_ptr<Timer> teller_;
  std::unique_ptr<Timer> deadline_;  // of the oldest request on its way
  std::unique_ptr<RedisOpening> opening_;
  std::unique_ptr<RedisLine> line_;
  std::deque<RequestPtr> waiting_;  // for a connection
  std::deque<RequestPtr> asked_;    // on their way, oldest first
  std::deque<RequestPtr> failed_;   // to be told
  Duration pause_{0};
  Instant retry_at_{};
  Error last_error_{ErrorCode::closed, {}};
  std::size_t sentinel_ = 0;
  std::string warning_;
};

}  // namespace gatepost::store
