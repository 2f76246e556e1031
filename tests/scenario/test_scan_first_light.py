"""An infected message in a real mailbox, a real clamd, a real client: the client gets a notice, and
everything else as it is."""

import os
import re
import tempfile
import unittest

from support import clients, samples
from support.clamd import THREAT, Clamd
from support.ports import free_port
from support.raw_client import RawClient, unstuff
from support.scanning import PASSWORD, Scanning

CLEAN = {**samples.clean(), **samples.odd()}
MIXED = [*CLEAN.values(), *samples.infected().values()]


class FirstLight(Scanning):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({user: (PASSWORD, mail) for user, mail in {
            "joe": MIXED, "ann": [samples.infected()["zip"], samples.text("clean", b"Hello.\r\n")],
            "eve": [samples.infected()["forwarded"]],
            "sue": [samples.unscannable()["encrypted zip"], samples.pieces()["partial"]],
        }.items()}, certificate=cls.authority.good)
        cls.clamd = cls.shared_scanner(Clamd)
        cls.kept = os.path.join(cls.folder, "quarantine")
        os.mkdir(cls.kept, 0o700)
        config, cls.ports = cls.chained(
            cls.server.address, [cls.clamd],
            {"notice": {"language": "en,de", "contact": "postmaster@example.net"}},
            quarantine={"folder": cls.kept})
        cls.running = cls.shared_gateway(config)

    def test_curl_gets_notices_and_the_rest_unchanged(self):
        folder = tempfile.mkdtemp(dir=self.own_folder)

        def fetch(form, port):
            return clients.curl(folder, form, port, self.ca, "joe", PASSWORD, len(MIXED))[1:]
        direct = fetch(clients.POP3S, self.server.tls_port)
        got = fetch(clients.POP3S, self.ports.pop3s)
        for what, before, after in zip(CLEAN, direct, got):
            with self.subTest(what):
                self.assertTrue(after == samples.canonical(before), after[:300])
        for original, before, after in zip(samples.infected().values(), direct[len(CLEAN):],
                                           got[len(CLEAN):]):
            self.assertEqual(before, original)
            self.assert_notice(after, of=original)
            self.assertIn(THREAT.encode(), after)
            self.assertIn(b"postmaster@example.net", after)
            self.assertIn(b"Ada Example", after)
            for line in after.split(b"\r\n"):
                self.assertLess(len(line), 999)
                self.assertNotRegex(line, rb"[^\t -~]")
        again = fetch(clients.POP3S, self.ports.pop3s)
        self.assertEqual(again, got, "not the same the second time")

    def test_stls_and_plain_go_through_it_too(self):
        for port, stls in ((self.ports.stls, True), (self.ports.plain, False)):
            client = self.client(port)
            if stls:
                client.stls()
            self.assertTrue(client.login("ann", PASSWORD).startswith(b"+OK"))
            status, body = client.multi("RETR 1")
            self.assertNotRegex(status, rb"\d", "a count of octets that is not ours")
            self.assert_notice(unstuff(body))
            self.assertIn(b"Hello.", client.multi("RETR 2")[1])
            client.quit()

    def test_what_was_kept_can_be_seen_and_had(self):
        for _ in range(2):
            _, notice = self.retrieve(self.ports, 1, "eve")
        mine = [entry for entry in self.quarantine(self.running, "list", "--json")
                if entry["user"] == "eve"]
        self.assertEqual(len(mine), 1, "kept twice")
        entry = mine[0]
        self.assertEqual((entry["state"], entry["cause"], entry["scanner"]),
                         ("held", "infected", "clamd"))
        self.assertIn(THREAT, entry["threat"])
        original = samples.infected()["forwarded"]
        self.assertEqual(entry["size"], len(original))
        number = str(entry["number"])
        self.assertRegex(notice, rb"(?i)quarantine[^\r\n]* %s\b" % number.encode())
        self.assertIn(number, self.quarantine(self.running, "list"))
        self.assertIn("infected, forwarded", self.quarantine(self.running, "show", number))
        self.assertEqual(self.quarantine(self.running, "show", number, "--raw").encode(),
                         original.replace(b"\r\n", b"\n"))  # text mode of the test
        for path, _, files in os.walk(self.kept):
            for name in files:
                self.assertEqual(os.stat(os.path.join(path, name)).st_mode & 0o077, 0, name)
        self.quarantine(self.running, "delete", number)
        self.assertFalse([entry for entry in self.quarantine(self.running, "list", "--json")
                          if entry["user"] == "eve"])

    def test_other_causes(self):
        client = self.logged_in(self.ports, "sue")
        for number, cause in ((1, "unscannable"), (2, "partial")):
            self.assert_notice(unstuff(client.multi(f"RETR {number}")[1]), cause)
        client.quit()
        causes = {entry["cause"] for entry in self.quarantine(self.running, "list", "--json")
                  if entry["user"] == "sue"}
        self.assertEqual(causes, {"unscannable", "partial"})

    def test_it_is_logged_and_counted(self):
        before = self.running.metrics()
        client = self.logged_in(self.ports, "ann")
        client.multi("RETR 1")
        client.multi("RETR 2")
        client.quit()
        lines = [line for line in self.message_lines(self.running) if line["user"] == "ann"][-2:]
        self.assertEqual([(line["number"], line["cause"], line["action"]) for line in lines],
                         [("1", "infected", "quarantine"), ("2", "clean", "deliver")])
        self.assertRegex(lines[0]["trail"], rf"clamd=infected\({THREAT}")
        self.assertGreater(int(lines[0]["quarantine"]), 0)
        after = self.running.metrics()

        def grown(name):
            return after[name] - before[name]
        self.assertEqual(grown('gatepost_messages_total{cause="infected"}'), 1)
        self.assertEqual(grown('gatepost_messages_total{cause="clean"}'), 1)
        self.assertEqual(grown('gatepost_message_actions_total{action="quarantine"}'), 1)
        self.assertEqual(after['gatepost_scanner_effective{scanner="clamd"}'], 1)
        self.wait_quiet(self.running)

    def test_a_route_has_its_own_way(self):
        config, ports = self.chained(self.server.address, [self.clamd.section()])
        config["pools"] = {"box": {"address": self.server.address}}
        config["routes"] = [{"users": ["ann"], "pool": "box", "chain": "none"}]
        self.gateway(config)
        status, message = self.retrieve(ports, 1, "ann")
        self.assertEqual(message, samples.infected()["zip"])
        self.assertRegex(status, rb"^\+OK \d+ octets", "not the server's own words")
        self.assert_notice(self.retrieve(ports, len(MIXED), "joe")[1])

    def test_flags_alone_are_enough(self):
        kept = self.quarantine_folder()
        port = free_port()
        running = self.gateway(flags=[
            "--upstream", self.server.address, "--pop3s", f"127.0.0.1:{port}", "--cert",
            self.certificate, "--key", self.key, "--scan", f"clamd@{self.clamd.unix_address}",
            "--quarantine", kept])
        with RawClient(port, tls=True, ca=self.ca) as client:
            client.login("ann", PASSWORD)
            self.assert_notice(unstuff(client.multi("RETR 1")[1]))
            self.assertIn(b"Hello.", client.multi("RETR 2")[1])
            client.quit()
        self.assertTrue(re.search(r"quarantine=[1-9]", "\n".join(running.log_lines("message"))))


if __name__ == "__main__":
    unittest.main()
