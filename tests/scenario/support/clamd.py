"""clamd with a database of its own: it knows EICAR, and what a test adds."""

import os
import struct
import subprocess
import tempfile

from . import samples
from .daemon import Daemon, talk
from .ports import free_port

_CONFIG = """\
Foreground yes
DatabaseDirectory {folder}/db
OfficialDatabaseOnly no
LocalSocket {socket}
LocalSocketMode 666
TCPSocket {port}
TCPAddr 127.0.0.1
TemporaryDirectory {folder}
SelfCheck 0
ConcurrentDatabaseReload yes
MaxThreads {threads}
StreamMaxLength {largest}
MaxScanSize 40M
MaxFileSize 40M
AlertExceedsMax yes
AlertEncrypted yes
"""

THREAT = "Eicar-Test-Signature"


def signature(name, text):
    """A line of a database: whatever contains `text` is `name`."""
    return f"{name}:0:*:{text.hex()}\n"


class Clamd(Daemon):
    """On `port` and at `socket`. `signatures` maps names to octets; without any it finds nothing.

    `database_version` makes VERSION tell one, as with the official databases.
    """

    program = "clamd"
    kind = "clamd"

    def __init__(self, folder, signatures=None, database_version=0, threads=12, largest="30M"):
        super().__init__(folder)
        self.port = free_port()
        self.socket = self.path("clamd.socket")
        os.makedirs(self.path("db"))
        self.set_database(signatures, database_version)
        self.write("clamd.conf", _CONFIG.format(folder=self.folder, socket=self.socket,
                                                port=self.port, threads=threads, largest=largest))
        self.start()

    def _words(self):
        return ["/usr/sbin/clamd", f"--config-file={self.path('clamd.conf')}"]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def unix_address(self):
        return f"unix:{self.socket}"

    def set_database(self, signatures=None, version=0):
        """What it finds after the next start or `reload()`."""
        if signatures is None:
            signatures = {THREAT: samples.eicar()}
        for name in os.listdir(self.path("db")):
            os.unlink(self.path("db", name))
        # An empty database is none, and none is an error: something that nobody sends.
        lines = "".join(signature(*item) for item in signatures.items()) \
            or signature("Nothing", b"\0nobody sends that\0" * 4)
        if not version:
            self.write("db/test.ndb", lines)
            return
        with tempfile.TemporaryDirectory() as scratch:
            for name, text in (("daily.ndb", lines), ("COPYING", "x\n")):
                with open(os.path.join(scratch, name), "w") as file:
                    file.write(text)
            done = subprocess.run(
                ["sigtool", "--unsigned", "--build=daily.cud", f"--cvd-version={version}",
                 f"--datadir={scratch}"], cwd=scratch, env={**os.environ, "SIGNDUSER": "tester"},
                input=b"tester\n", capture_output=True, timeout=60)
            made = os.path.join(scratch, "daily.cud")
            assert os.path.exists(made), done.stderr
            with open(made, "rb") as file:
                self.write("db/daily.cud", file.read())

    def reload(self):
        """Reads the database again, as freshclam makes it do; returns when it did."""
        before = self.log().count("Activating the newly loaded database")
        self.ask("RELOAD")
        from .process import wait_until
        wait_until(lambda: self.log().count("Activating the newly loaded database") > before,
                   what="clamd's new database", child=self.child)

    def ask(self, command):
        return talk(self.port, f"z{command}\0".encode()).rstrip(b"\0").decode()

    def answers(self):
        try:
            return self.ask("PING") == "PONG"
        except OSError:
            return False

    def scan(self, message, address=None):
        """What it says of a message sent by INSTREAM."""
        chunks = b"".join(struct.pack(">I", len(part)) + part for part in
                          (message[at:at + 65536] for at in range(0, len(message), 65536)))
        return talk(address or self.port,
                    b"zINSTREAM\0" + chunks + b"\0\0\0\0").rstrip(b"\0").decode()
