#include "tests/unit/store/redis_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>
#include <utility>

#include "proxy/base/unique_fd.h"
#include "tests/unit/net/sockets.h"

namespace gatepost::testing {

namespace {

constexpr const char* kProgram = "/usr/bin/redis-server";

}  // namespace

std::uint16_t free_port() {
  // Bound, not listening: who says SO_REUSEADDR, as Redis does, may listen beside it, and nobody
  // else is given the port meanwhile.
  static std::vector<UniqueFd> held;
  const SocketAddress any(Endpoint{"127.0.0.1", 0, {}});
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  EXPECT_EQ(::bind(fd.get(), any.get(), any.length), 0);
  held.push_back(std::move(fd));
  return Peer::port_of(held.back().get());
}

bool RedisServer::installed() { return ::access(kProgram, X_OK) == 0; }

RedisServer::RedisServer(std::vector<std::string> arguments, std::uint16_t port, Tls tls)
    : tls_(tls) {
  words_ = {kProgram, "--dir", folder_.path().string(), "--logfile", file("log"), "--save", ""};
  if (port == 0) {
    at_.path = file("socket");
    words_.insert(words_.end(), {"--port", "0", "--unixsocket", at_.path});
  } else {
    at_.host = "127.0.0.1";
    at_.port = port;
    if (tls_ == Tls::yes) words_.insert(words_.end(), {"--port", "0"});
    words_.insert(words_.end(), {tls_ == Tls::yes ? "--tls-port" : "--port", std::to_string(port)});
    words_.insert(words_.end(), {"--bind", "127.0.0.1"});
  }
  words_.insert(words_.end(), arguments.begin(), arguments.end());
  start();
}

RedisServer::RedisServer(Sentinel sentinel, std::uint16_t port) {
  at_.host = "127.0.0.1";
  at_.port = port;
  std::ofstream(file("sentinel.conf"))
      << "port " << port << "\nbind 127.0.0.1\ndir " << folder_.path().string() << "\nlogfile "
      << file("log") << "\n"
      << sentinel.lines;
  words_ = {kProgram, file("sentinel.conf"), "--sentinel"};
  start();
}

RedisServer::~RedisServer() { kill(); }

void RedisServer::start() {
  std::vector<char*> words;
  for (std::string& word : words_) words.push_back(word.data());
  words.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nowhere = ::open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) ::dup2(nowhere, fd);
    ::execv(kProgram, words.data());
    ::_exit(127);
  }
  await();
}

void RedisServer::await() const {
  const bool answers = wait_until([this] {
    if (tls_ == Tls::yes) {
      std::ifstream log(folder_.file("log"));
      const std::string text(std::istreambuf_iterator<char>(log), {});
      return text.find("Ready to accept connections") != std::string::npos;
    }
    const std::string said = say("PING");
    return said.starts_with("+PONG") || said.starts_with("-NOAUTH");
  });
  EXPECT_TRUE(answers) << "redis-server does not answer";
}

void RedisServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

void RedisServer::halt() const { ::kill(pid_, SIGSTOP); }
void RedisServer::go_on() const { ::kill(pid_, SIGCONT); }

std::string RedisServer::say(const std::string& line) const {
  const SocketAddress address(at_);
  const UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), address.get(), address.length) != 0) return {};
  const std::string words = line + "\r\n";
  static_cast<void>(::send(fd.get(), words.data(), words.size(), MSG_NOSIGNAL));
  std::array<char, 16384> room{};
  const ssize_t n = ::recv(fd.get(), room.data(), room.size(), 0);
  return n > 0 ? std::string(room.data(), static_cast<std::size_t>(n)) : std::string();
}

}  // namespace gatepost::testing
