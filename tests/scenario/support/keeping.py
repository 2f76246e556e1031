"""What the tests of delete and keep have in common: mailboxes under policies, and what is in them."""

import os
import re

from . import gateway as gateway_module
from . import samples
from .case import Scenario

PASSWORD = "correct horse"


def message(number):
    """A message that `numbers()` finds again in whatever a program makes of it."""
    return samples.text(f"message {number}", b"Number %d, with a line for it.\r\n" % number * number)


def numbers(octets):
    """The numbers of the messages in a mailbox file, a reply, or a list of messages, in order."""
    text = b"\n".join(octets) if isinstance(octets, list) else octets or b""
    return [int(found) for found in re.findall(rb"(?m)^Subject: message (\d+)\r?$", text)]


class Keeping(Scenario):
    """A gateway whose users are under the policy that their name begins with: `archive-joe` is under
    the policy `archive`. What stands behind a + in the name of a login is the device."""

    @classmethod
    def keeping(cls, upstream, policies, folder, **more):
        """(configuration, ports). `policies`: {name: what it says}."""
        config, ports = cls.config({"address": upstream, "health_check": {"interval": "0s"}}, **more)
        config["routes"] = [{"users": [f"{name}-*"], "pool": "upstream", "retention": name,
                             "device_suffix": "+"} for name in policies]
        config["retention"] = {
            "policies": [{"name": name, **policy} for name, policy in policies.items()],
            "store": {"file": os.path.join(folder, "state", "retention.sqlite")},
            "audit_file": os.path.join(folder, "audit.log"), **config.pop("retention", {})}
        return config, ports

    def login(self, port, user, **options):
        client = self.client(port, **options)
        reply = client.login(user, PASSWORD)
        self.assertTrue(reply.startswith(b"+OK"), (user, reply))
        return client

    def shown(self, client):
        """[(UIDL, octets)] of a session, which every listing command agrees with."""
        octets = pairs(client.multi("LIST")[1])
        uidls = pairs(client.multi("UIDL")[1])
        self.assertEqual([number for number, _ in octets], [number for number, _ in uidls])
        count, total = map(int, client.ok("STAT").split()[1:3])
        self.assertEqual((count, total), (len(octets), sum(int(size) for _, size in octets)))
        for (number, size), (_, uidl) in zip(octets, uidls):
            self.assertEqual(client.ok(f"LIST {number}").split()[1:3], [b"%d" % number, size])
            self.assertEqual(client.ok(f"UIDL {number}").split()[1:3], [b"%d" % number, uidl])
            self.assertTrue(client.multi(f"TOP {number} 0")[0].startswith(b"+OK"), number)
        beyond = max((number for number, _ in octets), default=0) + 1
        for verb in ("LIST", "UIDL", "RETR", "DELE"):
            self.assertTrue(client.command(f"{verb} {beyond}").startswith(b"-ERR"), verb)
        return [(uidl, int(size)) for (_, size), (_, uidl) in zip(octets, uidls)]

    def seen(self, port, user):
        """The numbers of the messages that a session of its own is shown. It goes without QUIT, so
        that it changes nothing."""
        client = self.login(port, user)
        count = len(self.shown(client))
        found = [numbers(client.multi(f"TOP {n} 0")[1]) for n in range(1, count + 1)]
        client.close()
        return [number for one in found for number in one]

    @staticmethod
    def files(server, user):
        """The numbers of the messages in a Maildir, whoever may see them."""
        folder = os.path.join(server.folder, "home", user, "Maildir")
        found = []
        for part in ("cur", "new"):
            for name in os.listdir(os.path.join(folder, part)):
                with open(os.path.join(folder, part, name), "rb") as file:
                    found += numbers(file.read().partition(b"\r\n\r\n")[0])
        return sorted(found)

    @staticmethod
    def retention(running, *words):
        """The output of `gatepost retention WORDS`, with the gateway's configuration and clock."""
        done = gateway_module.run("retention", words[0], "--config", running.config_path, *words[1:],
                                  clock=running.clock)
        assert done.returncode == 0, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout

    @staticmethod
    def guarded(running, policy, guard):
        return running.metrics().get(
            f'gatepost_retention_guards_total{{policy="{policy}",guard="{guard}",dry_run="false"}}')


def pairs(body):
    """[(number, value)] of a reply to LIST or UIDL."""
    return [(int(line.split()[0]), line.split()[1])
            for line in body.split(b"\r\n") if line and line != b"."]
