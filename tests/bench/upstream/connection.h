#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "tests/bench/upstream/corpus.h"

namespace gatepost::bench {

/// What all connections share.
struct Service {
  Corpus corpus;
  std::string auth_reply;  ///< to any HTTP request: which server nginx shall use
};

/// One client of the upstream. Accepts any name and password.
class Connection {
 public:
  /// `http`: answers one request of nginx's auth_http instead of POP3.
  Connection(const Service& service, int fd, bool http);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Sends the greeting. False: it is over.
  [[nodiscard]] bool start() { return write(); }
  /// Reads, answers and writes until the socket has no more, edge-triggered; `ending`: the client
  /// has closed, so the end is read, too. False: it is over.
  [[nodiscard]] bool on_event(bool ending);
  [[nodiscard]] int fd() const { return fd_; }

 private:
  [[nodiscard]] bool write();
  /// False: there was nothing to read, or (with over_ set) there will not be.
  [[nodiscard]] bool read();
  void interpret();
  void command(std::string_view line);
  void transaction(std::string_view verb, std::string_view argument);
  void listing(bool uidl, std::string_view argument);
  void top(std::string_view argument);
  /// The message a client means, null if there is none.
  [[nodiscard]] const StoredMessage* find(std::string_view argument) const;
  void put(std::string_view text) { out_.push_back(text); }
  void put_own(std::string text);

  const Service& service_;
  int fd_;
  bool http_;
  bool quit_ = false;
  bool over_ = false;
  bool drained_ = false;  // the last read left nothing in the socket
  std::array<char, 2048> in_{};
  std::size_t in_size_ = 0;
  std::string user_;
  const StoredMailbox* mailbox_ = nullptr;
  std::deque<std::string_view> out_;
  std::deque<std::string> own_;  // texts that out_ looks at
};

}  // namespace gatepost::bench
