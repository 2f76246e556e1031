"""Odd and slow HTTP at the admin listener, and names from outside that are to become metrics."""

import re
import time

from attack import Attack, MIB, at_most, memory_of
from support.process import wait_until
from support.raw_client import RawClient, Truncated
from test_tls_abuse import client_hello, record

GOOD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Admin(Attack):
    def setUp(self):
        super().setUp()
        self.start()

    def connect(self):
        return self.client(self.running.admin_port, greeting=False)

    def say(self, request):
        client = self.connect()
        try:
            client.send(request)
        except OSError:
            pass
        return client

    def assert_healthy(self):
        self.assertEqual(self.running.get("/healthz"), (200, "ok\n"))
        self.assert_serves()


class OddHttp(Admin):
    """A 4xx (or 501, 505) and the end; never a page of metrics."""

    rows = ("metrics",)

    def test_gets_a_refusal(self):
        requests = {
            "no HTTP": b"\x16\x03\x01 nonsense\r\n\r\n",
            "POP3": b"USER joe\r\nPASS secret\r\n\r\n",
            "no host": b"GET /metrics HTTP/1.1\r\n\r\n",
            "two hosts": b"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "another version": b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n",
            "bare LF": b"GET /metrics HTTP/1.1\nHost: x\n\n",
            "a folded line at the start": b"GET /metrics HTTP/1.1\r\n Host: x\r\n\r\n",
            "a blank before the colon": b"GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n",
            "a NUL": b"GET /metrics\0 HTTP/1.1\r\nHost: x\r\n\r\n",
            "two lengths": b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                           b"Content-Length: 4\r\n\r\nabcd",
            "length and chunks": b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                                 b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "a negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            "a huge length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "a body too large": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n",
            "a bad chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "another coding": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
            "a long line": b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 3000 + b"\r\n",
            "another place": b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "encoded": b"GET /%6detrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "another method": b"DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "a tunnel": b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\nConnection: close\r\n\r\n",
            "no method": b"\x1b /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        }
        for what, request in requests.items():
            with self.subTest(what=what):
                client = self.say(request)
                client.socket.settimeout(20)
                # One response, whatever is behind it; a refusal is followed by the end.
                answer = client.line()
                self.assertRegex(answer, rb"^HTTP/1\.[01] (4\d\d|501|505) ", what)
                client.socket.shutdown(1)
                rest = client.at_end(20)
                self.assertNotIn(b"gatepost_", rest)
                self.assertNotIn(b"\x1b", rest)
                self.assertNotIn(b" 200 ", rest)
        self.assert_healthy()

    def test_smuggled_requests_are_not_answered_twice(self):
        """What one reader takes for a body and another for a request: refused, and nothing behind
        is read."""
        inner = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        for head in (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                     b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                     b"Content-Length: 0, 36\r\n", b"Content-Length: +36\r\n"):
            with self.subTest(head=head):
                client = self.say(b"POST /healthz HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n" + inner)
                client.socket.shutdown(1)
                answer = client.at_end(20)
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)
                self.assertNotIn(b"gatepost_", answer)


class SlowHttp(Admin):
    rows = ("metrics",)

    def test_slow_and_many_ones_stop_nobody(self):
        """64 places at the admin listener; who comes beyond is closed. Mail goes on regardless."""
        before = memory_of(self.running)
        held = []
        for number in range(100):
            try:
                client = self.connect()
                client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: "[:1 + number % 30])
                held.append(client)
            except OSError:
                pass
        self.assert_serves()
        ended = [client for client in held if not client.silent_for(0)]
        self.assertGreaterEqual(len(ended), 100 - 64 - (100 - len(held)))
        self.assertLess(memory_of(self.running) - before, at_most(4 * MIB))
        for client in held:
            client.close()
        wait_until(self.healthy, what="places again")

    def healthy(self):
        try:
            return self.running.get("/healthz")[0] == 200
        except OSError:
            return False

    def test_pages_that_nobody_reads_are_bounded(self):
        """Requests without end, answers never taken."""
        before = memory_of(self.running)
        client = self.client(self.running.admin_port, greeting=False, receive_buffer=4096)
        client.socket.settimeout(0.5)
        try:
            for _ in range(400):
                client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        except OSError:
            pass
        self.assertLess(memory_of(self.running) - before, at_most(8 * MIB))
        self.assert_healthy()


class Labels(Admin):
    """However inventive clients are, the set of series stays as it is."""

    rows = ("metrics",)

    def series(self):
        _, text = self.running.get("/metrics")
        for line in text.splitlines():
            self.assertRegex(line, r'^(#.*|[a-z_]+(\{[a-z_]+="[^"\x00-\x1f]*"(,[a-z_]+="[^"\x00-\x1f]*")*\})? \S+)$')
        return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}

    def test_names_make_no_series(self):
        before = self.series()
        for number in range(15):
            client = self.client(self.ports.plain)
            client.command(f"X{number}\x1b YZZY")
            client.command(f"AUTH X-MECH-{number} eHg=")
            client.command(f"XCLIENT NAME{number}=x")
            client.login(f'user{number}"}} 1', "x")
            client.command(f"CAPA{number}")
            client.close()
            try:
                with RawClient(self.ports.pop3s, greeting=False) as odd:
                    odd.send(record(22, client_hello(name=b"name%d.example" % number,
                                                     protocols=(b"p%d" % number,))))
                    odd.at_end(10)
            except (OSError, Truncated):
                pass
            self.say(b"GET /page%d HTTP/1.1\r\nHost: h%d\r\nConnection: close\r\n\r\n"
                     % (number, number)).at_end(10)
            self.say(b"VERB%d / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % number).at_end(10)
        time.sleep(0.2)
        self.assertEqual(self.series() - before, set())

    def test_what_a_server_invents_makes_no_series_either(self):
        before = {re.sub(r'server="[^"]*"', "", name) for name in self.series()}
        for number in range(5):
            self.start({"PASS": b"-ERR [X-CODE-%d] no\r\n" % number, "CAPA":
                        b"+OK\r\nX-%d\r\nUSER\r\nSASL M%d\r\n.\r\n" % (number, number)})
            client = self.client(self.ports.plain)
            client.login(self.user, "x")
            client.close()
            time.sleep(0.05)
            now = {re.sub(r'server="[^"]*"', "", name) for name in self.series()}
            self.assertEqual(now - before, set())
