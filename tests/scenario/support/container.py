"""The image of the Dockerfile, built and run with podman, without any registry.

The base image is made with mmdebstrap and imported under the name that the Dockerfile gives it.
Everything is kept in build/container: the base, podman's storage with all layers. So the second build
takes seconds. What was compiled before for a Release build comes from the host's ccache.

    image()                      builds what has changed; the name of the image
    podman("ps", "-a")           podman with that storage: a CompletedProcess with text output
    Container(image(), [...])    a running container, removed by stop()

Needs root. Another program may use the same storage with the words of `podman_words()`, or with what
`tests/container/image --podman` prints.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time

from . import base_system
from .downloads import persistently
from .process import ChildFailed, wait_until

ROOT = base_system.ROOT
FOLDER = base_system.FOLDER
#: As the Dockerfile names it; podman finds the one of this machine first.
BASE = "localhost/debian:12-slim"
NAME = "localhost/gatepost:test"

#: What a machine with few resources may give: the builds of others go on beside.
JOBS = 2
BUILD_SECONDS = 1500
#: A container gets no more than this machine's limits, and no more than it declares.
LIMITS = ("--ulimit", "nofile=20000:20000", "--ulimit", "nproc=4096:4096")
LOCKED_DOWN = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL",
               "--security-opt=no-new-privileges")


def podman_words():
    """podman with the storage of these tests. The path of --runroot must be short."""
    mark = hashlib.sha256(FOLDER.encode()).hexdigest()[:8]
    return ["podman", "--root", os.path.join(FOLDER, "storage"),
            "--runroot", os.path.join(tempfile.gettempdir(), f"gp-podman-{mark}"),
            "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "none"]


def podman(*words, seconds=60, check=True, **options):
    done = subprocess.run([*podman_words(), *words], capture_output=True, text=True,
                          timeout=seconds, **options)
    if check and done.returncode != 0:
        raise ChildFailed(f"podman {' '.join(words)} ended with {done.returncode}:\n"
                          f"{done.stdout[-6000:]}{done.stderr[-6000:]}")
    return done


def image(say=lambda text: None):
    """Builds the image from the sources as they are; returns its name. One at a time."""
    if os.getuid() != 0:
        raise ChildFailed("containers are built as root only")
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if podman("image", "exists", BASE, check=False).returncode != 0:
            say(f"making {BASE}")
            _import_base()
        say(f"building {NAME}")
        _build()
    return NAME


def _import_base():
    podman("import", "--change", 'CMD ["bash"]', base_system.base(), BASE, seconds=300)


def ccache_folder():
    """Where the host keeps what it compiled, or None."""
    if not shutil.which("ccache"):
        return None
    folder = subprocess.run(["ccache", "--get-config", "cache_dir"], capture_output=True, text=True,
                            check=True, timeout=60).stdout.strip()
    return folder if os.path.isdir(folder) else None


def _with_binary(binary):
    """A context in which the Dockerfile's first stage is a program that is compiled already."""
    context = os.path.join(FOLDER, "context")
    shutil.rmtree(context, ignore_errors=True)
    os.makedirs(context)
    shutil.copytree(os.path.join(ROOT, "deploy"), os.path.join(context, "deploy"))
    shutil.copy(os.path.join(ROOT, "LICENSE"), context)
    subprocess.run(["strip", "-o", os.path.join(context, "gatepost"), binary], check=True, timeout=60)
    with open(os.path.join(ROOT, "Dockerfile"), encoding="utf-8") as file:
        stages = file.read().split("\nFROM ")
    with open(os.path.join(context, "Dockerfile"), "w", encoding="utf-8") as file:
        file.write("FROM scratch AS build\nCOPY gatepost /usr/local/bin/gatepost\n\nFROM "
                   + "\nFROM ".join(stages[2:]))
    return context


def _build():
    # A test has a program; to compile it once more, without what the compiler knows already, takes
    # longer than all that is to be tested.
    binary = os.environ.get("GATEPOST_BINARY")
    context = _with_binary(binary) if binary else ROOT
    shared = ccache_folder()
    volume = ["--volume", f"{shared}:/var/cache/ccache"] if shared else []
    log = os.path.join(FOLDER, "build.log")

    def attempt():
        with open(log, "w") as out:
            done = subprocess.run(
                ["nice", *podman_words(), "build", "--isolation", "chroot", "--format", "docker",
                 "--network", "host", "--pull=never", "--layers", "--build-arg", f"JOBS={JOBS}",
                 *volume, "--tag", NAME, context],
                stdout=out, stderr=subprocess.STDOUT, timeout=BUILD_SECONDS)
        with open(log, errors="replace") as text:
            done.stdout = text.read()
        return done

    done = persistently(attempt, lambda done: "Failed to fetch" in done.stdout)
    if done.returncode != 0:
        raise ChildFailed(f"the image cannot be built:\n{done.stdout[-6000:]}")


@contextlib.contextmanager
def mounted(name):
    """The root of an image's files."""
    root = podman("image", "mount", name).stdout.strip()
    try:
        yield root
    finally:
        podman("image", "unmount", name, check=False)


def run_once(name, options=(), words=(), seconds=60):
    """A container that ends by itself, on the caller's network: the CompletedProcess."""
    return podman("run", "--rm", "--network=host", "--no-healthcheck", *LIMITS, *options, name, *words,
                  seconds=seconds, check=False)


class Container:
    """A container in the background, on the caller's network: `options` are podman's, `words` those
    behind the image's name."""

    def __init__(self, name, options=(), words=()):
        self._last_words = None
        self.id = podman("run", "--detach", "--network=host", "--no-healthcheck", *LIMITS,
                         *options, name, *words, seconds=120).stdout.strip()

    def inspect(self, form):
        """A value of `podman inspect`, as a Go template says."""
        return podman("inspect", "--type", "container", "--format", form, self.id).stdout.strip()

    @property
    def running(self):
        return self.inspect("{{.State.Running}}") == "true"

    @property
    def pid(self):
        """Of its first process, on the host."""
        return int(self.inspect("{{.State.Pid}}"))

    def exec(self, *words, seconds=30):
        """A program inside, as the container's user: the CompletedProcess."""
        return podman("exec", self.id, *words, seconds=seconds, check=False)

    def log(self):
        if self._last_words is not None:
            return self._last_words
        done = podman("logs", self.id, check=False)
        return done.stdout + done.stderr

    def wait_until(self, condition, what, seconds=60):
        def check():
            value = condition()
            if not value and not self.running:
                raise ChildFailed(f"the container ended:\n{self.log()[-4000:]}")
            return value
        return wait_until(check, seconds, what)

    def signal(self, name="TERM"):
        podman("kill", "--signal", name, self.id)

    def exit_code(self, seconds=60):
        """Of a container that is about to end."""
        deadline = time.monotonic() + seconds
        while self.running:
            if time.monotonic() > deadline:
                raise ChildFailed(f"the container still runs after {seconds} s:\n{self.log()[-4000:]}")
            time.sleep(0.1)
        return int(self.inspect("{{.State.ExitCode}}"))

    def stop(self):
        self._last_words = self.log()
        podman("rm", "--force", "--volumes", "--time", "5", self.id, check=False)
