"""Free ports of the loopback interface, reserved for the life of this process.

A port that was free a moment ago may be taken by a second test run before our server binds it (and
SO_REUSEPORT would even let both bind). So each port handed out is held by a file lock; the range
lies below the ports that the kernel gives to outgoing connections.
"""

import fcntl
import os
import random
import socket
import tempfile

FIRST, LAST = 20000, 32000
LOW = range(1023, 600, -1)  # where only root may listen
_held = []


def _folder():
    path = os.path.join(tempfile.gettempdir(), f"gatepost-test-ports-{os.getuid()}")
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def _is_free(port):
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as error:
            if family == socket.AF_INET6 and not socket.has_ipv6:
                continue
            if family == socket.AF_INET6 and error.errno in (97, 99):  # no IPv6 here
                continue
            return False
    return True


def free_port(among=None):
    """A port nobody uses, ours until the process ends: any, or the first such one of `among`."""
    for port in among or (random.SystemRandom().randint(FIRST, LAST) for _ in range(2000)):
        lock = open(os.path.join(_folder(), str(port)), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        if _is_free(port):
            os.set_inheritable(lock.fileno(), False)
            _held.append(lock)
            return port
        lock.close()
    raise RuntimeError("no free port")
