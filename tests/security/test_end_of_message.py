"""Messages made so that two readers disagree about where they end. The gateway finds one end only,
CRLF . CRLF, and changes nothing before it."""

import poplib
import subprocess
import time

from attack import Attack

SECOND = b"Subject: second\r\n\r\nuntouched\r\n"

#: What stands in the text where a careless reader would see the end.
LOOKALIKES = {
    "LF.LF": b"\n.\n",
    "LF.CRLF": b"\n.\r\n",
    "CRLF.LF": b"\r\n.\n",
    "CR.CR": b"\r.\r",
    "CR.CRLF": b"\r.\r\n",
    "CRLF.CR": b"\r\n.\rx",
    "CRLF.CRCR LF": b"\r\n.\r\r\n",
    "CRCRLF.": b"\r\r\n.x\r\n",
    "NUL before the dot": b"\r\n\0.\r\n",
    "NUL behind the dot": b"\r\n.\0\r\n",
    "NUL between CR and LF": b"\r\0\n.\r\n",
    "blank before the dot": b"\r\n .\r\n",
    "blank behind the dot": b"\r\n. \r\n",
    "tab behind the dot": b"\r\n.\t\r\n",
    "two dots": b"\r\n..\r\n",
    "three dots": b"\r\n...\r\n",
    "a dot of another alphabet": b"\r\n\xef\xbc\x8e\r\n",
    "LF CR.": b"\n\r.\n\r",
}
FORGED = b"+OK forged\r\nforged text"


def wire(lookalike):
    """A body as a server sends it, its lookalike unstuffed: CRLF.CRLF is not among them."""
    return b"Subject: first\r\n\r\nbefore" + lookalike + FORGED + b"\r\n.\r\n"


class OneEnd(Attack):
    """Octet by octet what the server sent, then the next message, to a reader that goes by RFC 1939."""

    rows = ("end-of-message",)

    def serve_bodies(self, answers, **more):
        """RETR 1 gives `answers` (one for each session in turn, or one for all)."""
        self.start({"RETR": lambda _, line: answers() if line == b"RETR 1"
                    else b"+OK\r\n" + SECOND + b".\r\n"}, **more)

    def test_lookalikes_are_text(self):
        current = [b""]
        self.serve_bodies(lambda: b"+OK\r\n" + current[0])
        for name, lookalike in LOOKALIKES.items():
            for tls in (True, False):
                with self.subTest(name=name, tls=tls):
                    current[0] = wire(lookalike)
                    self.assertEqual(current[0].count(b"\r\n.\r\n"), 1)
                    client = self.logged_in(self.ports.pop3s if tls else self.ports.plain, tls=tls)
                    client.send(b"RETR 1\r\nRETR 2\r\n")
                    self.assertEqual(client.line(), b"+OK")
                    self.assertEqual(client.body(), current[0])
                    self.assertEqual(client.line(), b"+OK")
                    self.assertEqual(client.body(), SECOND + b".\r\n")
                    client.quit()

    def test_the_dot_at_every_border_of_a_packet(self):
        """The server's packets are cut at every octet around the lookalike and around the end."""
        body = b"a\r\n..\r\n.\r\r\n\r\n.\nb\n.\r\nc\r\n.\r\n"  # one true end behind false ones
        whole = b"+OK\r\n" + body
        cuts = []
        self.serve_bodies(lambda: cuts.pop())
        client = self.logged_in(self.ports.pop3s, tls=True)
        for at in range(1, len(whole)):
            cuts.append([whole[:at], lambda: time.sleep(0.003), whole[at:]])
            client.send(b"RETR 1\r\nRETR 2\r\n")
            self.assertEqual((client.line(), client.body()), (b"+OK", body), at)
            self.assertEqual((client.line(), client.body()), (b"+OK", SECOND + b".\r\n"), at)
        cuts.append([part for octet in whole for part in (bytes([octet]), lambda: time.sleep(0.002))])
        self.assertEqual(client.multi("RETR 1"), (b"+OK", body))
        client.quit()

    def test_the_dot_at_the_border_of_a_tls_record(self):
        """16 KiB records and 64 KiB blocks: the end lies before, on and behind each border."""
        bodies = []
        self.serve_bodies(lambda: b"+OK\r\n" + bodies[-1])
        client = self.logged_in(self.ports.pop3s, tls=True)
        for border in (16384, 65536):
            for offset in range(-8, 4):
                size = border + offset
                bodies.append(b"x" * (size - 4) + b"\n.\n\r\n.\r\n")
                self.assertEqual(client.multi("RETR 1"), (b"+OK", bodies[-1]), (border, offset))
                self.assertEqual(client.multi("RETR 2"), (b"+OK", SECOND + b".\r\n"))
        client.quit()

    def test_curl_sees_what_it_sees_without_the_gateway(self):
        current = [b""]
        self.serve_bodies(lambda: b"+OK\r\n" + current[0])

        def fetched(url, *more):
            return subprocess.run(
                ["curl", "-sS", "--max-time", "20", "-u", f"{self.user}:{self.password}", *more, url],
                capture_output=True, timeout=60)
        for name in ("LF.LF", "CRLF.LF", "CR.CR", "CRLF.CRCR LF", "NUL behind the dot",
                     "blank behind the dot", "two dots", "CR.CRLF"):
            with self.subTest(name=name):
                current[0] = wire(LOOKALIKES[name])
                direct = fetched(f"pop3://{self.server.address}/1")
                through = fetched(f"pop3s://localhost:{self.ports.pop3s}/1", "--cacert", self.ca)
                self.assertEqual(through.stdout, direct.stdout, through.stderr)
                self.assertEqual(through.returncode, direct.returncode)
                self.assertIn(b"forged text", through.stdout)

    def test_poplib_sees_what_it_sees_without_the_gateway(self):
        """poplib takes LF.LF for the end, and what follows for an answer. That is its error with
        or without us; here is only shown that nothing becomes worse."""
        current = [b""]
        self.serve_bodies(lambda: b"+OK\r\n" + current[0])

        def fetched(port):
            client = poplib.POP3("127.0.0.1", port, timeout=20)
            try:
                client.user(self.user)
                client.pass_(self.password)
                return client.retr(1)
            finally:
                client.close()
        for name, lookalike in LOOKALIKES.items():
            with self.subTest(name=name):
                current[0] = wire(lookalike)
                self.assertEqual(fetched(self.ports.plain), fetched(self.server.port))
