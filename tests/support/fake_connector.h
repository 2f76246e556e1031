#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "proxy/net/connector.h"
#include "tests/support/leak_check.h"
#include "tests/support/memory_transport.h"

namespace gatepost::testing {

/// A connector whose every attempt waits until the test lets it succeed or fail.
class FakeConnector : public net::Connector {
 public:
  explicit FakeConnector(BlockPool& pool) : pool_(pool) {}

  [[nodiscard]] Ticket connect(const Endpoint& target, Duration limit, Done done) override {
    auto attempt = std::make_shared<Attempt>(target, limit, std::move(done));
    attempts_.push_back(attempt);
    ++started_;
    return Ticket([this, weak = std::weak_ptr(attempt)] {
      const auto cancelled = weak.lock();  // gone, or no longer listed, when it is done
      if (cancelled && std::erase(attempts_, cancelled) > 0) ++cancelled_;
    });
  }

  /// Attempts under way.
  [[nodiscard]] std::size_t pending() const { return attempts_.size(); }
  [[nodiscard]] std::size_t started() const { return started_; }
  [[nodiscard]] std::size_t cancelled() const { return cancelled_; }
  /// Of the oldest attempt under way.
  [[nodiscard]] const Endpoint& target() const { return attempts_.front()->target; }
  [[nodiscard]] Duration limit() const { return attempts_.front()->limit; }

  /// The oldest attempt succeeds. Returns the server's end.
  std::shared_ptr<MemoryPeer> accept(WireOptions options = {}) {
    const std::shared_ptr<Attempt> attempt = take();
    MemoryConnection connection = make_memory_transport(pool_, std::move(options));
    attempt->done(std::move(connection.transport));
    return connection.peer;
  }
  /// The oldest attempt fails.
  void fail(ErrorCode code) { take()->done(gatepost::fail(code, "the test refused")); }

 private:
  struct Attempt {
    Attempt(Endpoint endpoint, Duration most, Done callback)
        : target(std::move(endpoint)), limit(most), done(std::move(callback)) {}
    Endpoint target;
    Duration limit;
    Done done;
    LiveCount live{"FakeConnector attempt"};
  };
  std::shared_ptr<Attempt> take() {
    auto attempt = std::move(attempts_.front());
    attempts_.pop_front();
    return attempt;
  }

  BlockPool& pool_;
  std::deque<std::shared_ptr<Attempt>> attempts_;
  std::size_t started_ = 0;
  std::size_t cancelled_ = 0;
};

}  // namespace gatepost::testing
