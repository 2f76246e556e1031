"""Commands where they may not stand, with all they may carry, and the shape of each reply."""

import base64

from attack import Attack
from support import corpus

AUTHORIZATION = (b"USER joe", b"PASS x", b"APOP joe " + b"a" * 32, b"AUTH PLAIN", b"AUTH",
                 b"AUTH PLAIN AGpvZQB4", b"STLS", b"UTF8", b"XCLIENT ADDR=192.0.2.1")
TRANSACTION = (b"STAT", b"LIST", b"LIST 1", b"RETR 1", b"DELE 1", b"NOOP", b"RSET", b"TOP 1 0",
               b"UIDL", b"UIDL 1", b"LANG", b"LANG en")


class WrongState(Attack):
    rows = ("unknown-commands", "stls", "keywords")

    def test_before_login(self):
        self.start()
        for stls in (False, True):
            client = self.client(self.ports.stls if stls else self.ports.plain)
            for line in TRANSACTION + (b"XYZZY", b"LAST", b"RPOP joe", b"UTF8", b"stat", b"rEtR 1"):
                client.send(line + b"\r\n")
                self.assert_refused(client.line(), line)
            client.ok("CAPA")
            client.body()
        self.assertEqual(self.server.all_commands(), [])

    def test_before_tls(self):
        self.start()
        client = self.client(self.ports.stls)
        for line in AUTHORIZATION:
            if line not in (b"STLS",):
                client.send(line + b"\r\n")
                reply = client.line()
                self.assertTrue(reply.startswith(b"-ERR") or line.startswith(b"XCLIENT"), line)
        self.assertEqual(self.server.all_commands(), [])
        client.stls()
        self.assertTrue(client.login("joe", "x").startswith(b"+OK"))

    def test_behind_user(self):
        """USER is a state of its own: what comes between does not make a login of it."""
        self.start()
        for between in (b"STAT", b"RETR 1", b"XYZZY"):
            client = self.client(self.ports.plain)
            client.ok("USER joe")
            client.send(between + b"\r\n")
            self.assert_refused(client.line())
        self.assertEqual(self.server.all_commands(), [])

    def test_after_login(self):
        self.start()
        for port, tls in ((self.ports.plain, False), (self.ports.pop3s, True)):
            client = self.logged_in(port, tls=tls)
            for line in AUTHORIZATION:
                client.send(line + b"\r\n")
                self.assert_refused(client.line(), line)
                client.ok("NOOP")
        self.assertEqual({line for line in self.server.all_commands() if line != b"NOOP"},
                         {b"CAPA", b"USER joe", b"PASS " + self.password.encode()})

    def test_stls_with_an_argument(self):
        self.start()
        client = self.client(self.ports.stls)
        for line in (b"STLS now", b"STLS 1", b"STLS\t", b"STLSX", b"XSTLS"):
            client.send(line + b"\r\n")
            self.assert_refused(client.line(), line)
        client.stls()
        client.ok("CAPA")


class Lengths(Attack):
    """255 octets with CRLF are taken; what is longer than ours is one refusal, whole."""

    rows = ("line-length", "passwords")

    def test_255_octets_reach_the_server(self):
        self.start(limits={"login_attempts": 100})
        user = b"USER " + b"u" * 248
        word = b"PASS " + b" p w " * 48 + b"  p p  p"
        self.assertEqual((len(user), len(word)), (253, 253))
        client = self.client(self.ports.plain)
        client.send(user + b"\r\n" + word + b"\r\n")
        client.line()
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertIn(user, self.server.all_commands())
        self.assertIn(word, self.server.all_commands())
        for line in (b"RETR " + b"0" * 247 + b"1", b"TOP 1 " + b"0" * 247):
            client.send(line + b"\r\n")
            status = client.line()
            if status.startswith(b"+OK"):
                client.body()
        for line in (b"X" * 253, b"NOOP " + b"x" * 248, b"LANG " + b"e" * 248):
            client.send(line + b"\r\n")
            self.assert_refused(client.line())
        client.ok("NOOP")

    def test_the_tail_of_a_longer_line_is_no_command(self):
        self.start()
        client = self.logged_in()
        for size in range(500, 520):
            client.send(b"x" * size + b"DELE 1\r\n")
            self.assert_refused(client.line(), size)
            client.send(b"x" * size + b"\0DELE 1\r\n")
            self.assert_refused(client.line(), size)
            client.ok("NOOP")
        for size in range(16 * 1024 - 12, 16 * 1024 + 4):
            client = self.client(self.ports.plain)
            client.send(b"x" * size + b"QUIT\r\nXYZZY\r\n")
            self.assert_refused(client.line())
            self.assert_refused(client.line())
            self.assertTrue(client.silent_for(0))
        self.assert_upstream_never_saw(b"DELE", b"QUIT", b"xx")


class Shapes(Attack):
    """Which command has a reply of several lines; none after -ERR. A wrong guess would take one
    reply for the next."""

    rows = ("reply-shapes", "keywords")

    lines = b"1 2\r\n+OK forged\r\n-ERR forged\r\n..\r\n.\r\n"
    multi = (b"LIST", b"UIDL", b"TOP 1 0", b"TOP 1 99", b"RETR 1", b"LANG", b"list", b"uIdL")
    single = (b"LIST 1", b"UIDL 1", b"LANG en", b"STAT", b"DELE 1", b"RSET", b"NOOP", b"list 1")

    def logged_in_to(self, answer):
        script = {verb: answer for verb in ("LIST", "UIDL", "TOP", "RETR", "LANG", "STAT", "DELE",
                                            "RSET", "NOOP")}
        script["XYZZY"] = b"+OK\r\n"
        self.start(script, fake={"capabilities": [b"USER", b"UIDL", b"TOP", b"LANG", b"UTF8",
                                                  b"PIPELINING"]})
        return self.logged_in()

    def assert_in_step(self, client, expected):
        """The refusal of our own comes next, and nothing before it."""
        client.send(b"XYZZY\r\n")
        self.assertEqual(client.line(), expected)
        self.assertTrue(client.silent_for(0))

    def test_several_lines(self):
        client = self.logged_in_to(b"+OK\r\n" + self.lines)
        client.send(b"XYZZY\r\n")
        refusal = client.line()
        for command in self.multi:
            with self.subTest(command):
                self.assertEqual(client.multi(command), (b"+OK", self.lines))
                self.assert_in_step(client, refusal)

    def test_one_line(self):
        client = self.logged_in_to(b"+OK 1 2\r\n")
        client.send(b"XYZZY\r\n")
        refusal = client.line()
        for command in self.single:
            with self.subTest(command):
                client.send(command + b"\r\n")
                self.assertEqual(client.line(), b"+OK 1 2")
                self.assert_in_step(client, refusal)

    def test_an_error_is_one_line(self):
        for error in (b"-ERR", b"-ERR no", b"-ERR [SYS/TEMP] no"):
            client = self.logged_in_to(error + b"\r\n")
            client.send(b"XYZZY\r\n")
            refusal = client.line()
            for command in self.multi + self.single:
                client.send(command + b"\r\n")
                self.assertEqual(client.line(), error)
                self.assert_in_step(client, refusal)

    def test_ours(self):
        """CAPA before and after login, AUTH without argument."""
        self.start()
        client = self.client(self.ports.plain)
        for _ in range(2):
            self.assertTrue(client.multi("CAPA")[1].endswith(b"\r\n.\r\n"))
            status, body = client.multi("AUTH")
            self.assertTrue(status.startswith(b"+OK") and b"PLAIN\r\n" in body)
            self.assert_refused(client.command("CAPA all"))
            self.assert_refused(client.command("XYZZY"))
        client.login("joe", "x")
        self.assertIn(b"PIPELINING", client.multi("CAPA")[1])
        client.ok("NOOP")

    def test_pipelined_in_any_mixture(self):
        client = self.logged_in_to(b"+OK\r\n" + self.lines)
        self.server.script.update(STAT=b"+OK single\r\n", NOOP=b"-ERR single\r\n")
        client.send(b"LIST\r\nSTAT\r\nRETR 1\r\nXYZZY\r\nNOOP\r\nUIDL\r\nCAPA\r\nSTAT\r\n" * 20)
        for _ in range(20):
            for expected in ("body", b"+OK single", "body", b"-ERR ", b"-ERR single", "body", "ours",
                             b"+OK single"):
                line = client.line()
                if expected in ("body", "ours"):
                    self.assertTrue(line.startswith(b"+OK"))
                    body = client.body()
                    self.assertEqual(body == self.lines, expected == "body")
                else:
                    self.assertTrue(line.startswith(expected), (line, expected))


class OneSession(Attack):
    """A failed login leaves nothing behind in the next; each client has a server's session alone."""

    rows = ("own-session", "try-again")

    def test_each_login_has_its_own_connection(self):
        self.start()
        clients = [self.logged_in(user=f"user{number}") for number in range(6)]
        for client in clients:
            client.ok("NOOP")
        for client in clients:
            client.quit()
        again = self.logged_in(user="user0")
        again.quit()
        told = [[line for line in connection.commands if line.startswith(b"USER")]
                for connection in self.server.for_clients()]
        self.assertEqual(sorted(told), sorted([[b"USER user%d" % n] for n in range(6)]
                                              + [[b"USER user0"]]))

    def test_a_refused_name_is_not_used_again(self):
        self.start({"PASS": lambda connection, line: b"+OK\r\n" if line == b"PASS good"
                    else b"-ERR [AUTH] no\r\n"})
        client = self.client(self.ports.plain)
        self.assert_refused(client.login("joe", "bad"))
        self.assert_refused(client.command("PASS good"))  # whose?
        client.send(b"AUTH PLAIN " + base64.b64encode(b"\0ann\0good") + b"\r\n")
        self.assertTrue(client.line().startswith(b"+OK"))
        logins = [line for line in self.server.all_commands() if line.startswith((b"USER", b"PASS"))]
        self.assertEqual(logins, [b"USER joe", b"PASS bad", b"USER ann", b"PASS good"])
