"""Pending removals carried out without their users: Dovecot's master user opens the mailboxes."""

import os
import unittest

from support import samples
from support.case import Scenario
from support.gateway import run

PASSWORD = "secret word"
MASTER = "master word"
MAIL = [samples.text(f"message {n}", b"This is number %d.\r\n" % n) for n in range(1, 6)]
MASTER_USERS = """\
auth_master_user_separator = *
passdb {{
  driver = passwd-file
  args = username_format=%u {file}
  master = yes
  result_success = continue
}}
"""


class Swept(Scenario):
    """Two users who kept all their mail, and time that passes."""

    def setUp(self):
        super().setUp()
        masters = self.write("masters", f"gatepost:{{PLAIN}}{MASTER}\n", 0o644)
        self.password_file = self.write("master.password", MASTER + "\n", 0o600)
        self.server = self.dovecot({"joe": (PASSWORD, MAIL), "ann": (PASSWORD, MAIL)},
                                   first=MASTER_USERS.format(file=masters))
        self.files = self.server.message_files("ann")
        self.time = self.clock()

    def write(self, name, text, mode):
        path = os.path.join(self.own_folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def start(self, **policy):
        """A gateway with this policy for everybody."""
        upstream = {"address": self.server.address, "master_user": "{user}*gatepost",
                    "master_password_file": self.password_file}
        config, self.ports = self.config(upstream)
        for listener in config["listeners"]:
            listener["retention"] = "due"
        self.audit = os.path.join(self.own_folder, "removals.log")
        config["retention"] = {
            "policies": [{"name": "due", **policy}], "audit_file": self.audit,
            "store": {"file": os.path.join(self.own_folder, "state", "retention.sqlite")}}
        self.running = self.gateway(config, clock=self.time)

    def fetch(self, user, numbers, delete=()):
        client = self.client(self.ports.plain)
        self.assertTrue(client.login(user, PASSWORD).startswith(b"+OK"))
        for number in numbers:
            self.assertTrue(client.multi(f"RETR {number}")[0].startswith(b"+OK"))
        for number in delete:
            client.ok(f"DELE {number}")
        client.ok("QUIT")
        client.close()

    def sweep(self, *words, **options):
        return run("retention", "sweep", "--config", self.running.config_path, *words,
                   clock=self.time, **options)

    def left(self, user):
        return len(self.server.message_files(user))

    def removals(self):
        with open(self.audit) as file:
            return [line for line in file if "retention_removed" in line]

    def test_what_is_due_goes_and_nothing_else(self):
        self.start(type="keep_for", period="3d")
        self.fetch("joe", [1, 2, 3, 4, 5], delete=[2])
        self.fetch("ann", [1, 2, 3, 4, 5], delete=[2])
        done = self.sweep("--account", "joe")
        self.assertEqual((done.returncode, done.stdout),
                         (0, "joe: removed 0, kept 0\n"
                             "accounts 1, failed 0, removed 0, kept 0\n"), done.stderr)
        self.time.advance(4)
        done = self.sweep("--account", "joe")
        self.assertEqual((done.returncode, done.stdout),
                         (0, "joe: removed 5, kept 0\n"
                             "accounts 1, failed 0, removed 5, kept 0\n"), done.stderr)
        self.assertEqual(self.left("joe"), 0)
        self.assertEqual(self.server.message_files("ann"), self.files, "not hers")
        self.assertEqual(len(self.removals()), 5)
        self.assertNotIn(MASTER, done.stderr + self.running.log() + self.server.log())
        client = self.client(self.ports.plain)  # the gateway has been there all the time
        client.login("joe", PASSWORD)
        self.assertEqual(client.command("STAT"), b"+OK 0 0")

    def test_guards_count_here_too(self):
        self.start(type="delete_after_retrieval", period="1d", brake={"messages": 1})
        self.fetch("joe", [1, 3])
        self.fetch("ann", [])
        self.time.advance(2)
        done = self.sweep("--accounts", "-", input="joe\r\n\njoe\nann\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(done.stdout.splitlines()),
                         ["accounts 2, failed 0, removed 1, kept 1", "ann: removed 0, kept 0",
                          "joe: removed 1, kept 1 (brake 1)"])
        self.assertEqual((self.left("joe"), self.left("ann")), (4, 5))

    def test_what_cannot_be_opened_is_said(self):
        self.start(type="delete_after_retrieval", period="1d")
        self.fetch("joe", [1, 2, 3, 4, 5])
        self.time.advance(2)
        done = self.sweep("--account", "nobody", "joe")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^nobody: failed: -ERR .*; removed 0, kept 0$")
        self.assertRegex(done.stdout, r"(?m)^joe: removed 5, kept 0$")
        self.assertIn("accounts 2, failed 1, removed 5, kept 0", done.stdout)

        self.write("master.password", "another word\n", 0o600)
        names = [f"user{n}" for n in range(30)]
        done = self.sweep("--jobs", "1", "--account", "ann", *names)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^ann: failed: -ERR \[AUTH\].*; removed 0, kept 0$")
        self.assertIn("accounts 10, failed 10, removed 0, kept 0", done.stdout)
        self.assertIn("no mailbox could be opened, 21 accounts were not tried: is the server "
                      "there, are master_user and its password right?", done.stderr)
        self.assertEqual(self.server.message_files("ann"), self.files)

        self.server.stop()
        done = self.sweep("--account", "ann")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^ann: failed: -ERR \[SYS/TEMP\]")

    def test_what_is_wrong_is_said_before_anything_is_opened(self):
        self.start(type="keep_for", period="3d")
        logins = len(self.server.logins())
        for words, status, text in (
                ([], 2, "whose mail?"),
                (["--account", "a\tb\x01"], 2, "is no user name"),
                (["--accounts", "/nowhere"], 2, "/nowhere: No such file"),
                (["--account", "joe", "--pool", "other"], 2, "which pool?"),
                (["--account", "joe", "--policy", "other"], 2, "which policy"),
                (["--account", "joe", "--jobs", "0"], 2, "--jobs")):
            with self.subTest(words=words):
                done = self.sweep(*words)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(text, done.stderr)
                self.assertEqual(done.stdout, "")
        os.unlink(self.password_file)
        done = self.sweep("--account", "joe")
        self.assertEqual(done.returncode, 3)
        self.assertIn("/upstream/master_password_file: ", done.stderr)
        self.assertEqual(len(self.server.logins()), logins)


if __name__ == "__main__":
    unittest.main()
