"""A Debian 12 machine of the test's own: a root file system made with mmdebstrap, entered with chroot,
or booted, with systemd as its first process, by systemd-nspawn.

    machine = Machine(folder)        unpacked from base(), which is made once
    machine.run("apt-get", …)        in the root, before it is booted or after
    machine.boot()
    machine.systemctl("start", …)
    machine.stop()

Network and clock are the host's. Needs root.
"""

import glob
import os
import shutil
import subprocess
import tempfile

from . import base_system
from .downloads import PATIENCE, persistently
from .process import Child, ChildFailed, wait_until


class Machine:
    def __init__(self, folder):
        if os.getuid() != 0:
            raise ChildFailed("a machine can be made by root only")
        self.root = os.path.join(folder, "machine")
        self._log = os.path.join(folder, "console.log")
        self._child = None
        self._init = 0
        os.mkdir(self.root)
        subprocess.run(["tar", "-xf", base_system.base(), "-C", self.root, "--exclude=./dev/*"], check=True,
                       timeout=120)
        shutil.copy("/etc/resolv.conf", self.path("/etc/resolv.conf"))
        for file in glob.glob(self.path("/etc/dpkg/dpkg.cfg.d/*")):  # documents are to be looked at
            subprocess.run(["sed", "-i", "/^path-/d", file], check=True, timeout=20)

    def path(self, path):
        return os.path.join(self.root, path.lstrip("/"))

    def read(self, path):
        with open(self.path(path), encoding="utf-8") as file:
            return file.read()

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *words, check=True, seconds=60, env=None):
        """A program in the machine: a CompletedProcess with text output, errors among it."""
        if self._init:
            before = ["nsenter", "--target", str(self._init), "--mount", "--uts", "--ipc", "--pid",
                      "--cgroup", "--root", "--wdns=/", "--"]
        else:  # what packages' scripts need of a system
            before = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec",
                      'mount --bind /dev "$0/dev"; mount -t proc proc "$0/proc"; '
                      'exec chroot "$0" "$@"', self.root]
        done = subprocess.run([*before, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, timeout=seconds,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                                   **{name: value for name, value in os.environ.items()
                                      if name.endswith("_proxy")}, **(env or {})})
        if check and done.returncode != 0:
            raise ChildFailed(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout[-6000:]}")
        return done

    def apt(self, *words, **options):
        return self.run("apt-get", "--yes", "--quiet", "--option=Dpkg::Use-Pty=0", *words,
                        env={"DEBIAN_FRONTEND": "noninteractive"}, seconds=PATIENCE, **options)

    def install(self, package, *words):
        """A .deb of the host with what it depends on, from Debian. What apt said."""
        name = "/srv/" + os.path.basename(package)  # /tmp is another one once it is booted
        shutil.copy(package, self.path(name))
        self._lend_lists()

        def attempt():
            done = self.apt("install", *words, name, check=False)
            if done.returncode != 0 and "Setting up" not in done.stdout:  # lists missing or old
                self.apt("update", check=False)
                done = self.apt("install", *words, name, check=False)
            return done

        done = persistently(attempt, lambda done: "Setting up" not in done.stdout)
        os.remove(self.path(name))
        if done.returncode != 0:
            raise ChildFailed(f"apt-get install {name} failed:\n{done.stdout[-6000:]}")
        return done.stdout

    def _lend_lists(self):
        """The host's lists of the same sources, if it has them, save a download."""
        lists = "/var/lib/apt/lists"
        for file in glob.glob(f"{lists}/*_dists_{base_system.RELEASE}*"):
            if not os.path.exists(self.path(file)):
                shutil.copy(file, self.path(lists))

    def boot(self, seconds=120):
        """Until systemd has started what it starts at boot."""
        self._child = Child(
            ["systemd-nspawn", f"--directory={self.root}", "--register=no", "--keep-unit",
             f"--machine=gatepost-test-{os.getpid()}", "--console=pipe", "--resolv-conf=off", "--boot",
             "systemd.log_target=console"], self._log)
        self._init = wait_until(self._find_init, seconds, "the machine's first process", self._child)
        wait_until(self._is_up, seconds, "the machine to boot", self._child)

    def _find_init(self):
        """systemd-nspawn has a child, or that one has, which is the first in its PID namespace."""
        waiting = [self._child.pid]
        while waiting:
            pid = waiting.pop()
            try:
                with open(f"/proc/{pid}/status") as status:
                    names = [line.split()[1:] for line in status if line.startswith("NSpid:")][0]
                with open(f"/proc/{pid}/comm") as comm:
                    is_systemd = comm.read().strip() == "systemd"
                if is_systemd and len(names) > 1 and names[-1] == "1":
                    return pid
                with open(f"/proc/{pid}/task/{pid}/children") as children:
                    waiting += [int(child) for child in children.read().split()]
            except (OSError, IndexError):
                continue  # it has ended meanwhile
        return None

    def _is_up(self):
        done = self.run("systemctl", "is-system-running", check=False)
        return done.stdout.strip() in ("running", "degraded")

    def systemctl(self, *words, **options):
        return self.run("systemctl", "--no-pager", *words, **options)

    def show(self, unit, name):
        """A property of a unit."""
        return self.systemctl("show", unit, f"--property={name}", "--value").stdout.strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}").stdout

    def stop(self):
        if self._child:
            self._init = 0
            self._child.stop(grace=30)
            self._child = None

    def console(self):
        try:
            with open(self._log, errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""
