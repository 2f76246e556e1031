"""A real scanner as a test wants it: started, stopped, frozen, killed, started again."""

import os
import signal
import socket

from .process import Child, wait_until
from .threads import descendants, kill_tree, signal_all, stop_tree

READY_SECONDS = 60


class Daemon:
    """The base of the scanners. One has `_words()`, what starts it, and `answers()`, whether it
    serves. Its files are in `folder`; all processes below it are its own."""

    program = ""  # as docs/compatibility.md calls it
    kind = ""     # its type in the configuration

    def __init__(self, folder):
        self.folder = str(folder)
        os.chmod(self.folder, 0o755)
        self.child = None
        self._frozen = []

    def section(self, **more):
        """Its place in the list of scanners of a configuration."""
        return {"name": self.kind, "type": self.kind, "address": self.address, **more}

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "wb" if isinstance(text, bytes) else "w") as file:
            file.write(text)
        return self.path(name)

    def start(self, wait=True):
        self.child = Child(self._words(), self.path("output.log"))
        if wait:
            self.wait()
        return self

    def wait(self):
        try:
            wait_until(self.answers, READY_SECONDS, self.program, self.child)
        except Exception:
            self.stop()
            raise

    def processes(self):
        return [self.child.pid, *descendants(self.child.pid)]

    def freeze(self):
        """SIGSTOP to all of it: connections are accepted by the kernel, and nothing more happens."""
        self._frozen = stop_tree(self.child.pid)

    def thaw(self):
        signal_all(self._frozen, signal.SIGCONT)
        self._frozen = []

    def kill(self):
        """SIGKILL to all of it."""
        kill_tree(self.child.pid)
        self._frozen = []
        self.child.kill()

    def stop(self):
        if self.child:
            self.thaw()
            pids = self.processes() if self.child.running else []
            self.child.stop()
            signal_all(pids[1:], signal.SIGKILL)
            self.child = None

    def restart(self):
        self.stop()
        return self.start()

    def log(self):
        texts = []
        for name in ("output.log", *self._logs()):
            try:
                with open(self.path(name), errors="replace") as file:
                    texts.append(file.read())
            except FileNotFoundError:
                pass
        return "".join(texts)

    def _logs(self):
        return ()


def talk(address, data, seconds=20, shut=False):
    """Sends to a port of 127.0.0.1 or to the path of a socket; all that comes until the end."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        connection.connect(address if isinstance(address, str) else ("127.0.0.1", address))
        try:
            connection.sendall(data)
            if shut:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has said what it had to say before it had heard all
        answer = b""
        try:
            while data := connection.recv(65536):
                answer += data
        except ConnectionResetError:
            pass
        return answer
