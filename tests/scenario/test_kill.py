"""The gateway killed (SIGKILL) and told to go (SIGTERM) at random points of many transfers.

A client never takes a short message for whole, and upstream never sees a QUIT that the client did not
send, nor does a client hear of one that upstream did not get. With SIGTERM whoever is logged in
finishes. GATEPOST_KILL_TRANSFERS sets how many transfers there are, GATEPOST_KILL_SEED repeats a run
(as far as threads and processes can be repeated).
"""

import os
import random
import signal
import ssl
import threading
import time

from support import corpus
from support.case import Scenario
from support.raw_client import RawClient, Truncated, stuff

TRANSFERS = int(os.environ.get("GATEPOST_KILL_TRANSFERS", "1000"))
SECONDS = 50 * max(1, TRANSFERS / 1000)  # then it is enough, however slow the program is
CLIENTS = 8


class Visit:
    """One session: what the client did and saw."""

    def __init__(self, user):
        self.user = user
        self.logged_in = None  # when
        self.transfers = 0
        self.sent_quit = False
        self.quit_answered = False
        self.finished = False  # to the end that was planned
        self.wrong = ""


class Kill(Scenario):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("GATEPOST_KILL_SEED") or random.randrange(1 << 32))
        self.random = random.Random(self.seed)
        self.messages = [corpus.of_size(size) for size in (200, 5_000, 60_000, 400_000)]
        self.bodies = [stuff(message) for message in self.messages]
        self.server = self.fake(self.messages)
        self.visits = []
        self.transfers = 0

    def visit(self, visit, ports, chance):
        try:
            tls = chance.random() < 0.5
            with RawClient(ports.pop3s if tls else ports.plain, tls=tls, ca=self.ca, seconds=40,
                           receive_buffer=chance.choice((None, 8192))) as client:
                if not client.greeting.startswith(b"+OK") or \
                        not client.login(visit.user, "x").startswith(b"+OK"):
                    return
                visit.logged_in = time.monotonic()
                self.transfer(visit, client, chance)
        except (OSError, ssl.SSLError, Truncated, AssertionError):
            pass  # openly broken

    def transfer(self, visit, client, chance):
        wanted = [chance.randrange(4) for _ in range(chance.randrange(1, 6))]
        quits = chance.random() < 0.6
        pipelined = chance.random() < 0.5
        lines = [b"RETR %d\r\n" % (number + 1) for number in wanted]
        if pipelined:
            visit.transfers = len(wanted)
            visit.sent_quit = quits
            client.send(b"".join(lines) + (b"QUIT\r\n" if quits else b""))
        for line, number in zip(lines, wanted):
            if not pipelined:
                visit.transfers += 1
                client.send(line)
            if not client.line().startswith(b"+OK"):
                return
            if client.body() != self.bodies[number]:
                visit.wrong = f"message {number + 1} came whole and was another"
                return
        if quits:
            if not pipelined:
                visit.sent_quit = True
                client.send(b"QUIT\r\n")
            visit.quit_answered = client.line().startswith(b"+OK")
            visit.finished = visit.quit_answered
        else:
            visit.finished = True

    def clients(self, ports, seeds):
        """Client after client, until the gateway is gone."""
        def come_and_go(seed):
            chance = random.Random(seed)
            while not self.over.is_set():
                visit = Visit(f"u{seed:x}n{len(self.visits)}")
                self.visits.append(visit)
                self.visit(visit, ports, chance)
                if visit.logged_in is None:
                    time.sleep(0.01)
        self.over = threading.Event()
        started = [threading.Thread(target=come_and_go, args=(seed,)) for seed in seeds]
        for thread in started:
            thread.start()
        return started

    def one_round(self, number):
        config, ports = self.config({"address": self.server.address,
                                     "health_check": {"interval": "0s"}}, workers=2)
        running = self.gateway(config)
        first = len(self.visits)
        threads = self.clients(ports, [self.random.randrange(1 << 32) for _ in range(CLIENTS)])
        time.sleep(self.random.uniform(0.02, 0.3))
        how = signal.SIGTERM if number % 2 else signal.SIGKILL
        told = time.monotonic()
        running.child.signal(how)
        self.over.set()
        status = running.child.wait(60)
        for thread in threads:
            thread.join(60)
            self.assertFalse(thread.is_alive())
        if how == signal.SIGTERM:
            self.assertEqual(status, 0)
            for visit in self.visits[first:]:
                if visit.logged_in is not None and visit.logged_in < told:
                    self.assertTrue(visit.finished, f"{visit.user} was logged in, and was cut off")
        running.stop()
        self.transfers += sum(visit.transfers for visit in self.visits[first:])

    def check_quits(self):
        """What upstream heard against what the clients did."""
        heard = {}
        for connection in self.server.for_clients():
            users = [line[5:].decode() for line in connection.commands
                     if line.startswith(b"USER ")]
            for user in users:
                heard[user] = "QUIT" in connection.verbs
        for visit in self.visits:
            self.assertEqual(visit.wrong, "")
            if heard.get(visit.user):
                self.assertTrue(visit.sent_quit, f"{visit.user}: a QUIT that nobody sent")
            if visit.quit_answered:
                self.assertTrue(heard.get(visit.user), f"{visit.user}: +OK to a QUIT nobody got")

    def test_at_random_points(self):
        began, rounds = time.monotonic(), 0
        try:
            while self.transfers < TRANSFERS and time.monotonic() - began < SECONDS:
                self.one_round(rounds)
                rounds += 1
            self.server.stop()
            self.check_quits()
        finally:
            done = sum(visit.finished for visit in self.visits)
            print(f"seed {self.seed}, {rounds} rounds, {self.transfers} transfers, "
                  f"{done} of {len(self.visits)} sessions as planned", end=" ", flush=True)
        self.assertGreaterEqual(rounds, 4)
        broken = [visit for visit in self.visits if visit.logged_in and not visit.finished]
        self.assertTrue(broken, "nothing was hit")
