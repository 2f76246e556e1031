#include "tests/bench/generator/worker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/bench/common/clock.h"
#include "tests/bench/generator/shared.h"

namespace gatepost::bench {

void Worker::error(Session& s, Fault e, const std::string& detail) {
  if (s.dead) return;
  if (stopping) {
    s.dead = true;
    return;
  }
  st.faults[static_cast<std::size_t>(e)]++;
  if (st.first_error.empty())
    st.first_error =
        std::string(name_of(e)) + ": " + detail + " (session " + std::to_string(s.serial) + ")";
  s.dead = true;
  if (st.fault_count() > static_cast<std::uint64_t>(options.max_errors)) run.aborted = true;
}

void Worker::raw_send(Session& s, const void* p, std::size_t n) {
  if (s.out.empty()) {
    ssize_t w = send(s.fd, p, n, MSG_NOSIGNAL);
    if (w < 0) {
      if (errno != EAGAIN) return error(s, Fault::io, std::strerror(errno));
      w = 0;
    }
    if (static_cast<std::size_t>(w) == n) return;
    s.out.assign(static_cast<const char*>(p) + w, n - static_cast<std::size_t>(w));
  } else {
    s.out.append(static_cast<const char*>(p), n);
  }
}

void Worker::flush(Session& s) {
  if (s.out.empty()) return;
  if (s.openssl && s.hs_done) {
    int w = SSL_write(s.openssl, s.out.data(), static_cast<int>(s.out.size()));
    if (w > 0) s.out.erase(0, static_cast<std::size_t>(w));
    return;
  }
  ssize_t w = send(s.fd, s.out.data(), s.out.size(), MSG_NOSIGNAL);
  if (w > 0)
    s.out.erase(0, static_cast<std::size_t>(w));
  else if (w < 0 && errno != EAGAIN)
    error(s, Fault::io, std::strerror(errno));
}

void Worker::app_send(Session& s, std::string_view d) {
  if (!s.tls_on) return raw_send(s, d.data(), d.size());
  if (options.engine_fast) {
    std::uint8_t small[2048];
    std::vector<std::uint8_t> big;
    std::uint8_t* o = small;
    std::size_t need = d.size() + 64 + d.size() / 16000 * 64;
    if (need > sizeof small) {
      big.resize(need);
      o = big.data();
    }
    std::size_t at = 0;
    while (!d.empty()) {
      std::size_t k = std::min<std::size_t>(d.size(), 16384);
      at += s.tls.writing.seal(23, reinterpret_cast<const std::uint8_t*>(d.data()), k, o + at);
      d.remove_prefix(k);
    }
    return raw_send(s, o, at);
  }
  if (!s.out.empty()) {
    s.out.append(d);
    return;
  }
  ERR_clear_error();
  int w = SSL_write(s.openssl, d.data(), static_cast<int>(d.size()));
  if (w == static_cast<int>(d.size())) return;
  if (w > 0)
    s.out.assign(d.substr(static_cast<std::size_t>(w)));
  else {
    int e = SSL_get_error(s.openssl, w);
    if (e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_WANT_READ)
      s.out.assign(d);
    else
      error(s, Fault::io, "SSL_write");
  }
}

void Worker::expect(Session& s, Kind k, std::uint32_t idx, std::uint64_t t) {
  s.owed.push_back({k, idx, t ? t : now_ns()});
}

void Worker::cmd(Session& s, Kind k, std::string_view text, std::uint32_t idx) {
  expect(s, k, idx);
  app_send(s, text);
}

void Worker::open(Session& s) {
  close_session(s);
  s.left.clear();
  s.out.clear();
  s.owed.clear();
  s.owed_head = 0;
  s.line.clear();
  s.text.clear();
  s.body = Body::none;
  s.body_state = BodyState::line_start;
  s.step = 0;
  s.pings = 0;
  s.due = 0;
  s.tls_on = s.hs_done = s.dead = s.wait_close = s.clean = s.start_tls = s.held = false;
  s.serial = ++serial;
  s.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s.fd < 0) return error(s, Fault::connect, std::string("socket: ") + std::strerror(errno));
  int one = 1;
  setsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  if (options.src_ips > 1 && options.host.rfind("127.", 0) == 0) {
    setsockopt(s.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    a.sin_addr.s_addr =
        htonl(0x7f000001u +
              static_cast<std::uint32_t>(s.serial % static_cast<std::uint64_t>(options.src_ips)));
    bind(s.fd, reinterpret_cast<sockaddr*>(&a), sizeof a);
  }
  a.sin_port = htons(static_cast<std::uint16_t>(options.port));
  inet_pton(AF_INET, options.host.c_str(), &a.sin_addr);
  s.t_open = s.t_act = now_ns();
  s.connecting = true;
  live++;
  if (connect(s.fd, reinterpret_cast<sockaddr*>(&a), sizeof a) < 0 && errno != EINPROGRESS)
    return error(s, Fault::connect, std::strerror(errno));
  epoll_event e{};
  e.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  e.data.ptr = &s;
  epoll_ctl(ep, EPOLL_CTL_ADD, s.fd, &e);
}

void Worker::close_session(Session& s) {
  if (s.openssl) {
    SSL_free(s.openssl);
    s.openssl = nullptr;
  }
  if (s.fd >= 0) {
    close(s.fd);
    s.fd = -1;
    live--;
  }
}

void Worker::on_connected(Session& s) {
  s.connecting = false;
  int e = 0;
  socklen_t l = sizeof e;
  getsockopt(s.fd, SOL_SOCKET, SO_ERROR, &e, &l);
  if (e) return error(s, Fault::connect, std::strerror(e));
  if (options.tls == TlsMode::implicit)
    start_tls(s);
  else
    expect(s, Kind::greeting);
}

bool Worker::may_start() {
  if (stopping || run.aborted) return false;
  if (options.script == Script::idle || options.script == Script::pingpong) return true;
  if (options.sessions == 0) return true;
  std::uint64_t v = run.sessions_left.load();
  while (v && !run.sessions_left.compare_exchange_weak(v, v - 1)) {
  }
  return v != 0;
}

void Worker::after(Session& s) {
  if (!s.dead || s.fd < 0) return;
  if (s.wait_close) send_close(s);
  bool was_ok = s.wait_close;
  close_session(s);
  bool again = options.script != Script::idle && options.script != Script::pingpong;
  if (!was_ok && (options.script == Script::idle || options.script == Script::pingpong))
    again = !stopping && !s.held;
  if (again && may_start()) restart.push_back(&s);
}

void Worker::loop_once(int timeout_ms) {
  for (std::size_t i = 0; i < restart.size(); i++) {
    Session* s = restart[i];
    open(*s);
    if (s->dead) {
      close_session(*s);
      usleep(1000);
      if (may_start()) restart.push_back(s);
      if (restart.size() > 100000) run.aborted = true;
      if (run.aborted) break;
    }
  }
  restart.clear();
  epoll_event ev[256];
  std::uint64_t wait = static_cast<std::uint64_t>(timeout_ms) * 1000000;
  if (!timers.empty()) {
    std::uint64_t t = now_ns();
    wait = timers.front().t <= t ? 0 : std::min(wait, timers.front().t - t);
  }
  timespec ts{time_t(wait / 1000000000), static_cast<long>(wait % 1000000000)};
  int n = epoll_pwait2(ep, ev, 256, &ts, nullptr);
  for (int i = 0; i < n; i++) {
    Session& s = *static_cast<Session*>(ev[i].data.ptr);
    if (s.dead || s.fd < 0) continue;
    std::uint32_t e = ev[i].events;
    if (s.connecting) {
      if (!(e & (EPOLLOUT | EPOLLERR | EPOLLHUP))) continue;
      on_connected(s);
      if (!s.dead && (e & EPOLLIN)) read_some(s);
    } else {
      if ((e & EPOLLOUT) && !s.out.empty()) flush(s);
      if (e & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) read_some(s);
    }
    if (!s.dead && (e & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
      for (int k = 0; k < 64 && !s.dead; k++) read_some(s);
      if (!s.dead && s.fd >= 0 && (e & (EPOLLHUP | EPOLLERR))) eof(s);
    }
    after(s);
  }
  while (!timers.empty() && timers.front().t <= now_ns()) {
    Timer t = timers.front();
    std::pop_heap(timers.begin(), timers.end());
    timers.pop_back();
    if (t.s->serial == t.serial && !t.s->dead && t.s->fd >= 0) {
      send_ping(*t.s, t.t);
      after(*t.s);
    }
  }
}

void Worker::check_timeouts() {
  std::uint64_t t = now_ns();
  for (auto& s : sessions) {
    if (s->fd < 0 || s->dead) continue;
    if (s->wait_close && t - s->t_act > 5000000000ull) {
      stats().unclean++;
      s->dead = true;
      after(*s);
    } else if ((!s->held || !s->owed.empty()) &&
               t - s->t_act > static_cast<std::uint64_t>(options.timeout * 1e9)) {
      std::string where = s->tls_on && !s->hs_done ? "TLS handshake"
                          : s->owed.empty()        ? "nothing"
                                                   : std::string(name_of(s->owed[s->owed_head].k));
      error(*s, Fault::timeout, "waiting for the reply to " + where);
      after(*s);
    }
  }
}

void Worker::setup() {
  ep = epoll_create1(EPOLL_CLOEXEC);
  scratch.resize(static_cast<std::size_t>(options.recv_buf) + 20000);
  if (!options.engine_fast && options.tls != TlsMode::none) {
    ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(ctx, options.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(ctx, options.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    if (options.tls12)
      SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256");
    else
      SSL_CTX_set_ciphersuites(ctx, options.ciphers.c_str());
    SSL_CTX_set1_groups_list(ctx, options.groups.c_str());
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_read_ahead(ctx, 1);
    if (options.resume) {
      SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
      SSL_CTX_sess_set_new_cb(ctx, [](SSL* ssl, SSL_SESSION* ss) -> int {
        auto* s = static_cast<Session*>(SSL_get_app_data(ssl));
        if (s->openssl_session) SSL_SESSION_free(s->openssl_session);
        s->openssl_session = ss;
        return 1;
      });
    }
  }
}

}  // namespace gatepost::bench
