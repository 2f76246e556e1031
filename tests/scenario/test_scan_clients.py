"""Every mail program fetches a mailbox with clean, infected, spam and oversize messages through a
chain with real scanners."""

import os
import tempfile
import unittest

from support import clients, samples
from support.clamd import Clamd
from support.programs import PROGRAMS
from support.scanning import PASSWORD, Scanning, by_subject, without_scores
from support.spamd import Spamd
from support.thunderbird import Thunderbird

OVERSIZE = samples.long("too large", 1 << 20)
MIXED = [*list(samples.clean().values())[:4], *samples.infected().values(), OVERSIZE,
         *samples.spam().values(), *list(samples.clean().values())[4:],
         *samples.unscannable().values()]


class Clients(Scanning):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({"joe": (PASSWORD, MIXED)}, certificate=cls.authority.good)
        scanners = [cls.shared_scanner(Clamd).section(max_size="1MiB"),
                    cls.shared_scanner(Spamd).section()]
        kept = os.path.join(cls.folder, "quarantine")
        os.mkdir(kept, 0o700)
        config, cls.ports = cls.chained(cls.server.address, scanners, quarantine={"folder": kept})
        cls.running = cls.shared_gateway(config)

    def check(self, program, fetch):
        """`fetch(port)` gives the messages that the program stored."""
        direct = by_subject(fetch(self.server.tls_port))
        got = by_subject(fetch(self.ports.pop3s))
        self.assertEqual(set(got), set(direct))
        self.assertEqual(len(got), len(MIXED))
        notices = {"infected": samples.infected(), "oversize": {"": OVERSIZE},
                   "unscannable": samples.unscannable()}
        blocked = {name: cause for cause, messages in notices.items()
                   for name in by_subject(messages.values())}
        for name, message in got.items():
            with self.subTest(name):
                if name in blocked:
                    self.assert_notice(message, blocked[name])
                elif name == "spam":
                    self.assertRegex(message, rb"(?m)^X-Gatepost-Verdict: spam; ")
                    self.assertRegex(message, rb"(?m)^Subject: \[spam\] spam")
                    self.assertIn(samples.gtube(), message)
                else:
                    self.assertTrue(without_scores(message) == direct[name],
                                    f"stored otherwise: {message[:600]!r} / {direct[name][:600]!r}")
        self.chain_works(program, "scanned mailbox")

    def check_program(self, program):
        folder = tempfile.mkdtemp(dir=self.own_folder)
        self.check(program, lambda port: PROGRAMS[program](
            folder, clients.POP3S, port, self.ca, "joe", PASSWORD, len(MIXED), clients.PATIENCE))

    def test_curl(self):
        self.check_program("curl")

    def test_fetchmail(self):
        self.check_program("fetchmail")

    def test_getmail6(self):
        self.check_program("getmail6")

    def test_mpop(self):
        self.check_program("mpop")

    def test_neomutt(self):
        self.check_program("neomutt")

    def test_mail_pop3client(self):
        self.check_program("Perl Mail::POP3Client")

    def test_net_pop3(self):
        self.check_program("Perl Net::POP3")

    def test_poplib(self):
        self.check_program("Python poplib")

    def test_thunderbird(self):
        running = Thunderbird(self.ca)
        self.addCleanup(running.stop)
        self.check("Thunderbird", lambda port: running.fetch(clients.POP3S, port, "joe", PASSWORD))


if __name__ == "__main__":
    unittest.main()
