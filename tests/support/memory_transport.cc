#include "tests/support/memory_transport.h"

#include <algorithm>

namespace gatepost::testing {

MemoryTransport::MemoryTransport(BlockPool& pool, std::shared_ptr<MemoryPeer> peer)
    : pool_(pool), peer_(std::move(peer)), allowance_(peer_->options.accept_per_turn) {
  peer_->transport_ = this;
}

MemoryTransport::~MemoryTransport() {
  EXPECT_FALSE(in_activity_) << "transport destroyed inside on_activity()";
  if (!peer_->saw_fin()) peer_->reset_ = true;
  if (!peer_->closed_) peer_->closed_ = net::CloseMode::abort;
  peer_->transport_ = nullptr;
}

void MemoryTransport::send(ByteChain&& bytes) {
  if (peer_->closed_) {
    ADD_FAILURE() << "send() after close()";
    return;
  }
  if (peer_->options.on_send) peer_->options.on_send(bytes.to_string());
  if (end_ && end_->code == ErrorCode::network) {
    bytes.clear();  // a broken connection swallows everything
    return;
  }
  unsent_.append(std::move(bytes));
}

bool MemoryTransport::send_descriptor(UniqueFd descriptor) {
  const bool possible = peer_->options.address.unix_socket && unsent_.empty();
  if (possible) peer_->descriptor_ = std::move(descriptor);
  return possible;
}

bool MemoryTransport::settle() {
  bool news = write();
  if (peer_->options.read_in_settle) news |= read(peer_->options.deliver_per_turn);
  return news;
}

void MemoryTransport::close(net::CloseMode mode) {
  received_.clear();
  if (!peer_->closed_ || mode == net::CloseMode::abort) peer_->closed_ = mode;
  if (mode == net::CloseMode::abort) {
    unsent_.clear();
    peer_->reset_ = true;
    if (!end_) end_with(ErrorCode::closed, "aborted");
  } else {
    static_cast<void>(write());
  }
}

bool MemoryTransport::read(std::size_t most) {
  if (peer_->closed_) peer_->drop_undelivered();  // read on only to see the peer's end
  if (end_ || received_.size() >= peer_->options.receive_limit) return false;
  const std::size_t n = std::min(most, peer_->undelivered());
  if (n > 0) {
    received_.append(pool_, std::string_view(peer_->inbound_).substr(peer_->delivered_, n));
    peer_->delivered_ += n;
    if (peer_->undelivered() == 0) peer_->drop_undelivered();
    return true;
  }
  if (peer_->undelivered() == 0 && peer_->pending_end_) {
    end_with(*peer_->pending_end_, "the test ended the wire");
    return true;
  }
  return false;
}

bool MemoryTransport::write() {
  std::size_t n = std::min(unsent_.size(), allowance_);
  const std::size_t until_failure = peer_->options.fail_send_at - peer_->total_sent_;
  const bool fails = n > until_failure;
  n = std::min(n, until_failure);
  peer_->outbound_ += unsent_.take(n).to_string();
  peer_->total_sent_ += n;
  if (allowance_ != WireOptions::kUnlimited) allowance_ -= n;
  if (fails) end_with(ErrorCode::network, "the test made sending fail");
  return fails;
}

void MemoryTransport::end_with(ErrorCode code, std::string detail) {
  end_ = Error{code, std::move(detail)};
  if (code == ErrorCode::network) unsent_.clear();
}

bool MemoryPeer::turn() {
  if (transport_ == nullptr) return false;
  MemoryTransport& transport = *transport_;
  const std::size_t unsent = transport.unsent();
  transport.allowance_ = options.accept_per_turn;
  bool news = transport.write();
  const std::size_t most =
      options.deliver_sizes ? options.deliver_sizes() : options.deliver_per_turn;
  news |= transport.read(most);
  news |= transport.unsent() != unsent;
  if (news) nudge();
  return news;
}

void MemoryPeer::nudge() {
  if (transport_ == nullptr || transport_->observer_ == nullptr) return;
  transport_->in_activity_ = true;
  transport_->observer_->on_activity();
  if (transport_ != nullptr) transport_->in_activity_ = false;
}

bool MemoryPeer::saw_fin() const {
  return closed_ == net::CloseMode::flush && !reset_ &&
         (transport_ == nullptr || transport_->unsent() == 0);
}

MemoryConnection make_memory_transport(BlockPool& pool, WireOptions options) {
  auto peer = std::make_shared<MemoryPeer>(std::move(options));
  return {std::make_unique<MemoryTransport>(pool, peer), peer};
}

MemoryPair make_memory_pair(BlockPool& pool, WireOptions options) {
  MemoryConnection a = make_memory_transport(pool, options);
  MemoryConnection b = make_memory_transport(pool, std::move(options));
  return {std::move(a.transport), std::move(b.transport), a.peer, b.peer};
}

namespace {
void carry(MemoryPeer& from, MemoryPeer& to) {
  to.deliver(from.take_sent());
  if (from.saw_reset()) {
    to.end(ErrorCode::network);
  } else if (from.saw_fin()) {
    to.end(ErrorCode::closed);
  }
}
}  // namespace

bool MemoryPair::turn() {
  carry(*at_a, *at_b);
  carry(*at_b, *at_a);
  const bool moved_a = at_a->turn();
  const bool moved_b = at_b->turn();
  return moved_a || moved_b || !at_a->sent().empty() || !at_b->sent().empty();
}

void MemoryPair::run(std::size_t rounds) {
  for (std::size_t i = 0; i < rounds; ++i) {
    if (!turn()) return;
  }
  ADD_FAILURE() << "the pair does not come to rest";
}

}  // namespace gatepost::testing
