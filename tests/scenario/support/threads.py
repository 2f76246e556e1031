"""Other processes and threads: who belongs to whom, and stopping a single thread."""

import ctypes
import os
import signal

from .process import wait_until

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_LIBC.ptrace.restype = ctypes.c_long
_DETACH, _SEIZE, _INTERRUPT = 17, 0x4206, 0x4207
_ALL_KINDS = 0x40000000  # __WALL: waitpid() takes threads, too


def _name(path):
    with open(f"{path}/comm") as comm:
        return comm.read().strip()


def descendants(pid, name=None):
    """The processes below `pid`, or those of them that are called `name`."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append((int(entry), _name(f"/proc/{entry}")))
        except OSError:
            pass  # it has ended meanwhile
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        waiting += [child for child, _ in below]
        found += [child for child, called in below if name in (None, called)]
    return found


def alive(pid):
    """Whether it runs; one that has ended and that nobody has asked about does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def stop_tree(pid):
    """SIGSTOP to a process and all below it; which ones these are."""
    stopped = []
    # One may have started another between the look at it and its signal.
    while fresh := [each for each in (pid, *descendants(pid)) if each not in stopped]:
        signal_all(fresh, signal.SIGSTOP)
        stopped += fresh
    return stopped


def kill_tree(pid):
    """A process and all below it, as a machine that loses its power: nobody says goodbye. None of
    them is left afterwards."""
    pids = stop_tree(pid)  # or the parent would notice the first that goes
    signal_all(pids, signal.SIGKILL)
    wait_until(lambda: not any(map(alive, pids)), what="the killed to be gone")


def threads(pid, name):
    """The ids of the threads of `pid` that are called `name`."""
    return [int(tid) for tid in os.listdir(f"/proc/{pid}/task")
            if _name(f"/proc/{pid}/task/{tid}") == name]


def processor_seconds(pid):
    """What a process has used up until now."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class StoppedThread:
    """One thread of a process stands still, the others go on, until the block is left."""

    def __init__(self, tid):
        self.tid = tid

    def _ask(self, request):
        if _LIBC.ptrace(request, self.tid, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of {self.tid}")

    def __enter__(self):
        self._ask(_SEIZE)
        self._ask(_INTERRUPT)
        os.waitpid(self.tid, _ALL_KINDS)
        return self

    def __exit__(self, *unused):
        self._ask(_DETACH)
