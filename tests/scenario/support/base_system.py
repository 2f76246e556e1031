"""A minimal Debian 12, made once with mmdebstrap and kept in build/container: what the image of the
Dockerfile is built upon, and what machines of tests begin as. Needs root."""

import fcntl
import os
import subprocess

from .downloads import PATIENCE, persistently
from .process import ChildFailed

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
FOLDER = os.path.join(ROOT, "build", "container")
RELEASE = "bookworm"
#: What dpkg leaves out in Debian's slim images, now and later.
_SLIM = ("force-unsafe-io", "path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright",
         "path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*",
         "path-exclude=/usr/share/info/*", "path-exclude=/usr/share/lintian/*")


def sources():
    """Where this machine has Debian's own packages from, as lines of sources.list."""
    known = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(COMPONENT)|$(REPO_URI)|$(RELEASE)",
         "Created-By: Packages"], capture_output=True, text=True, check=True, timeout=60).stdout
    fields = {tuple(line.split("|")) for line in known.splitlines()}
    return sorted(f"deb {uri} {release} main" for origin, component, uri, release in fields
                  if origin == "Debian" and component == "main"
                  and release in (RELEASE, RELEASE + "-updates", RELEASE + "-security"))


def base():
    """Its tar. Others who want it wait meanwhile."""
    if os.getuid() != 0:
        raise ChildFailed("a system can be made by root only")
    os.makedirs(FOLDER, exist_ok=True)
    tar = os.path.join(FOLDER, "base.tar")
    with open(tar + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(tar):
            made = os.path.join(FOLDER, "new.tar")
            done = persistently(lambda: subprocess.run(
                ["mmdebstrap", "--variant=minbase", "--mode=root",
                 *(f"--dpkgopt={option}" for option in _SLIM),
                 '--aptopt=Acquire::Languages "none"', '--aptopt=Apt::Install-Recommends "false"',
                 # Else usrmerge comes in, and all of Perl with it.
                 "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
                 RELEASE, made, *sources()],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE))
            if done.returncode != 0:
                raise ChildFailed(f"mmdebstrap ended with {done.returncode}:\n{done.stdout[-4000:]}")
            os.rename(made, tar)
    return tar
