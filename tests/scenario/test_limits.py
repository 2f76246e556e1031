"""Limits against the few who want too much: each reached, and each without harm to others."""

import ssl
import time

from support import corpus
from support.case import Scenario
from support.process import wait_until
from support.raw_client import RawClient, Truncated

USER, PASSWORD = "joe", "s3cret-of-joe"
FULL = b"-ERR [SYS/TEMP] "


class Connections(Scenario):
    def start(self, **limits):
        server = self.fake(corpus.few())
        self.running, self.ports = self.serve(server.address, limits=limits)

    def greeting(self, address, port=None):
        try:
            client = RawClient(port or self.ports.plain, source=address, greeting=False)
            self.addCleanup(client.close)
            return client, client.line()
        except (Truncated, ConnectionError):
            return None, b""

    def ended(self, reason):
        return self.running.metrics()[f'gatepost_sessions_ended_total{{reason="{reason}"}}']

    def test_in_all(self):
        self.start(connections=3)
        kept = [self.greeting("127.0.0.1") for _ in range(3)]
        self.assertTrue(all(line.startswith(b"+OK") for _, line in kept))
        client, line = self.greeting("127.0.0.2")
        self.assertTrue(line.startswith(FULL), line)
        self.assertEqual(client.at_end(), b"")
        with self.assertRaisesRegex(ssl.SSLError, "(?i)alert internal error"):
            RawClient(self.ports.pop3s, tls=True, ca=self.ca, source="127.0.0.2")
        kept[0][0].quit()
        wait_until(lambda: self.greeting("127.0.0.2")[1].startswith(b"+OK"), what="a place")

    def test_of_one_network(self):
        self.start(connections_per_network=2, network_prefix_v4=24)
        kept = [self.greeting(f"127.0.1.{n}") for n in (1, 2)]
        self.assertTrue(all(line.startswith(b"+OK") for _, line in kept))
        _, line = self.greeting("127.0.1.3")
        self.assertTrue(line.startswith(FULL), line)
        self.assertTrue(self.greeting("127.0.2.3")[1].startswith(b"+OK"))
        self.assertEqual(self.ended("refused_network"), 1)
        kept[0][0].quit()
        wait_until(lambda: self.greeting("127.0.1.3")[1].startswith(b"+OK"), what="a place")

    def test_exempt_networks_have_no_limit(self):
        self.start(connections_per_network=1, accept_rate=1, exempt_networks=["127.0.5.0/24"])
        for _ in range(5):
            self.assertTrue(self.greeting("127.0.5.9")[1].startswith(b"+OK"))

    def test_in_one_second(self):
        self.start(accept_rate=5)
        # All are there before the first is looked at, however long that takes.
        clients = [self.client(self.ports.plain, greeting=False) for _ in range(30)]
        lines = [client.line() for client in clients]
        good = [line for line in lines if line.startswith(b"+OK")]
        self.assertGreaterEqual(len(good), 5)
        self.assertLess(len(good), 30)
        self.assertTrue(all(line.startswith((b"+OK", FULL)) for line in lines), lines)
        wait_until(lambda: self.ended("refused_rate") == 30 - len(good), what="refusals")
        wait_until(lambda: self.greeting("127.0.0.1")[1].startswith(b"+OK"), what="a second")


class FailedLogins(Scenario):
    """A real server says which passwords are wrong."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({USER: (PASSWORD, corpus.few()),
                                         "ann": (PASSWORD, corpus.few())})

    def start(self, **limits):
        self.running, self.ports = self.serve(self.server.address, limits={
            "free_failed_logins": 2, "failed_login_delay_max": "60s", "login_attempts": 50,
            **limits})

    def connect(self, address):
        client = RawClient(self.ports.plain, source=address)
        self.addCleanup(client.close)
        return client

    def fail(self, attempts):
        """Wrong passwords for (address, user), all at once: eight cost the next one 32 s."""
        clients = [self.connect(address) for address, _ in attempts]
        for client, (_, user) in zip(clients, attempts):
            client.ok(f"USER {user}")
        for client in clients:
            client.send(b"PASS wrong\r\n")
        for client in clients:
            self.assertTrue(client.line().startswith(b"-ERR"))

    def assert_at_once(self, address, user):
        client = self.connect(address)
        client.socket.settimeout(20)
        self.assertTrue(client.login(user, PASSWORD).startswith(b"+OK"))

    def assert_delayed(self, address, user):
        client = self.connect(address)
        client.ok(f"USER {user}")
        client.send(f"PASS {PASSWORD}\r\n".encode())
        self.assertTrue(client.silent_for(1))

    def test_guessing_at_one_user_gets_slow_from_everywhere_but_home(self):
        self.start()
        self.assert_at_once("127.0.3.1", USER)  # home, from now on
        self.fail([(f"127.0.4.{number}", USER) for number in range(1, 9)])
        self.assert_delayed("127.0.4.99", USER)
        self.assert_at_once("127.0.3.1", USER)  # nobody can lock the owner out
        self.assert_at_once("127.0.4.99", "ann")
        self.assertGreaterEqual(self.running.metrics()["gatepost_guarded_users"], 1)

    def test_the_delay_ends(self):
        self.start(failed_login_delay_max="2s")
        self.fail([(f"127.0.4.{number}", USER) for number in range(1, 7)])
        began = time.monotonic()
        client = self.connect("127.0.4.99")
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        self.assertGreater(time.monotonic() - began, 0.5)

    def test_a_network_that_guesses_gets_slow_for_every_user(self):
        self.start()
        self.fail([("127.0.6.1", f"nobody-{number}") for number in range(8)])
        self.assert_delayed("127.0.6.1", "ann")
        self.assert_at_once("127.0.6.2", "ann")
        self.assertGreaterEqual(self.running.metrics()["gatepost_guarded_networks"], 1)

    def test_exempt_networks_are_not_slowed(self):
        self.start(exempt_networks=["127.0.8.0/24"])
        self.fail([("127.0.8.1", USER)] * 8)
        self.assert_at_once("127.0.8.1", USER)

    def test_attempts_on_one_connection(self):
        self.start(login_attempts=2, free_failed_logins=100)
        client = self.client(self.ports.plain)
        for _ in range(2):
            self.assertTrue(client.login(USER, "wrong").startswith(b"-ERR"))
        self.assertEqual(client.at_end(), b"")
