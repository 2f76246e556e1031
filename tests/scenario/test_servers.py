"""Every POP3 server answers through the gateway as it answers directly."""

import tempfile
import unittest

from support import clients, corpus, old_servers
from support.case import Scenario, authority
from support.process import wait_until
from support.raw_client import RawClient

PASSWORD = "correct-horse"
WHOLE = ["STAT", "LIST", "LIST 2", "UIDL", "UIDL 3", "TOP 1 0", "TOP 2 3", "RETR 1", "RETR 2",
         "RETR 3", "LIST 99", "RETR 99", "DELE 2", "RETR 2", "STAT", "LIST", "RSET", "STAT",
         "NOOP", "QUIT"]


def transcript(client, commands=WHOLE):
    """What a server says to each command: list of (command, status line, body)."""
    result = []
    for command in commands:
        verb, *arguments = command.split()
        many = verb in ("RETR", "TOP") or verb in ("LIST", "UIDL") and not arguments
        result.append((command, *(client.multi(command) if many else (client.command(command), b""))))
    return result


class Behind(Scenario):
    """A server with the users joe, whose mail stays, and ann, eve and sue, who delete."""

    program, form = "Dovecot", "plain text"

    @classmethod
    def setUpClass(cls):
        if cls is Behind:
            raise unittest.SkipTest("the base of the others")
        super().setUpClass()
        cls.messages = cls.mail()
        users = {name: (PASSWORD, cls.messages) for name in ("joe", "ann", "eve", "sue")}
        cls.server, upstream = cls.start(tempfile.mkdtemp(dir=cls.folder), users)
        cls.addClassCleanup(cls.server.stop)
        cls._class_logs.append((cls.program, cls.server.log))
        for user in users:  # the first session makes mailutils add headers to what was read
            with RawClient(cls.server.port) as client:
                client.login(user, PASSWORD)
                client.multi("UIDL")
                client.fetch_all()
                client.quit()
        config, cls.ports = cls.config(upstream)
        cls.shared_gateway(config)

    @classmethod
    def mail(cls):
        return corpus.few() + corpus.messages(16, False)

    @classmethod
    def start(cls, folder, users):
        from support.dovecot import Dovecot
        server = Dovecot(folder, users)
        return server, server.address

    def logged_in(self, connect, user):
        """A session of that user; a server may need a moment to unlock the mailbox."""
        def try_it():
            client = connect()
            reply = client.login(user, PASSWORD)
            if reply.startswith(b"+OK"):
                return client
            client.close()
            self.assertIn(b"[IN-USE]", reply)
        return wait_until(try_it, 20, "the mailbox to be free")

    def direct(self, user):
        client = self.logged_in(lambda: RawClient(self.server.port), user)
        self.addCleanup(client.close)
        return client

    def through(self, user):
        return self.logged_in(lambda: self.client(self.ports.pop3s, tls=True), user)

    def end(self, client):
        client.quit()

    def fetched(self, client, pipelined=False):
        replies = client.fetch_all(pipelined)
        self.end(client)
        return replies

    def test_each_reply_is_the_same_as_directly(self):
        expected = transcript(self.direct("joe"))
        self.assertEqual(len([1 for command, status, _ in expected if status.startswith(b"+OK")]),
                         len(WHOLE) - 3)
        got = transcript(self.through("joe"))
        for (command, status, body), (_, right_status, right_body) in zip(got, expected):
            self.assertEqual((command, status, body == right_body),
                             (command, right_status, True))
        self.server_works(self.program, self.form)

    def test_every_message_is_the_same_as_directly(self):
        expected = self.fetched(self.direct("joe"))
        self.assertEqual(len(expected), len(self.messages))
        for pipelined in (False, True):
            got = self.fetched(self.through("joe"), pipelined)
            self.assertTrue(got == expected)
        self.server_works(self.program, self.form)

    def test_poplib_gets_the_same_as_directly(self):
        expected = clients.poplib_fetch(clients.PLAIN, self.server.port, self.ca, "joe", PASSWORD)
        for form, port in ((clients.POP3S, self.ports.pop3s), (clients.STLS, self.ports.stls)):
            self.assertTrue(
                clients.poplib_fetch(form, port, self.ca, "joe", PASSWORD) == expected, form)
        self.server_works(self.program, self.form)

    def test_deleted_is_what_quit_confirmed(self):
        client = self.through("ann")
        transcript(client, ["DELE 1", "DELE 3", "QUIT"])
        self.assertEqual(client.at_end(), b"")
        client = self.through("eve")
        transcript(client, ["DELE 1", "RSET", "DELE 2", "QUIT"])
        client.at_end()
        client = self.through("sue")
        transcript(client, ["DELE 1", "DELE 2"])
        client.close()
        for user, gone in (("ann", 2), ("eve", 1), ("sue", 0)):
            client = self.direct(user)
            self.assertEqual(client.ok("STAT").split()[1], b"%d" % (len(self.messages) - gone),
                             user)
            self.end(client)
        self.server_works(self.program, "DELE, RSET, QUIT")

    def test_a_refused_login_can_be_repeated(self):
        client = self.client(self.ports.pop3s, tls=True)
        self.assertTrue(client.login("joe", "wrong").startswith(b"-ERR"))
        self.assertTrue(client.login("nobody-here", "wrong").startswith(b"-ERR"))
        self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
        self.end(client)
        self.server_works(self.program, "refused login")


class BehindPlain(Behind):
    """Dovecot in plain text."""


class BehindStls(Behind):
    """Dovecot that is asked for STLS."""

    form = "STLS"

    @classmethod
    def start(cls, folder, users):
        from support.dovecot import Dovecot
        server = Dovecot(folder, users, certificate=authority().good)
        return server, {"address": f"localhost:{server.port}", "tls": "starttls",
                        "ca_file": authority().certificate}


class BehindTls(Behind):
    """Dovecot with TLS from the first octet."""

    form = "TLS"

    @classmethod
    def start(cls, folder, users):
        server, _ = BehindStls.start(folder, users)
        return server, {"address": f"localhost:{server.tls_port}", "tls": "implicit",
                        "ca_file": authority().certificate}


class BehindPopa3d(Behind):
    """popa3d has no CAPA, no UIDs that stay, no PIPELINING, no reasons."""

    program = "popa3d"

    @classmethod
    def mail(cls):
        return corpus.few() * 4

    @classmethod
    def start(cls, folder, users):
        server = old_servers.Popa3d(folder, users)
        return server, server.address

    def test_it_has_no_capa_but_the_gateway_has(self):
        self.assertTrue(RawClient(self.server.port).command("CAPA").startswith(b"-ERR"))
        client = self.client(self.ports.pop3s, tls=True)
        self.assertTrue(client.command("CAPA").startswith(b"+OK"))
        announced = client.body().split(b"\r\n")
        self.assertIn(b"USER", announced)
        self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
        self.assertTrue(client.command("CAPA").startswith(b"+OK"))
        client.body()
        self.end(client)
        self.server_works(self.program, "no CAPA")


class BehindMailutils(BehindPopa3d):
    program = "mailutils pop3d"
    test_it_has_no_capa_but_the_gateway_has = None

    @classmethod
    def start(cls, folder, users):
        server = old_servers.MailutilsPop3d(folder, users)
        return server, server.address


class BehindMailutilsStls(BehindMailutils):
    form = "STLS"

    @classmethod
    def start(cls, folder, users):
        server = old_servers.MailutilsPop3d(folder, users, certificate=authority().good)
        return server, {"address": f"localhost:{server.port}", "tls": "starttls",
                        "ca_file": authority().certificate}


if __name__ == "__main__":
    unittest.main()
