#include "tests/bench/generator/worker.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "tests/bench/common/clock.h"
#include "tests/bench/common/crc32c.h"
#include "tests/bench/generator/shared.h"

namespace gatepost::bench {

std::string_view name_of(Kind kind) {
  static constexpr std::array<std::string_view, 10> kNames{
      "greeting", "STLS", "USER", "PASS", "STAT", "LIST", "UIDL", "RETR", "NOOP", "QUIT"};
  return kNames.at(static_cast<std::size_t>(kind));
}

void Worker::reply_done(Session& s) {
  Expect e = s.owed[s.owed_head++];
  if (s.owed_head == s.owed.size()) {
    s.owed.clear();
    s.owed_head = 0;
    if (s.rest && e.k != Kind::stls)
      return error(s, Fault::unsolicited_data,
                   std::to_string(s.rest) + " bytes behind the last reply");
  }
  std::uint64_t t = now_ns();
  auto& x = stats();
  x.commands++;
  switch (e.k) {
    case Kind::greeting:
      if (options.tls == TlsMode::stls && !s.hs_done)
        cmd(s, Kind::stls, "STLS\r\n");
      else
        send_user(s);
      return;
    case Kind::stls:
      s.start_tls = true;
      return;
    case Kind::user:
      cmd(s, Kind::pass, "PASS " + options.password + "\r\n");
      return;
    case Kind::quit:
      x.sessions++;
      x.session.add(t - s.t_open);
      s.wait_close = true;
      return;
    case Kind::retr:
      x.messages++;
      x.command.add(t - e.t);
      break;
    case Kind::noop:
      x.command.add(t - e.t);
      break;
    case Kind::pass:
      break;
    default:
      break;
  }
  if (stopping && options.script != Script::idle) {
    s.dead = true;
    return;
  }
  if (options.script == Script::retr || s.owed.empty()) advance(s);
}

void Worker::status_line(Session& s, std::string_view l) {
  if (s.owed.empty()) return error(s, Fault::unsolicited_data, std::string(l.substr(0, 80)));
  Expect& e = s.owed[s.owed_head];
  bool ok = l.size() >= 3 && l.compare(0, 3, "+OK") == 0 && (l.size() == 3 || l[3] == ' ');
  if (!ok) {
    return error(s, Fault::bad_status,
                 std::string(name_of(e.k)) + " -> " + std::string(l.substr(0, 120)));
  }
  switch (e.k) {
    case Kind::stat:
      if (!expected.stat.empty() &&
          !(l.size() >= expected.stat.size() &&
            l.compare(0, expected.stat.size(), expected.stat) == 0 &&
            (l.size() == expected.stat.size() || l[expected.stat.size()] == ' ')))
        return error(s, Fault::bad_stat, std::string(l.substr(0, 80)) + " want " + expected.stat);
      break;
    case Kind::list:
    case Kind::uidl:
      s.body = Body::text;
      s.text.clear();
      return;
    case Kind::retr:
      s.body = Body::mail;
      s.body_state = BodyState::line_start;
      s.body_octets = 0;
      s.body_crc = 0;
      return;
    default:
      break;
  }
  reply_done(s);
}

std::size_t Worker::find_nl_dot(const std::uint8_t* p, std::size_t n) {
  std::size_t i = 0;
#if defined(__AVX2__)
  const __m256i nl = _mm256_set1_epi8('\n'), dot = _mm256_set1_epi8('.');
  for (; i + 65 <= n; i += 64) {
    __m256i a = _mm256_cmpeq_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + i)), nl);
    __m256i b =
        _mm256_cmpeq_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + i + 1)), dot);
    __m256i c =
        _mm256_cmpeq_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + i + 32)), nl);
    __m256i d =
        _mm256_cmpeq_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + i + 33)), dot);
    std::uint64_t m = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_and_si256(a, b)));
    m |= static_cast<std::uint64_t>(
             static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_and_si256(c, d))))
         << 32;
    if (m) return i + static_cast<std::size_t>(__builtin_ctzll(m));
  }
#endif
  for (; i + 1 < n; i++)
    if (p[i] == '\n' && p[i + 1] == '.') return i;
  return n;
}

void Worker::mail_bytes(Session& s, const std::uint8_t* p, std::size_t n) {
  s.body_crc = crc32c(s.body_crc, p, n);
  s.body_octets += n;
  stats().payload += n;
}

std::size_t Worker::mail_body(Session& s, const std::uint8_t* p, std::size_t n) {
  std::size_t i = 0;
  while (i < n) {
    switch (s.body_state) {
      case BodyState::line_start:
        if (p[i] == '.') {
          s.body_state = BodyState::dot;
          i++;
          break;
        }
        s.body_state = BodyState::text;
        [[fallthrough]];
      case BodyState::text: {
        std::size_t k = find_nl_dot(p + i, n - i);
        if (k == n - i) {
          mail_bytes(s, p + i, k);
          s.body_state = p[n - 1] == '\n' ? BodyState::line_start : BodyState::text;
          return n;
        }
        mail_bytes(s, p + i, k + 1);
        i += k + 1;
        s.body_state = BodyState::line_start;
        break;
      }
      case BodyState::dot:
        if (p[i] == '\r') {
          s.body_state = BodyState::dot_cr;
          i++;
        } else {
          s.body_state = BodyState::text;  // the dot was stuffing
        }
        break;
      case BodyState::dot_cr:
        if (p[i] == '\n') {
          i++;
          s.rest = n - i;
          s.body = Body::none;
          const Message& m = (*expected.mailbox)[s.owed[s.owed_head].idx];
          if (s.body_octets != m.octets)
            error(s, Fault::bad_size,
                  "message " + std::to_string(s.owed[s.owed_head].idx + 1) + ": " +
                      std::to_string(s.body_octets) + " octets, want " + std::to_string(m.octets));
          else if (s.body_crc != m.crc)
            error(s, Fault::bad_checksum, "message " + std::to_string(s.owed[s.owed_head].idx + 1));
          else
            reply_done(s);
          return i;
        }
        mail_bytes(s, reinterpret_cast<const std::uint8_t*>("\r"), 1);
        s.body_state = BodyState::text;
        break;
    }
  }
  return i;
}

void Worker::text_done(Session& s) {
  Kind k = s.owed[s.owed_head].k;
  s.body = Body::none;
  if (k == Kind::list && !expected.list.empty() && s.text != expected.list)
    return error(
        s, Fault::bad_list,
        std::to_string(s.text.size()) + " bytes, want " + std::to_string(expected.list.size()));
  if (k == Kind::uidl) {
    if (!expected.uidl.empty() && s.text != expected.uidl)
      return error(s, Fault::bad_uidl, std::to_string(s.text.size()) + " bytes");
  }
  reply_done(s);
}

void Worker::feed(Session& s, const std::uint8_t* p, std::size_t n) {
  while (n && !s.dead) {
    if (s.start_tls) return error(s, Fault::plaintext_after_stls, "data after the reply to STLS");
    if (s.body == Body::mail) {
      std::size_t k = mail_body(s, p, n);
      p += k;
      n -= k;
      continue;
    }
    const std::uint8_t* nl = static_cast<const std::uint8_t*>(std::memchr(p, '\n', n));
    if (!nl) {
      s.line.append(reinterpret_cast<const char*>(p), n);
      if (s.line.size() > 8192) error(s, Fault::bad_format, "line too long");
      return;
    }
    std::size_t L = static_cast<std::size_t>(nl - p) + 1;
    std::string_view sv(reinterpret_cast<const char*>(p), L);
    if (!s.line.empty()) {
      s.line.append(sv);
      sv = s.line;
    }
    p += L;
    n -= L;
    s.rest = n;
    if (sv.size() < 2 || sv[sv.size() - 2] != '\r')
      return error(s, Fault::bad_format, "line end is not CRLF");
    if (s.body == Body::text) {
      if (sv == ".\r\n")
        text_done(s);
      else
        s.text.append(sv);
    } else {
      status_line(s, sv.substr(0, sv.size() - 2));
    }
    s.line.clear();
  }
}

}  // namespace gatepost::bench
