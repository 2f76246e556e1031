"""TLS 1.0 and 1.1 for devices that know no better: from the networks that were named, and from
nowhere else."""

import re
import subprocess

from support import corpus
from support.case import Scenario
from support.process import wait_until

USER, PASSWORD = "joe", "s3cret-of-joe"
DEVICE, ELSE = "127.0.0.7", "127.0.0.8"
OLD = ["-cipher", "ALL:@SECLEVEL=0"]


class LegacyTls(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rsa = cls.authority.leaf("legacy-rsa", kind="rsa")
        cls.server = cls.shared_dovecot({USER: (PASSWORD, corpus.few())})
        config, cls.ports = cls.config(cls.server.address)
        for listener in config["listeners"][:2]:
            listener["legacy_tls_networks"] = [f"{DEVICE}/32"]
        config["tls"]["certificates"] = [{"certificate": cls.rsa[0], "key": cls.rsa[1]}]
        cls.running = cls.shared_gateway(config)

    def talk(self, address, *words, starttls=False):
        """What the gateway answered to a login over openssl s_client, and what that printed."""
        done = subprocess.run(
            ["openssl", "s_client", "-crlf", "-quiet", "-bind", f"{address}:0",
             "-connect", f"127.0.0.1:{self.ports.stls if starttls else self.ports.pop3s}",
             *(["-starttls", "pop3"] if starttls else []), *words],
            input=f"USER {USER}\nPASS {PASSWORD}\nSTAT\nQUIT\n", text=True, capture_output=True,
            timeout=60)
        return done.stdout, done.stderr

    def facts(self, address, *words, starttls=False):
        """(version, cipher) of the handshake, None when there was none."""
        done = subprocess.run(
            ["openssl", "s_client", "-bind", f"{address}:0", "-connect",
             f"127.0.0.1:{self.ports.stls if starttls else self.ports.pop3s}",
             *(["-starttls", "pop3"] if starttls else []), *words],
            input="QUIT\r\n", text=True, capture_output=True, timeout=60)
        found = re.search(r"New, (\S+), Cipher is (\S+)", done.stdout)
        version = re.search(r"Protocol *: (\S+)", done.stdout)
        return (version[1] if version else found[1], found[2]) \
            if found and found[2] != "(NONE)" else None

    def test_only_devices_get_old_versions(self):
        for version, name in (("-tls1", "TLSv1"), ("-tls1_1", "TLSv1.1")):
            for starttls in (False, True):
                with self.subTest(version=name, starttls=starttls):
                    got = self.facts(DEVICE, version, *OLD, starttls=starttls)
                    self.assertEqual(got and got[0], name)
                    self.assertIsNone(self.facts(ELSE, version, *OLD, starttls=starttls))
        self.client_works("openssl s_client", "TLS 1.0, 1.1")

    def test_everybody_gets_new_versions(self):
        for address in (DEVICE, ELSE):
            for version, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
                got = self.facts(address, version)
                self.assertEqual(got and got[0], name, (address, version))

    def test_a_device_logs_in(self):
        before = len(self.running.log_lines("session"))
        out, err = self.talk(DEVICE, "-tls1", *OLD)
        self.assertIn("+OK 3 ", out, err)
        wait_until(lambda: len(self.running.log_lines("session")) > before, what="its line")
        line = self.running.log_lines("session")[-1]
        self.assertRegex(line, rf"client={re.escape(DEVICE)}:\d+ .*tls=TLSv1 ")

    def test_old_versions_have_a_metric(self):
        def handshakes():
            return sum(value for name, value in self.running.metrics().items()
                       if re.match(r'gatepost_tls_handshakes_total\{version="1\.[01]"\}', name))
        before = handshakes()
        self.talk(DEVICE, "-tls1", *OLD)
        self.talk(DEVICE, "-tls1_1", *OLD)
        wait_until(lambda: handshakes() == before + 2, what="two handshakes to be counted")

    def test_nobody_gets_ssl_3_or_rc4(self):
        for words in (["-tls1", "-cipher", "RC4:@SECLEVEL=0"],
                      ["-tls1_2", "-cipher", "NULL:aNULL:@SECLEVEL=0"]):
            self.assertIsNone(self.facts(DEVICE, *words))
