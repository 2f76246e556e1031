// pop3_upstream: a small POP3 server in memory, fast enough to stand behind any proxy. It changes
// nothing: DELE is answered, and the message stays. It also answers nginx's auth_http, so that
// nginx mail needs no slow helper.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/common/process.h"
#include "tests/bench/upstream/connection.h"

namespace gatepost::bench {
namespace {

/// The event loop with all connections.
class Server {
 public:
  explicit Server(const Service& service)
      : service_(service), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

  void listen(const std::string& ip, int port, bool http) {
    const int fd = listen_on(ip, port);
    watch(fd, EPOLLIN);
    listeners_[fd] = http;
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> events{};
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; i++) handle(events[static_cast<std::size_t>(i)]);
    }
  }

 private:
  void watch(int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void handle(const epoll_event& event) {
    const int fd = event.data.fd;
    const auto listener = listeners_.find(fd);
    if (listener != listeners_.end()) return accept(fd, listener->second);
    auto& connection = connections_[static_cast<std::size_t>(fd)];
    if (connection &&
        !connection->on_event((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0))
      connection.reset();
  }

  void accept(int listener, bool http) {
    for (int i = 0; i < 64; i++) {
      const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int one = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      const auto at = static_cast<std::size_t>(fd);
      if (connections_.size() <= at) connections_.resize(at + 1);
      connections_[at] = std::make_unique<Connection>(service_, fd, http);
      if (connections_[at]->start())
        watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
      else
        connections_[at].reset();
    }
  }

  const Service& service_;
  int epoll_;
  std::map<int, bool> listeners_;                         // whether it is for HTTP
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
};

int serve(int argc, char** argv) {
  std::string ip = "127.0.0.1";
  std::string manifest;
  std::vector<std::string> mailboxes;
  int port = 0;
  int auth_port = 0;
  CLI::App app("A small POP3 server in memory.");
  app.add_option("--port", port, "port")->required();
  app.add_option("--mailbox", mailboxes, "NAME=COUNTxSIZE; the first is for users without one")
      ->required();
  app.add_option("--manifest", manifest, "file to write sizes and checksums to");
  app.add_option("--auth-http", auth_port, "also answer nginx's auth_http on this port");
  CLI11_PARSE(app, argc, argv);
  Service service;
  for (const std::string& mailbox : mailboxes) service.corpus.add(mailbox);
  if (!manifest.empty()) service.corpus.write_manifest(manifest);
  service.auth_reply = "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: " + ip +
                       "\r\nAuth-Port: " + std::to_string(port) + "\r\n\r\n";
  Server server(service);
  server.listen(ip, port, false);
  if (auth_port != 0) server.listen(ip, auth_port, true);
  server.run();
}

}  // namespace
}  // namespace gatepost::bench

int main(int argc, char** argv) {
  gatepost::bench::prepare_process();
  return gatepost::bench::serve(argc, argv);
}
