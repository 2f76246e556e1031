"""What is known of messages seen before: verdicts, those that were kept and released, and those
fetched ahead."""

import os
import re
import threading
import time
import unittest

from support import clients, samples
from support.clamd import Clamd
from support.fake_scanner import TROUBLE, Behaviour
from support.process import wait_until
from support.raw_client import stuff, unstuff
from support.scanning import PASSWORD, Scanning

CLEAN = samples.text("clean", b"harmless\r\n" * 100)
INFECTED = samples.infected()["7bit"]


class Remembered(Scanning):
    def start(self, chain=None, **more):
        self.server = self.dovecot({user: (PASSWORD, [CLEAN, INFECTED]) for user in ("joe", "ann")})
        self.fake_ = self.fake_scanner()
        self.running, self.ports = self.scan(self.server.address, [
            self.fake_.section(self_test="0s")], chain, **more)

    def fetch(self, user="joe"):
        self.assertEqual(self.retrieve(self.ports, 1, user)[1], CLEAN)
        self.assert_notice(self.retrieve(self.ports, 2, user)[1])

    def test_other_devices_and_tomorrow_need_no_scan(self):
        self.start(quarantine={"folder": self.quarantine_folder()}, workers=2)
        for user in ("joe", "joe", "ann"):
            self.fetch(user)
        self.assertEqual(self.fake_.begun, 2)
        entries = self.quarantine(self.running, "list", "--json")
        self.assertEqual(sorted(entry["user"] for entry in entries), ["ann", "joe"])
        now = self.running.metrics()
        self.assertEqual(now['gatepost_verdict_memory_lookups_total{result="hit"}'], 4)
        self.assertEqual(now["gatepost_verdict_memory_entries"], 2)

    def test_another_configuration_is_another_question(self):
        self.start()
        self.fetch()
        with open(self.running.config_path) as file:
            text = file.read()
        changed = text.replace('"name": "scan",', '"name": "scan", "filters": [{"type": '
                               '"add_header", "options": {"lines": ["X-Through: Gatepost"]}}],')
        with open(self.running.config_path, "w") as file:
            file.write(changed)
        self.running.reload()
        self.running.wait_for_log("reload")
        status, message = self.retrieve(self.ports)
        self.assertEqual(message, b"X-Through: Gatepost\r\n" + CLEAN)
        self.assertEqual(self.fake_.begun, 3)

    def test_trouble_is_not_remembered(self):
        self.start()
        self.fake_.behaviour = TROUBLE["an error of its own"]
        self.assert_refused(*self.retrieve(self.ports))
        self.fake_.behaviour = None
        self.fetch()

    def test_it_can_be_off(self):
        self.start({"remember": False})
        self.fetch()
        self.fetch()
        self.assertEqual(self.fake_.begun, 4)

    def test_exact_sizes_of_messages_seen_before(self):
        self.start({"sizes": "exact"})
        self.fetch()
        client = self.logged_in(self.ports)
        notice = unstuff(client.multi("RETR 2")[1])
        _, body = client.multi("LIST")
        self.assertEqual(body, b"1 %d\r\n2 %d\r\n.\r\n" % (len(CLEAN), len(notice)))
        self.assertEqual(client.ok("LIST 2"), b"+OK 2 %d" % len(notice))
        self.assertEqual(client.ok("STAT").split()[1:3],
                         [b"2", b"%d" % (len(CLEAN) + len(notice))])
        client.quit()


class Released(Scanning):
    """A message that was kept and released comes as a new one, unchanged, also to programs that
    know its notice."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clamd = cls.shared_scanner(Clamd)

    def start(self, *users):
        self.server = self.dovecot({user: (PASSWORD, [CLEAN, INFECTED]) for user in users})
        self.running, self.ports = self.scan(self.server.address, [self.clamd],
                                             quarantine={"folder": self.quarantine_folder()})

    def entry(self, user):
        return next(entry for entry in self.quarantine(self.running, "list", "--json")
                    if entry["user"] == user)

    def test_it_stands_at_the_end_until_it_is_deleted(self):
        self.start("joe", "ann")
        for user in ("joe", "ann"):
            self.assert_notice(self.retrieve(self.ports, 2, user)[1])
        number = self.entry("joe")["number"]
        before = self.logged_in(self.ports)
        self.quarantine(self.running, "release", str(number))
        self.assertEqual(before.ok("STAT").split()[1], b"2", "numbers changed in a session")
        before.quit()

        client = self.logged_in(self.ports)
        self.assertEqual(client.ok("STAT").split()[1], b"3")
        _, uidls = client.multi("UIDL")
        self.assertIn(b"3 gatepost-quarantine-%d\r\n" % number, uidls)
        self.assertEqual(client.ok("UIDL 3"), b"+OK 3 gatepost-quarantine-%d" % number)
        self.assertIn(b"3 %d\r\n" % len(INFECTED), client.multi("LIST")[1])
        self.assertEqual(unstuff(client.multi("RETR 3")[1]), INFECTED)
        self.assertEqual(unstuff(client.multi("TOP 3 0")[1]),
                         INFECTED.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        self.assert_notice(unstuff(client.multi("RETR 2")[1]))
        client.ok("DELE 3")
        self.assertTrue(client.command("RETR 3").startswith(b"-ERR"))
        client.close()  # no QUIT: nothing is deleted
        self.assertEqual(self.retrieve(self.ports, 3)[1], INFECTED)
        other = self.logged_in(self.ports, "ann")
        self.assertEqual(other.ok("STAT").split()[1], b"2")
        other.quit()

        client = self.logged_in(self.ports)
        client.ok("DELE 3")
        client.ok("RSET")
        client.ok("DELE 3")
        client.quit()
        self.assertEqual(self.entry("joe")["state"], "delivered")
        client = self.logged_in(self.ports)
        self.assertEqual(client.ok("STAT").split()[1], b"2")
        client.quit()
        self.assertEqual(len(self.server.message_files("joe")), 2)

    def test_a_program_that_knows_the_notice_fetches_it(self):
        self.start("joe")
        known = os.path.join(self.own_folder, "uidls")

        def fetch():
            got = clients.mpop(self.own_folder, clients.POP3S, self.ports.pop3s, self.ca, "joe",
                               PASSWORD, known=known)
            return re.split(rb"\n=== end of a message ===\n", got)[:-1] if got else []
        first = fetch()
        self.assertEqual(len(first), 2)
        self.assert_notice(first[1])
        self.assertEqual(fetch(), [])
        self.quarantine(self.running, "release", str(self.entry("joe")["number"]))
        released = fetch()
        self.assertEqual(len(released), 1)
        self.assertIn(samples.eicar(), released[0])
        self.assertEqual(fetch(), [])


class ReadAhead(Scanning):
    """While the client has one message, the next is fetched and scanned."""

    COUNT = 20
    PAUSE = 0.05

    def start(self, read_ahead, wait=PAUSE):
        self.messages = [samples.text(f"message {n}", b"%d\r\n" % n * 100)
                         for n in range(self.COUNT)]
        self.messages[7] = INFECTED

        def retr(connection, line):
            number = int(line.split()[1])
            if number > self.COUNT:  # what is fetched ahead of the last one
                return [b"-ERR there is no such message\r\n"]
            return [lambda: time.sleep(self.PAUSE), b"+OK\r\n" + stuff(self.messages[number - 1])]
        self.server = self.fake(self.messages, {"RETR": retr})
        self.fake_ = self.fake_scanner(behaviour=Behaviour(wait=wait))
        self.running, self.ports = self.scan(self.server.address, [
            self.fake_.section(self_test="0s")], {"read_ahead": read_ahead, "remember": False})

    def asked_for(self):
        """The numbers of the messages that upstream was asked for."""
        return [int(line.split()[1]) for line in self.server.all_commands()
                if line.startswith(b"RETR ")]

    def while_the_second_is_scanned(self, shows):
        """A client whose second message came once `shows()` was true, for which the scanner had to
        wait."""
        gate = threading.Event()
        self.addCleanup(gate.set)
        client = self.logged_in(self.ports)
        self.assertEqual(unstuff(client.multi("RETR 1")[1]), self.messages[0])
        self.fake_.behaviour = Behaviour(gate=gate)
        client.send(b"RETR 2\r\n")
        wait_until(shows, 60, "scans to begin")
        self.assertTrue(client.silent_for(0), "an answer before the scan was over")
        gate.set()
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertEqual(unstuff(client.body()), self.messages[1])
        return client

    def test_the_next_are_fetched_and_scanned_meanwhile(self):
        self.start(4, wait=0)
        client = self.while_the_second_is_scanned(lambda: self.fake_.begun == 6)
        self.assertEqual(self.asked_for()[:6], [1, 2, 3, 4, 5, 6])
        client.quit()
        self.wait_quiet(self.running)

    def test_without_it_nothing_is_fetched_before_it_is_asked_for(self):
        self.start(0, wait=0)
        client = self.while_the_second_is_scanned(lambda: self.fake_.begun == 2)
        client.ok("NOOP")  # upstream has heard everything that was said before it
        self.assertEqual(self.asked_for(), [1, 2])
        self.assertEqual(self.fake_.begun, 2)
        client.quit()

    def test_all_in_order_are_the_same(self):
        self.start(4)
        client = self.logged_in(self.ports)
        for number, message in enumerate(self.messages, 1):
            got = unstuff(client.multi(f"RETR {number}")[1])
            if message is INFECTED:
                self.assert_notice(got)
            else:
                self.assertEqual(got, message)
        client.quit()
        now = self.running.metrics()
        used = now['gatepost_read_ahead_messages_total{result="used"}']
        self.assertGreater(used, self.COUNT - 5)
        self.wait_quiet(self.running)

    def test_who_jumps_about_gets_what_he_asks_for(self):
        self.start(2, wait=0.01)
        client = self.logged_in(self.ports)
        for number in (1, 2, 3, 9, 4, 5, 1, 20, 19, 10):
            self.assertEqual(unstuff(client.multi(f"RETR {number}")[1]), self.messages[number - 1])
        client.multi("RETR 11")
        client.multi("RETR 12")
        client.ok("DELE 13")
        client.ok("NOOP")
        client.multi("LIST")
        self.assertEqual(unstuff(client.multi("RETR 14")[1]), self.messages[13])
        client.ok("RSET")
        client.quit()
        self.wait_quiet(self.running)

    def test_leaving_gives_up_what_was_fetched_ahead(self):
        self.start(4, wait=0.3)
        for number in (1, 3):
            client = self.logged_in(self.ports)
            for at in range(1, number + 1):
                client.multi(f"RETR {at}")
            client.abort()
        self.wait_quiet(self.running)
        self.assertFalse(any("QUIT" in one.verbs for one in self.server.for_clients()))


if __name__ == "__main__":
    unittest.main()
