"""The image of the Dockerfile as people run it: beside a POP3 server that it shares a network with,
nothing to write to, no capability, and one variable that says where the server is."""

import http.client
import json
import os
import shutil
import signal

from support import clients, corpus
from support.case import Scenario
from support.container import LOCKED_DOWN, Container, image, podman, run_once
from support.process import wait_until
from support.raw_client import RawClient
from support.threads import descendants, signal_all
from support.wire import Namespace

USER, PASSWORD = "joe", "s3cret"
UID = GID = 995
POP3S, STLS, ADMIN = 1995, 1110, 9110  # the image's
#: What user 995 may write to when the root is not mounted read-only.
WRITABLE = {"/tmp", "/var/tmp", "/run/lock", "/var/lib/gatepost", "/run/gatepost"}


class Sidecar(Scenario):
    """Dovecot, the gateway and the mail program share a loopback, as containers of a pod do."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.image = image()
        cls.pod = Namespace()
        cls.addClassCleanup(cls.pod.close)
        cls.messages = corpus.few()
        cls.server = cls.pod.run(
            lambda: cls.shared_dovecot({USER: (PASSWORD, cls.messages)}))
        cls.tls = os.path.join(cls.folder, "tls")
        os.mkdir(cls.tls)
        for path, name in ((cls.certificate, "tls.crt"), (cls.key, "tls.key")):
            copy = shutil.copy(path, os.path.join(cls.tls, name))
            os.chown(copy, UID, GID)
            os.chmod(copy, 0o400)

    def sidecar(self, *options):
        made = self.pod.run(lambda: Container(
            self.image, [*LOCKED_DOWN, "--volume", f"{self.tls}:/etc/gatepost/tls:ro",
                         "--env", f"GATEPOST_UPSTREAM={self.server.address}", *options]))
        self.addCleanup(made.stop)
        self._logs.append(("the container", made.log))
        made.wait_until(lambda: self.status("/readyz") == 200, "the gateway to be ready")
        return made

    def status(self, path):
        """Of a page of the admin listener, or None when nobody answers."""
        def get():
            connection = http.client.HTTPConnection("127.0.0.1", ADMIN, timeout=10)
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except OSError:
                return None
            finally:
                connection.close()
        return self.pod.run(get)

    def fetch(self, form, port):
        return self.pod.run(lambda: clients.curl(
            self.own_folder, form, port, self.ca, USER, PASSWORD, len(self.messages)))

    def health(self, container):
        """What the image's own health check says."""
        said, = json.loads(podman("image", "inspect", self.image).stdout)
        kind, *words = said["Healthcheck"]["Test"]
        self.assertEqual(kind, "CMD")
        # A process that is let in has the network of who lets it in.
        return self.pod.run(lambda: container.exec(*words))

    def test_one_variable_makes_a_sidecar(self):
        container = self.sidecar()
        direct = self.fetch(clients.PLAIN, self.server.port)
        self.assertEqual(self.fetch(clients.POP3S, POP3S), direct)
        self.assertEqual(self.fetch(clients.STLS, STLS), direct)

        everybody = [container.pid, *descendants(container.pid)]
        for pid in everybody:
            with open(f"/proc/{pid}/status") as status:
                said = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
            self.assertEqual(said["Name"], "gatepost")
            self.assertEqual(said["Uid"].split(), [str(UID)] * 4)
            self.assertEqual(said["Gid"].split(), [str(GID)] * 4)
            self.assertEqual(said["NoNewPrivs"], "1")
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(int(said[kind], 16), 0, kind)

    def test_health(self):
        container = self.sidecar()
        well = self.health(container)
        self.assertEqual(well.returncode, 0, well)
        everybody = [container.pid, *descendants(container.pid)]
        signal_all(everybody, signal.SIGSTOP)
        try:
            frozen = self.health(container)
        finally:
            signal_all(everybody, signal.SIGCONT)
        self.assertEqual(frozen.returncode, 1, frozen)
        self.assertEqual(len(frozen.stderr.strip().splitlines()), 1, frozen.stderr)
        wait_until(lambda: self.health(container).returncode == 0, 60, "health again")

    def test_no_health_without_a_gateway(self):
        done = self.pod.run(lambda: run_once(self.image, LOCKED_DOWN, ["healthcheck"]))
        self.assertEqual(done.returncode, 1, done)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def test_sigterm_drains(self):
        container = self.sidecar()
        session = self.pod.run(lambda: RawClient(POP3S, tls=True, ca=self.ca))
        self.addCleanup(session.close)
        self.assertTrue(session.login(USER, PASSWORD).startswith(b"+OK"))
        container.signal(self.stop_signal())
        container.wait_until(lambda: self.status("/readyz") != 200, "the drain to begin")
        session.ok("STAT")
        session.ok("QUIT")
        self.assertEqual(container.exit_code(), 0)

    def stop_signal(self):
        return podman("image", "inspect", "--format", "{{.Config.StopSignal}}",
                      self.image).stdout.strip()

    def test_nothing_to_write_to(self):
        find = ["/", "-not", "(", "-path", "/proc", "-prune", "-o", "-path", "/sys", "-prune", "-o",
                "-path", "/dev", "-prune", ")", "-not", "-type", "l", "-writable"]
        mounts = ["--tmpfs", "/tmp", "--tmpfs", "/run/gatepost", "--volume", "/var/lib/gatepost"]

        def writable(*more):
            done = run_once(self.image, ["--entrypoint", "/usr/bin/find", *more], find)
            self.assertIn(done.returncode, (0, 1), done.stderr)  # 1: some folders cannot be read
            return set(done.stdout.split())
        self.assertEqual(writable(*LOCKED_DOWN), set())
        self.assertEqual(writable(*LOCKED_DOWN, *mounts),
                         {"/tmp", "/run/gatepost", "/var/lib/gatepost"})
        self.assertLessEqual(writable("--cap-drop=ALL"), WRITABLE)
