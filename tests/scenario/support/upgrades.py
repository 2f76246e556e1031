"""What tests of upgrades have in common: a gateway that starts its own successor."""

import contextlib
import os
import re
import signal

from . import corpus
from .case import Scenario
from .process import wait_until
from .threads import alive

USER, PASSWORD = "joe", "s3cret"


def group(pid):
    """The processes of a process group that run."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.getpgid(int(entry)) == pid and alive(entry):
                found.append(int(entry))
    return found


class Upgrades(Scenario):
    """`self.running` is the first process, `self.pid` the one that serves."""

    def begin(self, config, **options):
        self.running = self.gateway(config, **options)
        address = {"address": f"127.0.0.1:{self.running.admin_port}"}
        self.config_used = dict(config, admin={**address, **config.get("admin", {})})
        self.pid = self.running.pid
        self.addCleanup(self.nobody_stays)
        return self.running

    def begin_simply(self, **more):
        config, self.ports = self.config(self.fake(corpus.few()).address, **more)
        return self.begin(config)

    def nobody_stays(self):
        """Ends what serves; all of its processes end, too."""
        try:
            if alive(self.pid):
                os.kill(self.pid, signal.SIGTERM)
            wait_until(lambda: not group(self.running.pid), 30, "all processes to end")
        finally:
            for pid in group(self.running.pid):
                os.kill(pid, signal.SIGKILL)

    def change(self, **more):
        self.config_used.update(more)
        self.running.write_config(self.config_used)

    def ask(self, event):
        """Asks for an upgrade; the line of the log about what came of it."""
        before = len(self.running.log_lines(event))
        os.kill(self.pid, signal.SIGUSR2)
        return wait_until(lambda: self.running.log_lines(event)[before:], 90, event)[0]

    def upgrade(self):
        """Returns the process before."""
        old = self.pid
        line = self.ask("upgraded")
        self.pid = int(re.search(r" process=(\d+)", line)[1])
        self.assertTrue(self.running.ready())
        return old

    def fails(self):
        """Returns why."""
        return self.ask("upgrade_failed")

    def wait_for_end(self, pid):
        wait_until(lambda: not alive(pid), 30, f"the end of {pid}")

    def session(self, port, **options):
        client = self.client(port, **options)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        return client
