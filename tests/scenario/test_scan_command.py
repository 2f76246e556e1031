"""`gatepost scan`: what it shows of messages in files, and that it leaves nothing behind."""

import json
import os
import subprocess
import unittest

from support import gateway, samples
from support.case import Scenario, quick
from support.clamd import THREAT, Clamd

FINE, TROUBLE, USAGE, CONFIG = 0, 1, 2, 3

KEYS = ["name", "octets", "octets_out", "action", "cause", "trail", "rules", "milliseconds",
        "changed", "refusal", "written", "error"]

RULES = [
    {"type": "add_header", "options": {"lines": ["X-Seen: yes"]}},
    {"type": "tag_subject", "options": {"tag": "[EXT] "}, "when": {"sender_domains": ["example.net"]}},
]


def mail(sender="joe@example.org", subject="hello", body=b"Hello.\r\n"):
    return (b"From: %s\r\nTo: ann@example.org\r\nSubject: %s\r\n\r\n"
            % (sender.encode(), subject.encode())) + body


class Scan(Scenario):
    def write(self, name, text):
        path = os.path.join(self.own_folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text)
        return path

    def settings(self, chains=None, **more):
        config, _ = self.config("127.0.0.1:1", **{"spool": {"folder": self.own_folder}, **more})
        # A certificate is none of its business.
        config["tls"] = {"certificate": "/nowhere.pem", "key": "/nowhere.key"}
        config["chains"] = chains or [{"name": "rules", "rewrite": RULES}]
        return self.write("gatepost.json", json.dumps(config).encode())

    def scan(self, *words, code=FINE, config=None, given=None):
        config = config or self.settings()
        done = subprocess.run([gateway.binary(), "scan", "--config", config, *map(str, words)],
                              input=given or b"", capture_output=True, timeout=120,
                              env=gateway.environment())
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return done.stdout.decode(), done.stderr.decode()

    def objects(self, *words, **options):
        out, _ = self.scan("--json", *words, **options)
        found = [json.loads(line) for line in out.splitlines()]
        for one in found:
            self.assertEqual(list(one), KEYS)
        return found

    @quick
    def test_a_message_with_its_diff(self):
        out, err = self.scan(self.write("a.eml", mail("eve@example.net")))
        head, *diff = out.splitlines()
        self.assertRegex(head, r"a\.eml: deliver clean, \d+ -> \d+ octets, \d+ ms")
        self.assertIn("    +X-Seen: yes", diff)
        self.assertIn("    -Subject: hello", diff)
        self.assertIn("    +Subject: [EXT] hello", diff)
        self.assertNotIn("    -From: eve@example.net", diff)
        self.assertRegex(err, r"gatepost: 1 message in .*: 1 deliver; 1 clean; 1 changed")
        out, err = self.scan("--no-diff", "--quiet", self.write("a.eml", mail()))
        self.assertEqual(len(out.splitlines()), 1)
        self.assertEqual(err, "")

    def test_of_a_large_message_the_beginning_is_compared(self):
        out, _ = self.scan(self.write("a.eml", mail(body=b"x" * 70 + b"\r\n" * 1_500_000)))
        self.assertEqual([line for line in out.splitlines()[1:] if line[4] in "+-"],
                         ["    +X-Seen: yes"])

    def test_an_mbox_a_maildir_a_folder_and_standard_input(self):
        box = self.write("box", b"From a Mon\n" + mail(body=b">From here\r\n") + b"\nFrom b\n"
                         + mail("eve@example.net") + b"\n")
        self.write("m/new/1", mail())
        self.write("m/cur/2:2,S", mail())
        self.write("f/x.eml", mail())
        found = self.objects(box, os.path.join(self.own_folder, "m"),
                             os.path.join(self.own_folder, "f"), "-", given=mail())
        self.assertEqual([os.path.basename(one["name"]) for one in found],
                         ["box:1", "box:2", "1", "2:2,S", "x.eml", "-"])
        self.assertEqual([one["action"] for one in found], ["deliver"] * 6)
        self.assertTrue(all(one["changed"] for one in found))
        self.assertEqual(found[0]["octets"], len(mail(body=b"From here\r\n")))
        self.assertGreater(found[1]["octets_out"] - found[1]["octets"],
                           found[2]["octets_out"] - found[2]["octets"])

    def test_many_at_once_come_in_order(self):
        for number in range(300):
            self.write(f"f/{number:03}.eml", mail(subject=f"number {number}"))
        found = self.objects("--jobs", "8", os.path.join(self.own_folder, "f"))
        self.assertEqual([os.path.basename(one["name"]) for one in found],
                         [f"{number:03}.eml" for number in range(300)])

    def test_what_a_client_would_get_is_written(self):
        target = os.path.join(self.own_folder, "out")
        path = self.write("a b.eml", mail().replace(b"\r\n", b"\n"))
        box = self.write("box", b"From a\n" + mail())
        for count in (1, 2):
            found = self.objects("--write", target, path, box)
            self.assertEqual([os.path.basename(one["written"]) for one in found],
                             [["a_b.eml", "box-00001.eml"], ["a_b_2.eml", "box-00001_2.eml"]][count - 1])
        with open(found[0]["written"], "rb") as file:
            text = file.read()
        self.assertIn(b"X-Seen: yes\r\n", text)
        self.assertTrue(text.endswith(b"\r\n\r\nHello.\r\n"), text)
        self.assertEqual(len(os.listdir(target)), 4)

    def test_conditions_see_who_fetches(self):
        chain = {"name": "c", "rewrite": [{**RULES[0], "when": {"users": ["ann"]}}]}
        config = self.settings([chain])
        path = self.write("a.eml", mail())
        self.assertTrue(self.objects("--user", "ann", path, config=config)[0]["changed"])
        self.assertFalse(self.objects("--user", "bob", path, config=config)[0]["changed"])

    def test_quarantine_is_only_named(self):
        clamd = self.scanner(Clamd)
        folder = os.path.join(self.own_folder, "quarantine")
        config = self.settings([{"name": "c", "scanners": ["clamd"],
                                 "policy": {"infected": "quarantine"}}],
                               scanners=[{"name": "clamd", "type": "clamd",
                                          "address": clamd.address}],
                               quarantine={"folder": folder})
        bad = self.write("bad.eml", samples.infected()["plain"])
        good = self.write("good.eml", mail())
        found = self.objects(bad, good, "--jobs", "2", config=config)
        self.assertEqual([one["action"] for one in found], ["quarantine", "deliver"])
        self.assertEqual(found[0]["cause"], "infected")
        self.assertIn(THREAT, found[0]["trail"][0]["detail"])
        self.assertFalse(os.path.exists(folder))
        out, _ = self.scan(bad, config=config)
        self.assertIn("quarantine infected", out)
        self.assertIn("clamd=infected", out)
        clamd.kill()
        out, err = self.scan(good, config=config, code=TROUBLE)
        self.assertIn("refuse unreachable", out)
        self.assertIn("scanner clamd is not effective", err)

    @quick
    def test_nothing_in_a_message_reaches_the_terminal(self):
        text = mail("eve@example.net", "x\x1b]0;owned\x07\x1b[2J", b"\x1b[31m\x9b2J\r\n")
        out, _ = self.scan(self.write("a\x1b[2J.eml", text))
        self.assertNotIn("\x1b", out)
        self.assertNotIn("\x07", out)
        self.assertIn("\\x1b]0;owned\\x07", out)

    @quick
    def test_exit_codes(self):
        path = self.write("a.eml", mail())
        out, err = self.scan(path, os.path.join(self.own_folder, "missing"), code=TROUBLE)
        self.assertIn("a.eml: deliver", out)
        self.assertIn("missing: open: No such file or directory", err)
        self.assertEqual(self.objects("/missing", code=TROUBLE)[0]["action"], "error")
        two = self.settings([{"name": "one", "rewrite": RULES}, {"name": "two"}])
        _, err = self.scan(path, config=two, code=USAGE)
        self.assertIn("there are: one, two", err)
        self.assertFalse(self.objects("--chain", "two", path, config=two)[0]["changed"])
        self.scan("--chain", "three", path, config=two, code=USAGE)
        self.scan(code=USAGE)
        self.scan("--client", "nonsense", path, code=USAGE)
        self.scan("--jobs", "65", path, code=USAGE)
        self.scan(path, config=self.write("bad.json", b"{"), code=CONFIG)


if __name__ == "__main__":
    unittest.main()
