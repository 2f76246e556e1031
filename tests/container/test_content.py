"""What is in the image of the Dockerfile, file by file, and what it says of itself."""

import json
import os
import stat
import subprocess
import unittest

from support.container import BASE, FOLDER, ROOT, image, mounted, podman

MIB = 1 << 20
#: Of the whole image: Debian's slim base, the libraries, Gatepost.
MOST_MIB = 200


def files_below(root):
    """All regular files: path in the image to os.stat_result."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            said = os.lstat(path)
            if stat.S_ISREG(said.st_mode):  # reading /dev/zero has no end
                found["/" + os.path.relpath(path, root)] = said
    return found


def packages_in(root):
    """The packages installed: name to the names of those that it depends on."""
    found = {}
    with open(os.path.join(root, "var/lib/dpkg/status")) as status:
        for paragraph in status.read().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in paragraph.splitlines()
                          if ": " in line and not line.startswith(" "))
            if fields.get("Status", "").endswith(" installed"):
                depends = f"{fields.get('Depends', '')},{fields.get('Pre-Depends', '')}"
                found[fields["Package"]] = [
                    one.split()[0].split(":")[0] for one in depends.replace("|", ",").split(",")
                    if one.strip()]
    return found


def has_private_key(path, said):
    if said.st_size > MIB:
        return False
    with open(path, "rb") as file:
        return b"PRIVATE KEY-----" in file.read()


class Content(unittest.TestCase):
    """What is in the image, by its files."""

    @classmethod
    def setUpClass(cls):
        cls.image = image()
        with mounted(cls.image) as root:
            cls.files = files_below(root)
            cls.packages = packages_in(root)
            cls.secrets = [path for path, said in cls.files.items()
                           if has_private_key(os.path.join(root, path.lstrip("/")), said)]
        with mounted(BASE) as root:
            cls.base = files_below(root)
            cls.base_packages = packages_in(root)

    def ours(self):
        """The files that came with our layers, with their sizes."""
        def mark(said):
            return said.st_mode, said.st_size, said.st_mtime_ns
        return {path: said.st_size for path, said in self.files.items()
                if path not in self.base or mark(self.base[path]) != mark(said)}

    def test_size(self):
        total = sum(said.st_size for said in self.files.values()) / MIB
        ours = self.ours()
        with open(os.path.join(FOLDER, "files.txt"), "w") as listing:
            listing.writelines(f"{size:10} {path}\n" for path, size in sorted(ours.items()))
        biggest = sorted(ours.items(), key=lambda item: -item[1])[:12]
        print(f"\n{total:.0f} MiB, of which {sum(ours.values()) / MIB:.0f} MiB in {len(ours)} files "
              "come with our layers (build/container/files.txt). The biggest:")
        for path, size in biggest:
            print(f"  {size / MIB:6.1f} MiB {path}")
        self.assertLess(total, MOST_MIB)

    def test_nothing_that_should_not_be_there(self):
        for path, said in self.files.items():
            with self.subTest(path=path):
                self.assertFalse(said.st_mode & 0o6000, "somebody else's rights")
        for path in self.ours():
            with self.subTest(path=path):
                name = os.path.basename(path)
                self.assertNotRegex(name, r"\.(a|cc|cpp|c|h|hpp|o|la|pc|cmake|gch|deb|pem\.bak)$")
                self.assertNotRegex(name, r"^(cc1|cc1plus|gcc.*|g\+\+.*|clang.*|ld(\.\w+)?|as|make|"
                                          r"cmake|ninja|ccache|git|gdb|curl|wget)$")
                self.assertNotRegex(
                    path, r"^/(src|root|home|tmp|var/tmp|build)/|^/var/(log|lib/apt/lists|cache)/|"
                          r"^/usr/(include|src|share/man)/|/\.(git|cache|ccache)(/|$)|-$")
        self.assertEqual(self.secrets, [])

    def test_packages(self):
        """What came in is section [runtime] and what that cannot do without."""
        added = set(self.packages) - set(self.base_packages)
        wanted = self.listed("runtime")
        self.assertLessEqual(wanted, set(self.packages))
        for package in sorted(added):
            self.assertNotRegex(package, r"-(dev|doc|dbg|dbgsym)$|^(gcc|g\+\+|cpp|binutils)")
        needed, waiting = set(), list(wanted)
        while waiting:
            package = waiting.pop()
            if package not in needed:
                needed.add(package)
                waiting += [name for name in self.packages.get(package, ()) if name in self.packages]
        self.assertEqual(added - needed, set())

    @staticmethod
    def listed(section):
        done = subprocess.run([os.path.join(ROOT, "deploy", "install-packages"), "--list", section],
                              check=True, capture_output=True, text=True, timeout=60)
        return set(done.stdout.split())

    def test_what_it_says_of_itself(self):
        said = json.loads(podman("image", "inspect", self.image).stdout)[0]
        config = said["Config"]
        self.assertEqual(config["User"], "995:995")
        self.assertEqual(config["StopSignal"], "SIGTERM")
        self.assertEqual(config["Entrypoint"], ["/usr/local/bin/gatepost"])
        self.assertEqual(set(config["ExposedPorts"]), {"1995/tcp", "1110/tcp", "9110/tcp"})
        self.assertIn("GATEPOST_CONFIG=/etc/gatepost/gatepost.json", config["Env"])
        self.assertEqual(said["Healthcheck"]["Test"], ["CMD", "/usr/local/bin/gatepost", "healthcheck"])
        for label in ("title", "description", "licenses", "base.name"):
            self.assertIn(f"org.opencontainers.image.{label}", config["Labels"])
