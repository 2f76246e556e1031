#include "tests/bench/generator/worker.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/bench/common/clock.h"
#include "tests/bench/generator/shared.h"

namespace gatepost::bench {

void Worker::start_tls(Session& s) {
  s.tls_on = true;
  s.t_hs = now_ns();
  if (options.engine_fast) {
    bool use = options.resume && s.have_ticket;
    auto h = s.tls.hello(pool, use ? &s.ticket : nullptr, "localhost");
    s.tls.check_signature(options.sig_every > 0 &&
                          hs_count++ % static_cast<std::uint64_t>(options.sig_every) == 0);
    s.have_ticket = false;
    raw_send(s, h.data(), h.size());
  } else {
    s.openssl = SSL_new(ctx);
    SSL_set_app_data(s.openssl, &s);
    SSL_set_fd(s.openssl, s.fd);
    SSL_set_connect_state(s.openssl);
    SSL_set_tlsext_host_name(s.openssl, "localhost");
    if (options.resume && s.openssl_session) SSL_set_session(s.openssl, s.openssl_session);
    drive_openssl(s);
  }
}

void Worker::hs_finished(Session& s, bool resumed) {
  s.hs_done = true;
  auto& x = stats();
  x.handshakes++;
  x.resumed += resumed;
  x.handshake.add(now_ns() - s.t_hs);
  if (options.tls == TlsMode::implicit)
    expect(s, Kind::greeting);
  else
    send_user(s);
}

void Worker::send_close(Session& s) {
  if (!s.tls_on || !s.hs_done) return;
  if (options.engine_fast) {
    std::uint8_t o[64];
    const std::uint8_t a[2] = {1, 0};
    std::size_t n = s.tls.writing.seal(21, a, 2, o);
    send(s.fd, o, n, MSG_NOSIGNAL);
  } else {
    SSL_shutdown(s.openssl);
    ERR_clear_error();
  }
}

void Worker::eof(Session& s) {
  if (s.wait_close) {
    if (s.tls_on && !s.clean) stats().unclean++;
    s.dead = true;
    return;
  }
  error(s, Fault::unexpected_eof,
        s.tls_on && !s.hs_done         ? "during the TLS handshake"
        : s.owed_head == s.owed.size() ? "with nothing outstanding"
                                       : std::string("waiting for the reply to ") +
                                             std::string(name_of(s.owed[s.owed_head].k)));
}

void Worker::note_record(std::size_t len) {
  auto& x = stats();
  x.records++;
  x.record_bytes += len;
  x.record_max = std::max<std::uint64_t>(x.record_max, len);
}

bool Worker::fast_records(Session& s, std::uint8_t* p, std::size_t n, std::size_t& used) {
  used = 0;
  while (n - used >= 5 && !s.dead) {
    std::uint8_t* h = p + used;
    std::size_t len = static_cast<std::size_t>(h[3] << 8 | h[4]);
    if (len > 16384 + 256) return error(s, Fault::tls, "record too long"), false;
    if (n - used < 5 + len) break;
    used += 5 + len;
    std::uint8_t* d = h + 5;
    int type = h[0];
    std::size_t dl = len;
    if (type == 20) continue;  // change_cipher_spec
    if (s.tls.encrypted() && type == 23) {
      int k = s.tls.reading.open(h, d, static_cast<int>(len));
      if (k < 0) return error(s, Fault::tls, "bad record MAC"), false;
      while (k > 0 && d[k - 1] == 0) k--;
      if (k == 0) return error(s, Fault::tls, "empty inner record"), false;
      type = d[k - 1];
      dl = static_cast<std::size_t>(k - 1);
    } else if (s.tls.encrypted() && type != 21) {
      return error(s, Fault::tls, "plaintext record"), false;
    }
    if (type == 23) {
      if (!s.hs_done) return error(s, Fault::tls, "early application data"), false;
      note_record(dl);
      feed(s, d, dl);
    } else if (type == 22) {
      Buffer out;
      const bool was = s.hs_done;
      if (!s.tls.receive(d, dl, out, options.resume ? &s.ticket : nullptr))
        return error(s, s.tls.wrong_certificate() ? Fault::wrong_certificate : Fault::tls,
                     s.tls.why()),
               false;
      if (s.tls.took_ticket()) s.have_ticket = true;
      if (!out.empty()) raw_send(s, out.data(), out.size());
      if (!was && s.tls.established() && !s.dead) hs_finished(s, s.tls.resumed());
    } else if (type == 21) {
      if (dl == 2 && d[1] == 0) {  // close_notify: the end of the stream, whatever TCP does
        s.clean = true;
        return eof(s), false;
      }
      return error(s, Fault::tls, "alert " + std::to_string(dl == 2 ? d[1] : -1)), false;
    } else {
      return error(s, Fault::tls, "record type " + std::to_string(type)), false;
    }
  }
  return true;
}

void Worker::read_some(Session& s) {
  while (!s.dead) {
    if (s.tls_on && !options.engine_fast) return drive_openssl(s);
    std::size_t keep = s.left.size();
    if (keep) std::memcpy(scratch.data(), s.left.data(), keep);
    ssize_t n = recv(s.fd, scratch.data() + keep, static_cast<std::size_t>(options.recv_buf), 0);
    if (n < 0) {
      if (errno == EAGAIN) return;
      if (s.wait_close) {  // a reset after the reply to QUIT
        stats().unclean++;
        s.dead = true;
        return;
      }
      return error(s, Fault::io, std::strerror(errno));
    }
    if (n == 0) return eof(s);
    if (options.quickack) {
      int one = 1;
      setsockopt(s.fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    }
    s.t_act = now_ns();
    auto& x = stats();
    x.reads++;
    std::size_t total = keep + static_cast<std::size_t>(n), used = 0;
    s.left.clear();
    if (s.tls_on) {
      if (!fast_records(s, scratch.data(), total, used)) return;
      if (used < total) s.left.assign(scratch.data() + used, scratch.data() + total);
    } else {
      feed(s, scratch.data(), total);
      if (s.start_tls && !s.dead) {
        s.start_tls = false;
        start_tls(s);
      }
    }
    if (static_cast<std::size_t>(n) < static_cast<std::size_t>(options.recv_buf)) return;
  }
}

void Worker::drive_openssl(Session& s) {
  while (!s.dead) {
    ERR_clear_error();  // SSL_get_error looks at the thread's queue, which another connection may
                        // have left full
    if (!s.hs_done) {
      int r = SSL_do_handshake(s.openssl);
      if (r != 1) {
        int e = SSL_get_error(s.openssl, r);
        if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) return;
        char t[256];
        ERR_error_string_n(ERR_get_error(), t, sizeof t);
        return error(s, Fault::tls, t);
      }
      if (!expected.certificate.empty() && !SSL_session_reused(s.openssl)) {
        X509* x = SSL_get1_peer_certificate(s.openssl);
        std::uint8_t* der = nullptr;
        int l = x ? i2d_X509(x, &der) : -1;
        bool same = l == static_cast<int>(expected.certificate.size()) &&
                    !std::memcmp(der, expected.certificate.data(), static_cast<std::size_t>(l));
        OPENSSL_free(der);
        X509_free(x);
        if (!same)
          return error(s, Fault::wrong_certificate, "the certificate is not the expected one");
      }
      if (st.cipher.empty())
        st.cipher = std::string(SSL_get_version(s.openssl)) + " " + SSL_get_cipher_name(s.openssl);
      hs_finished(s, SSL_session_reused(s.openssl));
    }
    int n = SSL_read(s.openssl, scratch.data(), options.recv_buf);
    if (n > 0) {
      s.t_act = now_ns();
      stats().reads++;
      if (options.quickack) {
        int one = 1;
        setsockopt(s.fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
      }
      note_record(static_cast<std::size_t>(n));
      feed(s, scratch.data(), static_cast<std::size_t>(n));
      continue;
    }
    int e = SSL_get_error(s.openssl, n);
    if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) return;
    if (e == SSL_ERROR_ZERO_RETURN) {
      s.clean = true;
      return eof(s);
    }
    unsigned long code = ERR_peek_error();
    ERR_clear_error();
    if (e == SSL_ERROR_SSL && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING) {
      char t[256];
      ERR_error_string_n(code, t, sizeof t);
      return error(s, Fault::tls, t);
    }
    return eof(s);
  }
}

}  // namespace gatepost::bench
