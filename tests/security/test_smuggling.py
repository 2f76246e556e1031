"""Commands hidden in commands, for a server that takes more for the end of a line than CRLF."""

import base64

from attack import Attack
from support.raw_client import Truncated

HIDDEN = (b"\r", b"\n", b"\0", b"\r\r", b"\n\n", b"\r\0", b"\0\r", b"\n\r", b"\r \n")


def encoded(*parts):
    return base64.b64encode(b"\0".join(parts))


class Lines(Attack):
    """A bare CR, a bare LF or a NUL ends no command and does not travel on."""

    rows = ("smuggling",)

    def setUp(self):
        super().setUp()
        self.start(limits={"login_attempts": 100})

    def assert_hides_nothing(self, client, line):
        """`line` is refused; then the session is in step, or over."""
        client.send(line + b"\r\n")
        self.assert_refused(client.line(), line)
        try:
            client.send(b"XYZZY\r\n")
            self.assert_refused(client.line())
            self.assertTrue(client.silent_for(0))
        except (Truncated, OSError):
            self.assertEqual(client.at_end(), b"")

    def test_before_login(self):
        for hidden in HIDDEN:
            for head in (b"USER joe", b"PASS x", b"AUTH PLAIN", b"XYZZY", b"CAPA", b""):
                with self.subTest(head + hidden):
                    client = self.client(self.ports.plain)
                    if head.startswith(b"PASS"):
                        client.ok("USER joe")
                    self.assert_hides_nothing(client, head + hidden + b"DELE 1")
        self.assertEqual(self.server.all_commands(), [])

    def test_after_login(self):
        for hidden in HIDDEN:
            for head in (b"NOOP", b"RETR 1", b"TOP 1 0", b"LIST", b"UIDL 1", b"DELE 2", b"RSET",
                         b"STAT", b"LANG en", b"XYZZY", b""):
                with self.subTest(head + hidden):
                    self.assert_hides_nothing(self.logged_in(), head + hidden + b"DELE 1")
        self.assert_upstream_never_saw(b"DELE", b"RSET", b"NOOP", b"RETR")

    def test_in_a_sasl_dialog(self):
        for hidden in HIDDEN:
            for begin in (b"AUTH PLAIN", b"AUTH LOGIN"):
                with self.subTest(begin + hidden):
                    client = self.client(self.ports.plain)
                    client.send(begin + b"\r\n")
                    self.assertTrue(client.line().startswith(b"+ "))
                    self.assert_hides_nothing(client, b"am9l" + hidden + b"DELE 1")
        self.assertEqual(self.server.all_commands(), [])

    def test_other_line_ends_of_unicode_are_text(self):
        """They end a line for some readers of text; the server gets them in one line, or not."""
        for odd in (b"\x0b", b"\x0c", b"\x85", b"\xc2\x85", b"\xe2\x80\xa8", b"\x1a"):
            name = b"joe" + odd + b"DELE 1"
            client = self.client(self.ports.plain)
            client.send(b"USER " + name + b"\r\nPASS x\r\nNOOP\r\n")
            for _ in range(3):
                client.line()
            seen = [line for line in self.server.all_commands() if b"DELE" in line]
            self.assertTrue(all(line == b"USER " + name for line in seen), seen)
            self.server.connections.clear()


class Decoded(Attack):
    """What stands in base64 becomes no command, whatever it decodes to."""

    rows = ("smuggling", "authzid")
    evil = (b"joe\r\nDELE 1", b"joe\nDELE 1", b"joe\rDELE 1", b"\r\nDELE 1\r\n", b"joe\r\n")

    def setUp(self):
        super().setUp()
        self.start(limits={"login_attempts": 100})

    def refused(self, client, *lines):
        """Sends the lines of a dialog; the last one must be refused, the session go on."""
        for line in lines[:-1]:
            client.send(line + b"\r\n")
            self.assertTrue(client.line().startswith(b"+ "), line)
        client.send(lines[-1] + b"\r\n")
        self.assert_refused(client.line(), lines)
        self.assertEqual(self.server.all_commands(), [])

    def test_plain(self):
        client = self.client(self.ports.plain)
        for evil in self.evil + (b"joe\0x",):
            self.refused(client, b"AUTH PLAIN " + encoded(b"", evil, b"x"))
            self.refused(client, b"AUTH PLAIN " + encoded(b"", b"joe", evil))
            self.refused(client, b"AUTH PLAIN " + encoded(evil, b"joe", b"x"))
            self.refused(client, b"AUTH PLAIN", encoded(b"", evil, b"x"))
            self.refused(client, b"AUTH PLAIN", encoded(b"", b"joe", evil))
        self.assertTrue(client.login("joe", "x").startswith(b"+OK"))

    def test_login(self):
        client = self.client(self.ports.plain)
        for evil in self.evil + (b"joe\0x",):
            self.refused(client, b"AUTH LOGIN", encoded(b"joe"), encoded(evil))
            client.send(b"AUTH LOGIN\r\n")
            client.line()
            client.send(encoded(evil) + b"\r\n")
            if client.line().startswith(b"+"):  # told only after the password
                client.send(encoded(b"x") + b"\r\n")
                self.assert_refused(client.line())
        self.assertEqual(self.server.all_commands(), [])
        self.assertTrue(client.login("joe", "x").startswith(b"+OK"))

    def test_tokens(self):
        self.start(fake={"capabilities": [b"USER", b"SASL PLAIN XOAUTH2 OAUTHBEARER"]},
                   limits={"login_attempts": 100})
        client = self.client(self.ports.plain)
        for evil in self.evil:
            xoauth2 = b"user=" + evil + b"\1auth=Bearer x\1\1"
            bearer = b"n,a=" + evil + b",\1auth=Bearer x\1\1"
            self.refused(client, b"AUTH XOAUTH2 " + encoded(xoauth2))
            self.refused(client, b"AUTH OAUTHBEARER " + encoded(bearer))

    def test_a_foreign_authorization_identity(self):
        client = self.client(self.ports.plain)
        for authzid in (b"ann", b"JOE", b"joe ", b"root", b"\xff"):
            self.refused(client, b"AUTH PLAIN " + encoded(authzid, b"joe", b"x"))
            self.refused(client, b"AUTH PLAIN", encoded(authzid, b"joe", b"x"))
        client.send(b"AUTH PLAIN " + encoded(b"joe", b"joe", b"x") + b"\r\n")  # one's own
        self.assertTrue(client.line().startswith(b"+OK"))
