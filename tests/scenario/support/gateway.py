"""The gateway under test: the real binary, started with flags or with a configuration file."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time

from .clock import Clock
from .ports import free_port
from .process import Child, ChildFailed, wait_until

# Sanitizers make a program slow to start; other builds may run beside the tests.
START_SECONDS = 60


def binary():
    """The program under test, from the environment."""
    path = os.environ.get("GATEPOST_BINARY")
    if not path:
        root = os.path.join(os.path.dirname(__file__), "..", "..", "..")
        path = os.path.join(root, "build", "release", "proxy", "server", "gatepost")
    return os.path.abspath(path)


def sanitized():
    """Whether the program was built with a sanitizer: then it runs without the system call filter."""
    with open(binary(), "rb") as file:
        text = file.read()
    return b"__asan_init" in text or b"__tsan_init" in text


def environment(extra=None):
    """Ours without any GATEPOST_ variable of the caller; sanitizers told to fail loudly."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GATEPOST_")}
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=86")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:exitcode=86")
    suppressions = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tsan.supp")
    env.setdefault("TSAN_OPTIONS", f"halt_on_error=1:exitcode=86:suppressions={suppressions}")
    env.update(extra or {})
    return env


def run(*arguments, env=None, clock=None, input="", seconds=60):
    """Runs the binary to its end, `input` as its standard input; returns the CompletedProcess with
    text output. With a `clock` (support/clock.py) it goes by that."""
    env = {**(clock.environment() if clock else {}), **(env or {})}
    return subprocess.run([binary(), *map(str, arguments)], env=environment(env), text=True,
                          input=input, capture_output=True, timeout=seconds)


class Gateway:
    """A running `gatepost run`.

    `config` is the configuration as a dict (written to a file in `folder`), `flags` the words after
    `run`. Ready when /readyz says so. `wrap` are words before the program that end in running it.
    `clock` is the wall clock it goes by (support/clock.py), or it is given `days` ahead or back:
    then `clock.set(days)` makes it jump later.
    """

    def __init__(self, folder, config=None, flags=(), env=None, admin=True, wait=True, wrap=(),
                 clock=None, days=None):
        self.folder = str(folder)
        self.clock = Clock(self.folder, days) if days is not None else clock
        if self.clock:
            env = {**self.clock.environment(), **(env or {})}
        self.admin_port = free_port() if admin else 0
        self.config_path = os.path.join(self.folder, "gatepost.json")
        words = [*wrap, binary(), "run"]
        if config is not None:
            config = dict(config)
            if admin:
                config["admin"] = {"address": f"127.0.0.1:{self.admin_port}",
                                   **config.get("admin", {})}
            self.write_config(config)
            words += ["--config", self.config_path]
        elif admin:
            words += ["--admin", f"127.0.0.1:{self.admin_port}"]
        else:
            words += ["--admin", "off"]
        self.child = Child(words + list(flags), os.path.join(self.folder, "gatepost.log"),
                           env=environment(env))
        if wait and admin:
            try:
                wait_until(self.ready, START_SECONDS, "the gateway to be ready", self.child)
            except Exception:
                self.child.kill()
                raise

    def write_config(self, config):
        with open(self.config_path, "w") as file:
            json.dump(config, file, indent=2)

    @property
    def pid(self):
        return self.child.pid

    def get(self, path):
        """GET from the admin listener: (status, text)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=20)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def ready(self):
        try:
            return self.get("/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def metrics(self):
        """All samples: {'name{label="x"}': value}."""
        status, text = self.get("/metrics")
        assert status == 200, (status, text)
        samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def log(self):
        return self.child.log()

    def log_lines(self, event):
        """The log lines of one event (text format)."""
        return [line for line in self.log().splitlines()
                if len(line.split(" ")) > 2 and line.split(" ")[2] == event]

    def wait_for_log(self, text, seconds=30):
        wait_until(lambda: text in self.log(), seconds, f"{text!r} in the log", self.child)

    def drain(self):
        self.child.signal(signal.SIGTERM)

    def reload(self):
        self.child.signal(signal.SIGHUP)

    def stop(self):
        """Ends it; returns the exit status. A sanitizer's report is an error of the test."""
        status = self.child.stop(grace=60)
        log = self.log()
        for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
                     "WARNING: ThreadSanitizer"):
            if mark in log:
                raise ChildFailed(f"the sanitizer spoke:\n{log[log.index(mark) - 200:][:6000]}")
        return status


def wait_for_port(port, seconds=START_SECONDS, child=None):
    """Until something listens on 127.0.0.1:port."""
    def listens():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return True
        except OSError:
            return False
    wait_until(listens, seconds, f"port {port}", child)


def wait_stable(function, seconds=10, same_for=0.3):
    """The value of function() once it has not changed for a while."""
    deadline = time.monotonic() + seconds
    value, since = function(), time.monotonic()
    while time.monotonic() - since < same_for and time.monotonic() < deadline:
        time.sleep(0.02)
        now = function()
        if now != value:
            value, since = now, time.monotonic()
    return value
