"""Clients that claim to be somebody else: PROXY headers and XCLIENT from those who may not, or
broken."""

import time

from attack import Attack
from support.process import wait_until
from support.raw_client import Truncated
from test_proxy_in import v2

CLAIMED = "203.0.113.9"
V1 = f"PROXY TCP4 {CLAIMED} 192.0.2.1 5555 110\r\n".encode()
V2 = v2((CLAIMED, 5555), ("192.0.2.1", 110))
SIGNATURE = V2[:12]


class Claims(Attack):

    def serve_listeners(self, trusted=("127.0.0.1/32",), **listener):
        self.server = self.fake([b"text\r\n"])
        config, self.ports = self.config(self.server.address, timeouts={"handshake": "1s"})
        for one in config["listeners"]:
            one.update(listener)
            if listener:
                one["trusted_networks"] = list(trusted)
        self.running = self.gateway(config)

    def say(self, port, *pieces, source=None):
        try:
            client = self.client(port, greeting=False, source=source)
        except OSError:
            return b""  # closed while we still shook hands
        try:
            for piece in pieces:
                client.send(piece)
        except OSError:
            pass
        return client.at_end(20)

    def assert_never_believed(self):
        self.assertNotIn(CLAIMED, self.running.log())


class ProxyHeader(Claims):
    rows = ("proxy-protocol",)

    def test_where_it_is_off_it_is_an_unknown_command(self):
        self.serve_listeners()
        client = self.client(self.ports.plain)
        self.assert_refused(client.command(V1[:-2]))
        self.assertTrue(client.login(self.user, self.password).startswith(b"+OK"))
        client.quit()
        self.assertNotIn(b"+OK", self.say(self.ports.pop3s, V1))
        for header in (V2, V2 * 3):
            answer = self.say(self.ports.plain, header + b"USER joe\r\nPASS x\r\nQUIT\r\n")
            self.assertNotIn(CLAIMED.encode(), answer)
            self.assertNotIn(b"+OK", self.say(self.ports.pop3s, header))
        self.assert_never_believed()
        self.assertIn("client=127.0.0.1:", self.running.log_lines("session")[0])

    def test_from_an_untrusted_address_it_ends_the_connection(self):
        self.serve_listeners(proxy_protocol=True)
        for header in (V1, V2, b"", b"CAPA\r\n"):
            answer = self.say(self.ports.plain, header + b"CAPA\r\n", source="127.0.0.2")
            self.assertEqual(answer, b"")
        self.assert_never_believed()
        self.assertEqual(self.server.all_commands(), [])

    def test_a_broken_one_ends_the_connection(self):
        self.serve_listeners(proxy_protocol=True)
        checksum = b"\x03\0\4\0\0\0\0"  # CRC32C that is not right
        headers = {
            "over-long, version 1": b"PROXY TCP4 " + b"1" * 97 + b"\r\n",
            "endless, version 1": b"PROXY " + b"x" * 100000,
            "over-long, version 2": SIGNATURE + b"\x21\x11\xff\xff" + bytes(65535),
            "bad checksum": v2((CLAIMED, 5555), ("192.0.2.1", 110), checksum),
            "checksum of two octets": v2((CLAIMED, 5555), ("192.0.2.1", 110), b"\x03\0\2\0\0"),
            "too short for its addresses": SIGNATURE + b"\x21\x11\0\4" + bytes(4),
            "a vector longer than the header": v2((CLAIMED, 5555), ("192.0.2.1", 110), b"\x02\xff\xff"),
            "version 3": SIGNATURE + b"\x31\x11\0\x0c" + bytes(12),
            "unknown command": SIGNATURE + b"\x2f\x11\0\x0c" + bytes(12),
            "bare LF": V1[:-2] + b"\n",
            "no port": b"PROXY TCP4 203.0.113.9 192.0.2.1 5555\r\n",
            "large port": b"PROXY TCP4 203.0.113.9 192.0.2.1 65536 110\r\n",
            "leading zeros": b"PROXY TCP4 0203.0.113.9 192.0.2.1 5555 110\r\n",
            "wrong family": b"PROXY TCP6 203.0.113.9 192.0.2.1 5555 110\r\n",
            "a name": b"PROXY TCP4 pop.example.com 192.0.2.1 5555 110\r\n",
            "control characters": b"PROXY TCP4 203.0.113.9\x1b[2J 192.0.2.1 5555 110\r\n",
            "lower case": V1.lower(),
            "none at all": b"USER joe\r\nPASS x\r\n",
        }
        for what, header in headers.items():
            with self.subTest(what=what):
                self.assertEqual(self.say(self.ports.plain, header + b"\r\nCAPA\r\nQUIT\r\n"), b"")
        self.assert_never_believed()
        self.assertEqual(self.server.all_commands(), [])

    def test_half_a_one_ends_at_the_deadline(self):
        self.serve_listeners(proxy_protocol=True)
        started = time.monotonic()
        for header in (b"", V1[:-1], V2[:-1], V2[:14], b"PROXY "):
            self.assertEqual(self.say(self.ports.plain, header), b"")
        self.assertLess(time.monotonic() - started, 60)

    def test_a_good_one_may_come_octet_by_octet(self):
        self.serve_listeners(proxy_protocol=True)
        for header in (V1, V2):
            client = self.client(self.ports.plain, greeting=False)
            for octet in header:
                client.send(bytes([octet]))
                time.sleep(0.002)
            self.assertTrue(client.line().startswith(b"+OK"))
            self.assertTrue(client.login(self.user, self.password).startswith(b"+OK"))
            client.quit()
        wait_until(lambda: self.running.log().count(f" client={CLAIMED}:5555 ") == 2,
                   what="two lines that believe it")

    def test_a_second_one_is_not_believed(self):
        self.serve_listeners(proxy_protocol=True)
        client = self.client(self.ports.plain, greeting=False)
        client.send(V1.replace(CLAIMED.encode(), b"198.51.100.7") + V1)
        client.line()
        self.assert_refused(client.line())
        self.assertTrue(client.login(self.user, self.password).startswith(b"+OK"))
        client.quit()
        wait_until(lambda: " client=198.51.100.7:5555 " in self.running.log(), what="the line")
        self.assert_never_believed()

    def test_names_in_it_are_inert(self):
        self.serve_listeners(proxy_protocol=True)
        evil = b"a\x1b[31m\nlevel=error\xff"
        vectors = b"".join(bytes([kind]) + len(text).to_bytes(2, "big") + text
                           for kind, text in ((2, evil), (5, evil), (1, evil), (2, b"x" * 5000)))
        self.say(self.ports.plain, v2(("198.51.100.7", 5), ("192.0.2.1", 110), vectors), b"QUIT\r\n")
        with open(self.running.child.log_path, "rb") as file:
            log = file.read()
        for text in (b"\x1b", b"\xff", b"\nlevel", b"x" * 1100):
            self.assertNotIn(text, log)


class Xclient(Claims):
    """The same claim, said as a command."""

    rows = ("proxy-protocol",)
    LINE = f"XCLIENT ADDR={CLAIMED} PORT=5555"

    def xclient(self, line, source=None):
        client = self.client(self.ports.plain, source=source)
        return client, client.command(line)

    def test_from_the_untrusted_or_where_it_is_off(self):
        for options, source in (({"xclient": True}, "127.0.0.2"), ({}, None)):
            self.serve_listeners(**options)
            client, reply = self.xclient(self.LINE, source)
            self.assertNotIn(b"XCLIENT", client.multi("CAPA")[1] + client.greeting)
            client.login(self.user, self.password)
            client.quit()
            wait_until(lambda: self.running.log_lines("session"), what="the session's line")
            self.assert_never_believed()
            del reply  # what it says is nobody's business

    def test_broken_ones_are_refused_and_never_believed(self):
        self.serve_listeners(xclient=True)
        for line in (f"XCLIENT ADDR={CLAIMED}+00 PORT=5555", f"XCLIENT ADDR={CLAIMED} PORT=70000",
                     f"XCLIENT ADDR={CLAIMED} PORT=-1", f"XCLIENT ADDR={CLAIMED} TTL=0",
                     f"XCLIENT ADDR={CLAIMED} TTL=x", f"XCLIENT ADDR={CLAIMED} FORWARD=%%%",
                     f"XCLIENT ADDR={CLAIMED} X={'y' * 2000}", f"XCLIENT ADDR={CLAIMED}\x1b[2J"):
            with self.subTest(line=line[:60]):
                client = self.client(self.ports.plain)
                try:
                    self.assert_refused(client.command(line), line[:60])
                    client.login(self.user, self.password)
                    client.quit()
                except (Truncated, OSError):
                    pass
        self.assert_never_believed()

    def test_after_login_nobody_changes(self):
        self.serve_listeners(xclient=True)
        client = self.client(self.ports.plain)
        self.assertTrue(client.login(self.user, self.password).startswith(b"+OK"))
        self.assert_refused(client.command(self.LINE))
        client.quit()
        self.assert_never_believed()
        self.assert_upstream_never_saw(b"XCLIENT")
