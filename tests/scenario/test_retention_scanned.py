"""What scanners say and what is deleted: only what was delivered whole and allowed may go."""

import tempfile
import unittest

from support import samples
from support.clamd import Clamd
from support.keeping import Keeping, message, numbers
from support.raw_client import unstuff
from support.scanning import PASSWORD, Scanning

CLEAN = message(1)
INFECTED = samples.attachment("message 2", samples.eicar(), "eicar.com")
PARTIAL = samples.partial("message 3")  # no scanner can have a verdict on a piece of a message
POLICIES = {
    "fetch": {"type": "delete_after_retrieval"},
    "later": {"type": "delete_after_retrieval", "period": "2d"},
    "month": {"type": "keep_for", "period": "7d", "view": "hide"},
}


class Scanned(Scanning, Keeping):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clamd = cls.shared_scanner(Clamd)

    def behind_clamd(self, user, clamd=None):
        """A gateway in front of one mailbox with the three messages."""
        self.user = user
        self.server = self.dovecot({user: (PASSWORD, [CLEAN, INFECTED, PARTIAL])})
        config, self.ports = self.keeping(self.server.address, POLICIES, tempfile.mkdtemp(dir=self.own_folder))
        scanner = (clamd or self.clamd).section()
        config["scanners"] = [scanner]
        config["chains"] = [{"name": "scan", "scanners": [scanner["name"]]}]
        config["spool"] = {"folder": tempfile.mkdtemp(dir=self.own_folder)}
        config["quarantine"] = {"folder": tempfile.mkdtemp(dir=self.own_folder)}
        for listener in config["listeners"]:
            listener["chain"] = "scan"
        self.now = self.clock()
        return self.gateway(config, clock=self.now)

    def fetch_all(self):
        """What a client gets that leaves everything on the server."""
        client = self.login(self.ports.plain, self.user)
        got = [unstuff(body) for _, body in client.fetch_all()]
        client.quit()
        return got

    def test_only_what_was_allowed_goes_after_retrieval(self):
        running = self.behind_clamd("fetch-joe")
        clean, infected, partial = self.fetch_all()
        self.assertEqual(clean, CLEAN)
        self.assert_notice(infected, of=INFECTED)
        self.assert_notice(partial, "partial")
        self.assertEqual(self.files(self.server, self.user), [2, 3])
        self.assertEqual(len(self.fetch_all()), 2)
        self.assertEqual(self.files(self.server, self.user), [2, 3])
        self.assertEqual(len(self.quarantine(running, "list", "--json")), 2)

    def test_a_client_that_deletes_notices_hears_that_they_stay(self):
        running = self.behind_clamd("fetch-joe")
        client = self.login(self.ports.plain, self.user)
        replies = []
        for number in (1, 2, 3):
            client.multi(f"RETR {number}")
            replies.append(client.command(f"DELE {number}"))
        told = client.command("QUIT")
        self.assertEqual(self.files(self.server, self.user), [2, 3])
        refused = [reply for reply in replies if reply.startswith(b"-ERR")]
        if not refused:  # then QUIT has to say it
            self.assertRegex(told, rb"^-ERR \[SYS/TEMP\] 2 of 3 ")
        self.assertEqual(self.guarded(running, "fetch", "not_allowed"), 2)
        client = self.login(self.ports.plain, self.user)
        self.assertTrue(client.command("DELE 1").startswith(b"-ERR"), "it was a notice before")
        client.ok("QUIT")
        self.assertEqual(self.files(self.server, self.user), [2, 3])

    def test_periods_do_not_end_what_was_not_delivered(self):
        for policy, days in (("later", 2.5), ("month", 7.5)):
            with self.subTest(policy=policy):
                running = self.behind_clamd(f"{policy}-joe")
                self.fetch_all()
                self.assertEqual(self.files(self.server, self.user), [1, 2, 3])
                self.now.advance(days)
                self.assertEqual(len(self.fetch_all()), 3)
                self.assertEqual(self.files(self.server, self.user), [2, 3])
                # With keep_for they are due since they were seen; with the other, never.
                if policy == "month":
                    self.assertEqual(self.guarded(running, "month", "not_allowed"), 2)
                self.now.advance(100)
                self.fetch_all()
                self.assertEqual(self.files(self.server, self.user), [2, 3])

    def test_without_a_verdict_nothing_goes(self):
        clamd = self.scanner(Clamd)
        running = self.behind_clamd("fetch-joe", clamd)
        clamd.stop()
        client = self.login(self.ports.plain, self.user)
        for number in (1, 2, 3):  # -ERR, or a notice: as the chain has it; never the message
            self.assertNotIn(b"Number 1,", client.multi(f"RETR {number}")[1])
        client.quit()
        self.assertEqual(self.files(self.server, self.user), [1, 2, 3])
        clamd.start()
        self.wait_effective(running, "clamd")
        self.assertEqual(self.fetch_all()[0], CLEAN)
        self.assertEqual(self.files(self.server, self.user), [2, 3])

    def test_what_was_released_can_go(self):
        running = self.behind_clamd("fetch-joe")
        self.fetch_all()
        kept = {entry["cause"]: str(entry["number"])
                for entry in self.quarantine(running, "list", "--json")}
        self.quarantine(running, "release", kept["infected"])
        got = self.fetch_all()
        self.assertTrue(INFECTED in got, [numbers(one) for one in got])
        self.assertIn(3, self.files(self.server, self.user))


if __name__ == "__main__":
    unittest.main()
