"""Pipelining in every way RFC 2449 section 6.6 allows, with every server: what comes back is what
comes back for one command at a time."""

import base64
import random
import tempfile
import unittest

import test_servers
from support import old_servers
from support.case import Scenario
from support.process import wait_until
from support.raw_client import RawClient

PASSWORD = test_servers.PASSWORD
MANY = ("RETR", "TOP", "CAPA")
# Nothing stays deleted, so each way finds the same mailbox.
SESSION = ["NOOP", "STAT", "LIST", "UIDL", "CAPA", "TOP 1 2", "RETR 1", "NOSUCH", "RETR 99",
           "LIST 2", "RETR 2", "", "DELE 1", "STAT", "RETR 1", "RSET", "STAT", "TOP 3 0", "QUIT"]


def is_many(command):
    return command.startswith(MANY) or command in ("LIST", "UIDL")


def replies(client, commands):
    """The replies to commands that were sent already."""
    result = []
    for command in commands:
        status = client.line()
        body = client.body() if is_many(command) and status.startswith(b"+OK") else b""
        result.append((command, status, body))
    return result


def octets(commands):
    return "".join(command + "\r\n" for command in commands).encode()


class Pipelining(Scenario):
    """Dovecot in plain text; the subclasses have the other servers."""

    program, server_class = "Dovecot", test_servers.BehindPlain

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.messages = cls.server_class.mail()
        cls.server, upstream = cls.server_class.start(
            tempfile.mkdtemp(dir=cls.folder), {"joe": (PASSWORD, cls.messages)})
        cls.addClassCleanup(cls.server.stop)
        cls._class_logs.append((cls.program, cls.server.log))
        # Who waits for a mailbox asks again and again.
        config, cls.ports = cls.config(upstream, limits={"login_attempts": 100,
                                                         "free_failed_logins": 1000})
        cls.shared_gateway(config)
        cls.login = ["USER joe", f"PASS {PASSWORD}"]
        with RawClient(cls.server.port) as client:  # mailutils changes messages when first read
            client.login("joe", PASSWORD)
            client.multi("UIDL")
            client.fetch_all()
            client.quit()
        with RawClient(cls.ports.pop3s, tls=True, ca=cls.ca) as client:
            cls.wait_for_mailbox(client)
            cls.expected = []
            for command in SESSION:
                client.send(octets([command]))
                cls.expected += replies(client, [command])
            client.at_end()

    @classmethod
    def wait_for_mailbox(cls, client):
        """Logs in; the server may not have unlocked the mailbox after the last session."""
        wait_until(lambda: client.login("joe", PASSWORD).startswith(b"+OK"), 20, "the mailbox")

    def ready(self):
        """A connection before login, when the mailbox is free."""
        with RawClient(self.server.port) as direct:
            self.wait_for_mailbox(direct)
            direct.quit()
        return self.client(self.ports.pop3s, tls=True)

    def check(self, client, before, commands=None):
        got = replies(client, before)
        for command, status, _ in got:
            self.assertTrue(status.startswith(b"+OK"), (command, status))
        for (command, status, body), right in zip(replies(client, commands or SESSION),
                                                  self.expected):
            self.assertEqual((command, status), right[:2])
            self.assertTrue(body == right[2], command)
        self.assertEqual(client.at_end(), b"")
        self.server_works(self.program, "pipelining")

    def test_a_whole_session_in_one_write(self):
        client = self.ready()
        client.send(octets(["CAPA", *self.login, *SESSION]))
        self.check(client, ["CAPA", *self.login])

    def test_everything_after_login_in_one_write(self):
        client = self.ready()
        self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
        client.send(octets(SESSION))
        self.check(client, [])

    def test_octet_by_octet(self):
        client = self.ready()
        for octet in octets([*self.login, *SESSION]):
            client.send(bytes([octet]))
        self.check(client, self.login)

    def test_cut_at_random_places(self):
        rng = random.Random(2449)
        for _ in range(3):
            client = self.ready()
            data = octets([*self.login, *SESSION])
            while data:
                size = rng.choice((1, 2, 3, 10, 50, 200))
                client.send(data[:size])
                data = data[size:]
            self.check(client, self.login)

    def test_behind_a_sasl_login_with_its_initial_response(self):
        blob = base64.b64encode(f"\0joe\0{PASSWORD}".encode()).decode()
        client = self.ready()
        client.send(octets([f"AUTH PLAIN {blob}", *SESSION]))
        self.check(client, ["AUTH PLAIN"])

    def test_behind_stls(self):
        self.ready()
        client = self.client(self.ports.stls)
        client.send(octets(["CAPA", "NOOP", "STLS"]))  # STLS ends a group: RFC 2595 section 4
        self.assertTrue(client.line().startswith(b"+OK"))
        client.body()
        self.assertTrue(client.line().startswith(b"-ERR"))
        self.assertTrue(client.line().startswith(b"+OK"))
        client.start_tls()
        client.send(octets([*self.login, *SESSION]))
        self.check(client, self.login)

    def test_more_commands_than_may_be_outstanding_upstream(self):
        client = self.ready()
        numbers = [n for _ in range(8) for n in range(1, len(self.messages) + 1)]
        client.send(octets([*self.login, *(f"RETR {n}" for n in numbers), "QUIT"]))
        replies(client, self.login)
        bodies = {}
        for number in numbers:
            status, body = client.line(), client.body()
            self.assertTrue(bodies.setdefault(number, (status, body)) == (status, body), number)
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertEqual(client.at_end(), b"")
        self.server_works(self.program, "pipelining")

    def test_commands_behind_a_refused_login_are_refused(self):
        client = self.ready()
        client.send(octets(["USER joe", "PASS wrong", "STAT", "RETR 1", "DELE 1", *self.login,
                            "NOOP", "QUIT"]))
        got = [status.split()[0] for _, status, _ in replies(
            client, ["USER", "PASS", "STAT", "RETR 1", "DELE", *self.login, "NOOP", "QUIT"])]
        self.assertEqual(got, [b"+OK"] + [b"-ERR"] * 4 + [b"+OK"] * 4)

    def test_what_follows_quit_is_not_done(self):
        client = self.ready()
        client.send(octets([*self.login, "STAT", "QUIT", "STAT", "DELE 1", "QUIT"]))
        got = replies(client, [*self.login, "STAT", "QUIT"])
        self.assertTrue(all(status.startswith(b"+OK") for _, status, _ in got), got)
        self.assertEqual(client.at_end(), b"")


class PipeliningOverStls(Pipelining):
    server_class = test_servers.BehindStls


class PipeliningPopa3d(Pipelining):
    """A server that does not announce PIPELINING is asked one thing at a time."""

    program, server_class = "popa3d", test_servers.BehindPopa3d


class PipeliningMailutils(Pipelining):
    program, server_class = "mailutils pop3d", test_servers.BehindMailutils


if __name__ == "__main__":
    unittest.main()
