"""Scanners and a slow network, for tests/bench/scanning."""

import asyncio
import os
import subprocess
import threading

from rig import processes

EICAR_SIGNATURE = ("Eicar-Test-Signature:0:*:2445494341522d5354414e44415244"
                   "2d414e544956495255532d544553542d46494c4521\n")


def clamd(rig, cpu, threads):
    """A real clamd with the EICAR signature and nothing else; its port. The signature is a daily
    update: without one clamd tells no version, and no verdict is remembered."""
    folder = rig.work / "clamd"
    folder.mkdir()
    (folder / "daily.ndb").write_text(EICAR_SIGNATURE, encoding="ascii")
    (folder / "COPYING").write_text("x\n", encoding="ascii")
    subprocess.run(["sigtool", "--unsigned", "--build=daily.cud", "--cvd-version=1",
                    f"--datadir={folder}"], cwd=folder, env={**os.environ, "SIGNDUSER": "bench"},
                   input=b"bench\n", capture_output=True, check=False, timeout=60)
    (folder / "daily.ndb").unlink()
    port = processes.free_port()
    (folder / "clamd.conf").write_text(
        f"DatabaseDirectory {folder}\nTCPSocket {port}\nTCPAddr 127.0.0.1\nForeground yes\n"
        f"MaxThreads {threads}\nMaxQueue {4 * threads}\nStreamMaxLength 100M\nMaxScanSize 200M\n"
        f"MaxFileSize 100M\nOfficialDatabaseOnly no\nSelfCheck 0\nUser root\n", encoding="ascii")
    rig.start(rig.pinned(cpu) + ["clamd", "-c", folder / "clamd.conf"], "clamd", ports=[port])
    return port


class Service(threading.Thread):
    """A server of asyncio in a thread of its own, for as long as the process lives."""

    def __init__(self):
        super().__init__(daemon=True)
        self.port = 0
        self._ready = threading.Event()
        self.start()
        self._ready.wait()

    def run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await server.serve_forever()

    async def _talk(self, reader, writer):
        try:
            await self.talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def talk(self, reader, writer):
        raise NotImplementedError


class SlowClamd(Service):
    """Speaks as clamd does, and takes its time for every message."""

    def __init__(self, seconds):
        self.seconds = seconds
        super().__init__()

    async def talk(self, reader, writer):
        command = await reader.readuntil(b"\0")
        if command == b"zVERSION\0":
            writer.write(b"Slow 1/1/now\0")
            return await writer.drain()
        infected, before = False, b""
        while size := int.from_bytes(await reader.readexactly(4), "big"):
            piece = await reader.readexactly(size)
            infected |= b"EICAR-STANDARD-ANTIVIRUS" in before + piece
            before = piece[-32:]
        await asyncio.sleep(self.seconds)
        writer.write(b"stream: Eicar FOUND\0" if infected else b"stream: OK\0")
        await writer.drain()


class FarAway(Service):
    """Relays to a port of 127.0.0.1; every octet takes half of `round_trip` seconds, either way."""

    def __init__(self, upstream_port, round_trip):
        self.upstream_port, self.delay = upstream_port, round_trip / 2
        super().__init__()

    async def talk(self, reader, writer):
        await asyncio.sleep(2 * self.delay)  # the handshake of TCP
        there, back = await asyncio.open_connection("127.0.0.1", self.upstream_port, limit=1 << 20)
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))

    async def _copy(self, source, target):
        loop = asyncio.get_running_loop()
        while piece := await source.read(1 << 16):
            loop.call_later(self.delay, target.write, piece)
        loop.call_later(self.delay + 0.001, target.close)
