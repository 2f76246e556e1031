"""`gatepost probe`: what it finds out about real servers, and about bad ones."""

import json
import os
import ssl
import subprocess
import tempfile
import time
import unittest

from support import gateway, old_servers
from support.case import Scenario, quick
from support.fake_upstream import CLOSE, SILENT

USERS = {"joe": ("s3cret-of-joe", [])}
REACHED, USAGE, CONFIG, UNREACHABLE = 0, 2, 3, 4


def run(*words):
    return subprocess.run([gateway.binary(), "probe", *map(str, words)], capture_output=True,
                          text=True, timeout=120, stdin=subprocess.DEVNULL)


def openssl(*words, given=None):
    return subprocess.run(["openssl", *words], input=given, capture_output=True, check=True,
                          timeout=60).stdout


def fingerprint(certificate):
    text = openssl("x509", "-in", certificate, "-noout", "-fingerprint", "-sha256").decode()
    return text.strip().split("=")[1].replace(":", "").lower()


def pin(certificate):
    """As RFC 7469, appendix A, makes one."""
    key = openssl("x509", "-in", certificate, "-noout", "-pubkey")
    der = openssl("pkey", "-pubin", "-outform", "der", given=key)
    return openssl("enc", "-base64", given=openssl("dgst", "-sha256", "-binary",
                                                   given=der)).decode().strip()


class Probe(Scenario):
    def probe(self, *words, code=REACHED):
        """What --json says."""
        done = run("--json", "--timeout", "10", *words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout)

    def codes(self, report):
        return [remark["code"] for remark in report["remarks"]]

    def versions(self, report):
        return [one["version"] for one in report["tls"]["versions"] if one["accepted"]]

    # Real servers

    @quick
    def test_dovecot_with_stls(self):
        server = self.dovecot(USERS, certificate=self.authority.good)
        report = self.probe("--ca", self.ca, "--name", "localhost", server.address)
        self.assertEqual(report["target"], server.address)
        self.assertEqual([one["address"] for one in report["addresses"]], [server.address])
        self.assertGreater(report["addresses"][0]["connect_ms"], 0)
        self.assertEqual(report["greeting"], "+OK Dovecot ready.")
        self.assertFalse(report["apop"])
        self.assertFalse(report["xclient"])
        self.assertGreater(report["round_trip_ms"], 0)
        self.assertIn("STLS", report["capabilities"]["plain"]["lines"])
        self.assertNotIn("STLS", report["capabilities"]["tls"]["lines"])
        self.assertEqual(report["sasl"], ["PLAIN", "LOGIN"])
        self.assertEqual(report["pipelining"], {"announced": True, "works": True})
        self.assertEqual(report["stls"]["offered"], True)
        self.assertEqual(report["stls"]["injectable"], False)

        tls = report["tls"]
        self.assertEqual(self.versions(report), ["TLSv1.2", "TLSv1.3"])
        self.assertEqual([one["version"] for one in tls["versions"]],
                         ["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"])
        self.assertEqual(tls["usable"], True)
        self.assertEqual(tls["version"], "TLSv1.3")
        self.assertTrue(tls["cipher"].startswith("TLS_"), tls["cipher"])
        self.assertTrue(tls["group"])
        leaf = tls["chain"][0]
        self.assertEqual(leaf["subject"], "CN=leaf")
        self.assertEqual(leaf["issuer"], "CN=Gatepost test authority")
        self.assertEqual(leaf["names"], ["localhost", "127.0.0.1", "::1"])
        self.assertEqual(leaf["not_before"], "2020-01-01T00:00:00Z")
        self.assertEqual(leaf["not_after"], "2049-12-31T00:00:00Z")
        self.assertEqual((leaf["key"], leaf["key_bits"]), ("EC P-256", 256))
        self.assertEqual(leaf["signature_algorithm"], "ecdsa-with-SHA256")
        self.assertEqual(leaf["sha256"], fingerprint(self.certificate))
        self.assertEqual(leaf["pin"], pin(self.certificate))
        self.assertEqual(tls["verdict"],
                         {"good": True, "trusted": True, "trust_problem": "",
                          "name_matches": True, "in_time": True, "self_signed": False})
        self.assertEqual(self.codes(report), ["certificate_good", "fits"])
        self.assertEqual(report["upstream"],
                         {"address": server.address, "tls": "starttls", "ca_file": self.ca,
                          "server_name": "localhost"})
        self.assert_accepted(report["upstream"])

    @quick
    def test_dovecot_with_tls_and_a_certificate_signed_by_itself(self):
        certificate = self.authority.self_signed("probe-self-signed")
        server = self.dovecot(USERS, certificate=certificate)
        report = self.probe("--tls", f"localhost:{server.tls_port}")
        self.assertTrue(report["implicit_tls"])
        self.assertEqual(report["greeting"], "+OK Dovecot ready.")
        self.assertIsNone(report["capabilities"]["plain"])
        self.assertIn("USER", report["capabilities"]["tls"]["lines"])
        self.assertIsNone(report["stls"]["offered"])
        self.assertIsNone(report["stls"]["injectable"])
        self.assertEqual(report["pipelining"], {"announced": True, "works": True})
        verdict = report["tls"]["verdict"]
        self.assertFalse(verdict["good"])
        self.assertFalse(verdict["trusted"])
        self.assertTrue(verdict["self_signed"])
        self.assertTrue(verdict["name_matches"])
        self.assertEqual(self.codes(report), ["certificate_self_signed"])
        self.assertEqual(report["upstream"],
                         {"address": f"localhost:{server.tls_port}", "tls": "implicit",
                          "verify": False, "pins": [pin(certificate[0])]})
        self.assert_accepted(report["upstream"])

        trusting = self.probe("--tls", "--ca", certificate[0], f"localhost:{server.tls_port}")
        self.assertTrue(trusting["tls"]["verdict"]["good"])
        text = run("--tls", f"localhost:{server.tls_port}")
        self.assertEqual(text.returncode, REACHED)
        self.assertIn("self-signed    yes", text.stdout)

    def assert_accepted(self, upstream):
        """The lines for the configuration are good ones."""
        config, _ = self.config(upstream)
        path = os.path.join(self.own_folder, "suggested.json")
        with open(path, "w") as file:
            json.dump(config, file)
        done = subprocess.run([gateway.binary(), "check", "--config", path], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @quick
    def test_dovecot_without_tls(self):
        server = self.dovecot(USERS)
        report = self.probe(server.address)
        self.assertEqual(report["stls"]["offered"], False)
        self.assertIsNone(report["tls"])
        self.assertEqual(self.codes(report), ["no_stls"])
        self.assertEqual(report["upstream"], {"address": server.address, "tls": "none"})
        insisting = self.probe("--stls", server.address)
        self.assertEqual(self.versions(insisting), [])
        self.assertIn("tls_failed", self.codes(insisting))

    @quick
    def test_dovecot_with_plain_text_where_tls_is_expected(self):
        server = self.dovecot(USERS)
        report = self.probe("--tls", server.address, code=UNREACHABLE)
        self.assertIn("does not speak TLS", report["problem"])
        self.assertIsNone(report["greeting"])

    def test_popa3d_has_no_capabilities(self):
        server = old_servers.Popa3d(tempfile.mkdtemp(dir=self.own_folder), USERS)
        self.addCleanup(server.stop)
        report = self.probe(server.address)
        self.assertTrue(report["greeting"].startswith("+OK"))
        self.assertIsNone(report["capabilities"]["plain"]["lines"])
        self.assertIn("-ERR", report["capabilities"]["plain"]["problem"])
        self.assertEqual(report["stls"]["offered"], False)
        self.assertGreater(report["round_trip_ms"], 0)
        self.assertIn("no_capa", self.codes(report))
        self.assertIn("no_stls", self.codes(report))

    # Certificates

    @quick
    def test_a_certificate_for_another_name(self):
        server = self.fake(tls="implicit", certificate=self.authority.good)
        report = self.probe("--tls", "--ca", self.ca, "--name", "pop.example.org", server.address)
        self.assertFalse(report["tls"]["verdict"]["name_matches"])
        self.assertTrue(report["tls"]["verdict"]["trusted"])
        self.assertIn("certificate_name", self.codes(report))
        self.assertEqual(server.last().server_name, "pop.example.org")

    @quick
    def test_a_certificate_that_has_expired(self):
        server = self.fake(tls="starttls", certificate=self.authority.expired_leaf())
        report = self.probe("--ca", self.ca, server.address)
        self.assertFalse(report["tls"]["verdict"]["in_time"])
        self.assertTrue(report["tls"]["verdict"]["trusted"])
        self.assertIn("certificate_expired", self.codes(report))

    # Versions

    def old_server(self, newest):
        server = self.fake(tls="implicit", certificate=self.authority.good)
        context = server._context
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = newest
        return server

    @quick
    def test_a_server_that_still_accepts_old_versions(self):
        server = self.old_server(ssl.TLSVersion.TLSv1_2)
        report = self.probe("--tls", "--ca", self.ca, server.address)
        self.assertEqual(self.versions(report), ["TLSv1.0", "TLSv1.1", "TLSv1.2"])
        self.assertEqual(report["tls"]["version"], "TLSv1.2")
        self.assertIn("tls_old_accepted", self.codes(report))

    @quick
    def test_a_server_that_accepts_nothing_else(self):
        server = self.old_server(ssl.TLSVersion.TLSv1_1)
        report = self.probe("--tls", "--ca", self.ca, server.address)
        self.assertEqual(self.versions(report), ["TLSv1.0", "TLSv1.1"])
        self.assertEqual(report["tls"]["usable"], False)
        self.assertIn("tls_too_old", self.codes(report))
        self.assertEqual(report["upstream"]["tls"], "none")

    @quick
    def test_a_server_without_modern_suites(self):
        server = self.fake(tls="implicit", certificate=self.authority.good)
        server._context.maximum_version = ssl.TLSVersion.TLSv1_2
        server._context.set_ciphers("ECDHE-ECDSA-AES128-SHA")
        report = self.probe("--tls", "--ca", self.ca, server.address)
        self.assertEqual(self.versions(report), ["TLSv1.2"])
        self.assertEqual(report["tls"]["usable"], False)
        self.assertIn("tls_not_usable", self.codes(report))

    # Commands

    @quick
    def test_the_hole_of_stls_is_found(self):
        # This one keeps what it has read when TLS begins, as many did (CVE-2011-0411).
        server = self.fake(tls="starttls", certificate=self.authority.good)
        report = self.probe("--ca", self.ca, server.address)
        self.assertIs(report["stls"]["injectable"], True)
        self.assertIn("stls_injection", self.codes(report))
        text = run("--ca", self.ca, server.address)
        self.assertIn("VULNERABLE", text.stdout)

    @quick
    def test_nothing_secret_is_sent(self):
        server = self.fake(tls="starttls", certificate=self.authority.good)
        self.probe("--ca", self.ca, server.address)
        sent = {line for connection in server.connections for line in connection.commands}
        self.assertEqual(sent, {b"CAPA", b"STLS", b"NOOP", b"QUIT"})
        self.assertLessEqual(len(server.connections), 12)

    @quick
    def test_a_server_that_announces_pipelining_but_drops_commands(self):
        server = self.fake(script={"NOOP": CLOSE})
        report = self.probe(server.address)
        self.assertEqual(report["pipelining"], {"announced": True, "works": False})
        self.assertIn("pipelining_untrue", self.codes(report))

    @quick
    def test_a_server_with_apop_and_xclient(self):
        server = self.fake(greeting=b"+OK [XCLIENT] <1896.697170952@mail.example.org> hello\r\n")
        report = self.probe(server.address)
        self.assertTrue(report["apop"])
        self.assertTrue(report["xclient"])
        self.assertIs(report["upstream"]["xclient"], True)

    # Hostile servers

    @quick
    def test_a_hostile_server_stays_on_its_lines(self):
        evil = b"\x1b[31m\xff\x9b\x00tail"
        server = self.fake(greeting=b"+OK " + evil.replace(b"\x00", b"") + b"x" * 3000 + b"\r\n",
                           script={"CAPA": b"+OK\r\n" + evil + b"\r\nSASL " + evil + b"\r\n.\r\n"})
        done = run(server.address)
        self.assertEqual(done.returncode, REACHED)
        self.assertRegex(done.stdout, r"\A[\n\x20-\x7e]*\Z")
        self.assertLess(max(map(len, done.stdout.splitlines())), 1200)
        self.assertIn("\\x1b[31m", done.stdout)

    @quick
    def test_capabilities_without_an_end_are_given_up(self):
        server = self.fake(script={"CAPA": b"+OK\r\n" + b"LINE\r\n" * 10000 + b".\r\n"})
        report = self.probe(server.address)
        self.assertIsNone(report["capabilities"]["plain"]["lines"])
        self.assertIn("too long", report["capabilities"]["plain"]["problem"])

    @quick
    def test_a_flood_inside_tls_is_given_up(self):
        server = self.fake(tls="starttls", certificate=self.authority.good,
                           script={"QUIT": b"-ERR no\r\n" * 100000})
        report = self.probe("--ca", self.ca, server.address)
        self.assertIs(report["stls"]["injectable"], True)

    @quick
    def test_no_pop3_server(self):
        for greeting in (b"220 mail.example.org ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n",
                         b"x" * 100000, CLOSE, b"-ERR too many connections\r\n"):
            server = self.fake(greeting=greeting)
            report = self.probe(server.address, code=UNREACHABLE)
            self.assertFalse(report["reached"])
            self.assertTrue(report["problem"])
            self.assertIsNone(report["upstream"])
            self.assertEqual(self.codes(report), ["not_reached"])

    def test_silence_ends_in_time(self):
        started = time.monotonic()
        for script, greeting in (({}, SILENT), ({"CAPA": SILENT, "STLS": SILENT, "QUIT": SILENT},
                                                b"+OK\r\n")):
            server = self.fake(greeting=greeting, script=script)
            done = run("--timeout", "1", server.address)
            self.assertEqual(done.returncode, UNREACHABLE if greeting is SILENT else REACHED)
        self.assertLess(time.monotonic() - started, 60)

    # Who cannot be asked, and how not to ask

    @quick
    def test_a_port_where_nobody_listens(self):
        server = self.fake()
        server.stop()
        report = self.probe(server.address, code=UNREACHABLE)
        self.assertEqual(report["addresses"][0]["connect_ms"], None)
        self.assertIn("refused", report["addresses"][0]["problem"])
        self.assertIsNone(report["greeting"])

    @quick
    def test_a_name_that_does_not_exist(self):
        report = self.probe("nobody.invalid", code=UNREACHABLE)
        self.assertEqual(report["addresses"], [])
        self.assertIn("nobody.invalid", report["problem"])

    @quick
    def test_a_wrong_command_line(self):
        self.assertEqual(run().returncode, USAGE)
        self.assertEqual(run("--tls", "--stls", "localhost").returncode, USAGE)
        done = run("--ca", os.path.join(self.own_folder, "none.pem"), "localhost:1")
        self.assertEqual(done.returncode, CONFIG)
        self.assertIn("none.pem", done.stderr)


if __name__ == "__main__":
    unittest.main()
