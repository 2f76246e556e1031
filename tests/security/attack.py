"""What all cases of this folder share: a gateway, somebody honest beside the attacker, memory."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))

from support import corpus  # noqa: E402
from support.case import Scenario  # noqa: E402
from support.gateway import binary, wait_stable  # noqa: E402

MIB = 1024 * 1024


class Attack(Scenario):
    """A class of cases says in `rows` which rows of docs/security.md it belongs to."""

    rows = ()
    user, password = "joe", "s3cret-of-joe"

    def start(self, script=None, fake=None, **more):
        """A fake server that remembers all it is told, and a gateway before it: `self.server`,
        `self.running`, `self.ports`."""
        self.server = self.fake(corpus.few(), script, **(fake or {}))
        # Nobody else is to talk to the server.
        upstream = {"address": self.server.address, "health_check": {"interval": "0s"}}
        self.running, self.ports = self.serve(upstream, **more)

    def logged_in(self, port=None, user=None, **options):
        client = self.client(port or self.ports.plain, **options)
        reply = client.login(user or self.user, self.password)
        self.assertTrue(reply.startswith(b"+OK"), reply)
        return client

    def assert_refused(self, reply, what=None):
        self.assertTrue(reply.startswith(b"-ERR"), (what, reply))

    def assert_serves(self):
        """Somebody else, who does nothing wrong, is served from greeting to QUIT."""
        client = self.logged_in(user="honest")
        status, body = client.multi("RETR 1")
        self.assertTrue(status.startswith(b"+OK") and body.endswith(b"\r\n.\r\n"))
        client.quit()

    def assert_upstream_never_saw(self, *words):
        seen = b"\n".join(self.server.all_commands())
        for word in words:
            self.assertNotIn(word, seen)


def memory_of(running):
    """Resident octets of a gateway's process, once they have settled."""
    def resident():
        with open(f"/proc/{running.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return wait_stable(resident, seconds=3)


def sanitized():
    """Whether the program is built with AddressSanitizer, which keeps for a while what was freed."""
    with open(binary(), "rb") as file:
        return b"__asan_init" in file.read()


def at_most(octets):
    """A bound for growth: AddressSanitizer's quarantine, 256 MiB, comes on top of it."""
    return octets + (300 * MIB if sanitized() else 0)
