"""Bad networks on either leg: every message arrives as it is, or the session is visibly broken.

The client and Dovecot are in one namespace, the gateway in another; each leg has a wire of its own.
"""

import os
import random
import tempfile
import time

from support import corpus
from support.case import Scenario
from support.process import wait_until
from support.raw_client import RawClient, Truncated, stuff
from support.wire import Namespace, Wire

USER, PASSWORD = "joe", "s3cret"


class Network(Scenario):
    def setUp(self):
        super().setUp()
        seed = random.SystemRandom().randrange(1 << 32)
        print(f"seed {seed}", end=" ", flush=True)
        self.outside, self.inside = Namespace(), Namespace()
        self.addCleanup(self.outside.close)
        self.addCleanup(self.inside.close)
        self.client_leg = Wire(self.outside, self.inside, 1, seed)
        self.addCleanup(self.client_leg.close)
        self.upstream_leg = Wire(self.outside, self.inside, 2, seed + 1)
        self.addCleanup(self.upstream_leg.close)
        self.messages = [corpus.of_size(size) for size in (500, 3000, 40_000, 250_000, 1_500_000)]
        self.record = tempfile.mkdtemp(dir=self.own_folder)
        os.chmod(self.record, 0o777)
        self.server = self.outside.run(lambda: self.dovecot(
            {USER: (PASSWORD, self.messages)},
            settings=f"listen = *\nrawlog_dir = {self.record}"))
        config, self.ports = self.config(
            {"address": f"10.77.2.1:{self.server.port}", "health_check": {"interval": "0s"}},
            timeouts={"upstream_connect": "10s", "upstream_login": "10s", "upstream_reply": "10s"})
        for listener in config["listeners"]:
            listener["address"] = listener["address"].replace("127.0.0.1", "10.77.1.2")
        self.running = self.inside.run(lambda: self.gateway(config))

    def client(self, tls=True, **options):
        port = self.ports.pop3s if tls else self.ports.plain
        made = self.outside.run(lambda: RawClient(address=("10.77.1.2", port), tls=tls, ca=self.ca,
                                                  **options))
        self.addCleanup(made.close)
        return made

    def logged_in(self, tls=True, **options):
        client = self.client(tls, **options)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        return client

    def quits(self):
        lines = b""
        for name in os.listdir(self.record):
            if name.endswith(".in"):
                with open(os.path.join(self.record, name), "rb") as file:
                    lines += file.read()
        return lines.count(b"QUIT")

    def begin_big(self, client):
        """RETR of the big message, with its beginning read."""
        client.send(b"RETR 5\r\n")
        self.assertTrue(client.line().startswith(b"+OK"))
        while len(client.buffer) < 30_000:
            client._more()

    # Packets

    def fetch_whole(self):
        for tls in (True, False):
            for pipelined in (True, False):
                client = self.logged_in(tls)
                bodies = [body for _, body in client.fetch_all(pipelined)]
                self.assertTrue(bodies == [stuff(message) for message in self.messages])
                client.ok("QUIT")
                client.close()

    def test_bad_packets_towards_the_client(self):
        self.client_leg.be_bad()
        self.fetch_whole()
        self.assertGreater(self.client_leg.lost, 0)

    def test_bad_packets_towards_upstream(self):
        self.upstream_leg.be_bad()
        self.fetch_whole()
        self.assertGreater(self.upstream_leg.lost, 0)

    # Partitions

    def test_a_partition_that_heals_in_time_is_only_slow(self):
        for wire in (self.client_leg, self.upstream_leg):
            wire.delay = 0.005  # so that much is still to come
            client = self.logged_in(receive_buffer=16384)
            self.begin_big(client)
            wire.cut = True
            time.sleep(0.7)
            wire.cut = False
            self.assertTrue(client.body() == stuff(self.messages[4]))
            client.ok("QUIT")
            wire.delay = 0.0

    def test_a_long_partition_upstream_ends_the_session_and_no_other(self):
        self.upstream_leg.delay = 0.005
        fetching, idle = self.logged_in(), self.logged_in()
        waiting = self.client()
        self.begin_big(fetching)
        idle.ok("DELE 1")
        self.upstream_leg.cut = True
        waiting.ok(f"USER {USER}")
        self.assertTrue(waiting.command(f"PASS {PASSWORD}").startswith(b"-ERR [SYS/TEMP]"))
        received = fetching.at_end()
        self.assertNotIn(b"\r\n.\r\n", received)
        self.assertTrue(stuff(self.messages[4]).startswith(received))
        idle.send(b"QUIT\r\n")
        answer = idle.at_end()
        self.assertTrue(answer.startswith(b"-ERR [SYS/TEMP]"), answer)
        self.upstream_leg.cut = False
        self.assertTrue(waiting.login(USER, PASSWORD).startswith(b"+OK"))
        self.assertEqual(waiting.multi("RETR 5")[1], stuff(self.messages[4]))
        waiting.ok("QUIT")
        wait_until(lambda: self.quits() >= 1, what="QUIT at Dovecot")
        self.assertLessEqual(self.quits(), 2)  # of `waiting`, and maybe late that of `idle`

    def test_a_client_that_a_partition_took_away_deletes_nothing(self):
        self.client_leg.delay = 0.005
        client = self.logged_in(receive_buffer=16384)
        client.ok("DELE 1")
        self.begin_big(client)
        self.client_leg.cut = True
        client.abort()  # the gateway does not hear of it
        time.sleep(0.5)
        self.client_leg.cut = False
        wait_until(lambda: self.running.log_lines("session"), what="the end of the session")
        self.assertEqual(self.quits(), 0)
        again = self.logged_in()
        self.assertTrue(again.command("STAT").startswith(b"+OK 5 "))
        again.ok("QUIT")
