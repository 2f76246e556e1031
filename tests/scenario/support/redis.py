"""Redis as the store of policies: every write is on disk before it is acknowledged."""

import shutil
import subprocess

from .daemon import Daemon
from .ports import free_port


class Redis(Daemon):
    """With `password` it wants AUTH; with `certificate` (file, key) it speaks TLS only. What it was
    told is there again after a stop or a kill, on the same port."""

    program = "Redis"
    kind = "redis"

    def __init__(self, folder, password=None, certificate=None):
        super().__init__(folder)
        self.port = free_port()
        self._tls = certificate
        if password:
            self.write("redis.conf", f'requirepass "{password}"\n')
            self.password_file = self.write("password", password + "\n")
        else:
            self.write("redis.conf", "")
        self._password = password

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _words(self):
        words = [shutil.which("redis-server"), self.path("redis.conf"), "--dir", self.folder,
                 "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always",
                 "--save", "", "--port", "0" if self._tls else str(self.port)]
        if self._tls:
            words += ["--tls-port", str(self.port), "--tls-cert-file", self._tls[0],
                      "--tls-key-file", self._tls[1], "--tls-auth-clients", "no"]
        return words

    def _ask(self, *words):
        ask = [shutil.which("redis-cli"), "-h", "127.0.0.1", "-p", str(self.port)]
        if self._tls:
            ask += ["--tls", "--insecure"]
        done = subprocess.run([*ask, *words], capture_output=True, text=True, timeout=30,
                              env={"REDISCLI_AUTH": self._password or ""}, check=False)
        return done.stdout.strip()

    def answers(self):
        return self._ask("PING") == "PONG"

    def text(self):
        """All that it wrote to its folder."""
        done = subprocess.run(["grep", "-ra", "", "--include=*.aof", self.folder],
                              capture_output=True, timeout=30, check=False)
        return done.stdout
