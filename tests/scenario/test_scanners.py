"""The scanners that the other tests use find what they are to find when they are asked directly."""

import struct
import unittest

from support import samples
from support.c_icap import CIcap
from support.case import Scenario, quick
from support.clamd import THREAT, Clamd
from support.daemon import talk
from support.fake_scanner import RIGHT, TROUBLE
from support.rspamd import Rspamd
from support.spamd import Spamd


class Scanners(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clamd = cls.shared_scanner(Clamd)

    def test_clamd(self):
        for what, message in {**samples.clean(), **samples.odd()}.items():
            with self.subTest(what):
                self.assertEqual(self.clamd.scan(samples.canonical(message)), "stream: OK")
        for what, message in samples.infected().items():
            with self.subTest(what):
                self.assertEqual(self.clamd.scan(message), f"stream: {THREAT}.UNOFFICIAL FOUND")
        self.assertEqual(self.clamd.scan(samples.infected()["zip"], self.clamd.socket),
                         f"stream: {THREAT}.UNOFFICIAL FOUND")
        self.assertEqual(self.clamd.scan(samples.unscannable()["encrypted zip"]),
                         "stream: Heuristics.Encrypted.Zip FOUND")
        self.assertEqual(self.clamd.scan(samples.long("too long", 31 << 20)),
                         "INSTREAM size limit exceeded. ERROR")

    def test_clamd_gets_another_database(self):
        own = self.scanner(Clamd, signatures={"Yesterday": b"harmless once"}, database_version=7)
        message = samples.text("for the database", b"harmless once, today not\r\n")
        other = samples.text("for the database", b"harmless still\r\n")
        self.assertRegex(own.ask("VERSION"), r"^ClamAV [\d.]+/7/")
        self.assertIn("Yesterday", own.scan(message))
        own.set_database({"Today": b"harmless still"}, 8)
        own.reload()
        self.assertRegex(own.ask("VERSION"), r"^ClamAV [\d.]+/8/")
        self.assertEqual(own.scan(message), "stream: OK")
        self.assertIn("Today", own.scan(other))
        own.set_database({})
        own.restart()
        self.assertEqual(own.scan(samples.infected()["plain"]), "stream: OK")

    def test_c_icap(self):
        scanner = self.scanner(CIcap, self.clamd.socket)
        for what, message in samples.clean().items():
            with self.subTest(what):
                self.assertRegex(scanner.scan(message), r"^ICAP/1\.0 204 ")
        for what, message in samples.infected().items():
            with self.subTest(what):
                answer = scanner.scan(message)
                self.assertRegex(answer, r"^ICAP/1\.0 200 ")
                self.assertRegex(answer, f"X-Infection-Found: .*Threat={THREAT}")
                self.assertIn("HTTP/1.0 403", answer)

    def test_rspamd(self):
        scanner = self.scanner(Rspamd)
        for what, message in samples.clean().items():
            with self.subTest(what):
                self.assertEqual(scanner.scan(message)["action"], "no action")
        self.assertEqual(scanner.scan(samples.spam()["GTUBE"])["action"], "reject")
        pills = scanner.scan(samples.text("very cheap pills", b"Buy them.\r\n"))
        self.assertIn("PILLS_SUBJECT", pills["symbols"])
        self.assertIn(pills["action"], ("add header", "rewrite subject"))

    def test_spamd(self):
        scanner = self.scanner(Spamd)
        for what, message in samples.clean().items():
            with self.subTest(what):
                self.assertFalse(scanner.scan(message)[0])
        self.assertTrue(scanner.scan(samples.spam()["GTUBE"])[0])
        self.assertEqual(scanner.scan(samples.text("very cheap pills", b"Buy them.\r\n")),
                         (True, 7.5))

    def test_they_end_and_come_back(self):
        scanner = self.scanner(Clamd)
        scanner.freeze()
        with self.assertRaises(OSError):
            talk(scanner.port, b"zPING\0", seconds=0.3)
        scanner.thaw()
        self.assertTrue(scanner.answers())
        scanner.kill()
        self.assertFalse(scanner.answers())
        scanner.start()
        self.assertTrue(scanner.answers())


class Scripted(Scenario):
    """The scripted scanner does what its script says."""

    def ask(self, scanner, message):
        chunks = struct.pack(">I", len(message)) + message
        return talk(scanner.port, b"zINSTREAM\0" + chunks + b"\0\0\0\0", seconds=5)

    @quick
    def test_it_is_good_unless_told_otherwise(self):
        scanner = self.fake_scanner()
        clean = samples.text("clean", b"Hello.\r\n")
        self.assertEqual(self.ask(scanner, clean), b"stream: OK\0")
        self.assertIn(b"FOUND", self.ask(scanner, samples.infected()["7bit"]))
        self.assertEqual(scanner.messages[0], clean)
        scanner.behaviour = RIGHT["a virus called OK FOUND"]
        self.assertEqual(self.ask(scanner, clean), b"stream: OK FOUND FOUND\0")
        scanner.behaviour = TROUBLE["half an answer"]
        self.assertEqual(self.ask(scanner, clean), b"strea")
        scanner.behaviour = TROUBLE["OK before the message"]
        self.assertEqual(self.ask(scanner, clean), b"stream: OK\0")
        self.assertIn(b"PONG", talk(scanner.port, b"zPING\0"))


if __name__ == "__main__":
    unittest.main()
