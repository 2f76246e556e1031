"""Dovecot killed and stopped at the worst moments. The client sees an -ERR or a broken connection,
and Dovecot never a QUIT that the client did not send (its own record of the session is read)."""

import os
import shutil
import signal
import ssl
import tempfile

from support import corpus
from support.case import Scenario
from support.process import wait_until
from support.raw_client import RawClient, Truncated, stuff
from support.threads import descendants, kill_tree, signal_all

USER, PASSWORD = "joe", "s3cret"
BIG = 24 * 1024 * 1024  # more than all buffers on the way take, those of the kernel first
TIMEOUTS = {"upstream_greeting": "10s", "upstream_login": "10s", "upstream_reply": "2s"}


class StrictClient(RawClient):
    """Knows a connection that ended orderly (`orderly`, TLS with close_notify) from a cut one."""

    orderly = None

    def start_tls(self, context=None):
        context = ssl.create_default_context(cafile=self.ca)
        self.socket = context.wrap_socket(self.socket, server_hostname=self.server_name,
                                          suppress_ragged_eofs=False)

    def to_the_end(self):
        """Everything until the end of the connection."""
        try:
            while True:
                self._more()
        except Truncated:
            self.orderly = True
        except (ssl.SSLError, ConnectionError):
            self.orderly = False
        data, self.buffer = bytes(self.buffer), bytearray()
        return data


class UpstreamProcesses(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.big = corpus.of_size(BIG)
        cls.small = corpus.of_size(3000)

    def setUp(self):
        super().setUp()
        self.record = tempfile.mkdtemp(dir=self.own_folder)
        os.chmod(self.record, 0o777)
        self.server = self.dovecot({USER: (PASSWORD, [self.big, self.small])},
                                   certificate=self.authority.good,
                                   settings=f"rawlog_dir = {self.record}")

    def start(self, tls_upstream=False, **more):
        upstream = {"address": self.server.address, "health_check": {"interval": "0s"}}
        if tls_upstream:
            upstream.update(address=f"127.0.0.1:{self.server.tls_port}", tls="implicit",
                            server_name="localhost", ca_file=self.ca)
        self.running, self.ports = self.serve(upstream, timeouts=TIMEOUTS, **more)

    def client(self, tls=True):
        made = StrictClient(self.ports.pop3s if tls else self.ports.plain, tls=tls, ca=self.ca,
                            receive_buffer=32768)
        self.addCleanup(made.close)
        return made

    def logged_in(self, tls=True):
        client = self.client(tls)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        return client

    def in_the_middle(self, client):
        """RETR of the big message; its first part has come, Dovecot still has most of it."""
        client.send(b"DELE 2\r\nRETR 1\r\nQUIT\r\n" if self.with_quit else b"DELE 2\r\nRETR 1\r\n")
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertTrue(client.line().startswith(b"+OK"))
        while len(client.buffer) < 100_000:
            client._more()

    def commands(self):
        """The lines that Dovecot read after the logins."""
        lines = b""
        for name in os.listdir(self.record):
            if name.endswith(".in"):
                with open(os.path.join(self.record, name), "rb") as file:
                    lines += file.read()
        return lines

    def assert_broken(self, client, received):
        self.assertNotIn(b"\r\n.\r\n", received)
        self.assertTrue(stuff(self.big).startswith(received), received[-100:])
        self.assertLess(len(received), BIG)
        if isinstance(client.socket, ssl.SSLSocket):
            self.assertFalse(client.orderly, "close_notify behind half a message")

    def everything_still_there(self):
        self.assertEqual(len(self.server.message_files(USER)), 2)

    def restart(self):
        shutil.rmtree(os.path.join(self.server.folder, "run"), ignore_errors=True)
        again = self.dovecot({USER: (PASSWORD, [self.small])}, port=self.server.port)
        client = self.logged_in()
        self.assertEqual(client.multi("RETR 1")[1], stuff(self.small))
        client.ok("QUIT")
        again.stop()

    # In the middle of a message

    with_quit = True

    def test_killed_in_the_middle_of_a_message(self):
        self.start()
        clients = [self.logged_in(tls) for tls in (True, False)]
        for client in clients:
            self.in_the_middle(client)
        kill_tree(self.server.child.pid)
        for client in clients:
            self.assert_broken(client, client.to_the_end())
        self.everything_still_there()
        self.assertNotIn(b"QUIT", self.commands())
        self.restart()

    def test_its_session_killed_while_its_tls_ends_orderly(self):
        """The process with the mailbox dies, the one with the TLS connection says close_notify."""
        self.start(tls_upstream=True)
        client = self.logged_in()
        self.in_the_middle(client)
        signal_all(descendants(self.server.child.pid, "pop3"), signal.SIGKILL)
        self.assert_broken(client, client.to_the_end())
        self.assertNotIn(b"QUIT", self.commands())

    def test_stopped_in_the_middle_of_a_message(self):
        self.start()
        clients = [self.logged_in(tls) for tls in (True, False)]
        for client in clients:
            self.in_the_middle(client)
        stopped = descendants(self.server.child.pid, "pop3")
        signal_all(stopped, signal.SIGSTOP)
        try:
            for client in clients:
                self.assert_broken(client, client.to_the_end())
        finally:
            signal_all(stopped, signal.SIGCONT)
        wait_until(lambda: not descendants(self.server.child.pid, "pop3"), what="Dovecot's sessions")
        self.assertIn(b"RETR 1", self.commands())
        self.assertNotIn(b"QUIT", self.commands())
        self.everything_still_there()

    def test_stopped_for_a_moment_it_goes_on(self):
        self.start()
        self.with_quit = False
        client = self.logged_in()
        self.in_the_middle(client)
        stopped = descendants(self.server.child.pid, "pop3")
        signal_all(stopped, signal.SIGSTOP)
        client.socket.settimeout(0.3)
        try:
            while True:
                client._more()
        except TimeoutError:
            pass
        signal_all(stopped, signal.SIGCONT)
        client.socket.settimeout(60)
        self.assertTrue(client.body() == stuff(self.big))
        client.ok("QUIT")
        wait_until(lambda: b"QUIT" in self.commands(), what="QUIT at Dovecot")
        wait_until(lambda: len(self.server.message_files(USER)) == 1, what="the deletion")

    # At login

    def login_under_way(self):
        """PASS was sent on and the server's `auth` cannot answer: a list of that process."""
        client = self.client()
        client.ok(f"USER {USER}")
        auth = descendants(self.server.child.pid, "auth")
        self.assertTrue(auth)
        signal_all(auth, signal.SIGSTOP)
        client.send(f"PASS {PASSWORD}\r\n".encode())
        self.assertTrue(client.silent_for(0.5))
        return client, auth

    def assert_unavailable(self, client):
        line = client.line()
        self.assertTrue(line.startswith(b"-ERR [SYS/TEMP]"), line)

    def test_killed_in_the_middle_of_a_login(self):
        self.start()
        client, _ = self.login_under_way()
        kill_tree(self.server.child.pid)
        self.assert_unavailable(client)
        self.restart()

    def test_stopped_in_the_middle_of_a_login(self):
        self.start()
        client, auth = self.login_under_way()
        try:
            self.assert_unavailable(client)
        finally:
            signal_all(auth, signal.SIGCONT)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        client.ok("QUIT")
        self.assertEqual(self.commands().count(b"QUIT"), 1)

    def test_stopped_before_its_greeting(self):
        self.start()
        stopped = [self.server.child.pid, *descendants(self.server.child.pid)]
        signal_all(stopped, signal.SIGSTOP)
        try:
            client = self.client()
            client.ok(f"USER {USER}")
            client.send(f"PASS {PASSWORD}\r\n".encode())
            self.assert_unavailable(client)
        finally:
            signal_all(stopped, signal.SIGCONT)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))

    # Between QUIT and its answer

    def quit_under_way(self):
        client = self.logged_in()
        client.ok("DELE 2")
        stopped = descendants(self.server.child.pid, "pop3")
        self.assertTrue(stopped)
        signal_all(stopped, signal.SIGSTOP)
        client.send(b"QUIT\r\n")
        self.assertTrue(client.silent_for(0.5))
        return client, stopped

    def assert_no_success(self, client):
        received = client.to_the_end()
        self.assertNotIn(b"+OK", received)
        if received:
            self.assertTrue(received.startswith(b"-ERR [SYS/TEMP]"), received)

    def test_killed_between_quit_and_its_answer(self):
        self.start()
        client, _ = self.quit_under_way()
        kill_tree(self.server.child.pid)
        self.assert_no_success(client)
        self.everything_still_there()

    def test_stopped_between_quit_and_its_answer(self):
        self.start()
        client, stopped = self.quit_under_way()
        try:
            self.assert_no_success(client)
        finally:
            signal_all(stopped, signal.SIGCONT)
