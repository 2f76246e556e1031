"""A scanner that is slow: clients with a time-out get their message all the same, and no message
wedges a mailbox."""

import concurrent.futures
import os
import re
import tempfile
import threading
import time
import unittest

from support import clients, samples
from support.fake_scanner import Behaviour
from support.process import wait_until
from support.programs import PROGRAMS
from support.raw_client import unstuff
from support.scanning import LADDER, PASSWORD, Scanning
from support.thunderbird import Thunderbird

PATIENCE = 30
SLOW = 90


def user_of(program):
    return program.lower().replace(" ", "").replace("::", "")


class ClientsWithTimeouts(Scanning):
    """Each gives up after 30 seconds of silence; the scanner takes 90 for each message."""

    def test_everybody_gets_the_message_whole(self):
        names = [*PROGRAMS, "Thunderbird"]
        mail = {name: [samples.attachment(f"for {name}", os.urandom(30000))] for name in names}
        server = self.dovecot({user_of(name): (PASSWORD, mail[name]) for name in names},
                              certificate=self.authority.good)
        scanner = self.fake_scanner(behaviour=Behaviour(wait=SLOW))
        running, ports = self.scan(server.address, [
            scanner.section(timeout="200s", concurrency=32)])
        thunderbird = Thunderbird(self.ca, PATIENCE)
        self.addCleanup(thunderbird.stop)

        def fetch(name, port):
            folder = tempfile.mkdtemp(dir=self.own_folder)
            if name == "Thunderbird":
                return thunderbird.fetch(clients.POP3S, port, user_of(name), PASSWORD)
            return PROGRAMS[name](folder, clients.POP3S, port, self.ca, user_of(name), PASSWORD, 1,
                                  PATIENCE)

        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            direct = dict(zip(names, pool.map(lambda name: fetch(name, server.tls_port), names)))
            began = time.monotonic()
            waiting = {name: pool.submit(fetch, name, ports.pop3s) for name in names}
        for name, result in waiting.items():
            with self.subTest(name):
                (message,) = result.result()
                plain = re.sub(LADDER.replace(b"\r\n", b"\r?\n"), b"", message)
                self.assertGreater(len(message) - len(plain), 6 * (len(LADDER) - 2))
                self.assertTrue(plain == direct[name][0], message[:600])
                self.chain_works(name, "30 s time-out")
        self.assertGreater(time.monotonic() - began, SLOW - 5)
        self.assertEqual(running.metrics()["gatepost_waiting_retrievals_total"], len(names))
        for line in self.message_lines(running):
            self.assertGreaterEqual(int(line["ladder"]), 6, line)
        self.wait_quiet(running)


class Ladder(Scanning):
    """With shorter times: what can still be said at which stage, and that it ends."""

    WAITING = {"quiet": "1s", "interval": "200ms", "deadline": "3s", "refuse_again": "4s"}

    def start(self, behaviour, policy=None, timeout="60s", **waiting):
        self.server = self.dovecot({"joe": (PASSWORD, [samples.text("slow", b"slowly\r\n" * 10),
                                                       samples.text("quick", b"at once\r\n")])})
        self.scanner_ = self.fake_scanner(behaviour=behaviour)
        return self.scan(self.server.address, [self.scanner_.section(timeout=timeout)],
                         {"waiting": {**self.WAITING, **waiting}, "policy": policy or {}})

    def test_what_comes_before_the_ladder_is_as_if_there_were_none(self):
        gate = threading.Event()
        _, ports = self.start(Behaviour(gate=gate), quiet="30s", deadline="60s")
        client = self.logged_in(ports)
        client.send(b"RETR 1\r\n")
        self.assertTrue(client.silent_for(0.7))
        gate.set()
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertEqual(unstuff(client.body()), samples.text("slow", b"slowly\r\n" * 10))

    def test_refused_before_the_ladder(self):
        gate = threading.Event()
        _, ports = self.start(Behaviour(lambda form, message: form.error(), gate=gate), quiet="30s",
                              deadline="60s")
        client = self.logged_in(ports)
        client.send(b"RETR 1\r\n")
        self.assertTrue(client.silent_for(0.3))
        gate.set()
        self.assert_refused(client.line())
        client.ok("NOOP")

    def test_on_the_ladder_a_message_or_a_notice_still_follow(self):
        gate = threading.Event()
        _, ports = self.start(Behaviour(gate=gate), deadline="60s")
        client = self.logged_in(ports)
        client.send(b"RETR 1\r\n")
        self.assertTrue(client.line().startswith(b"+OK"))
        for _ in range(3):
            self.assertEqual(client.line() + b"\r\n", LADDER)
        gate.set()
        self.assertEqual(unstuff(client.body()).replace(LADDER, b""),
                         samples.text("slow", b"slowly\r\n" * 10))
        gate = threading.Event()
        self.scanner_.behaviour = Behaviour(lambda form, message: form.found("Late"), gate=gate)
        client.send(b"RETR 2\r\n")
        self.assertTrue(client.line().startswith(b"+OK"))
        first = client.line() + b"\r\n"
        self.assertEqual(first, LADDER)
        gate.set()
        self.assert_notice(first + unstuff(client.body()))
        client.quit()

    def test_the_deadline_ends_it_and_the_next_try_goes_on_to_other_messages(self):
        running, ports = self.start(Behaviour(lambda form, message: b"", ending="stay"),
                                    refuse_again="15s")
        client = self.logged_in(ports)
        began = time.monotonic()
        client.send(b"RETR 1\r\n")
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertEqual(client.at_end(20).replace(LADDER, b""), b"")
        self.assertLess(time.monotonic() - began, 30)
        self.scanner_.behaviour = None
        # It comes back: the slow one is refused without another scan, and the next is given.
        client = self.logged_in(ports)
        begun = self.scanner_.begun
        self.assert_refused(client.command("RETR 1"))
        self.assertEqual(self.scanner_.begun, begun)
        self.assertIn(b"at once", client.multi("RETR 2")[1])
        client.quit()
        self.assertEqual(running.metrics()["gatepost_refused_again_total"], 1)

        def had_at_last():
            with self.logged_in(ports) as again:
                return again.multi("RETR 1")[1]
        self.assertIn(b"slowly", wait_until(had_at_last, 60, "the message"))
        self.wait_quiet(running)

    def test_a_time_out_before_the_ladder_refuses(self):
        running, ports = self.start(Behaviour(lambda form, message: b"", ending="stay"),
                                    timeout="1s", quiet="20s", deadline="60s")
        client = self.logged_in(ports)
        self.assert_refused(client.command("RETR 1"))
        self.assertEqual(self.message_lines(running)[-1]["cause"], "timeout")
        self.scanner_.behaviour = None
        client.quit()

    def test_a_notice_instead_of_a_late_verdict(self):
        _, ports = self.start(Behaviour(lambda form, message: b"", ending="stay"),
                              {"timeout": "notice"})
        client = self.logged_in(ports)
        status, body = client.multi("RETR 1")
        self.assert_notice(unstuff(body), "timeout")
        client.ok("NOOP")

    def test_a_client_that_leaves_meanwhile_takes_everything_along(self):
        gate = threading.Event()
        running, ports = self.start(Behaviour(gate=gate), deadline="60s")
        for leave in ("close", "abort"):
            for on_the_ladder in (False, True):
                client, begun = self.logged_in(ports), self.scanner_.begun
                client.send(b"RETR 1\r\n")
                wait_until(lambda: self.scanner_.begun > begun, 60, "the scan to begin")
                if on_the_ladder:
                    self.assertTrue(client.line().startswith(b"+OK"))
                    self.assertEqual(client.line() + b"\r\n", LADDER)
                getattr(client, leave)()
        wait_until(lambda: self.scanner_.broken_off == 4, 60, "scans to be given up")
        self.wait_quiet(running)
        self.assertFalse([line for line in self.server.log().splitlines()
                          if "Disconnected: Logged out" in line])


if __name__ == "__main__":
    unittest.main()
