"""`gatepost retention`: what administrators see and change while the gateway is at work."""

import json
import os
import unittest

from support import gateway, samples
from support.case import Scenario, quick
from support.raw_client import unstuff

PASSWORD = "secret word"
MAIL = [samples.text(f"message {n}", b"This is number %d.\r\n" % n) for n in range(1, 5)]

FINE, TROUBLE, USAGE, CONFIG = 0, 1, 2, 3

TIMES = ["seen", "retrieved", "not_allowed", "deleted", "undeleted", "purge_asked",
         "removal_asked", "gone", "removed"]
KEYS = ["uidl", "state", "outlook", *TIMES, "purge_forced", "devices"]


class Retention(Scenario):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot({"joe": (PASSWORD, MAIL)})
        self.store = os.path.join(self.own_folder, "state", "retention.sqlite")

    def serve_with(self, *policies, **more):
        """A gateway whose listeners have the first of these policies."""
        config, self.ports = self.config(self.server.address)
        for listener in config["listeners"]:
            listener["retention"] = policies[0]["name"]
        config["retention"] = {"policies": policies, "store": {"file": self.store}, **more}
        self.running = self.gateway(config)
        self.settings = self.running.config_path

    def session(self, *commands):
        """Logs in as joe, says these, and QUIT."""
        client = self.client(self.ports.plain)
        self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
        for command in commands:
            reply = client.multi(command) if command.startswith("RETR") else [client.command(command)]
            self.assertTrue(reply[0].startswith(b"+OK"), (command, reply))
        client.quit()

    def mailbox(self):
        """All messages that joe is shown, without their retrieval being settled by a QUIT."""
        client = self.client(self.ports.plain)
        self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
        messages = [unstuff(body) for _, body in client.fetch_all()]
        client.close()
        return messages

    def retention(self, part, *words, code=FINE, account="joe"):
        """(standard output, standard error) of the command."""
        whose = ["--account", account] if account else []
        done = gateway.run("retention", part, "--config", self.settings, *whose, *words)
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return done.stdout, done.stderr

    def listed(self):
        out, _ = self.retention("list", "--json")
        records = json.loads(out)
        for record in records:
            self.assertEqual(list(record), KEYS)
        return records

    def on_server(self):
        return len(self.server.message_files("joe"))


class Keep(Retention):
    def setUp(self):
        super().setUp()
        self.serve_with({"name": "kept", "type": "keep"})

    @quick
    def test_brings_back_what_a_client_deleted(self):
        self.session("RETR 2", "DELE 2")
        self.assertEqual(self.mailbox(), [MAIL[0], *MAIL[2:]])
        (record,) = [one for one in self.listed() if one["deleted"]]
        self.assertEqual((record["state"], record["outlook"]), ("hidden", "stays"))
        self.assertGreater(record["retrieved"], 0)
        digits = record["uidl"][:12]
        out, err = self.retention("list")
        self.assertEqual(err, "")
        self.assertRegex(out, rf"(?m)^{digits}  hidden ")
        self.assertNotIn("joe", out)
        out, _ = self.retention("show", digits)
        self.assertIn("uidl           " + record["uidl"], out)
        self.assertRegex(out, r"(?m)^deleted        \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$")

        out, _ = self.retention("undelete", digits, "--dry-run")
        self.assertEqual(out, "1 message would be shown again from the next login on\n")
        self.assertEqual(len(self.mailbox()), len(MAIL) - 1)
        out, _ = self.retention("undelete", digits)
        self.assertEqual(out, "1 message will be shown again from the next login on\n")
        self.assertEqual(self.mailbox(), MAIL, "not the same octets")
        self.assertEqual([one["state"] for one in self.listed()], ["shown"] * len(self.listed()))

    def test_removes_at_the_next_login_what_was_retrieved(self):
        self.session("RETR 1", "DELE 1", "DELE 2")
        self.retention("purge", "--all", code=USAGE)  # neither --yes nor --dry-run
        self.assertEqual([one["purge_asked"] for one in self.listed()], [0, 0])
        out, _ = self.retention("purge", "--all", "--yes")
        self.assertIn("1 message will be removed at the user's next login", out)
        self.assertIn("1 message marked, but kept by a guard", out)
        self.assertEqual(sorted(one["outlook"] for one in self.listed()),
                         ["due", "kept: never retrieved"])
        self.assertEqual(self.on_server(), len(MAIL), "nothing goes without a login")
        self.session()
        self.assertEqual(self.on_server(), len(MAIL) - 1)
        self.assertEqual(self.mailbox(), MAIL[2:])
        self.assertEqual(sorted(one["state"] for one in self.listed() if one["deleted"]),
                         ["hidden", "removed"])
        (kept,) = [one for one in self.listed() if one["state"] == "hidden"]
        self.assertEqual(kept["outlook"], "kept: never retrieved")

        out, _ = self.retention("purge", kept["uidl"][:8], "--yes", "--force")
        self.assertNotIn("kept", out)
        self.session()
        self.assertEqual(self.on_server(), len(MAIL) - 2)
        out, _ = self.retention("undelete", "--all")
        self.assertIn("2 messages upstream has no more", out)

    def test_says_what_is_wrong(self):
        self.session("DELE 1")
        uidl = self.listed()[0]["uidl"]
        out, _ = self.retention("list", account="somebody")
        self.assertEqual(out.count("\n"), 1, "a headline alone")
        out, err = self.retention("list", "--json", account="JOE")
        self.assertEqual(out, "[]\n")
        self.assertIn("nothing is known of this account", err)
        _, err = self.retention("show", "0" * 12, code=TROUBLE)
        self.assertEqual(err, "gatepost: no message begins with 000000000000\n")
        self.retention("show", uidl[:8], code=TROUBLE, account="somebody")
        for words in ["show", uidl[:3]], ["show", "joe!"], ["undelete"], ["list", "--pool", "none"], \
                     ["list", "--policy", "none"], ["list", "--yes"]:
            with self.subTest(words=words):
                self.assertIn("gatepost: ", self.retention(*words, code=USAGE)[1])
        self.retention("list", code=USAGE, account=None)

    def test_needs_a_store_and_makes_none(self):
        with open(self.settings, encoding="utf-8") as file:
            config = json.load(file)
        elsewhere = os.path.join(self.own_folder, "elsewhere.sqlite")
        self.settings = os.path.join(self.own_folder, "other.json")

        def settings(**retention):
            config["retention"].update(retention)
            with open(self.settings, "w", encoding="utf-8") as file:
                json.dump(config, file)
        settings(store={"file": elsewhere})
        _, err = self.retention("list", code=TROUBLE)
        self.assertIn(f"no store that this user may look after: {elsewhere}: No such file", err)
        self.assertFalse(os.path.exists(elsewhere))
        self.assertFalse(os.path.exists(elsewhere + ".key"))
        settings(store={"file": self.store}, key_file=elsewhere)
        self.assertIn("/retention/key_file: ", self.retention("list", code=CONFIG)[1])
        settings(store={"type": "redis", "address": "127.0.0.1:1"}, key_file=self.store + ".key")
        self.assertIn("gatepost: ", self.retention("list", code=TROUBLE)[1])
        settings(nonsense=True)
        self.assertIn("nonsense", self.retention("list", code=CONFIG)[1])
        self.settings = os.path.join(self.own_folder, "none.json")
        self.retention("list", code=CONFIG)


class Reports(Retention):
    @quick
    def test_a_dry_run(self):
        self.serve_with({"name": "desk", "type": "delete_after_retrieval", "dry_run": True})
        self.session("RETR 1", "RETR 3")
        self.assertEqual(self.on_server(), len(MAIL))
        out, err = self.retention("report")
        self.assertIn("What a dry run would have done", out)
        self.assertRegex(out, r"(?m)^ +2  removed it$")
        self.assertEqual(err, "")
        out, _ = self.retention("report", "--json")
        report = json.loads(out)
        self.assertEqual(list(report), ["states", "outlooks", "dry_run"])
        self.assertEqual(report["dry_run"]["removed it"], 2)
        self.assertEqual(self.listed(), [], "records of dry runs are apart")
        _, err = self.retention("purge", "--all", "--yes")
        self.assertIn("no policy is in force for users of pool upstream", err)

    def test_accounts_and_holds(self):
        self.serve_with({"name": "month", "type": "keep_for", "period": "30d"}, hold=["boss"])
        self.session("RETR 1", "DELE 1")
        out, _ = self.retention("report", "--json", account=None)
        (account,) = json.loads(out)
        self.assertEqual(list(account), ["account", "records", "written_at"])
        self.assertEqual(account["records"], len(MAIL))
        report = json.loads(self.retention("report", "--json")[0])
        self.assertEqual(report["states"], {"hidden": 1, "shown": len(MAIL) - 1})
        self.assertEqual(report["outlooks"],
                         {"due later": 1, "kept: never retrieved": len(MAIL) - 1})
        self.assertEqual(self.retention("report", account="boss")[0],
                         "nothing is known of this account\n")

    def test_several_policies_have_to_be_told_apart(self):
        self.serve_with({"name": "kept", "type": "keep"}, {"name": "other", "type": "read_only"})
        with open(self.settings, encoding="utf-8") as file:
            config = json.load(file)
        config["listeners"][0]["retention"] = "other"
        with open(self.settings, "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.session("DELE 1")
        out, err = self.retention("list")
        self.assertIn("say --policy", err)
        self.assertIn("  deleted  ", out)
        out, err = self.retention("list", "--policy", "kept")
        self.assertEqual(err, "")
        self.assertIn("  hidden  ", out)


if __name__ == "__main__":
    unittest.main()
