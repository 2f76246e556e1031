// tls_relay: the floor of any POP3 gateway with the same TLS library. It terminates TLS and copies
// to a plain upstream, one connection for one, without a look at what passes: one read, the
// records, one write. No limits, no timeouts, no log: nothing to put before a mail server.

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/common/process.h"
#include "tests/bench/relay/sockets.h"

namespace gatepost::bench {
namespace {

constexpr std::size_t kRead = 65536;
constexpr std::size_t kClientRead = 32768;
constexpr std::size_t kRecord = 16384;

struct Relayed;
/// What an epoll event belongs to.
struct Side {
  Relayed* of = nullptr;
  bool client = false;
};
struct Relayed {
  int client = -1;
  int upstream = -1;
  SSL* ssl = nullptr;
  bool handshake_done = false;
  bool connected = false;
  bool upstream_ended = false;
  bool closing = false;
  bool dead = false;
  std::string to_client;    // records that the socket did not take
  std::string to_upstream;  // octets that the socket did not take
  Side client_side{this, true};
  Side upstream_side{this, false};
};

// The octets of the event at hand; TLS reads and writes these, never a socket.
std::vector<char> records_out;
std::array<char, kClientRead> records_in;
std::size_t records_in_at = 0;
std::size_t records_in_size = 0;
bool records_in_ended = false;

int write_bio(BIO* /*bio*/, const char* data, int size) {
  records_out.insert(records_out.end(), data, data + size);
  return size;
}

int read_bio(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const std::size_t part =
      std::min(static_cast<std::size_t>(size), records_in_size - records_in_at);
  if (part == 0) {
    if (records_in_ended) return 0;
    BIO_set_retry_read(bio);
    return -1;
  }
  std::memcpy(data, records_in.data() + records_in_at, part);
  records_in_at += part;
  return static_cast<int>(part);
}

BIO* new_bio() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOURCE_SINK | 0x70, "relay");
    BIO_meth_set_write(made, write_bio);
    BIO_meth_set_read(made, read_bio);
    BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long {
      return command == BIO_CTRL_FLUSH ? 1 : 0;
    });
    BIO_meth_set_create(made, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    return made;
  }();
  return BIO_new(method);
}

SSL_CTX* new_context(const std::string& cert, const std::string& key) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (SSL_CTX_use_certificate_chain_file(context, cert.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
    die("cannot use the certificate or its key");
  return context;
}

class Relay {
 public:
  Relay(int port, int upstream_port, SSL_CTX* context)
      : listener_(listen_on("127.0.0.1", port)),
        upstream_port_(upstream_port),
        context_(context),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    watch(listener_, EPOLLIN, nullptr);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events{};
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; i++) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        const auto* side = static_cast<const Side*>(event.data.ptr);
        if (side == nullptr)
          accept();
        else if (!side->of->dead)
          (side->client ? on_client(*side->of, event.events)
                        : on_upstream(*side->of, event.events));
      }
      for (const Relayed* gone : gone_) delete gone;
      gone_.clear();
    }
  }

 private:
  void watch(int fd, unsigned events, Side* side) const {
    epoll_event event{};
    event.events = events;
    event.data.ptr = side;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept() {
    constexpr unsigned kAll = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    for (int i = 0; i < 64; i++) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      set_nodelay(fd);
      auto owned = std::make_unique<Relayed>();
      Relayed& relayed = *owned.release();  // until drop()
      relayed.client = fd;
      relayed.upstream = connect_to(upstream_port_);
      relayed.ssl = SSL_new(context_);
      BIO* bio = new_bio();
      SSL_set_bio(relayed.ssl, bio, bio);
      SSL_set_accept_state(relayed.ssl);
      watch(relayed.client, kAll, &relayed.client_side);
      watch(relayed.upstream, kAll, &relayed.upstream_side);
    }
  }

  void drop(Relayed& relayed) {
    if (relayed.dead) return;
    relayed.dead = true;
    SSL_free(relayed.ssl);
    close(relayed.client);
    close(relayed.upstream);
    gone_.push_back(&relayed);
  }

  bool send_records(Relayed& relayed) {
    const bool sent = records_out.empty() || send_or_keep(relayed.client, relayed.to_client,
                                                          records_out.data(), records_out.size());
    records_out.clear();
    if (!sent) drop(relayed);
    return sent;
  }

  void finish(Relayed& relayed) {
    if (relayed.closing) return;
    relayed.closing = true;
    ERR_clear_error();
    if (relayed.handshake_done) SSL_shutdown(relayed.ssl);
    if (send_records(relayed) && relayed.to_client.empty()) drop(relayed);
  }

  void pump_from_upstream(Relayed& relayed) {
    static std::array<char, kRead> buffer;
    while (!relayed.dead && relayed.handshake_done && relayed.connected &&
           !relayed.upstream_ended && relayed.to_client.empty()) {
      const ssize_t got = recv(relayed.upstream, buffer.data(), buffer.size(), 0);
      if (got < 0) return errno == EAGAIN ? void() : drop(relayed);
      relayed.upstream_ended = got == 0;
      for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
        const std::size_t part = std::min(static_cast<std::size_t>(got) - at, kRecord);
        ERR_clear_error();
        const int taken = SSL_write(relayed.ssl, buffer.data() + at, static_cast<int>(part));
        if (taken <= 0) return drop(relayed);
        at += static_cast<std::size_t>(taken);
      }
      if (!send_records(relayed)) return;
      if (got > 0 && static_cast<std::size_t>(got) < buffer.size()) return;
    }
    if (!relayed.dead && relayed.upstream_ended && relayed.to_client.empty()) finish(relayed);
  }

  [[nodiscard]] static bool want_more(const Relayed& relayed, int result) {
    const int error = SSL_get_error(relayed.ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  }

  /// The handshake, then what the client says. False: dropped.
  bool take_records(Relayed& relayed) {
    static std::array<char, kRecord> buffer;
    ERR_clear_error();
    if (!relayed.handshake_done) {
      const int result = SSL_do_handshake(relayed.ssl);
      relayed.handshake_done = result == 1;
      if (result != 1 && !want_more(relayed, result)) return drop(relayed), false;
    }
    while (relayed.handshake_done) {
      ERR_clear_error();
      const int got = SSL_read(relayed.ssl, buffer.data(), static_cast<int>(buffer.size()));
      if (got <= 0) {
        if (want_more(relayed, got)) break;
        return drop(relayed), false;
      }
      const auto size = static_cast<std::size_t>(got);
      if (!relayed.connected)
        relayed.to_upstream.append(buffer.data(), size);
      else if (!send_or_keep(relayed.upstream, relayed.to_upstream, buffer.data(), size))
        return drop(relayed), false;
    }
    return true;
  }

  void pump_from_client(Relayed& relayed) {
    while (!relayed.dead) {
      const ssize_t got = recv(relayed.client, records_in.data(), records_in.size(), 0);
      if (got < 0) return errno == EAGAIN ? void() : drop(relayed);
      records_in_at = 0;
      records_in_size = static_cast<std::size_t>(got);
      records_in_ended = got == 0;
      const bool before = relayed.handshake_done;
      if (!take_records(relayed)) return records_out.clear();
      // The greeting is usually there already, and joins the tickets.
      if (!before && relayed.handshake_done) pump_from_upstream(relayed);
      if (relayed.dead || !send_records(relayed)) return;
      if (records_in_size < records_in.size()) return;
    }
  }

  void on_client(Relayed& relayed, unsigned events) {
    if ((events & EPOLLOUT) != 0) {
      if (!send_waiting(relayed.client, relayed.to_client)) return drop(relayed);
      if (relayed.closing && relayed.to_client.empty()) return drop(relayed);
      pump_from_upstream(relayed);
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) pump_from_client(relayed);
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) drop(relayed);
  }

  void on_upstream(Relayed& relayed, unsigned events) {
    if ((events & EPOLLERR) != 0) return drop(relayed);
    if ((events & (EPOLLOUT | EPOLLHUP)) != 0) relayed.connected = true;
    if ((events & EPOLLOUT) != 0 && !send_waiting(relayed.upstream, relayed.to_upstream))
      return drop(relayed);
    pump_from_upstream(relayed);
    if (!relayed.dead && (events & EPOLLRDHUP) != 0) pump_from_upstream(relayed);
  }

  int listener_;
  int upstream_port_;
  SSL_CTX* context_;
  int epoll_;
  std::vector<const Relayed*> gone_;
};

}  // namespace
}  // namespace gatepost::bench

int main(int argc, char** argv) {
  using namespace gatepost::bench;
  int port = 0;
  int upstream_port = 0;
  std::string cert;
  std::string key;
  CLI::App app("Relays TLS to a plain port of 127.0.0.1.");
  app.add_option("--listen", port)->required();
  app.add_option("--upstream", upstream_port)->required();
  app.add_option("--cert", cert)->required();
  app.add_option("--key", key)->required();
  CLI11_PARSE(app, argc, argv);
  prepare_process();
  Relay(port, upstream_port, new_context(cert, key)).run();
}
