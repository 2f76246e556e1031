#include "proxy/store/redis_line.h"

#include <utility>

namespace gatepost::store {

RedisLine::RedisLine(std::unique_ptr<net::Transport> transport, const RedisTools& tools,
                     Owner& owner)
    : tools_(tools),
      owner_(&owner),
      waker_(tools.timers.make_timer([this] { wake(); })),
      transport_(std::move(transport)) {
  transport_->set_observer(this);
  waker_->start(Duration(0));  // reading, or the handshake, begins with the first settle()
}

RedisLine::~RedisLine() { transport_->set_observer(nullptr); }

void RedisLine::send(std::string_view command) {
  transport_->send(ByteChain(tools_.pool, command));
  waker_->start(Duration(0));
}

void RedisLine::send_secret(std::string_view command) {
  ByteChain bytes;
  bytes.append_secret(tools_.pool, command);
  transport_->send(std::move(bytes));
  waker_->start(Duration(0));
}

Result<std::optional<RedisReply>> RedisLine::next() {
  for (;;) {
    auto reply = reader_.next();
    if (!reply || *reply) return reply;
    ByteChain& received = transport_->received();
    if (!received.empty()) {
      reader_.feed(received.front());
      received.consume(received.front().size());
    } else if (transport_->end()) {
      return std::unexpected(*transport_->end());
    } else if (!transport_->settle()) {
      return std::nullopt;
    }
  }
}

void RedisLine::wake() {
  static_cast<void>(transport_->settle());
  owner_->on_line();  // the last: this may be gone
}

}  // namespace gatepost::store
