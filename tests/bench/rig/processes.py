"""Processes that end with us, free ports, and how busy the machine is."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_given_ports = set()


class BenchError(Exception):
    """Something that a person has to look at; its text is all that is printed."""


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def exit_on_signals():
    """SIGTERM and SIGHUP end the program like SIGINT: through every `finally`."""
    def stop(number, _frame):
        sys.exit(128 + number)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)


def free_port():
    """A port nobody listens on, below those that outgoing connections take."""
    for port in range(21000 + os.getpid() % 5000, 32000):
        if port in _given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port
    raise BenchError("no free port")


def is_open(port):
    with socket.socket() as probe:
        probe.settimeout(0.3)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A process of ours in a session of its own. Its end takes its whole process group with it; if
    we are killed it gets SIGTERM."""

    def __init__(self, argv, log, env=None, ports=(), wait=20):
        self.name = os.path.basename(argv[0])
        with open(log, "w", encoding="utf-8") as out:
            self.process = subprocess.Popen(argv, env=env, stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL, start_new_session=True,
                                            preexec_fn=_die_with_parent)
        deadline = time.monotonic() + wait
        try:
            for port in ports:
                while not is_open(port):
                    if self.process.poll() is not None or time.monotonic() > deadline:
                        with open(log, encoding="utf-8", errors="replace") as said:
                            last = said.read()[-300:]
                        raise BenchError(f"{argv[0]} does not listen on {port}: {last}")
                    time.sleep(0.05)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # the group that start_new_session made
        except ProcessLookupError:
            pass
        self.process.wait()


def busy_seconds():
    """Busy seconds of each CPU since boot."""
    busy = {}
    with open("/proc/stat", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[0].startswith("cpu") and words[0] != "cpu":
                user, nice, system, _, _, irq, soft = (int(word) for word in words[1:8])
                busy[int(words[0][3:])] = (user + nice + system + irq + soft) / TICKS
    return busy


def wait_until_quiet(limit, longest):
    """Waits until no CPU was more than `limit` busy for a quarter of a second, `longest` seconds at
    most. Returns how long that took."""
    began = time.monotonic()
    while True:
        before = busy_seconds()
        time.sleep(0.25)
        after = busy_seconds()
        worst = max((after[cpu] - before[cpu]) / 0.25 for cpu in before)
        waited = time.monotonic() - began
        if worst <= limit or waited > longest:
            return waited
