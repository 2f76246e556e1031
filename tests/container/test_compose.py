"""deploy/compose: docker-compose takes it, its servers take their files, and Gatepost's part really
runs in front of Dovecot and clamd with those files."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

from support import clients, gateway, samples
from support.case import Scenario
from support.clamd import signature
from support.container import LOCKED_DOWN, ROOT, Container, image
from support.process import Child, wait_until
from support.wire import Namespace

COMPOSE = os.path.join(ROOT, "deploy", "compose")
USER, PASSWORD = "joe", "s3cret"
UID = GID = 995


def run(*words, seconds=60, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          timeout=seconds, **options)


def services():
    """As docker-compose understands them, all variables filled in."""
    done = run("docker-compose", "config", cwd=COMPOSE)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def mounted_at(service, folder, into):
    """Copies to `into` what a service finds in `folder`."""
    for volume in service["volumes"]:
        source, target, _ = volume.split(":")
        if target.startswith(folder + "/"):
            copy = shutil.copytree if os.path.isdir(source) else shutil.copy
            copy(source, os.path.join(into, os.path.relpath(target, folder)))


def read(*names):
    with open(os.path.join(COMPOSE, *names)) as file:
        return file.read()


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.whole = services()
        cls.services = cls.whole["services"]

    def test_services(self):
        self.assertEqual(set(self.services), {"gatepost", "dovecot", "clamav", "prometheus", "grafana"})
        for name, service in self.services.items():
            with self.subTest(service=name):
                self.assertIs(service["read_only"], True)
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
                self.assertNotIn("privileged", service)
                self.assertRegex(service["image"], r":[\w.-]+$", "which version?")
                if name != "gatepost":  # the image has one
                    self.assertTrue(service["healthcheck"]["test"])
                for condition in service.get("depends_on", {}).values():
                    self.assertEqual(condition["condition"], "service_healthy")
        self.assertEqual([name for name, service in self.services.items() if "cap_add" in service],
                         ["dovecot"])

    def test_only_mail_ports_are_published(self):
        published = {name: service["ports"] for name, service in self.services.items()
                     if "ports" in service}
        self.assertEqual(set(published), {"gatepost", "grafana"})
        self.assertEqual(published["gatepost"], [{"published": 995, "target": 1995},
                                                 {"published": 110, "target": 1110}])
        for port in published["grafana"]:
            self.assertTrue(port.startswith("127.0.0.1:"), port)

    def test_networks(self):
        """Passwords in plain text reach Dovecot alone, and only who needs it gets out."""
        def on(network):
            return {name for name, service in self.services.items() if network in service["networks"]}
        self.assertEqual(on("mail"), {"gatepost", "dovecot"})
        self.assertEqual(on("scan"), {"gatepost", "clamav"})
        self.assertEqual(on("front"), {"gatepost"})
        internal = {name for name, network in self.whole["networks"].items()
                    if network.get("internal")}
        self.assertEqual(internal, {"mail", "scan", "watch"})

    def test_everything_mounted_is_there(self):
        for name, service in self.services.items():
            for volume in service["volumes"]:
                source, target, mode = volume.split(":")
                with self.subTest(service=name, target=target):
                    if source.startswith("/"):
                        self.assertTrue(os.path.exists(source), source)
                        self.assertEqual(mode, "ro")
                    else:
                        self.assertIn(source, self.whole["volumes"])

    def test_no_secrets(self):
        self.assertEqual([line for line in read(".env").splitlines()
                          if re.search(r"(?i)^[^#]*(password|secret|token|_key)", line)], [])
        self.assertEqual([line for line in read("dovecot", "users").splitlines()
                          if not line.startswith("#")], [])
        self.assertEqual(set(run("git", "ls-files", "tls", cwd=COMPOSE).stdout.split())
                         - {"tls/.gitignore", "tls/README"}, set())

    def test_readme_names_the_images(self):
        text = read("README.md")
        for service in self.services.values():
            self.assertIn(f"`{service['image']}`", text)

    def folder_of(self, service, folder):
        made = tempfile.mkdtemp(prefix="gp-")
        self.addCleanup(shutil.rmtree, made)
        mounted_at(self.services[service], folder, made)
        return made

    def test_prometheus_takes_its_files(self):
        folder = self.folder_of("prometheus", "/etc/prometheus")
        done = run("promtool", "check", "config", os.path.join(folder, "prometheus.yml"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_grafana_finds_prometheus_and_the_dashboard(self):
        folder = self.folder_of("grafana", "/etc/grafana")
        with open(os.path.join(folder, "provisioning", "datasources", "prometheus.yml")) as file:
            source, = yaml.safe_load(file)["datasources"]
        self.assertEqual(source["url"], "http://prometheus:9090")
        with open(os.path.join(folder, "provisioning", "dashboards", "gatepost.yml")) as file:
            provider, = yaml.safe_load(file)["providers"]
        self.assertTrue(any(f":{provider['options']['path']}/" in volume
                            for volume in self.services["grafana"]["volumes"]))


class Running(Scenario):
    """The files of deploy/compose for Debian's Dovecot and clamd, and for the image."""

    def setUp(self):
        super().setUp()
        self.services = services()["services"]

    def at(self, *names):
        path = os.path.join(self.own_folder, *names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, text, *names):
        with open(self.at(*names), "w") as file:
            file.write(text)
        return self.at(*names)

    def tls(self):
        """The folder that the administrator fills."""
        for path, name in ((self.certificate, "tls.crt"), (self.key, "tls.key")):
            copy = shutil.copy(path, self.at("tls", name))
            os.chown(copy, UID, GID)
            os.chmod(copy, 0o400)
        return self.at("tls")

    def start(self, name, *words):
        child = self.net.run(lambda: Child(words, self.at(f"{name}.log")))
        self.addCleanup(child.stop)
        self._logs.append((name, child.log))

    def start_dovecot(self, messages):
        """With no more capabilities than the file gives it."""
        made = run("doveadm", "pw", "-s", "SHA512-CRYPT", "-p", PASSWORD)
        self.write(f"{read('dovecot', 'users')}{USER}:{made.stdout}", "etc", "users")
        text = read("dovecot", "dovecot.conf")
        for inside, here in (("/run/dovecot", "run"), ("/var/lib/dovecot", "state"),
                             ("/srv/mail", "mail"), ("/etc/dovecot", "etc")):
            os.makedirs(self.at(here), exist_ok=True)
            text = text.replace(inside, self.at(here))
        for number, message in enumerate(messages):
            with open(self.at("mail", USER, "new", f"{1700000000 + number}.compose"), "wb") as file:
                file.write(message)
        for folder, _, names in os.walk(self.at("mail")):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                os.chown(path, 1000, 1000)
        config = self.write(text, "etc", "dovecot.conf")
        given = ",".join(f"+{name.lower()}" for name in self.services["dovecot"]["cap_add"])
        self.start("Dovecot", "setpriv", "--bounding-set", f"-all,{given}", "--no-new-privs",
                   "/usr/sbin/dovecot", "-F", "-c", config)
        kind, *words = self.services["dovecot"]["healthcheck"]["test"]
        self.assertEqual(kind, "CMD")
        words = [word.replace("/etc/dovecot", self.at("etc")) for word in words]
        wait_until(lambda: self.net.run(lambda: run(*words).returncode == 0), 30, "Dovecot's health")

    def start_clamd(self):
        self.write(signature("Eicar-Test-Signature", samples.eicar()), "db", "test.ndb")
        text = read("clamav", "clamd.conf")
        self.start("clamd", "/usr/sbin/clamd", "--config-file=" + self.write(
            text.replace("/var/lib/clamav", self.at("db")).replace(
                "LocalSocket /tmp", f"LocalSocket {self.own_folder}"), "clamd.conf"))

    def start_gatepost(self):
        service = self.services["gatepost"]
        config, = (volume for volume in service["volumes"] if ":/etc/gatepost/gatepost.json:" in volume)
        hosts = [f"--add-host={name}:127.0.0.1" for name in ("dovecot", "clamav")]
        temporary = [word for each in service["tmpfs"] for word in ("--tmpfs", each)]
        name = image()  # where there is a network to build it with
        made = self.net.run(lambda: Container(name, [
            *LOCKED_DOWN, *hosts, *temporary, "--volume", config,
            "--volume", f"{self.tls()}:/etc/gatepost/tls:ro", "--volume", "/var/lib/gatepost"]))
        self.addCleanup(made.stop)
        self._logs.append(("the container", made.log))
        # It is ready when clamd has found what it must find.
        def ready():
            return made.exec("/usr/local/bin/gatepost", "healthcheck", "--ready").returncode == 0
        made.wait_until(lambda: self.net.run(ready), "the gateway to be ready")
        return made

    def test_gatepost_takes_its_file(self):
        text = read("gatepost", "gatepost.json")
        text = text.replace("/etc/gatepost/tls", self.tls())
        for folder in ("/var/lib/gatepost", "/run/gatepost"):
            os.makedirs(self.at(folder[1:]))
            text = text.replace(f'"{folder}', f'"{self.at(folder[1:])}')
        done = gateway.run("check", "--config", self.write(text, "gatepost.json"))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_mail_goes_through(self):
        self.net = Namespace()
        self.addCleanup(self.net.close)
        self.start_dovecot([samples.text("Lunch", b"At noon?\r\n"),
                            samples.attachment("Invoice", samples.eicar())])
        self.start_clamd()
        gatepost = self.start_gatepost()

        def fetch(form, port):
            return self.net.run(lambda: clients.curl(
                self.own_folder, form, port, self.ca, USER, PASSWORD, 2))
        _, lunch, invoice = fetch(clients.PLAIN, 110)
        for form, port in ((clients.POP3S, 1995), (clients.STLS, 1110)):
            _, first, second = fetch(form, port)
            self.assertEqual(first, lunch)
            self.assertNotEqual(second, invoice)
            self.assertIn(b"Eicar-Test-Signature", second)
        kept = gatepost.exec("/usr/local/bin/gatepost", "quarantine", "list")
        self.assertEqual(kept.returncode, 0, kept.stderr)
        self.assertIn("Invoice", kept.stdout)
