#include "tests/bench/generator/worker.h"

#include <algorithm>
#include <cstdio>

#include "tests/bench/common/clock.h"
#include "tests/bench/generator/shared.h"

namespace gatepost::bench {

void Worker::send_user(Session& s) {
  char t[512];
  int n = std::snprintf(t, sizeof t, "USER ");
  int id = static_cast<int>((static_cast<std::uint64_t>(s.id) + s.serial) %
                            static_cast<std::uint64_t>(std::max(1, options.users)));
  std::size_t pc = options.user.find("%d");
  if (pc == std::string::npos)
    n += std::snprintf(t + n, sizeof t - static_cast<std::size_t>(n), "%s\r\n",
                       options.user.c_str());
  else
    n += std::snprintf(t + n, sizeof t - static_cast<std::size_t>(n), "%s%d%s\r\n",
                       options.user.substr(0, pc).c_str(), id, options.user.substr(pc + 2).c_str());
  cmd(s, Kind::user, {t, static_cast<std::size_t>(n)});
}

void Worker::quit(Session& s) { cmd(s, Kind::quit, "QUIT\r\n"); }

void Worker::next_retr(Session& s) {
  char t[32];
  std::string batch;
  while (s.next_retr < s.end_retr &&
         s.owed.size() - s.owed_head < static_cast<std::size_t>(options.depth)) {
    std::uint32_t i = static_cast<std::uint32_t>(s.next_retr++);
    int n = std::snprintf(t, sizeof t, "RETR %u\r\n",
                          i % static_cast<std::uint32_t>(expected.mailbox->size()) + 1);
    expect(s, Kind::retr, i % static_cast<std::uint32_t>(expected.mailbox->size()));
    batch.append(t, static_cast<std::size_t>(n));
  }
  if (!batch.empty()) app_send(s, batch);
}

void Worker::advance(Session& s) {
  switch (options.script) {
    case Script::login:
      if (s.step++ == 0)
        cmd(s, Kind::stat, "STAT\r\n");
      else
        quit(s);
      break;
    case Script::retr:
      if (s.step == 0) {
        s.step = 1;
        s.next_retr = 0;
        s.end_retr = options.retr_count ? options.retr_count : expected.mailbox->size();
        cmd(s, Kind::list, "LIST\r\n");
      } else if (s.next_retr < s.end_retr) {
        next_retr(s);
      } else if (s.owed_head == s.owed.size()) {
        quit(s);
      }
      break;
    case Script::pipeline:
      if (s.step++ == 0) {
        std::string b = "STAT\r\nLIST\r\nUIDL\r\n";
        expect(s, Kind::stat);
        expect(s, Kind::list);
        expect(s, Kind::uidl);
        std::uint64_t n = options.retr_count ? options.retr_count : expected.mailbox->size();
        for (std::uint32_t i = 0; i < n; i++) {
          b += "RETR " + std::to_string(i % expected.mailbox->size() + 1) + "\r\n";
          expect(s, Kind::retr, i % static_cast<std::uint32_t>(expected.mailbox->size()));
        }
        b += "QUIT\r\n";
        expect(s, Kind::quit);
        app_send(s, b);
      }
      break;
    case Script::pingpong:
      if (s.step == 0) {
        s.step = 1;
        s.held = true;
        run.ready++;
        if (!run.ping_started) return;  // the main loop starts all of them together
      }
      ping(s);
      break;
    case Script::idle:
      if (s.step == 0 && options.idle_retr > 0 && run.retr_phase >= 1) {
        s.step = 1;
        s.held = false;
        s.next_retr = 0;
        s.end_retr = static_cast<std::uint64_t>(options.idle_retr);
        next_retr(s);
      } else if (s.step == 1 && s.next_retr < s.end_retr) {
        next_retr(s);
      } else if (!s.held) {
        s.held = true;
        run.ready++;
      }
      break;
  }
}

void Worker::ping(Session& s) {
  if (options.pings && s.pings >= options.pings) return quit(s);
  if (options.rate > 0) {  // open loop: the latency counts from the moment the command was due
    std::uint64_t gap = static_cast<std::uint64_t>(1e9 * options.connections / options.rate),
                  t = now_ns();
    if (!s.due)
      s.due = t + static_cast<std::uint64_t>(s.id) * gap /
                      static_cast<std::uint64_t>(options.connections);
    else
      s.due += gap;
    if (s.due > t) {
      timers.push_back({s.due, &s, s.serial});
      std::push_heap(timers.begin(), timers.end());
      return;
    }
    return send_ping(s, s.due);
  }
  send_ping(s, 0);
}

void Worker::send_ping(Session& s, std::uint64_t t) {
  s.pings++;
  expect(s, Kind::noop, 0, t);
  app_send(s, "NOOP\r\n");
}

}  // namespace gatepost::bench
