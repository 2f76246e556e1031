"""What is loaded on every proxy, and the measures that come out."""

import dataclasses
from typing import Callable


@dataclasses.dataclass(frozen=True)
class Test:
    """One way to load a proxy."""
    name: str
    options: tuple
    mailbox: str = "u"
    stls: bool = False
    idle: bool = False
    min_seconds: float = 0


def _test(name, script, connections, *more, **kwargs):
    return Test(name, ("--script", script, "--connections", str(connections)) + more, **kwargs)


TESTS = {test.name: test for test in (
    _test("login_full", "login", 256),
    _test("login_resume", "login", 256, "--resume"),
    _test("login_stls", "login", 256, stls=True),
    _test("retr_100k", "retr", 8, mailbox="100k"),
    _test("retr_10m", "retr", 8, mailbox="10m", min_seconds=4),
    _test("retr_4k", "retr", 8, mailbox="4k"),
    _test("pipe_4k", "retr", 8, "--depth", "16", mailbox="4k"),
    _test("ping_1", "pingpong", 1),
    _test("ping_100", "pingpong", 100),
    _test("idle_5000", "idle", 5000, "--hold", "2", "--idle-retr", "2", mailbox="100k", idle=True),
)}
MAILBOXES = ("u=10x4096", "4k=1000x4096", "100k=100x102400", "10m=4x10485760")


@dataclasses.dataclass(frozen=True)
class Measure:
    """A row of the table. The target is either relative to the best peer or, with `absolute`, a
    figure of its own."""
    name: str
    test: str
    unit: str
    value: Callable
    target: float
    more_is_better: bool = True
    absolute: bool = False
    digits: int = 0

    def met(self, gatepost, best):
        """None when there is nothing to compare with."""
        against = gatepost if self.absolute else gatepost / best if best else None
        if against is None:
            return None
        return against >= self.target if self.more_is_better else against <= self.target

    def target_text(self):
        sign = "≥" if self.more_is_better else "≤"
        return f"{sign} {self.target:g} {self.unit}" if self.absolute else f"{sign} {self.target:.2f} ×"


def _cpu_per_gb(cell):
    return cell["cpu"]["proxy_s"] / cell["payload_bytes"] * 1e9


MEASURES = (
    Measure("sessions, full handshake", "login_full", "1/s", lambda c: c["sessions_per_s"], 1.25),
    Measure("sessions, resumed", "login_resume", "1/s", lambda c: c["sessions_per_s"], 1.25),
    Measure("sessions by STLS", "login_stls", "1/s", lambda c: c["sessions_per_s"], 1.5),
    Measure("RETR, 100 KiB", "retr_100k", "MB/s", lambda c: c["mb_per_s"], 1.15),
    Measure("RETR, 10 MiB", "retr_10m", "MB/s", lambda c: c["mb_per_s"], 1.25),
    Measure("RETR, 4 KiB one by one", "retr_4k", "MB/s", lambda c: c["mb_per_s"], 1.0),
    Measure("RETR, 4 KiB, 16 deep", "pipe_4k", "MB/s", lambda c: c["mb_per_s"], 1.0),
    Measure("NOOP, 1 connection, p50", "ping_1", "µs",
            lambda c: c["latency_us"]["command"]["p50"], 1.0, more_is_better=False),
    Measure("NOOP, 100 connections, p99", "ping_100", "ms",
            lambda c: c["latency_us"]["command"]["p99"] / 1000, 1.0, more_is_better=False,
            digits=2),
    Measure("memory, idle", "idle_5000", "KiB", lambda c: c["mem"]["per_conn_pss_kib"], 8,
            more_is_better=False, absolute=True, digits=1),
    Measure("memory, idle after 2 RETR", "idle_5000", "KiB",
            lambda c: c["mem"]["per_conn_pss_after_retr_kib"], 8,
            more_is_better=False, absolute=True, digits=1),
    Measure("proxy CPU for 1 GB, 100 KiB", "retr_100k", "s", _cpu_per_gb, 0.7,
            more_is_better=False, absolute=True, digits=2),
)
