"""Debian packages that cannot be installed beside others: fetched with apt, and unpacked.

popa3d and dovecot-pop3d exclude each other, for instance. Such packages stand in the section
[unpacked] of deploy/packages.txt.
"""

import fcntl
import glob
import os
import shutil
import subprocess
import tempfile

from .downloads import persistently

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")


def program(package, path):
    """The path of a package's file, unpacked when it was not yet."""
    folder = os.path.join(os.path.abspath(ROOT), "build", "unpacked")
    os.makedirs(folder, exist_ok=True)
    there = os.path.join(folder, package)
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(there):
            _unpack(package, there)
    return os.path.join(there, path.lstrip("/"))


def _unpack(package, there):
    with tempfile.TemporaryDirectory(dir=os.path.dirname(there)) as scratch:
        def run(*words):
            return subprocess.run(words, cwd=scratch, capture_output=True, text=True, timeout=120)

        def attempt():
            done = run("apt-get", "download", package)
            if done.returncode != 0 and os.getuid() == 0:  # lists missing or old
                run("apt-get", "update", "-q")
                done = run("apt-get", "download", package)
            return done

        done = persistently(attempt)
        found = glob.glob(os.path.join(scratch, "*.deb"))
        if not found:
            raise RuntimeError(f"cannot download {package}: {done.stderr[-1000:]}")
        content = os.path.join(scratch, "content")
        subprocess.run(["dpkg-deb", "-x", found[0], content], check=True, timeout=60)
        shutil.move(content, there)
        os.chmod(there, 0o755)
