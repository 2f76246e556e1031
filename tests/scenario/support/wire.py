"""Networks that lose, delay, reorder, double and damage packets, between namespaces of their own.

What netem does is done here with two TUN devices and a thread between them, because not every kernel
has netem: TCP itself is the kernel's on both sides. A namespace has no name and goes with its last
process, so nothing is left behind, whatever happens. Needs root.
"""

import concurrent.futures
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


class Namespace:
    """A network of its own. What `run` calls happens inside: sockets made there stay there, and
    so do processes started there, which live no longer than this."""

    def __init__(self):
        self._thread = concurrent.futures.ThreadPoolExecutor(1, initializer=self._enter)
        self.run(lambda: self.ip("link", "set", "lo", "up"))

    @staticmethod
    def _enter():
        if _LIBC.unshare(_CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "no network namespace: not root?")

    def run(self, function):
        return self._thread.submit(function).result()

    @staticmethod
    def ip(*words):
        subprocess.run(["ip", *words], check=True, timeout=30)

    def close(self):
        self._thread.shutdown()


class Wire:
    """A link between two namespaces: `here` is 10.77.NUMBER.1, `there` 10.77.NUMBER.2.

    Its faults, each for every packet and both directions: `loss`, `double` and `damage` are
    probabilities, `delay` seconds, `jitter` seconds more at random, which changes the order; `cut`
    is a partition.
    """

    def __init__(self, here, there, number, seed):
        self.loss = self.double = self.damage = self.delay = self.jitter = 0.0
        self.cut = False
        self.packets = self.lost = 0
        self._random = random.Random(seed)
        self._ends = [self._plug(here, number, 1), self._plug(there, number, 2)]
        self._stopping = threading.Event()
        self._carrying = threading.Thread(target=self._carry, daemon=True)
        self._carrying.start()

    @staticmethod
    def _plug(namespace, number, host):
        def plug():
            name = f"wire{number}"
            end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", name.encode(),
                                                     _IFF_TUN | _IFF_NO_PI))
            namespace.ip("addr", "add", f"10.77.{number}.{host}/30", "dev", name)
            namespace.ip("link", "set", name, "up", "mtu", "1400")
            return end
        return namespace.run(plug)

    def be_bad(self):
        """As bad as a network may be that one still uses."""
        self.loss, self.double, self.damage = 0.02, 0.02, 0.01
        self.delay, self.jitter = 0.002, 0.01

    def close(self):
        self._stopping.set()
        self._carrying.join(10)
        for end in self._ends:
            os.close(end)

    def _carry(self):
        waiting = []  # (due, order, end to write to, packet)
        poll = select.poll()
        for end in self._ends:
            poll.register(end, select.POLLIN)
        while not self._stopping.is_set():
            pause = 50 if not waiting else max(0, (waiting[0][0] - time.monotonic()) * 1000)
            for end, _ in poll.poll(min(50, pause)):
                self._take(end, waiting)
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(waiting)
                try:
                    os.write(end, packet)
                except OSError:
                    self.lost += 1  # its queue is full

    def _take(self, end, waiting):
        other = self._ends[1 - self._ends.index(end)]
        for _ in range(64):
            try:
                packet = os.read(end, 2000)
            except BlockingIOError:
                return
            chance = self._random.random
            for _ in range(2 if chance() < self.double else 1):
                self.packets += 1
                if self.cut or chance() < self.loss:
                    self.lost += 1
                    continue
                if chance() < self.damage:
                    damaged = bytearray(packet)
                    damaged[self._random.randrange(len(packet))] ^= 1 << self._random.randrange(8)
                    packet = bytes(damaged)
                due = time.monotonic() + self.delay + chance() * self.jitter
                heapq.heappush(waiting, (due, self.packets, other, packet))
