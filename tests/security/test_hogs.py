"""Clients that want more than their part: memory stays bounded, and somebody else is served."""

import resource
import select
import socket
import threading
import time

from attack import MIB, Attack, at_most, memory_of, sanitized
from support import corpus
from support.raw_client import RawClient, Truncated, stuff


def send_until_full(client, data, at_most):
    """Sends without reading until nobody takes more for a moment; how much went."""
    sent = 0
    client.socket.setblocking(False)
    try:
        while sent < at_most:
            try:
                sent += client.socket.send(data[sent % len(data):] or data)
            except BlockingIOError:
                waiting = select.poll()
                waiting.register(client.socket, select.POLLOUT)
                if not waiting.poll(700):
                    break
    finally:
        client.socket.settimeout(120)
    return sent


class Endless(Attack):
    rows = ("hogs", "line-length")

    def assert_cheap(self, before, most=16 * MIB):
        self.assertLess(memory_of(self.running) - before, at_most(most))
        self.assert_serves()

    def test_lines_before_login(self):
        self.start()
        for port, tls in ((self.ports.plain, False), (self.ports.pop3s, True)):
            before = memory_of(self.running)
            clients = [self.client(port, tls=tls) for _ in range(8)]
            for _ in range(4):
                for client in clients:
                    client.send(b"x" * MIB)
            self.assert_cheap(before)
            clients[0].send(b"\r\n")
            self.assert_refused(clients[0].line())
            self.assertTrue(clients[0].login("joe", "x").startswith(b"+OK"))

    def test_lines_after_login(self):
        self.start()
        before = memory_of(self.running)
        clients = [self.logged_in() for _ in range(4)]
        for _ in range(8):
            for client in clients:
                client.send(b"RETR 1 " + b"x" * MIB)
        self.assert_cheap(before)
        clients[0].send(b"\r\nNOOP\r\n")
        self.assert_refused(clients[0].line())
        self.assertTrue(clients[0].line().startswith(b"+OK"))
        self.assert_upstream_never_saw(b"xx")

    def test_200_000_commands_unread_before_login(self):
        self.start(limits={"bad_commands": 10000})
        before = memory_of(self.running)
        client = self.client(self.ports.plain, receive_buffer=4096)
        data = b"CAPA\r\n" * 200000
        sent = send_until_full(client, data, len(data))
        self.assert_cheap(before)
        for _ in range(sent // 6):
            client.line(), client.body()

    def test_200_000_commands_unread_after_login(self):
        """And more: kernels keep some 10 MB of them for us. We take no more than we can answer."""
        self.start()
        before = memory_of(self.running)
        client = self.logged_in(receive_buffer=4096)
        sent = send_until_full(client, b"RETR 1\r\n" * 200000, 64 * MIB)
        self.assertLess(sent, 64 * MIB)
        self.assert_cheap(before)
        self.assertLess(len(self.server.for_clients()[0].commands), 50000)
        for _ in range(300):  # what it reads after all is in turn
            self.assertTrue(client.line().startswith(b"+OK"))
            client.body()

    def test_60_mb_unread(self):
        message = corpus.of_size(60 * MIB)
        self.server = self.fake([corpus.few()[0], message])
        self.running, self.ports = self.serve(self.server.address)
        before = memory_of(self.running)
        slow = []
        for port, tls in ((self.ports.plain, False), (self.ports.pop3s, True)):
            for _ in range(3):
                client = self.logged_in(port, tls=tls, receive_buffer=4096)
                client.send(b"RETR 2\r\n")
                self.assertTrue(client.line().startswith(b"+OK"))
                slow.append(client)
        self.assert_cheap(before)
        for client in slow[1:]:
            client.abort()
        self.assertEqual(slow[0].body(), stuff(message))  # and whole, when it is read at last

    def test_empty_lines_and_single_octets(self):
        self.start()
        before = memory_of(self.running)
        client = self.client(self.ports.plain)
        sent = send_until_full(client, b"\r\n" * 100000, 200000)
        self.assertGreater(sent, 0)
        said = client.at_end()
        self.assertLess(len(said), 20000)  # bad_commands: 20, then the end
        self.assert_cheap(before)


class Silent(Attack):
    rows = ("hogs", "idle-timer")

    def test_before_login_there_is_a_deadline_however_busy_one_is(self):
        self.start(timeouts={"login": "1s", "handshake": "1s"})
        silent = [self.client(self.ports.plain) for _ in range(5)]
        hello = [self.client(self.ports.pop3s, greeting=False) for _ in range(5)]
        in_dialog = self.client(self.ports.plain)
        in_dialog.send(b"AUTH LOGIN\r\n")
        busy = self.client(self.ports.plain)
        dripping = self.client(self.ports.pop3s, greeting=False)
        ended = 0
        try:
            for octet in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500:
                dripping.send(bytes([octet]))
                busy.send(b"CAPA\r\n")
                time.sleep(0.02)
        except OSError:
            ended = 1
        self.assertEqual(ended, 1)
        for client in silent + hello + [in_dialog, busy, dripping]:
            self.assertNotIn(b"+OK Logged", client.at_end(30))
        self.assertEqual(self.server.all_commands(), [])

    def test_clients_that_take_nothing_of_their_farewell(self):
        """They are dropped after kFlushStall; until then they are in nobody's way."""
        self.start(timeouts={"login": "1s"})
        before = memory_of(self.running)
        for _ in range(3):
            client = self.client(self.ports.plain, receive_buffer=2048)
            send_until_full(client, b"CAPA\r\n" * 100000, 600000)
        time.sleep(1.2)
        self.assert_serves()
        self.assertLess(memory_of(self.running) - before, at_most(16 * MIB))


class Crowd(Attack):
    """10,000 connections of one network: it gets its share, others do not notice."""

    rows = ("hogs",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        cls.addClassCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def connect(self, number):
        client = socket.socket()
        client.bind((f"127.0.{20 + number % 16}.{1 + number % 200}", 0))
        client.connect(("127.0.0.1", self.ports.plain))
        self.addCleanup(client.close)
        return client

    def test_10_000_of_one_network(self):
        self.start(limits={"connections_per_network": 300, "network_prefix_v4": 16,
                           "exempt_networks": ["127.0.0.1/32"]})
        before = memory_of(self.running)
        held = []
        for number in range(10000):
            client = self.connect(number)
            if len(held) < 300:
                held.append(client)
                continue
            client.close()
            if number % 1000 == 0:
                self.assert_serves()
        most = 40 * MIB
        self.assertLess(memory_of(self.running) - before, at_most(most))
        self.assert_serves()

    def test_thousands_held_open(self):
        count = 1000 if sanitized() else 4000
        self.start()
        before = memory_of(self.running)
        held = [self.connect(number) for number in range(count)]
        for client in held:
            client.settimeout(60)
            self.assertTrue(client.recv(100).startswith(b"+OK"))
        cost = memory_of(self.running) - before
        self.assertLess(cost / count, 64 * 1024 if sanitized() else 16 * 1024)
        self.assert_serves()
        for client in held:
            client.close()
        self.assert_serves()


class BeyondTheLimits(Attack):
    """What configuration.md and architecture.md bound, one step beyond."""

    rows = ("hogs", "try-again")

    def test_bad_commands_in_a_row(self):
        self.start(limits={"bad_commands": 5})
        for make in (lambda: self.client(self.ports.plain), self.logged_in):
            client = make()
            client.send(b"XYZZY\r\n" * 5 + b"CAPA\r\n" + b"XYZZY\r\n" * 5)  # never six in a row
            for _ in range(5):
                self.assert_refused(client.line())
            client.line(), client.body()
            for _ in range(5):
                self.assert_refused(client.line())
            client.send(b"XYZZY\r\nCAPA\r\n")
            self.assertNotIn(b"+OK", client.at_end())

    def test_commands_in_the_ledger(self):
        """kCapacity is 32, pipeline 16: a server that keeps silent is sent no more."""
        go = threading.Event()
        self.addCleanup(go.set)
        def wait(connection, line):
            go.wait(60)
            return b"+OK\r\n"
        self.start({"NOOP": wait})
        client = self.logged_in()
        client.send(b"NOOP\r\nSTAT\r\n" * 500)
        self.assertTrue(client.silent_for(0.5))
        self.assert_serves()
        go.set()
        for _ in range(1000):
            self.assertTrue(client.line().startswith(b"+OK"))
        self.assertLessEqual(max(item.most_waiting for item in self.server.for_clients()), 16)

    def test_memory_for_data_in_transit(self):
        """limits.memory: past it nobody new is accepted; when the slow ones are gone, all is well."""
        self.server = self.fake([corpus.few()[0], corpus.of_size(3 * MIB)])
        self.running, self.ports = self.serve(self.server.address, limits={"memory": "4MiB"})
        before = memory_of(self.running)
        slow = []
        for _ in range(40):
            try:
                client = RawClient(self.ports.pop3s, tls=True, ca=self.ca, receive_buffer=2048,
                                   seconds=3)
            except (OSError, Truncated):
                break  # accepting pauses
            self.addCleanup(client.close)
            client.login("joe", "x")
            client.send(b"RETR 2\r\n" * 4)
            slow.append(client)
        self.assertLess(memory_of(self.running) - before, at_most(32 * MIB))
        self.assertGreater(len(slow), 3)
        for client in slow:
            client.abort()
        self.assert_serves()
