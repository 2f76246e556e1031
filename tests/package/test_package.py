"""The Debian package in a machine of its own, from its installation to its purge: each test goes on
where the one before has ended, so the whole class runs, in the order of the numbers.

The machine is booted with systemd, so that the unit, its hardening and the maintainer scripts are
those that an administrator gets. GATEPOST_BUILD is the build folder; nothing is compiled.
"""

import glob
import os
import random
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))

from support.case import Scenario  # noqa: E402
from support.base_system import ROOT  # noqa: E402
from support.machine import Machine  # noqa: E402
from support.ports import free_port  # noqa: E402
from support.process import wait_until  # noqa: E402
from support.raw_client import RawClient, unstuff  # noqa: E402

BUILD = os.environ.get("GATEPOST_BUILD", os.path.join(ROOT, "build", "release"))
CONFIG = "/etc/gatepost/gatepost.json"
UNIT = "gatepost.service"
MESSAGE = b"Subject: hello\r\n\r\nA message.\r\n"
EXPOSURE = 20  # tenths: at most 2.0


def make_package(folder):
    """The path of the .deb, made with CPack as docs/operations.md says; gzip is quicker than xz."""
    done = subprocess.run(["cpack", "-G", "DEB", "--config", os.path.join(BUILD, "CPackConfig.cmake"),
                           "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip", "-B", folder], cwd=BUILD,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    found = glob.glob(os.path.join(folder, "gatepost_*.deb"))
    assert done.returncode == 0 and len(found) == 1, done.stdout
    return found[0]


def newer_package(package, folder):
    """The same as the next version, whose own configuration file has changed, too."""
    tree = os.path.join(folder, "newer")
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True, timeout=60)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control) as file:
        text = re.sub(r"^Version: .*$", "Version: 99.0-1", file.read(), flags=re.M)
    with open(control, "w") as file:
        file.write(text)
    with open(os.path.join(tree, CONFIG.lstrip("/")), "a") as file:
        file.write("// A better hint.\n")
    made = os.path.join(folder, "gatepost_99.0-1.deb")
    subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "-b", tree, made], check=True, timeout=120,
                   stdout=subprocess.DEVNULL)
    return made


class PackageTest(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.package = make_package(os.path.join(cls.folder, "made"))
        cls.machine = Machine(cls.folder)
        cls.addClassCleanup(cls.machine.stop)
        cls._class_logs.append(("console of the machine", cls.machine.console))
        cls.installed = cls.machine.install(cls.package)
        # Ports below 1024, at an address of 127/8 that nobody else has.
        cls.host = "127." + ".".join(str(random.randint(2, 250)) for _ in range(3))
        cls.admin = free_port()

    def run(self, result=None):
        """What is wrong once makes what follows worthless, and waiting for it long."""
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            result.stop()

    def configure(self):
        """What the comments of the shipped file ask an administrator to do, as edits of its text."""
        text = self.machine.read(CONFIG)
        for before, after in (('":995"', f'"{self.host}:995"'), ('":110"', f'"{self.host}:110"'),
                              ("127.0.0.1:1110", self.dovecot_address),
                              ("127.0.0.1:9110", f"127.0.0.1:{self.admin}")):
            self.assertIn(before, text)
            text = text.replace(before, after)
        self.machine.write(CONFIG, text)
        for file, name in ((self.certificate, "pop.pem"), (self.key, "pop.key")):
            shutil.copy(file, self.machine.path(f"/etc/gatepost/{name}"))
        self.machine.run("chgrp", "gatepost", "/etc/gatepost/pop.key")
        self.machine.run("chmod", "640", "/etc/gatepost/pop.key")

    def client(self):
        return RawClient(address=(self.host, 995), tls=True, ca=self.ca)

    def fetch(self):
        with self.client() as client:
            client.login("joe", "secret")
            self.assertEqual(unstuff(client.multi("RETR 1")[1]), MESSAGE)
            client.quit()

    def pid(self):
        return int(self.machine.show(UNIT, "MainPID"))

    def status_of(self, pid, key):
        """A line of /proc/PID/status, in the machine."""
        text = self.machine.run("cat", f"/proc/{pid}/status").stdout
        return re.search(rf"^{key}:\s*(.*)$", text, re.M)[1]

    def wait_for_log(self, text):
        """The journal takes a moment to show what a unit has said."""
        wait_until(lambda: text in self.machine.journal(UNIT), 30, f"{text!r} in the journal")

    def mode(self, path):
        return self.machine.run("stat", "-c", "%a %U %G", path).stdout.strip()

    def test_0_lintian_finds_nothing(self):
        done = subprocess.run(["lintian", "--fail-on", "error,warning", self.package],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_1_installs(self):
        machine = self.machine
        self.assertIn("gatepost: installed, not started", self.installed)
        self.assertRegex(machine.run("getent", "passwd", "gatepost").stdout,
                         r":/var/lib/gatepost:/usr/sbin/nologin$")
        self.assertEqual(self.mode("/var/lib/gatepost"), "700 gatepost gatepost")
        self.assertEqual(self.mode("/var/log/gatepost"), "750 gatepost gatepost")
        self.assertEqual(self.mode(CONFIG), "644 root root")
        conffiles = machine.run("dpkg-query", "-W", "-f", "${Conffiles}", "gatepost").stdout.split()
        self.assertEqual(conffiles[::2], [CONFIG, "/etc/logrotate.d/gatepost"])
        for file in ("man1/gatepost.1.gz", "man5/gatepost.json.5.gz"):
            self.assertTrue(os.path.exists(machine.path(f"/usr/share/man/{file}")), file)
        for file in ("copyright", "changelog.gz", "changelog.Debian.gz", "operations.md",
                     "examples/antivirus.jsonc", "examples/systemd/clamd.conf"):
            self.assertTrue(os.path.exists(machine.path(f"/usr/share/doc/gatepost/{file}")), file)
        self.assertRegex(machine.run("gatepost", "version").stdout, r"^gatepost \d+\.\d+\.\d+ \(")
        libraries = machine.run("ldd", "/usr/bin/gatepost").stdout
        self.assertNotIn("not found", libraries)
        self.assertNotIn("libssl.so.3", libraries)

    def test_2_shipped_configuration(self):
        """One clear message: the certificate is the administrator's to bring."""
        done = self.machine.run("gatepost", "check", "--config", CONFIG, check=False)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertEqual(len(done.stdout.splitlines()), 2, done.stdout)
        self.assertRegex(done.stdout, r"/etc/gatepost/pop\.pem.*No such file")
        self.assertIn("configuration not usable", done.stdout)

    def test_3_unit(self):
        self.machine.run("systemd-analyze", "verify", "--man=no", f"/lib/systemd/system/{UNIT}")
        self.machine.run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}",
                         f"/lib/systemd/system/{UNIT}")
        for drop_in in glob.glob(self.machine.path("/usr/share/doc/gatepost/examples/systemd/*.conf")):
            name = os.path.basename(drop_in)
            with self.subTest(name), open(drop_in, encoding="utf-8") as file:
                self.machine.write(f"/etc/systemd/system/{UNIT}.d/{name}", file.read())
                done = self.machine.run("systemd-analyze", "verify", "--man=no",
                                        f"/lib/systemd/system/{UNIT}")
                self.assertNotRegex(done.stdout, r"Unknown|Failed to parse")
                shutil.rmtree(self.machine.path(f"/etc/systemd/system/{UNIT}.d"))

    def test_4_starts_when_configured(self):
        machine = self.machine
        machine.boot()
        self.assertEqual(machine.show(UNIT, "UnitFileState"), "disabled")
        self.assertEqual(machine.show(UNIT, "ActiveState"), "inactive")
        self.assertNotEqual(machine.systemctl("start", UNIT, check=False).returncode, 0)
        self.assertEqual(machine.show(UNIT, "ActiveState"), "failed")  # and is not tried again
        self.wait_for_log("gatepost: ")

        type(self).dovecot = self.shared_dovecot({"joe": ("secret", [MESSAGE])})
        type(self).dovecot_address = self.dovecot.address
        self.configure()
        self.assertIn("configuration ok", machine.run("gatepost", "check", "--config", CONFIG).stdout)
        machine.systemctl("enable", "--now", UNIT)
        pid = self.pid()
        uid = machine.run("id", "-u", "gatepost").stdout.strip()
        self.assertEqual(self.status_of(pid, "Uid").split(), [uid] * 4)
        for kind in ("CapEff", "CapPrm", "CapBnd"):
            self.assertEqual(int(self.status_of(pid, kind), 16), 1 << 10, kind)  # NET_BIND_SERVICE
        self.assertEqual(self.status_of(pid, "NoNewPrivs"), "1")
        self.assertEqual(self.mode("/run/gatepost/control"), "600 gatepost gatepost")
        self.fetch()

    def test_5_reload(self):
        machine, pid = self.machine, self.pid()
        machine.systemctl("reload", UNIT)
        self.wait_for_log(" reloaded")
        good = machine.read(CONFIG)
        machine.write(CONFIG, good.replace('"level"', '"lewel"'))
        self.assertNotEqual(machine.systemctl("reload", UNIT, check=False).returncode, 0)
        self.wait_for_log('/log/lewel: unknown key (did you mean "level"?)')
        machine.write(CONFIG, good)
        self.assertEqual((machine.show(UNIT, "ActiveState"), self.pid()), ("active", pid))
        self.fetch()

    def test_6_watchdog(self):
        machine = self.machine
        machine.write(f"/etc/systemd/system/{UNIT}.d/quick.conf",
                      "[Service]\nWatchdogSec=10s\nRestartSec=100ms\n")
        machine.systemctl("daemon-reload")
        machine.systemctl("restart", UNIT)
        began, pid = machine.show(UNIT, "WatchdogTimestampMonotonic"), self.pid()
        wait_until(lambda: machine.show(UNIT, "WatchdogTimestampMonotonic") != began, 60,
                   "a sign of life")
        machine.run("kill", f"-{signal.SIGSTOP}", str(pid))
        wait_until(lambda: self.pid() not in (0, pid), 60, "another process")
        wait_until(lambda: machine.show(UNIT, "ActiveState") == "active", 60, "it to serve again")
        self.assertEqual(machine.show(UNIT, "NRestarts"), "1")
        shutil.rmtree(machine.path(f"/etc/systemd/system/{UNIT}.d"))
        machine.systemctl("daemon-reload")
        self.fetch()

    def test_7_upgrade(self):
        """The administrator's configuration stays, and so does who is connected."""
        machine, pid = self.machine, self.pid()
        mine = machine.read(CONFIG)
        with self.client() as client:
            client.login("joe", "secret")
            said = machine.install(newer_package(self.package, self.folder),
                                   "--option=Dpkg::Options::=--force-confold")
            self.assertNotIn("did not take over", said)
            self.assertEqual(machine.run("dpkg-query", "-W", "-f", "${Version}", "gatepost").stdout, "99.0-1")
            self.assertEqual(machine.read(CONFIG), mine)
            self.assertIn("A better hint", machine.read(CONFIG + ".dpkg-dist"))
            self.assertNotIn(self.pid(), (0, pid))
            self.assertEqual(machine.show(UNIT, "ActiveState"), "active")
            self.assertEqual(int(self.status_of(self.pid(), "CapEff"), 16), 1 << 10)
            self.fetch()  # from the new process
            self.assertEqual(unstuff(client.multi("RETR 1")[1]), MESSAGE)  # from the old one
            client.quit()
        self.assertEqual(machine.show(UNIT, "UnitFileState"), "enabled")

    def test_8_remove(self):
        machine = self.machine
        machine.write("/var/lib/gatepost/quarantine/17.eml.zst", "kept back")
        machine.apt("remove", "gatepost")
        self.assertNotEqual(machine.run("pgrep", "-x", "gatepost", check=False).returncode, 0)
        self.wait_for_log(" stopped")
        self.assertFalse(os.path.exists(machine.path("/usr/bin/gatepost")))
        self.assertIn(self.host, machine.read(CONFIG))
        self.assertTrue(os.path.exists(machine.path("/var/lib/gatepost/quarantine/17.eml.zst")))

    def test_9_purge(self):
        machine = self.machine
        said = machine.apt("purge", "gatepost").stdout
        self.assertIn("messages in quarantine", said)
        left = machine.run("find", "/", "-xdev", "-iname", "*gatepost*").stdout.split()
        self.assertEqual(left, [])
        self.assertEqual(machine.run("dpkg-query", "-W", "gatepost", check=False).returncode, 1)
        self.assertEqual(machine.run("ls", "/etc/gatepost", check=False).returncode, 2)
