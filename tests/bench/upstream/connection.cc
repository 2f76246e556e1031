#include "tests/bench/upstream/connection.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace gatepost::bench {
namespace {

constexpr std::string_view kOk = "+OK\r\n";
constexpr std::string_view kNoMessage = "-ERR no such message\r\n";
constexpr std::string_view kCapabilities =
    "+OK\r\nUSER\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\n.\r\n";
constexpr std::size_t kMaxPieces = 64;  // of one write

std::size_t number_in(std::string_view text) {
  std::size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Connection::Connection(const Service& service, int fd, bool http)
    : service_(service), fd_(fd), http_(http) {
  if (!http_) put("+OK ready\r\n");
}

Connection::~Connection() { close(fd_); }

bool Connection::on_event(bool ending) {
  while (true) {
    if (!write()) return false;
    if (!out_.empty()) return true;  // waits for room; the input stays in the socket
    if (quit_ || over_) return false;
    if (drained_ && !ending) {
      drained_ = false;
      return true;
    }
    if (!read()) return !over_;
    interpret();
  }
}

bool Connection::write() {
  while (!out_.empty()) {
    std::array<iovec, kMaxPieces> pieces{};
    std::size_t count = 0;
    for (const std::string_view text : out_) {
      if (count == pieces.size()) break;
      pieces[count++] = {const_cast<char*>(text.data()), text.size()};
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const ssize_t sent =
        sendmsg(fd_, &message, MSG_NOSIGNAL | (count < out_.size() ? MSG_MORE : 0));
    if (sent < 0) return errno == EAGAIN;
    for (auto left = static_cast<std::size_t>(sent); left > 0;) {
      std::string_view& first = out_.front();
      const std::size_t part = std::min(left, first.size());
      first.remove_prefix(part);
      left -= part;
      if (first.empty()) out_.pop_front();
    }
  }
  own_.clear();
  return true;
}

bool Connection::read() {
  const std::size_t room = in_.size() - in_size_;
  const ssize_t got = recv(fd_, in_.data() + in_size_, room, 0);
  drained_ = got > 0 && static_cast<std::size_t>(got) < room;
  if (got > 0) {
    in_size_ += static_cast<std::size_t>(got);
    return true;
  }
  over_ = got == 0 || errno != EAGAIN;
  return false;
}

void Connection::interpret() {
  std::string_view rest(in_.data(), in_size_);
  if (http_) {
    if (rest.find("\r\n\r\n") != std::string_view::npos) {
      put(service_.auth_reply);
      quit_ = true;
    }
    over_ = in_size_ == in_.size();
    return;
  }
  while (!quit_) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    command(line);
    rest.remove_prefix(end + 1);
  }
  over_ = rest.size() == in_.size();
  std::memmove(in_.data(), rest.data(), rest.size());
  in_size_ = rest.size();
}

void Connection::command(std::string_view line) {
  const std::size_t space = line.find(' ');
  std::string verb(line.substr(0, space));
  for (char& c : verb) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const std::string_view argument =
      space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  if (verb == "QUIT") {
    quit_ = true;
    return put("+OK bye\r\n");
  }
  if (verb == "CAPA") return put(kCapabilities);
  if (verb == "NOOP") return put(kOk);
  if (mailbox_ != nullptr) return transaction(verb, argument);
  if (verb == "USER") {
    user_ = argument;
    return put(kOk);
  }
  if (verb != "PASS" || user_.empty()) return put("-ERR log in first\r\n");
  mailbox_ = &service_.corpus.of_user(user_);
  put("+OK logged in\r\n");
}

void Connection::transaction(std::string_view verb, std::string_view argument) {
  if (verb == "STAT") return put(mailbox_->stat);
  if (verb == "LIST" || verb == "UIDL") return listing(verb == "UIDL", argument);
  if (verb == "TOP") return top(argument);
  if (verb == "RSET") return put(kOk);
  if (verb != "RETR" && verb != "DELE") return put("-ERR unknown command\r\n");
  const StoredMessage* message = find(argument);
  if (message == nullptr) return put(kNoMessage);
  put(verb == "RETR" ? std::string_view(message->reply) : kOk);
}

void Connection::listing(bool uidl, std::string_view argument) {
  if (argument.empty()) return put(uidl ? mailbox_->uidl : mailbox_->list);
  const StoredMessage* message = find(argument);
  if (message == nullptr) return put(kNoMessage);
  const std::size_t number = number_in(argument);
  put_own(uidl ? fmt::format("+OK {} {}\r\n", number, message->uidl)
               : fmt::format("+OK {} {}\r\n", number, message->octets));
}

void Connection::top(std::string_view argument) {
  const StoredMessage* message = find(argument);
  const std::size_t space = argument.find(' ');
  if (message == nullptr || space == std::string_view::npos) return put(kNoMessage);
  const std::string_view text = std::string_view(message->reply)
                                    .substr(message->status_size)
                                    .substr(0, message->reply.size() - message->status_size - 3);
  std::size_t end = text.find("\r\n\r\n") + 4;
  for (std::size_t lines = number_in(argument.substr(space + 1)); lines > 0 && end < text.size();
       lines--)
    end = text.find('\n', end) + 1;
  put("+OK\r\n");
  put(text.substr(0, end));
  put(".\r\n");
}

const StoredMessage* Connection::find(std::string_view argument) const {
  const std::size_t number = number_in(argument);
  if (number == 0 || number > mailbox_->messages.size()) return nullptr;
  return &mailbox_->messages[number - 1];
}

void Connection::put_own(std::string text) { put(own_.emplace_back(std::move(text))); }

}  // namespace gatepost::bench
