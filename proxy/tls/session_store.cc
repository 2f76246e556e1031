#include "proxy/tls/session_store.h"

#include <utility>

namespace gatepost::tls {

void SessionStore::add(bssl::UniquePtr<SSL_SESSION> session) {
  const std::lock_guard lock(mutex_);
  sessions_.push_front(std::move(session));
  if (sessions_.size() > kMaxSessions) sessions_.pop_back();
}

bssl::UniquePtr<SSL_SESSION> SessionStore::take() {
  const std::lock_guard lock(mutex_);
  if (sessions_.empty()) return nullptr;
  if (SSL_SESSION_should_be_single_use(sessions_.front().get()) == 1) {
    bssl::UniquePtr<SSL_SESSION> session = std::move(sessions_.front());
    sessions_.pop_front();
    return session;
  }
  return bssl::UpRef(sessions_.front());
}

void SessionStore::drop(const SSL_SESSION& session) {
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const auto& kept) { return kept.get() == &session; });
}

std::size_t SessionStore::size() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

}  // namespace gatepost::tls
