"""The base of all scenario tests: a temporary folder, servers that end with the test, logs shown
when it failed."""

import os
import shutil
import tempfile
import unittest

from . import compatibility
from . import gateway as gateway_module
from .certificates import Authority
from .clock import Clock
from .dovecot import Dovecot
from .fake_scanner import FakeScanner
from .fake_upstream import FakeUpstream
from .gateway import Gateway
from .ports import free_port
from .raw_client import RawClient

_shared = {}


def quick(item):
    """Marks a test or a class for the quick run."""
    item.quick = True
    return item


def temporary_folder():
    path = tempfile.mkdtemp(prefix="gp-")
    os.chmod(path, 0o755)  # Dovecot's login process is another user
    return path


def authority():
    """The authority of this process, with a leaf for localhost (`leaf`: certificate, key)."""
    if "authority" not in _shared:
        _shared["folder"] = temporary_folder()
        made = Authority(_shared["folder"])
        made.good = made.leaf()
        _shared["authority"] = made
    return _shared["authority"]


def clean_up_shared():
    if "folder" in _shared:
        shutil.rmtree(_shared["folder"], ignore_errors=True)
    _shared.clear()


class Scenario(unittest.TestCase):
    """Servers started with `dovecot()`, `fake()` and `gateway()` end with the test, those started
    with `cls.shared_…` with the class."""

    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.folder = temporary_folder()
        cls._class_logs = []
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.authority = authority()
        cls.ca = cls.authority.certificate
        cls.certificate, cls.key = cls.authority.good

    def setUp(self):
        self.own_folder = tempfile.mkdtemp(dir=self.folder)
        os.chmod(self.own_folder, 0o755)
        self._logs = []

    def run(self, result=None):
        def bad():
            return len(result.failures) + len(result.errors) if result else 0
        before = bad()
        self._cells = []
        super().run(result)
        if result and bad() == before:
            compatibility.write(self._cells, self.id())
        if result and bad() > before:
            for what, read in self._class_logs + getattr(self, "_logs", []):
                text = read()
                print(f"\n--- {what} in {self.id()} (its end) ---\n{text[-3000:]}", flush=True)

    # Servers

    @classmethod
    def shared_dovecot(cls, users, **options):
        server = Dovecot(tempfile.mkdtemp(dir=cls.folder), users, **options)
        cls.addClassCleanup(server.stop)
        cls._class_logs.append(("Dovecot", server.log))
        return server

    @classmethod
    def shared_gateway(cls, *arguments, **options):
        server = Gateway(tempfile.mkdtemp(dir=cls.folder), *arguments, **options)
        cls.addClassCleanup(server.stop)
        cls._class_logs.append(("gatepost", server.log))
        return server

    @classmethod
    def shared_scanner(cls, kind, *arguments, **options):
        """A scanner (support/daemon.py) for the class."""
        scanner = kind(tempfile.mkdtemp(dir=cls.folder), *arguments, **options)
        cls.addClassCleanup(scanner.stop)
        cls._class_logs.append((kind.program, scanner.log))
        return scanner

    def scanner(self, kind, *arguments, **options):
        scanner = kind(tempfile.mkdtemp(dir=self.own_folder), *arguments, **options)
        self.addCleanup(scanner.stop)
        self._logs.append((kind.program, scanner.log))
        return scanner

    def dovecot(self, users, **options):
        server = Dovecot(tempfile.mkdtemp(dir=self.own_folder), users, **options)
        self.addCleanup(server.stop)
        self._logs.append(("Dovecot", server.log))
        return server

    def gateway(self, *arguments, **options):
        server = Gateway(tempfile.mkdtemp(dir=self.own_folder), *arguments, **options)
        self.addCleanup(server.stop)
        self._logs.append(("gatepost", server.log))
        return server

    def clock(self, days=0):
        """A wall clock for gateways and commands of this test, so many days away from the real."""
        return Clock(self.own_folder, days)

    def fake(self, *arguments, **options):
        server = FakeUpstream(*arguments, **options)
        self.addCleanup(server.stop)
        return server

    def fake_scanner(self, *arguments, **options):
        scanner = FakeScanner(*arguments, **options)
        self.addCleanup(scanner.stop)
        self._logs.append((scanner.program, scanner.log))
        return scanner

    # What docs/compatibility.md says: this test shows, if it passes, that something works

    def client_works(self, program, feature):
        self._cells.append(compatibility.cell(["connections", "logins"], program, feature))

    def server_works(self, program, feature):
        self._cells.append(compatibility.cell(["servers", "relays"], program, feature))

    def front_works(self, program, feature):
        self._cells.append(compatibility.cell(["front"], program, feature))

    def scanner_is_content(self, program, form):
        self._cells.append(compatibility.cell(["scanners"], program, form))

    def chain_works(self, program, feature):
        self._cells.append(compatibility.cell(["chains"], program, feature))

    def scanner_works(self, program, feature):
        self._cells.append(compatibility.cell(["judges"], program, feature))

    # Configurations

    @classmethod
    def config(cls, upstream, **more):
        """POP3S, STLS and plain listeners on free ports in front of `upstream` (an address or the
        whole section). Ports: config["ports"], removed before it is written."""
        ports = Ports(pop3s=free_port(), stls=free_port(), plain=free_port())
        config = {
            "workers": 1,
            "listeners": [
                {"name": "pop3s", "address": f"127.0.0.1:{ports.pop3s}", "tls": "implicit"},
                {"name": "stls", "address": f"127.0.0.1:{ports.stls}", "tls": "starttls"},
                {"name": "plain", "address": f"127.0.0.1:{ports.plain}", "tls": "none"},
            ],
            "tls": {"certificate": cls.certificate, "key": cls.key},
            "upstream": upstream if isinstance(upstream, dict) else {"address": upstream},
        }
        config.update(more)
        return config, ports

    def serve(self, upstream, **more):
        """A gateway with that configuration, for this test: (gateway, ports)."""
        config, ports = self.config(upstream, **more)
        server = self.gateway(config)
        return server, ports

    def client(self, port, tls=False, **options):
        made = RawClient(port, tls=tls, ca=self.ca, **options)
        self.addCleanup(made.close)
        return made


class Ports:
    def __init__(self, pop3s, stls, plain):
        self.pop3s, self.stls, self.plain = pop3s, stls, plain


def need_binary():
    """Skips nothing: without the binary every scenario fails, with one clear line."""
    path = gateway_module.binary()
    if not os.access(path, os.X_OK):
        raise SystemExit(f"no gatepost at {path}; set GATEPOST_BINARY")
