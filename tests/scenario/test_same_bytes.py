"""What a client fetches through the gateway is, octet for octet, what it fetches directly."""

import tempfile
import unittest

from support import clients, corpus
from support.case import Scenario, quick
from support.raw_client import RawClient, unstuff

USER, PASSWORD = "joe", "correct horse"


class SameBytes(Scenario):
    """A corpus of 200 messages, Dovecot in plain text behind the gateway."""

    count, big = 200, True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.messages = corpus.messages(cls.count, cls.big)
        cls.server = cls.shared_dovecot({USER: (PASSWORD, cls.messages)})
        config, cls.ports = cls.config(cls.server.address)
        cls.shared_gateway(config)
        cls.direct = {}

    def compare(self, client, fetch):
        """`fetch(form, port)` gives the same for the gateway's POP3S and STLS as directly."""
        if client not in self.direct:
            self.direct[client] = fetch(clients.PLAIN, self.server.port)
        expected = self.direct[client]
        self.assertGreaterEqual(len(expected), self.count)
        for form, port in ((clients.POP3S, self.ports.pop3s), (clients.STLS, self.ports.stls)):
            with self.subTest(form=form):
                got = fetch(form, port)
                self.assertEqual(len(got), len(expected))
                if isinstance(expected, bytes):
                    self.assertTrue(got == expected, "mailboxes differ")
                    continue
                for number, (a, b) in enumerate(zip(got, expected)):
                    self.assertTrue(a == b, f"item {number} differs: {a!r:.300} / {b!r:.300}")

    def raw(self, form, port, pipelined):
        with RawClient(port, tls=form == clients.POP3S, ca=self.ca) as client:
            if form == clients.STLS:
                client.stls()
            self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
            replies = client.fetch_all(pipelined)
            client.ok("QUIT")
            self.assertEqual(client.at_end(), b"")
            return replies

    def test_curl(self):
        folder = tempfile.mkdtemp(dir=self.own_folder)
        self.compare("curl", lambda form, port: clients.curl(
            folder, form, port, self.ca, USER, PASSWORD, self.count))

    def test_fetchmail(self):
        folder = tempfile.mkdtemp(dir=self.own_folder)
        self.compare("fetchmail", lambda form, port: clients.fetchmail(
            folder, form, port, self.ca, USER, PASSWORD))

    def test_poplib(self):
        self.compare("poplib", lambda form, port: clients.poplib_fetch(
            form, port, self.ca, USER, PASSWORD))

    def test_one_command_at_a_time(self):
        self.compare("raw", lambda form, port: self.raw(form, port, False))

    def test_pipelined(self):
        self.compare("raw", lambda form, port: self.raw(form, port, True))

    def test_what_arrives_is_what_was_delivered(self):
        """Guards the others: the direct fetch really has the corpus in it."""
        replies = self.raw(clients.POP3S, self.ports.pop3s, True)
        kept = 0
        for message, (_, body) in zip(self.messages, replies):
            ends_whole = message.endswith(b"\r\n") and b"\n" not in message.replace(b"\r\n", b"")
            if ends_whole:
                self.assertTrue(unstuff(body) == message, message[:200])
                kept += 1
        self.assertGreater(kept, self.count * 3 // 4)


@quick
class FewBytes(SameBytes):
    """The same with the special messages only, without the 25 MB: for the quick run."""

    count, big = 45, False


class SameBytesOverTls(SameBytes):
    """Dovecot behind STLS, with its certificate verified."""

    upstream_tls = "starttls"
    count = 60

    @classmethod
    def setUpClass(cls):
        Scenario.setUpClass.__func__(cls)
        cls.messages = corpus.messages(cls.count, cls.big)
        cls.server = cls.shared_dovecot({USER: (PASSWORD, cls.messages)},
                                        certificate=cls.authority.good)
        address = cls.server.address if cls.upstream_tls == "starttls" else cls.server.tls_address
        config, cls.ports = cls.config({"address": address, "tls": cls.upstream_tls,
                                        "ca_file": cls.ca, "server_name": "localhost"})
        cls.shared_gateway(config)
        cls.direct = {}

    # The clients' own ways are compared above; here it is about the upstream leg.
    test_curl = test_fetchmail = test_poplib = None


class SameBytesOverImplicitTls(SameBytesOverTls):
    """Dovecot behind TLS from the first octet."""

    upstream_tls = "implicit"


class OddBytes(Scenario):
    """Octets that no mail server should send arrive exactly as the server sends them."""

    BODIES = {
        "NUL": b"a\0b\r\n\0\r\n\0\0.\r\n",
        "bare LF": b"one\n.\ntwo\n.\n\n\r\n",
        "bare CR": b"one\r.\rtwo\r\r\n\r.\r\r\n",
        "CR before the last line end": b"one\r\r\n",
        "LF CR": b"one\n\r.\n\r\r\n",
        "8-bit": bytes(range(128, 256)) + b"\r\n",
        "every octet": bytes(n for n in range(256) if n not in (10, 13)) + b"\r\n",
        "nothing": b"",
        "one dot": b".\r\n",
        "no header": b"\r\n\r\n",
    }

    def test_they_arrive_however_they_are_cut(self):
        def retr(connection, line):
            from support.raw_client import stuff
            number, size = divmod(int(line.split()[1]) - 1, 4)
            whole = b"+OK\r\n" + stuff(list(self.BODIES.values())[number])
            size = (1, 2, 3, 100000)[size]
            return [whole[at:at + size] for at in range(0, len(whole), size)]
        from support.raw_client import stuff
        server = self.fake([b"x"] * (4 * len(self.BODIES)), {"RETR": retr})
        _, ports = self.serve(server.address)
        client = self.client(ports.pop3s, tls=True)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        replies = client.fetch_all(pipelined=True)
        bodies = [body for body in self.BODIES.values() for _ in range(4)]
        for number, (body, (status, got)) in enumerate(zip(bodies, replies)):
            self.assertEqual((status, got), (b"+OK", stuff(body)), number)


if __name__ == "__main__":
    unittest.main()
