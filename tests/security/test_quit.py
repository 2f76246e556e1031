"""QUIT, what stands behind it, and the ends that are none: who removes mail, and who does not."""

import signal
import socket

from attack import MIB, Attack
from support import corpus
from support.process import wait_until
from support.raw_client import Truncated


class BehindQuit(Attack):
    """One answer, then the end. What follows is not done."""

    rows = ("behind-quit", "quit")
    behind = (b"NOOP\r\n", b"QUIT\r\n", b"DELE 1\r\n", b"RSET\r\n", b"USER joe\r\nPASS x\r\n",
              b"STLS\r\n", b"\n", b"\0", b"half", b"\x16\x03\x01\0\5", b"QUIT\r\n" * 10000)

    def assert_one_answer(self, client, behind):
        client.send(b"QUIT\r\n" + behind)
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertEqual(client.at_end(), b"")

    def test_before_login(self):
        self.start()
        for behind in self.behind:
            for port, tls in ((self.ports.plain, False), (self.ports.pop3s, True)):
                self.assert_one_answer(self.client(port, tls=tls), behind)
        self.assertEqual(self.server.all_commands(), [])

    def test_after_login(self):
        self.start()
        for behind in self.behind:
            for port, tls in ((self.ports.plain, False), (self.ports.pop3s, True)):
                self.assert_one_answer(self.logged_in(port, tls=tls), behind)
        for connection in self.server.for_clients():
            self.assertEqual(connection.verbs.count("QUIT"), 1)
            self.assertEqual(connection.verbs[-1], "QUIT")
        self.assert_upstream_never_saw(b"DELE", b"NOOP", b"RSET")

    def test_much_data_behind_it_does_not_cost_the_client_the_answer(self):
        """A connection closed with unread octets is reset, and a reset can overtake the answer."""
        self.start()
        for client in (self.client(self.ports.plain), self.logged_in()):
            client.send(b"QUIT\r\n")
            try:
                client.send(b"x" * MIB)
            except OSError:
                pass
            self.assertTrue(client.line().startswith(b"+OK"))

    def test_not_quit(self):
        self.start()
        client = self.logged_in()
        for line in (b"QUIT now", b"QUITX", b" QUIT", b"QUIT\0", b"Q\0UIT", b"QUIT\r"):
            client.send(line + b"\r\n")
            self.assert_refused(client.line(), line)
        client.ok("NOOP")
        self.assert_upstream_never_saw(b"Q")


class NothingRemoved(Attack):
    """A real server has all messages after every end but an honest QUIT."""

    rows = ("no-quit", "dele")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mail = cls.shared_dovecot({"joe": (cls.password, corpus.few()),
                                       "big": (cls.password, [corpus.of_size(4 * MIB)] * 3),
                                       "honest": (cls.password, corpus.few())})

    def setUp(self):
        super().setUp()
        self.running, self.ports = self.serve(self.mail.address)

    def end(self, how, user="joe", tls=True):
        """Marks all messages, does `how(client)`, waits until the server knows the end."""
        client = self.logged_in(self.ports.pop3s if tls else self.ports.plain, user, tls=tls)
        for number in (1, 2, 3):
            client.ok(f"DELE {number}")
        try:
            how(client)
        except (Truncated, OSError):
            pass
        client.close()
        self.wait_for_ends()

    def wait_for_ends(self):
        def all_ended():
            log = self.mail.log()
            return log.count("Info: Login: ") <= log.count("Info: Disconnected") + log.count(
                "Info: Logged out")
        wait_until(all_ended, what="the server to see the end")

    def assert_all_there(self, user="joe"):
        self.assertEqual(len(self.mail.message_files(user)), 3)

    def test_connections_that_end_without_quit(self):
        ends = {
            "reset": lambda client: client.abort(),
            "closed": lambda client: client.close(),
            "half closed": lambda client: (client.socket.shutdown(socket.SHUT_WR), client.at_end()),
            "half a QUIT": lambda client: (client.send(b"QUI"), client.close()),
            "QUIT without line end": lambda client: (client.send(b"QUIT"), client.close()),
            "QUIT with half a line end": lambda client: (client.send(b"QUIT\r"), client.close()),
            "half closed behind QUIT without line end":
                lambda client: (client.send(b"QUIT"), client.socket.shutdown(socket.SHUT_WR),
                                client.at_end()),
            "a QUIT that is none": lambda client: (client.command("QUIT now"), client.close()),
            "QUIT behind a bare LF": lambda client: (client.send(b"NOOP\nQUIT\r\n"),
                                                     client.at_end()),
            "QUIT behind a bare CR": lambda client: (client.command("NOOP\rQUIT"), client.abort()),
            "QUIT at the end of a line too long":
                lambda client: (client.command(b"x" * 507 + b"QUIT"), client.abort()),
            "QUIT behind an HTTP request": lambda client: (
                client.send(b"POST / HTTP/1.1\r\n\r\nQUIT\r\n"), client.at_end()),
        }
        for name, how in ends.items():
            for tls in (True, False):
                with self.subTest(name, tls=tls):
                    self.end(how, tls=tls)
                    self.assert_all_there()

    def test_a_client_that_vanishes_with_quit_in_the_pipeline(self):
        """It has not taken the messages that stand before its QUIT: the QUIT is not done."""
        def how(client):
            client.send(b"RSET\r\n" + b"RETR 1\r\nRETR 2\r\nRETR 3\r\n" * 20 + b"DELE 1\r\nQUIT\r\n")
            client.line()
            client.abort()
        for tls in (True, False):
            self.end(how, "big", tls)
            self.assert_all_there("big")

    def test_a_gateway_that_is_killed(self):
        for number in (signal.SIGKILL, signal.SIGTERM):
            self.running, self.ports = self.serve(self.mail.address, timeouts={"drain": "1s"})
            client = self.logged_in(self.ports.pop3s, tls=True)
            client.ok("DELE 1")
            self.running.child.signal(number)
            self.running.child.wait(60)
            client.at_end()
            self.wait_for_ends()
            self.assert_all_there()

    def test_an_honest_quit_removes(self):
        """The control: the same client, the same server."""
        client = self.logged_in(self.ports.pop3s, "honest", tls=True)
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(len(self.mail.message_files("honest")), 2)
