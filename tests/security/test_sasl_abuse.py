"""AUTH dialogs that are broken, endless, broken off, or not dialogs at all."""

import base64

from attack import MIB, Attack, at_most, memory_of

NOT_BASE64 = (b"!", b"=", b"====", b"AAA", b"AAAAA", b"AA=A", b"A===", b"AGpvZQB4=", b" AGpvZQB4",
              b"AGpv ZQB4", b"AGpvZQB4\t", b"-_-_", b"\xff\xff\xff\xff", b"AB==AB==")


class Abuse(Attack):
    rows = ("sasl", "sasl-length")

    def setUp(self):
        super().setUp()
        self.start(limits={"login_attempts": 100})

    def begin(self, mechanism=b"PLAIN"):
        client = self.client(self.ports.plain)
        client.send(b"AUTH " + mechanism + b"\r\n")
        self.assertTrue(client.line().startswith(b"+ "))
        return client

    def test_what_is_no_base64_is_refused_and_the_session_goes_on(self):
        client = self.client(self.ports.plain)
        for bad in NOT_BASE64:
            for lines in ((b"AUTH PLAIN", bad), (b"AUTH LOGIN", bad),
                          (b"AUTH LOGIN", b"am9l", bad), (b"AUTH PLAIN " + bad,)):
                if lines[0] == b"AUTH PLAIN =":
                    continue  # an empty initial response
                for line in lines[:-1]:
                    client.send(line + b"\r\n")
                    self.assertTrue(client.line().startswith(b"+ "), lines)
                client.send(lines[-1] + b"\r\n")
                self.assert_refused(client.line(), lines)
        self.assertEqual(self.server.all_commands(), [])
        self.assertTrue(client.login("joe", "x").startswith(b"+OK"))

    def test_commands_in_a_dialog_are_no_commands(self):
        for line in (b"QUIT", b"STLS", b"CAPA", b"USER joe", b"NOOP", b"AUTH PLAIN", b"", b"*x"):
            client = self.begin()
            client.send(line + b"\r\n")
            self.assert_refused(client.line(), line)
            self.assertTrue(client.silent_for(0))
            self.assertTrue(client.login("joe", "x").startswith(b"+OK"))

    def test_breaking_off_at_each_step(self):
        client = self.client(self.ports.plain)
        for lines in ((b"AUTH PLAIN", b"*"), (b"AUTH LOGIN", b"*"), (b"AUTH LOGIN", b"am9l", b"*")):
            for line in lines[:-1]:
                client.send(line + b"\r\n")
                self.assertTrue(client.line().startswith(b"+ "))
            client.send(b"*\r\n")
            self.assert_refused(client.line())
            self.assert_refused(client.command("PASS x"))  # no name is left over
        self.assertEqual(self.server.all_commands(), [])

    def test_a_line_beyond_the_limit_is_one_refusal(self):
        """kMaxSaslLine is 16 KiB; the tail of what is longer is neither base64 nor command."""
        for size in (16 * 1024, 64 * 1024):
            tail = b"A" * size + b"USER joe"
            client = self.begin()
            client.send(tail + b"\r\nXYZZY\r\n")
            self.assert_refused(client.line())
            self.assert_refused(client.line())
            self.assertTrue(client.silent_for(0))
            client.send(b"AUTH PLAIN " + tail + b"\r\n")
            self.assert_refused(client.line())
            self.assertTrue(client.login("joe", "x").startswith(b"+OK"))
        self.assert_upstream_never_saw(b"AAAA")

    def test_names_and_passwords_beyond_their_limits(self):
        """kMaxUserName is 512, kMaxPassword 8 KiB."""
        def plain(name, password):
            return base64.b64encode(b"\0" + b"n" * name + b"\0" + b"p" * password)
        client = self.client(self.ports.plain)
        for name, password in ((513, 1), (1, 8193), (10000, 1)):
            client.send(b"AUTH PLAIN " + plain(name, password) + b"\r\n")
            self.assert_refused(client.line())
        self.assertEqual(self.server.all_commands(), [])
        client.send(b"AUTH PLAIN " + plain(512, 8192) + b"\r\n")
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertIn(b"PASS " + b"p" * 8192, self.server.all_commands())

    def test_an_endless_line_costs_no_memory(self):
        before = memory_of(self.running)
        client = self.begin()
        for _ in range(32):
            client.send(b"A" * MIB)
        self.assertLess(memory_of(self.running) - before, at_most(16 * MIB))
        client.send(b"\r\n")
        self.assert_refused(client.line())
        self.assert_serves()


class Neighbours(Attack):
    """What one client gets wrong in its dialog changes nothing in another's."""

    rows = ("sasl",)

    def test_interleaved_dialogs(self):
        self.start(limits={"login_attempts": 100})
        def name(number, word):
            return base64.b64encode(f"{word}{number}".encode()) + b"\r\n"
        good = [self.client(self.ports.plain) for _ in range(8)]
        bad = [self.client(self.ports.plain) for _ in range(8)]
        for client in good + bad:
            client.send(b"AUTH LOGIN\r\n")
        for pair in zip(good, bad):
            for client in pair:
                self.assertTrue(client.line().startswith(b"+ "))
        for number, (one, other) in enumerate(zip(good, bad)):
            other.send(b"!!!not base64\r\n")
            self.assert_refused(other.line())
            one.send(name(number, "user"))
            self.assertTrue(one.line().startswith(b"+ "))
            other.send(b"AUTH LOGIN\r\n")
        for number, (one, other) in enumerate(zip(good, bad)):
            if number % 2:
                other.abort()
            else:
                other.line()
                other.send(b"=\r\n" if number % 4 else b"A" * 20000 + b"\r\n")
            one.send(name(number, "word"))
            self.assertTrue(one.line().startswith(b"+OK"))
        seen = sorted(tuple(line for line in connection.commands if line[:4] in (b"USER", b"PASS"))
                      for connection in self.server.for_clients())
        self.assertEqual(seen, [(b"USER user%d" % n, b"PASS word%d" % n) for n in range(8)])
