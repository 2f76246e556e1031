"""Upstream, proxies and load generator of one comparison."""

import json
import os
import pathlib
import subprocess
import time

from rig import peers as peer_list
from rig import processes, tests


class Rig:
    """Owns every process it starts; close() ends them all."""

    def __init__(self, tools, gatepost, work, seconds=3.0, warmup=0.5, quiet=0.08, retries=2):
        self.tools = pathlib.Path(tools)
        self.gatepost = pathlib.Path(gatepost)
        self.work = pathlib.Path(work)
        self.work.chmod(0o755)  # for peers that drop root
        self.proxy_cpu, self.load_cpu = 0, 1
        self.seconds, self.warmup, self.quiet, self.retries = seconds, warmup, quiet, retries
        self._running = []
        self._make_certificate()
        self.manifest = self.work / "manifest"
        self.upstream = None
        self.upstream_port = self.auth_port = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self._running):
            process.stop()
        self._running.clear()

    def pinned(self, cpu):
        return ["taskset", "-c", str(cpu)]

    def _make_certificate(self):
        self.key, self.cert, self.both = (self.work / name for name in
                                          ("key.pem", "cert.pem", "both.pem"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "7", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key, "-out", self.cert],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.both.write_text(self.cert.read_text() + self.key.read_text())

    def start(self, argv, log, env=None, ports=()):
        process = processes.Process([str(word) for word in argv], self.work / f"{log}.log",
                                    env=dict(os.environ, **(env or {})), ports=ports)
        self._running.append(process)
        return process

    def stop(self, process):
        process.stop()
        self._running.remove(process)

    def start_upstream(self):
        self.upstream_port, self.auth_port = processes.free_port(), processes.free_port()
        argv = self.pinned(self.load_cpu) + [
            self.tools / "pop3_upstream", "--port", self.upstream_port,
            "--auth-http", self.auth_port, "--manifest", self.manifest]
        for mailbox in tests.MAILBOXES:
            argv += ["--mailbox", mailbox]
        self.upstream = self.start(argv, "upstream", ports=[self.upstream_port, self.auth_port])

    def start_peer(self, name, workers=1):
        peer = peer_list.Peer(name, processes.free_port(), processes.free_port())
        peer.process = self.start(peer.argv(self, workers), name,
                                  env=peer.environment(self, workers), ports=peer.ports())
        return peer

    def load_argv(self, peer, test):
        stls = ["stls", peer.stls_port] if test.stls else ["implicit", peer.tls_port]
        argv = self.pinned(self.load_cpu) + [
            self.tools / "pop3_load", "--label", f"{test.name}/{peer.name}", "--tls", stls[0],
            "--port", stls[1], "--cert", self.cert, "--manifest", self.manifest,
            "--user-template", f"{test.mailbox}-%d", "--users", "64", "--max-errors", "20",
            "--timeout", "20", "--cpu-pid", f"proxy={peer.process.pid}",
            "--cpu-pid", f"upstream={self.upstream.pid}"]
        if test.idle:
            argv += ["--pid", peer.process.pid]
        else:
            argv += ["--seconds", max(self.seconds, test.min_seconds), "--warmup", self.warmup]
        argv += list(test.options) + peer_list.LOAD_OPTIONS.get(peer.name, [])
        return [str(word) for word in argv]

    def load(self, peer, test, max_wait=30):
        """One cell: waits for a quiet machine, repeats when other processes took part, and keeps the
        quietest. Every reply was checked when `ok` is true."""
        best = None
        for _ in range(self.retries + 1):
            waited = processes.wait_until_quiet(self.quiet, max_wait)
            done = subprocess.run(self.load_argv(peer, test), capture_output=True, text=True,
                                  timeout=300, check=False)
            try:
                cell = json.loads(done.stdout)
            except ValueError:
                cell = {"ok": False, "first_error": (done.stderr or done.stdout)[-300:], "cpu": {}}
            cell.update(test=test.name, peer=peer.name, waited=round(waited, 1),
                        foreign=round(self._foreign(cell), 3), at=time.time())
            if best is None or cell["foreign"] < best["foreign"]:
                best = cell
            if test.idle or cell["foreign"] <= self.quiet:
                break
        return best

    def _foreign(self, cell):
        """The share of the busier core that neither proxy, upstream nor load generator used."""
        cpu, seconds = cell["cpu"], cell.get("seconds") or 1e-9
        if "proxy_s" not in cpu:
            return 0.0
        at_proxy = cpu.get(f"cpu{self.proxy_cpu}_busy", 0) - cpu["proxy_s"] / seconds
        at_load = (cpu.get(f"cpu{self.load_cpu}_busy", 0)
                   - (cpu["self_s"] + cpu["upstream_s"]) / seconds)
        stolen = sum(cpu.get(f"cpu{n}_steal", 0) for n in (self.proxy_cpu, self.load_cpu))
        return max(at_proxy, at_load, stolen, 0.0)
