// faulty_relay: copies between TCP connections and damages one octet in about every 200,000 that
// the upstream sends. The load generator must notice: tests/bench/self_test.

#include <sys/epoll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstring>
#include <map>
#include <string>

#include "tests/bench/common/process.h"
#include "tests/bench/relay/sockets.h"

namespace gatepost::bench {
namespace {

constexpr std::size_t kEvery = 200'000;
constexpr std::size_t kAt = 500;

class FaultyRelay {
 public:
  FaultyRelay(int port, int upstream_port, std::string fault)
      : listener_(listen_on("127.0.0.1", port)),
        upstream_port_(upstream_port),
        fault_(std::move(fault)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    watch(listener_);
  }

  [[noreturn]] void run() {
    epoll_event event{};
    while (true) {
      if (epoll_wait(epoll_, &event, 1, -1) < 1) continue;
      if (event.data.fd == listener_)
        accept();
      else
        copy(event.data.fd);
    }
  }

 private:
  struct End {
    int other = -1;
    bool upstream = false;
  };

  void watch(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept() {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const int upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(upstream_port_));
    connect(upstream, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ends_[client] = {upstream, false};
    ends_[upstream] = {client, true};
    watch(client);
    watch(upstream);
  }

  /// Blocks while the other side is full: two connections of a test that wait for each other's
  /// replies can bear it.
  void copy(int fd) {
    const auto found = ends_.find(fd);
    if (found == ends_.end()) return;
    const End end = found->second;
    const ssize_t got = recv(fd, buffer_.data(), buffer_.size() - 1, 0);
    if (got <= 0) return drop(fd, end.other);
    auto size = static_cast<std::size_t>(got);
    if (end.upstream) size = damage(size);
    for (std::size_t at = 0; at < size;) {
      const ssize_t sent = send(end.other, buffer_.data() + at, size - at, MSG_NOSIGNAL);
      if (sent < 0) return drop(fd, end.other);
      at += static_cast<std::size_t>(sent);
    }
  }

  std::size_t damage(std::size_t size) {
    passed_ += size;
    if (passed_ < kEvery || size < kAt + 100 || fault_ == "none") return size;
    passed_ = 0;
    char* at = buffer_.data() + kAt;
    if (fault_ == "flip") *at = static_cast<char>(*at ^ 1);
    if (fault_ == "drop") std::memmove(at, at + 1, --size - kAt);
    if (fault_ == "double") std::memmove(at + 1, at, size++ - kAt);
    return size;
  }

  void drop(int fd, int other) {
    for (const int each : {fd, other}) {
      ends_.erase(each);
      close(each);
    }
  }

  int listener_;
  int upstream_port_;
  std::string fault_;
  int epoll_;
  std::map<int, End> ends_;
  std::array<char, 65536> buffer_{};
  std::size_t passed_ = 0;
};

}  // namespace
}  // namespace gatepost::bench

int main(int argc, char** argv) {
  using namespace gatepost::bench;
  int port = 0;
  int upstream_port = 0;
  std::string fault = "none";
  CLI::App app("Relays to a port of 127.0.0.1, and damages what passes.");
  app.add_option("--listen", port)->required();
  app.add_option("--upstream", upstream_port)->required();
  app.add_option("--fault", fault, "none, flip, drop or double");
  CLI11_PARSE(app, argc, argv);
  prepare_process();
  FaultyRelay(port, upstream_port, fault).run();
}
