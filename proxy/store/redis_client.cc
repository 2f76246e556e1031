#include "proxy/store/redis_client.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gatepost::store {

struct RedisClient::Request {
  std::string command;  // until it was sent
  Done done;            // null: nobody wants to hear of it
  Instant deadline{};
  Error error{ErrorCode::closed, {}};  // when it has failed
};

RedisClient::RedisClient(const RedisTools& tools, std::shared_ptr<const RedisAccess> access)
    : tools_(tools),
      access_(std::move(access)),
      teller_(tools.timers.make_timer([this] { tell(); })),
      deadline_(tools.timers.make_timer([this] { on_late(); })) {}

RedisClient::~RedisClient() = default;

Ticket RedisClient::ask(std::string command, Done done) {
  auto request = std::make_shared<Request>();
  request->command = std::move(command);
  request->done = std::move(done);
  Ticket ticket([weak = std::weak_ptr(request)] {
    if (const auto dropped = weak.lock()) dropped->done = nullptr;
  });
  if (line_) {
    send(std::move(request));
  } else if (opening_) {
    waiting_.push_back(std::move(request));
  } else if (tools_.timers.now() < retry_at_) {
    fail_later(std::move(request), last_error_);
  } else {
    waiting_.push_back(std::move(request));
    open();
  }
  return ticket;
}

void RedisClient::open() {
  opening_ = std::make_unique<RedisOpening>(tools_, access_, sentinel_,
                                            [this](auto opened) { on_opened(std::move(opened)); });
}

void RedisClient::on_opened(Result<RedisOpening::Opened> opened) {
  opening_.reset();
  auto waited = std::exchange(waiting_, {});
  if (!opened) {
    pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
    retry_at_ = tools_.timers.now() + pause_;
    // Those who come during the pause have not waited for anything.
    last_error_ = {ErrorCode::closed, opened.error().detail};
    for (RequestPtr& request : waited) fail_later(std::move(request), opened.error());
    return;
  }
  pause_ = Duration(0);
  sentinel_ = opened->sentinel;
  warning_ = std::move(opened->warning);
  line_ = std::move(opened->line);
  line_->set_owner(*this);
  for (RequestPtr& request : waited) {
    if (request->done) send(std::move(request));
  }
}

void RedisClient::send(RequestPtr request) {
  line_->send(request->command);
  request->command = {};
  request->deadline = tools_.timers.now() + access_->config.timeout;
  asked_.push_back(std::move(request));
  if (asked_.size() == 1) watch_front();
}

void RedisClient::on_line() {
  while (line_) {
    auto reply = line_->next();
    if (!reply) return lose(reply.error());
    if (!*reply) break;
    if (asked_.empty()) return lose({ErrorCode::protocol, "it speaks unasked"});
    const RequestPtr request = std::move(asked_.front());
    asked_.pop_front();
    const bool useless = means_another_server(**reply);
    const Error why = useless ? error_of(**reply) : Error{ErrorCode::closed, {}};
    // Its ticket may be dropped meanwhile, and others may be asked for.
    if (auto done = std::move(request->done)) done(std::move(**reply));
    if (useless) return lose(why);
  }
  watch_front();
}

void RedisClient::lose(const Error& error) {
  const bool plain = error.code == ErrorCode::protocol || error.code == ErrorCode::limit ||
                     error.code == ErrorCode::timeout;
  const Error told{plain ? error.code : ErrorCode::closed, fmt::format("Redis: {}", error.detail)};
  line_.reset();
  deadline_->stop();
  for (RequestPtr& request : std::exchange(asked_, {})) fail_later(std::move(request), told);
}

void RedisClient::fail_later(RequestPtr request, const Error& error) {
  request->error = error;
  failed_.push_back(std::move(request));
  teller_->start(Duration(0));
}

void RedisClient::tell() {
  // Who asks again now, and fails again, is told in another turn.
  for (const RequestPtr& request : std::exchange(failed_, {})) {
    if (auto done = std::move(request->done)) done(std::unexpected(request->error));
  }
}

void RedisClient::watch_front() {
  if (asked_.empty()) return deadline_->stop();
  const Duration left = asked_.front()->deadline - tools_.timers.now();
  deadline_->start(std::max(left, Duration(0)));
}

void RedisClient::on_late() {
  lose({ErrorCode::timeout, fmt::format("no reply in {} ms", access_->config.timeout.count())});
}

}  // namespace gatepost::store
