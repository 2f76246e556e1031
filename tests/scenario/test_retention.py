"""What is deleted and kept: a real mailbox, and clients of which one deletes what it fetches."""

import os
import tempfile
import unittest

from support import clients, samples
from support.case import Scenario, quick

PASSWORD = "secret word"
MAIL = [samples.text(f"message {n}", b"This is number %d.\r\n" % n) for n in range(1, 6)]


class Kept(Scenario):
    """One mailbox for two clients, which give their device behind a +."""

    def setUp(self):
        super().setUp()
        self.server = self.dovecot({"joe": (PASSWORD, MAIL)})
        self.files = self.server.message_files("joe")
        self.state = os.path.join(self.own_folder, "state")

    def keep(self, policy, **more):
        """A gateway with this policy for all listeners."""
        config, self.ports = self.config(self.server.address, **more)
        for listener in config["listeners"]:
            listener["retention"] = "kept"
        config["routes"] = [{"pool": "upstream", "device_suffix": "+"}]
        config["retention"] = {"policies": [{"name": "kept", **policy}],
                               "store": {"file": os.path.join(self.state, "retention.sqlite")}}
        self.kept = config
        self.running = self.gateway(config)

    def fetchmail(self, user, **options):
        """The messages that fetchmail gets."""
        folder = tempfile.mkdtemp(dir=self.own_folder)
        got = clients.fetchmail(folder, clients.POP3S, self.ports.pop3s, self.ca, user, PASSWORD,
                                **options)
        return [] if got is None else got.split(b"\n=== end of a message ===\n")[:-1]

    def curl(self, user):
        """The listing that curl gets, and all of the five messages that there are."""
        folder = tempfile.mkdtemp(dir=self.own_folder)
        return clients.curl(folder, clients.POP3S, self.ports.pop3s, self.ca, user, PASSWORD,
                            len(MAIL))

    def listed(self, user):
        """UIDLs by number."""
        client = self.client(self.ports.plain)
        self.assertTrue(client.login(user, PASSWORD).startswith(b"+OK"))
        _, body = client.multi("UIDL")
        client.quit()
        return [line.split()[1] for line in body.split(b"\r\n") if line and line != b"."]

    @quick
    def test_one_deletes_and_the_other_gets_everything(self):
        self.keep({"type": "keep", "view": "hide_for_device", "devices": ["suffix"]})
        self.assertEqual(len(self.fetchmail("joe+phone", keep=False)), len(MAIL))
        self.assertEqual(self.server.message_files("joe"), self.files, "something is gone")
        _, *messages = self.curl("joe+laptop")
        self.assertEqual(messages, MAIL)
        self.assertEqual(self.listed("joe+phone"), [])
        self.assertEqual(self.fetchmail_of_nothing("joe+phone"), [])
        self.assertEqual(len(self.listed("joe+laptop")), len(MAIL))
        self.assertEqual(self.server.message_files("joe"), self.files, "something is gone")
        decisions = self.running.metrics()
        self.assertEqual(decisions['gatepost_retention_decisions_total{policy="kept",'
                                   'decision="hidden",dry_run="false"}'], len(MAIL))

    def fetchmail_of_nothing(self, user):
        """fetchmail ends with 1 where there is no mail."""
        with self.assertRaises(clients.Failed) as ended:
            self.fetchmail(user, keep=False)
        self.assertIn("ended with 1:", str(ended.exception))
        return []

    def test_what_was_deleted_stays_hidden_over_a_restart(self):
        self.keep({"type": "keep"})
        before = self.listed("joe")
        client = self.client(self.ports.plain)
        client.login("joe", PASSWORD)
        self.assertTrue(client.command("DELE 2").startswith(b"+OK"))
        self.assertTrue(client.command("DELE 4").startswith(b"+OK"))
        self.assertTrue(client.command("QUIT").startswith(b"+OK"))
        left = [before[0], before[2], before[4]]
        self.assertEqual(self.listed("joe"), left)
        self.running.stop()
        self.running = self.gateway(self.kept)
        self.assertEqual(self.listed("joe"), left)
        self.assertEqual(self.server.message_files("joe"), self.files, "something is gone")


if __name__ == "__main__":
    unittest.main()
