#include "proxy/command/ctl_client.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "proxy/base/bytes.h"
#include "proxy/base/unique_fd.h"
#include "proxy/http/chunk_decoder.h"
#include "proxy/http/head_reader.h"

namespace gatepost::command {

namespace {

using Sink = std::function<bool(std::string_view)>;

void set_patience(int fd, Duration patience) {
  const timeval limit{.tv_sec = patience.count() / 1000, .tv_usec = patience.count() % 1000 * 1000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/// Why connecting failed; connect(2) says EINPROGRESS when the time was up.
std::unexpected<Error> no_connection(const Endpoint& where, int code) {
  if (code == EINPROGRESS || code == EAGAIN) {
    return fail(ErrorCode::timeout, fmt::format("{}: no answer", where.to_string()));
  }
  return fail(ErrorCode::network,
              fmt::format("{}: {}", where.to_string(), std::generic_category().message(code)));
}

Result<UniqueFd> connect_unix(const Endpoint& where, Duration patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (where.path.size() >= sizeof address.sun_path) return no_connection(where, ENAMETOOLONG);
  std::ranges::copy(where.path, address.sun_path);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return no_connection(where, errno);
  set_patience(fd.get(), patience);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return fd;
  }
  return no_connection(where, errno);
}

/// Where a listener at `host` can be reached from here; "" stands for this machine.
const char* host_of(const Endpoint& where) {
  if (where.host.empty() || where.host == "0.0.0.0") return "127.0.0.1";
  return where.host == "::" ? "::1" : where.host.c_str();
}

Result<UniqueFd> connect_tcp(const Endpoint& where, Duration patience) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(where.port);
  if (const int code = ::getaddrinfo(host_of(where), port.c_str(), &hints, &found); code != 0) {
    return fail(ErrorCode::network, fmt::format("{}: {}", where.to_string(), gai_strerror(code)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, &::freeaddrinfo);
  int problem = ECONNREFUSED;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    UniqueFd fd(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) continue;
    set_patience(fd.get(), patience);
    if (::connect(fd.get(), at->ai_addr, at->ai_addrlen) == 0) return fd;
    problem = errno;
  }
  return no_connection(where, problem);
}

/// An answer as it comes in.
class Conversation {
 public:
  Conversation(UniqueFd fd, const CtlQuestion& question)
      : fd_(std::move(fd)), question_(question) {}

  Result<void> send() const;
  /// Up to the empty line.
  Result<int> read_head();
  /// All of the body, piece by piece.
  Result<void> read_body(const Sink& sink);

 private:
  enum class More : std::uint8_t { yes, end };
  Result<More> receive();
  Result<void> read_chunks(const Sink& sink);
  Result<void> read_counted(std::optional<std::uint64_t> octets, const Sink& sink);
  [[nodiscard]] std::unexpected<Error> problem(ErrorCode code, std::string_view what) const {
    return fail(code, fmt::format("{}: {}", question_.where.to_string(), what));
  }

  UniqueFd fd_;
  const CtlQuestion& question_;
  BlockPool pool_{4};
  ByteChain received_;
  http::HeadReader reader_;
};

Result<void> Conversation::send() const {
  const std::string request = fmt::format(
      "{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      question_.method, question_.target, question_.body.size(), question_.body);
  std::string_view rest = request;
  while (!rest.empty()) {
    const ssize_t n = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    // Whoever does not read our question may have said why.
    if (n < 0) return {};
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<Conversation::More> Conversation::receive() {
  std::array<char, 16 * 1024> octets{};
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), octets.data(), octets.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return problem(ErrorCode::timeout, "no answer");
    }
    if (n <= 0) return More::end;
    received_.append(pool_, std::string_view(octets.data(), static_cast<std::size_t>(n)));
    return More::yes;
  }
}

Result<int> Conversation::read_head() {
  for (;;) {
    switch (reader_.next(received_)) {
      case http::HeadReader::Event::head: {
        const auto line = http::StatusLine::parse(reader_.head().first_line, "HTTP");
        if (!line) return problem(ErrorCode::protocol, "the answer is no HTTP");
        return line->status;
      }
      case http::HeadReader::Event::refused:
        return problem(ErrorCode::protocol, "the answer is no HTTP");
      case http::HeadReader::Event::need_data:
        break;
    }
    const auto more = receive();
    if (!more) return std::unexpected(more.error());
    if (*more == More::end) return problem(ErrorCode::truncated, "closed without an answer");
  }
}

Result<void> Conversation::read_body(const Sink& sink) {
  const http::Head& head = reader_.head();
  if (head.lists("Transfer-Encoding", "chunked")) return read_chunks(sink);
  const auto length = head.only("Content-Length");
  return read_counted(length ? http::parse_number(*length) : std::nullopt, sink);
}

bool give(ByteChain& octets, const Sink& sink) {
  while (!octets.empty()) {
    const std::string_view piece = octets.front();
    if (!sink(piece)) return false;
    octets.consume(piece.size());
  }
  return true;
}

Result<void> Conversation::read_chunks(const Sink& sink) {
  http::ChunkDecoder decoder;
  ByteChain body;
  for (;;) {
    const auto event = decoder.next(received_, body);
    if (!give(body, sink) || event == http::ChunkDecoder::Event::end) return {};
    if (event == http::ChunkDecoder::Event::refused) {
      return problem(ErrorCode::protocol, "the answer is no HTTP");
    }
    if (event == http::ChunkDecoder::Event::data) continue;
    const auto more = receive();
    if (!more) return std::unexpected(more.error());
    if (*more == More::end) return problem(ErrorCode::truncated, "the answer is not whole");
  }
}

Result<void> Conversation::read_counted(std::optional<std::uint64_t> octets, const Sink& sink) {
  std::uint64_t left = octets.value_or(0);
  for (;;) {
    if (octets && received_.size() > left) {
      return problem(ErrorCode::protocol, "more than the answer");
    }
    left -= octets ? received_.size() : 0;
    if (!give(received_, sink) || (octets && left == 0)) return {};
    const auto more = receive();
    if (!more) return std::unexpected(more.error());
    if (*more == More::yes) continue;
    if (!octets) return {};
    return problem(ErrorCode::truncated, "the answer is not whole");
  }
}

Result<CtlAnswer> converse(const CtlQuestion& question, const Sink& sink, bool errors_too) {
  auto fd = question.where.is_unix() ? connect_unix(question.where, question.patience)
                                     : connect_tcp(question.where, question.patience);
  if (!fd) return std::unexpected(fd.error());
  Conversation conversation(std::move(*fd), question);
  if (auto sent = conversation.send(); !sent) return std::unexpected(sent.error());
  const auto status = conversation.read_head();
  if (!status) return std::unexpected(status.error());
  CtlAnswer answer{.status = *status, .body = {}};
  bool too_long = false;
  const Sink keep = [&](std::string_view piece) {
    too_long = answer.body.size() + piece.size() > kMaxCtlAnswer;
    if (!too_long) answer.body += piece;
    return !too_long;
  };
  const bool ours = errors_too || *status != 200;
  if (auto read = conversation.read_body(ours ? keep : sink); !read) {
    return std::unexpected(read.error());
  }
  if (too_long) return fail(ErrorCode::limit, "the answer is too long");
  return answer;
}

}  // namespace

Result<CtlAnswer> ask_gateway(const CtlQuestion& question) {
  return converse(question, {}, /*errors_too=*/true);
}

Result<CtlAnswer> listen_to_gateway(const CtlQuestion& question, const Sink& sink) {
  return converse(question, sink, /*errors_too=*/false);
}

}  // namespace gatepost::command
