// clamd_feed: what clamd reaches when it is fed directly. Hands it the messages of a mailbox of
// pop3_upstream by zINSTREAM, several at a time, a connection for each, as the gateway does.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/bench/common/process.h"
#include "tests/bench/upstream/corpus.h"

namespace gatepost::bench {
namespace {

constexpr std::size_t kChunk = std::size_t{128} * 1024;

/// The message behind a reply to RETR: without status line, dot-stuffing and terminator.
std::string message_of(const StoredMessage& stored) {
  std::string_view body = stored.reply;
  body.remove_prefix(stored.status_size);
  body.remove_suffix(3);
  std::string text;
  text.reserve(body.size());
  bool line_start = true;
  for (const char c : body) {
    if (!(line_start && c == '.')) text += c;
    line_start = c == '\n';
  }
  return text;
}

/// The whole command, framed once: feeding is not what is measured.
std::string instream_of(std::string_view message) {
  std::string text("zINSTREAM\0", 10);
  const auto length = [&text](std::size_t n) {
    const std::uint32_t wire = htonl(static_cast<std::uint32_t>(n));
    text.append(reinterpret_cast<const char*>(&wire), sizeof wire);
  };
  for (; !message.empty(); message.remove_prefix(std::min(kChunk, message.size()))) {
    const std::string_view piece = message.substr(0, kChunk);
    length(piece.size());
    text += piece;
  }
  length(0);
  return text;
}

/// Dies unless clamd calls it clean.
void scan(int port, std::string_view command) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    die("clamd does not listen");
  while (!command.empty()) {
    const ssize_t sent = send(fd, command.data(), command.size(), MSG_NOSIGNAL);
    if (sent <= 0) die("clamd takes no more");
    command.remove_prefix(static_cast<std::size_t>(sent));
  }
  char reply[256];
  std::size_t size = 0;
  for (ssize_t got = 1; got > 0 && size < sizeof reply; size += static_cast<std::size_t>(got))
    got = recv(fd, reply + size, sizeof reply - size, 0);
  close(fd);
  if (std::string_view(reply, size) != std::string_view("stream: OK\0", 11))
    die("clamd says: " + std::string(reply, size));
}

}  // namespace
}  // namespace gatepost::bench

int main(int argc, char** argv) {
  using namespace gatepost::bench;
  using Clock = std::chrono::steady_clock;
  int port = 0;
  int connections = 4;
  double seconds = 3;
  std::string mailbox;
  CLI::App app("Feeds the messages of a mailbox to clamd; prints messages and seconds as JSON.");
  app.add_option("--port", port, "of clamd on 127.0.0.1")->required();
  app.add_option("--connections", connections, "messages at a time");
  app.add_option("--seconds", seconds);
  app.add_option("--mailbox", mailbox, "NAME=COUNTxSIZE, as pop3_upstream has it")->required();
  CLI11_PARSE(app, argc, argv);
  prepare_process();
  Corpus corpus;
  corpus.add(mailbox);
  std::vector<std::string> commands;
  for (const StoredMessage& stored : corpus.of_user(mailbox.substr(0, mailbox.find('='))).messages)
    commands.push_back(instream_of(message_of(stored)));
  std::atomic<std::uint64_t> done = 0;
  const auto began = Clock::now();
  const auto end =
      began + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<std::jthread> threads;
  for (int i = 0; i < connections; i++) {
    threads.emplace_back([&, at = static_cast<std::size_t>(i)]() mutable {
      for (; Clock::now() < end; at++, done++) scan(port, commands[at % commands.size()]);
    });
  }
  threads.clear();
  const double took = std::chrono::duration<double>(Clock::now() - began).count();
  std::printf("{\"messages\": %llu, \"seconds\": %.3f, \"per_s\": %.1f}\n",
              static_cast<unsigned long long>(done.load()), took,
              static_cast<double>(done.load()) / took);
}
