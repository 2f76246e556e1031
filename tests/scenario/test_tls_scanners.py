"""What scanners find: nothing above "low" with what Gatepost does by itself."""

import json
import os
import subprocess
import xml.etree.ElementTree as tree

from support import corpus
from support.case import Scenario

USER, PASSWORD = "joe", "s3cret-of-joe"
FINE = {"OK", "INFO", "LOW", "DEBUG"}
#: About the certificate of a test: its authority is in no store, it has no revocation list, lives
#: long, and its name is localhost.
ABOUT_THE_TEST = ("cert_trust", "cert_chain_of_trust", "cert_revocation", "cert_validityPeriod",
                  "cert_extlifeSpan", "cert_crlDistributionPoints", "cert_ocspURL", "DNS_CAArecord",
                  "cert_certificatePolicies", "scanTime", "engine_problem", "cert_expirationStatus",
                  "cert_notAfter", "cert_caIssuers")
#: Protocols, order of ciphers, categories of ciphers, forward secrecy, certificate, and the
#: vulnerabilities that have a name, except those that take a minute to ask for. TLS is the same
#: after STLS: there the short list is enough.
SHORT = ["--protocols", "--server-defaults", "--renegotiation", "--heartbleed"]
CHECKS = [*SHORT, "--std", "--fs", "--server-preference", "--ccs-injection", "--ticketbleed",
          "--compression", "--poodle", "--tls-fallback", "--sweet32", "--freak", "--drown",
          "--logjam", "--beast", "--rc4"]


class Scanners(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({USER: (PASSWORD, corpus.few())})
        rsa = cls.authority.leaf("scanned-rsa", kind="rsa")
        config, cls.ports = cls.config(cls.server.address)
        config["tls"]["certificates"] = [{"certificate": rsa[0], "key": rsa[1]}]
        cls.shared_gateway(config)

    def scan_with_testssl(self, port, *more):
        result = os.path.join(self.own_folder, "testssl.json")
        done = subprocess.run(
            ["testssl", "--quiet", "--warnings", "off", "--color", "0", "--fast", "--nodns", "none",
             "--add-ca", self.ca, "--openssl", "/usr/bin/openssl", "--jsonfile", result, *more, f"localhost:{port}"],
            capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL, errors="replace",
            env={**os.environ, "TERM": "dumb"})
        with open(result) as file:
            found = json.load(file)
        ids = {entry["id"] for entry in found}
        self.assertTrue({"TLS1_2", "TLS1_3", "heartbleed"} <= ids, done.stdout[-3000:])
        # WARN is about what could not be asked.
        bad = [entry for entry in found if entry["severity"] not in FINE | {"WARN"}
               and not entry["id"].split(" ")[0].startswith(ABOUT_THE_TEST)]
        self.assertEqual(bad, [])
        severity = {entry["id"]: entry["finding"] for entry in found}
        for old in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
            self.assertIn("not offered", severity[old])
        for new in ("TLS1_2", "TLS1_3"):
            self.assertIn("offered", severity[new])

    def test_testssl_pop3s(self):
        self.scan_with_testssl(self.ports.pop3s, *CHECKS)
        self.scanner_is_content("testssl.sh", "POP3S")

    def test_testssl_stls(self):
        self.scan_with_testssl(self.ports.stls, "--starttls", "pop3", *SHORT)
        self.scanner_is_content("testssl.sh", "STLS")

    def scan_with_sslscan(self, port, *words):
        done = subprocess.run(["sslscan", "--xml=-", "--no-colour", *words, f"localhost:{port}"],
                              capture_output=True, timeout=600, stdin=subprocess.DEVNULL)
        test = tree.fromstring(done.stdout).find("ssltest")
        versions = {(entry.get("type"), entry.get("version")): entry.get("enabled")
                    for entry in test.findall("protocol")}
        self.assertEqual({name for name, on in versions.items() if on == "1"},
                         {("tls", "1.2"), ("tls", "1.3")})
        ciphers = test.findall("cipher")
        self.assertGreater(len(ciphers), 3)
        for cipher in ciphers:
            self.assertIn(cipher.get("strength"), ("strong", "acceptable"), cipher.attrib)
            self.assertGreaterEqual(int(cipher.get("bits")), 128)
        self.assertFalse([entry.attrib for entry in test.findall("heartbleed")
                          if entry.get("vulnerable") == "1"])
        for name, good in (("compression", {"supported": "0"}), ("fallback", {"supported": "1"}),
                           ("renegotiation", {"supported": "0"})):
            if (said := test.find(name)) is not None:
                self.assertEqual({key: said.get(key) for key in good}, good, name)

    def test_sslscan_pop3s(self):
        self.scan_with_sslscan(self.ports.pop3s)
        self.scanner_is_content("sslscan", "POP3S")

    def test_sslscan_stls(self):
        self.scan_with_sslscan(self.ports.stls, "--starttls-pop3")
        self.scanner_is_content("sslscan", "STLS")
