"""Child processes: started with their output in a file, ended by pid, never left behind."""

import ctypes
import os
import signal
import subprocess
import time

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class ChildFailed(Exception):
    """A child ended, or did not get ready, when it should have served."""


class Child:
    """A running program. Its standard output and error go to `log`."""

    def __init__(self, argv, log, env=None, cwd=None):
        self.argv = [str(word) for word in argv]
        self.log_path = str(log)
        self._log = open(self.log_path, "ab")
        self.popen = subprocess.Popen(
            self.argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            env=env, cwd=cwd, start_new_session=True, preexec_fn=_die_with_parent)

    @property
    def pid(self):
        return self.popen.pid

    @property
    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds):
        """The exit status; ChildFailed when it is still running after `seconds`."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ChildFailed(f"{self.argv[0]} still runs after {seconds} s") from None

    def stop(self, grace=10):
        """Asks with SIGTERM, insists with SIGKILL. Returns the exit status."""
        if self.running:
            self.popen.terminate()
            try:
                self.popen.wait(grace)
            except subprocess.TimeoutExpired:
                self._kill_group()
        status = self.popen.wait(30)
        self._log.close()
        return status

    def kill(self):
        if self.running:
            self._kill_group()
        self.popen.wait(30)
        self._log.close()

    def _kill_group(self):
        # The group is ours alone: the child began a session of its own.
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def log(self):
        with open(self.log_path, "r", errors="replace") as log:
            return log.read()


def wait_until(condition, seconds=30, what="condition", child=None):
    """Polls until `condition()` gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if child is not None and not child.running:
            raise ChildFailed(
                f"{child.argv[0]} ended with {child.popen.returncode}:\n{child.log()[-4000:]}")
        if time.monotonic() > deadline:
            log = f"\n{child.log()[-4000:]}" if child is not None else ""
            raise ChildFailed(f"waited {seconds} s for {what}{log}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


#: A sanitizer maps terabytes to keep account of the memory, none of which is a copy of it.
SHADOW = 1 << 32


def memory_of(pid):
    """Everything that a process may write to, in pieces, as far as it can be read: as root all."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            places, rights, *_ = line.split()
            at, end = (int(place, 16) for place in places.split("-"))
            if not rights.startswith("rw") or "[vvar" in line or end - at > SHADOW:
                continue
            while at < end:
                try:
                    memory.seek(at)
                    piece = memory.read(min(end - at, 1 << 20))
                except (OSError, ValueError, OverflowError):
                    break
                yield piece
                at += len(piece) or end
