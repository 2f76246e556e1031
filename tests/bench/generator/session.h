#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/generator/tls13_client.h"

namespace gatepost::bench {

/// What a reply answers.
enum class Kind : std::uint8_t { greeting, stls, user, pass, stat, list, uidl, retr, noop, quit };
[[nodiscard]] std::string_view name_of(Kind kind);

struct Expect {
  Kind k;
  std::uint32_t idx;  ///< of the message, from 0
  std::uint64_t t;    ///< when it was sent, or was due
};
enum class Body : std::uint8_t { none, text, mail };
enum class BodyState : std::uint8_t { line_start, text, dot, dot_cr };

/// One connection of the load generator; used again for the next session when it is closed.
struct Session {
  int id = 0;
  int fd = -1;
  bool tls_on = false;
  bool hs_done = false;
  bool dead = false;
  bool wait_close = false;  // QUIT was answered: the server closes
  bool clean = false;       // close_notify came
  bool connecting = false;
  bool start_tls = false;  // STLS was answered
  bool held = false;       // idles
  SSL* openssl = nullptr;
  SSL_SESSION* openssl_session = nullptr;
  Tls13Client tls;
  Ticket ticket;
  bool have_ticket = false;
  std::vector<std::uint8_t> left;  // part of a record
  std::string out;                 // octets that the socket did not take
  std::vector<Expect> owed;
  std::size_t owed_head = 0;
  std::string line;
  std::string text;
  Body body = Body::none;
  BodyState body_state = BodyState::line_start;
  std::uint64_t body_octets = 0;
  std::uint32_t body_crc = 0;
  std::uint64_t t_open = 0;
  std::uint64_t t_hs = 0;
  std::uint64_t t_act = 0;
  std::uint64_t next_retr = 0;
  std::uint64_t end_retr = 0;
  std::uint64_t serial = 0;
  std::size_t rest = 0;  // octets received behind the reply being handled
  int step = 0;
  std::uint64_t pings = 0;
  std::uint64_t due = 0;
};

}  // namespace gatepost::bench
