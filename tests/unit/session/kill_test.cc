// Long transcripts, each cut short at every place: the session is destroyed, a connection breaks or
// takes no more, a timer goes off. Nothing may leak, and what is not destroyed ends by itself.

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/support/session_harness.h"

namespace gatepost::session {
namespace {

using testing::Chopping;
using testing::Fate;
using testing::RunMode;
using testing::SessionHarness;

constexpr std::string_view kBody = "Subject: x\r\n\r\n..dot\r\ntext\r\n.\r\n";

void pipelined_mail(SessionHarness& h) {
  h.start();
  h.expect_client_line("+OK");
  h.log_in("USER\r\nPIPELINING\r\nTOP\r\nUIDL\r\n");
  h.client("STAT\r\nRETR 1\r\nFOO\r\nRETR 2\r\nDELE 1\r\nQUIT\r\n");
  h.upstream_expects("STAT\r\nRETR 1\r\nRETR 2\r\nDELE 1\r\n");
  const std::string mail = "+OK\r\n" + std::string(kBody);
  h.upstream("+OK 2 60\r\n" + mail);
  h.expect_client("+OK 2 60\r\n" + mail);
  h.expect_client_line("-ERR");
  h.upstream(mail + "+OK gone\r\n");
  h.expect_client(mail + "+OK gone\r\n");
  h.upstream_expects("QUIT\r\n");
  h.upstream("+OK bye\r\n");
  h.expect_client("+OK bye\r\n");
  h.expect_upstream_closed();
  h.expect_ended(EndReason::quit);
}

void tls_on_both_legs(SessionHarness& h) {
  h.settings.client_tls_mode = config::ListenerTls::starttls;
  h.server.security = upstream::Security::stls;
  h.start();
  h.expect_client_line("+OK");
  h.client("STLS\r\n");
  h.expect_client_line("+OK");
  h.client_handshake();
  h.client("USER joe\r\n");
  h.expect_client_line("+OK");
  h.client("PASS x\r\n");
  h.upstream_accepts();
  h.upstream("+OK ready\r\n");
  h.upstream_expects("STLS\r\n");
  h.upstream("+OK go\r\n");
  h.upstream_handshake();
  h.upstream_expects("CAPA\r\n");
  h.upstream("+OK\r\nSASL PLAIN\r\n.\r\n");
  h.upstream_expects("AUTH PLAIN AGpvZQB4\r\n");
  h.upstream("+OK in\r\n");
  h.expect_client("+OK in\r\n");
  h.client("RETR 1\r\n");
  h.upstream_expects("RETR 1\r\n");
  h.upstream("+OK\r\n" + std::string(kBody));
  h.expect_client("+OK\r\n" + std::string(kBody));
  h.upstream_ends();
  h.ignore_the_rest();
}

void relayed_dialog(SessionHarness& h) {
  h.start();
  h.expect_client_line("+OK");
  h.client("AUTH CRAM-MD5\r\n");
  h.upstream_accepts();
  h.upstream("+OK ready\r\n");
  h.upstream_expects("CAPA\r\n");
  h.upstream("+OK\r\nSASL CRAM-MD5\r\n.\r\n");
  h.upstream_expects("AUTH CRAM-MD5\r\n");
  h.upstream("+ PDFAeD4=\r\n");
  h.expect_client("+ PDFAeD4=\r\n");
  h.client("am9lIDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm\r\n");
  h.upstream_expects("am9lIDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm\r\n");
  h.upstream("+OK in\r\n");
  h.expect_client("+OK in\r\n");
  h.client_says_and_gets("UTF8\r\n", "-ERR UTF8 is for before the login\r\n");
  h.client_ends();
  h.expect_upstream_aborted();
  h.expect_ended(EndReason::client_closed);
}

void failed_logins(SessionHarness& h) {
  h.settings.limits.free_failed_logins = 1;
  h.guard.configure(h.settings.limits);
  h.start();
  h.expect_client_line("+OK");
  for (int i = 0; i < 3; ++i) {
    h.client("USER joe\r\n");
    h.expect_client_line("+OK");
    h.client("PASS wrong\r\n");
    if (i == 2) h.advance(Duration(1000));
    h.upstream_accepts();
    h.upstream("+OK ready\r\n");
    h.upstream_expects("CAPA\r\n");
    h.upstream("-ERR\r\n");
    h.upstream_expects("USER joe\r\n");
    h.upstream("+OK\r\n");
    h.upstream_expects("PASS wrong\r\n");
    h.upstream("-ERR no\r\n");
    h.expect_client("-ERR no\r\n");
  }
  h.expect_ended(EndReason::too_many_errors);
}

void next_server(SessionHarness& h) {
  h.more_servers = {SessionHarness::make_server("two.example")};
  h.start();
  h.expect_client_line("+OK");
  h.client("AUTH PLAIN AGpvZQB4\r\n");
  h.upstream_refuses(ErrorCode::network);
  h.upstream_accepts();
  h.upstream("+OK ready\r\n");
  h.upstream_expects("CAPA\r\n");
  h.upstream("-ERR\r\n");
  h.upstream_expects("USER joe\r\n");
  h.upstream("+OK\r\n");
  h.upstream_expects("PASS x\r\n");
  h.upstream("+OK in\r\n");
  h.expect_client("+OK in\r\n");
  h.client("TOP 1 0\r\nQUIT\r\n");
  h.upstream_expects("TOP 1 0\r\n");
  h.upstream("+OK\r\n.\r\n");
  h.expect_client("+OK\r\n.\r\n");
  h.upstream_expects("QUIT\r\n");
  h.upstream_ends();
  h.expect_client_line("-ERR [SYS/TEMP]");
  h.ignore_the_rest();
}

void apop(SessionHarness& h) {
  h.settings.apop = true;
  h.start();
  h.upstream_accepts();
  h.upstream("+OK <1@x>\r\n");
  h.upstream_expects("CAPA\r\n");
  h.upstream("-ERR\r\n");
  h.expect_client_line("+OK");
  const std::string line = "APOP joe 0123456789abcdef0123456789abcdef\r\n";
  for (const std::string_view answer : {"-ERR no\r\n", "+OK in\r\n"}) {
    h.client(line);
    h.upstream_expects(line);
    h.upstream(answer);
    h.expect_client(answer);
  }
  h.client("NOOP\r\n");
  h.upstream_expects("NOOP\r\n");
  h.upstream("+OK\r\n");
  h.expect_client("+OK\r\n");
  h.kill();
}

void scanned_mail(SessionHarness& h) {
  h.use_chain().config.waiting.deadline = Duration(100'000);
  h.start();
  h.expect_client_line("+OK");
  h.log_in("USER\r\nPIPELINING\r\nTOP\r\nUIDL\r\n");
  h.client("RETR 1\r\nTOP 1 1\r\nTOP 1 0\r\nDELE 1\r\nQUIT\r\n");
  h.upstream_expects("RETR 1\r\nRETR 1\r\nTOP 1 0\r\nDELE 1\r\n");
  const std::string mail = "+OK\r\n" + std::string(kBody);
  h.upstream(mail + mail);
  h.advance(Duration(20'000));
  h.scanner_says(filters::Verdict::clean());
  h.expect_client("+OK Message follows\r\nX-Gatepost-Status: being scanned\r\n" +
                  std::string(kBody));
  h.advance(session::Retrieval::kAwake);
  h.scanner_says(filters::Verdict::of(filters::Cause::timeout, "late"));
  h.upstream("+OK\r\n.\r\n+OK gone\r\n");
  h.ignore_the_rest();
  h.kill();
}

class KillTest : public ::testing::TestWithParam<void (*)(SessionHarness&)> {
 protected:
  /// Whether the transcript went on to its end.
  static bool run(const RunMode& mode, const std::string& name) {
    const ::testing::ScopedTrace trace(__FILE__, __LINE__, name);
    SessionHarness harness(mode);
    GetParam()(harness);
    const bool whole = !harness.cut_short();
    return whole || HasFailure();
  }
};

TEST_P(KillTest, EveryTurnMayBeTheLast) {
  for (const auto kind : {Chopping::Kind::whole, Chopping::Kind::random}) {
    for (const Fate fate :
         {Fate::killed, Fate::client_broken, Fate::upstream_broken, Fate::alarm}) {
      for (std::size_t k = 1;; ++k) {
        const RunMode mode{.chopping = Chopping(kind), .kill_after = k, .fate = fate};
        if (run(mode,
                "fate " + std::to_string(static_cast<int>(fate)) + ", turn " + std::to_string(k))) {
          break;
        }
      }
    }
  }
}

TEST_P(KillTest, EveryOctetMayBeTheLast) {
  for (std::size_t n = 0; !run({.client_fails_at = n}, "client, octet " + std::to_string(n)); ++n) {
  }
  for (std::size_t n = 0; !run({.upstream_fails_at = n}, "upstream, octet " + std::to_string(n));
       ++n) {
  }
}

INSTANTIATE_TEST_SUITE_P(Transcripts, KillTest,
                         ::testing::Values(pipelined_mail, tls_on_both_legs, relayed_dialog,
                                           failed_logins, next_server, apop, scanned_mail));

}  // namespace
}  // namespace gatepost::session
