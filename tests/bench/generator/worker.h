#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/generator/session.h"
#include "tests/bench/generator/shared.h"
#include "tests/bench/generator/stats.h"

namespace gatepost::bench {

/// One thread's event loop with its sessions.
struct Worker {
  int index = 0, ep = -1;
  std::vector<std::unique_ptr<Session>> sessions;
  Stats st, win;  // win: only inside the window
  KeyPool pool{options.key_reuse};
  SSL_CTX* ctx = nullptr;
  std::vector<std::uint8_t> scratch;
  bool counting = false, stopping = false;
  std::uint64_t serial = 0;
  std::uint64_t hs_count = 0;
  std::vector<Session*> restart;
  int live = 0;

  Stats& stats() { return counting ? win : st; }

  void error(Session& s, Fault e, const std::string& detail);

  // ---- output
  void raw_send(Session& s, const void* p, std::size_t n);
  void flush(Session& s);
  void app_send(Session& s, std::string_view d);
  void expect(Session& s, Kind k, std::uint32_t idx = 0, std::uint64_t t = 0);
  void cmd(Session& s, Kind k, std::string_view text, std::uint32_t idx = 0);

  // ---- life of a session
  void open(Session& s);
  void close_session(Session& s);
  void on_connected(Session& s);
  void start_tls(Session& s);
  void hs_finished(Session& s, bool resumed);
  void send_user(Session& s);
  void quit(Session& s);
  void next_retr(Session& s);
  // Called when a reply is complete and nothing is in flight (or for RETR, when there is room).
  void advance(Session& s);
  void ping(Session& s);
  void send_ping(Session& s, std::uint64_t t);
  struct Timer {
    std::uint64_t t;
    Session* s;
    std::uint64_t serial;
    bool operator<(const Timer& o) const { return t > o.t; }
  };
  std::vector<Timer> timers;

  void reply_done(Session& s);
  void send_close(Session& s);
  void status_line(Session& s, std::string_view l);
  // Index of the first "\n." in p[0..n), or n if none (an '\n' in last place counts as none).
  static std::size_t find_nl_dot(const std::uint8_t* p, std::size_t n);
  void mail_bytes(Session& s, const std::uint8_t* p, std::size_t n);
  // Consumes body bytes up to and including the terminator.
  std::size_t mail_body(Session& s, const std::uint8_t* p, std::size_t n);
  void text_done(Session& s);
  void feed(Session& s, const std::uint8_t* p, std::size_t n);

  // ---- input
  void eof(Session& s);
  void note_record(std::size_t len);
  bool fast_records(Session& s, std::uint8_t* p, std::size_t n, std::size_t& used);
  void read_some(Session& s);
  void drive_openssl(Session& s);

  bool may_start();
  void after(Session& s);
  void loop_once(int timeout_ms);
  void check_timeouts();
  void setup();
};

}  // namespace gatepost::bench
