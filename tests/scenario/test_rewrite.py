"""Rules change messages of a real mailbox on their way to a real client: exactly what they say, and
nothing else. Signed messages, made and checked by openssl and gpg, stay valid."""

import email
import email.policy
import os
import subprocess
import tempfile
import unittest

from support import clients, samples
from support.scanning import PASSWORD, Scanning

HTML = (b"<html><head><script>alert(1)</script></head><body onload=\"steal()\"><p>Hello</p>"
        b"<a href=\"javascript:x()\">link</a><img src=\"http://tracker.test/a.gif\"></body></html>")


def multipart(subject, *parts, sender=b"Eve <eve@elsewhere.test>"):
    head = (b"From: " + sender + b"\r\nTo: joe@example.org\r\nSubject: " + subject
            + b"\r\nX-External: no\r\nX-Gatepost-Verdict: clean\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=b1\r\n\r\n")
    return head + b"".join(b"--b1\r\n" + part + b"\r\n" for part in parts) + b"--b1--\r\n"


TEXT = b"Content-Type: text/plain; charset=us-ascii\r\n\r\nHello."
PROGRAM = (b"Content-Type: application/pdf; name=invoice.pdf\r\nContent-Transfer-Encoding: base64\r\n"
           b"Content-Disposition: attachment; filename=\"invoice.pdf\"\r\n\r\n"
           + samples.base64_lines(b"MZ" + bytes(58) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0"
                                  + b"\x4c\x01" + bytes(200)).rstrip())
PICTURE = (b"Content-Type: image/gif; name=a.gif\r\nContent-Transfer-Encoding: base64\r\n\r\n"
           + samples.base64_lines(b"GIF89a" + bytes(60)).rstrip())
PAGE = b"Content-Type: text/html; charset=utf-8\r\n\r\n" + HTML

OWN = samples.text("from a colleague", b"Hello.\r\n").replace(
    b"\r\n\r\n", b"\r\nX-Note: untouched\r\n\r\n", 1)


def run(*words, stdin=None, folder=None):
    done = subprocess.run(words, input=stdin, capture_output=True, check=False, timeout=60,
                          cwd=folder)
    assert done.returncode == 0, (words, done.stderr.decode(errors="replace"))
    return done.stdout


def smime(folder):
    """(message, certificate): a message that openssl signed, with the signature apart."""
    key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "certificate.pem")
    run("/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
        "-subj", "/CN=Signer/emailAddress=eve@elsewhere.test", "-keyout", key, "-out", certificate)
    content = b"Content-Type: text/plain\r\n\r\nSigned words.\r\n"
    signed = run("/usr/bin/openssl", "cms", "-sign", "-signer", certificate, "-inkey", key,
                 "-from", "eve@elsewhere.test", "-to", "joe@example.org", "-subject", "signed",
                 "-crlfeol", stdin=content)
    return samples.canonical(signed), certificate


def rule(type_, options, **more):
    return {"type": type_, "options": options, **more}


EXTERNAL = {"external": True}
RULES = [
    rule("add_header", {"lines": ["X-External: yes; user={user}"]}, when=EXTERNAL),
    rule("tag_subject", {"tag": "[EXTERN \u00fc]"}, when=EXTERNAL, name="mark"),
    rule("attachments", {"types": ["executable"], "action": "strip"}, name="programs"),
    rule("defang", {"signed": "keep"}),
    rule("body_notice", {"text": ["This mail comes from outside.", "Be careful: \u20ac."],
                         "signed": "wrap"},
         when=EXTERNAL),
]


class Rewriting(Scanning):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.signed, cls.signer = smime(tempfile.mkdtemp(dir=cls.folder))
        cls.mail = [multipart(b"=?utf-8?Q?=C3=84pfel?=", TEXT, PROGRAM, PICTURE, PAGE), OWN,
                    cls.signed]
        cls.server = cls.shared_dovecot({"joe": (PASSWORD, cls.mail)},
                                        certificate=cls.authority.good)
        config, cls.ports = cls.chained(
            cls.server.address, [],
            {"rewrite": RULES, "internal": {"domains": ["example.com", "example.org"]},
             "shadow": "next"})
        config["chains"].append({"name": "next", "rewrite": [
            rule("remove_header", {"names": ["X-Note"]})]})
        cls.running = cls.shared_gateway(config)
        folder = tempfile.mkdtemp(dir=cls.folder)
        cls.direct = clients.curl(folder, clients.POP3S, cls.server.tls_port, cls.ca,
                                  "joe", PASSWORD, len(cls.mail))[1:]
        cls.got = clients.curl(folder, clients.POP3S, cls.ports.pop3s, cls.ca, "joe",
                               PASSWORD, len(cls.mail))[1:]

    def test_external_mail_is_marked_and_made_harmless(self):
        message = email.message_from_bytes(self.got[0], policy=email.policy.default)
        self.assertEqual(message["Subject"], "[EXTERN \u00fc] \u00c4pfel")
        self.assertEqual(message.get_all("X-External"), ["yes; user=joe"])
        self.assertIsNone(message["X-Gatepost-Verdict"], "a forged word of ours")
        text, program, picture, page = message.iter_parts()
        self.assertTrue(text.get_content().startswith("This mail comes from outside."))
        self.assertIn("\u20ac", text.get_content())
        self.assertIn("Hello.", text.get_content())
        self.assertEqual(program.get_content_type(), "text/plain")
        self.assertIn("invoice.pdf", program.get_content())
        self.assertNotIn(b"MZ", program.get_content().encode())
        self.assertEqual(picture.get_content(), b"GIF89a" + bytes(60))
        html = page.get_content()
        for bad in ("script", "onload", "javascript", "tracker.test"):
            self.assertNotIn(bad, html.lower())
        self.assertIn("Hello", html)
        self.assertEqual([defect for part in message.walk() for defect in part.defects], [])

    def test_what_no_rule_names_stays(self):
        self.assertIn(PICTURE, self.got[0])
        self.assertEqual(self.got[1], samples.canonical(self.direct[1]))

    def test_signed_mail_stays_valid(self):
        message = self.got[2]
        outer = email.message_from_bytes(message, policy=email.policy.default)
        self.assertEqual(outer.get_content_type(), "multipart/mixed")
        notice, signed = outer.iter_parts()
        self.assertIn("from outside", notice.as_string())
        self.assertEqual(signed.get_content_type(), "multipart/signed")
        boundary = outer.get_boundary().encode()
        part = message.split(b"\r\n--" + boundary)[2].removeprefix(b"\r\n")
        content = run("/usr/bin/openssl", "cms", "-verify", "-CAfile", self.signer,
                      "-crlfeol", stdin=b"MIME-Version: 1.0\r\n" + part)
        self.assertIn(b"Signed words.", content)

    def test_top_shows_the_same_header(self):
        client = self.logged_in(self.ports)
        _, body = client.multi("TOP 1 0")
        client.quit()
        self.assertIn(b"Subject: =?UTF-8?", body)
        self.assertIn(b"X-External: yes; user=joe\r\n", body)

    def test_log_and_metrics_say_what_was_done(self):
        lines = self.message_lines(self.running)
        rules = next(line["rules"] for line in lines if line["number"] == "1")
        self.assertIn("invoice.pdf", rules)
        self.assertIn("notice added", rules)
        metrics = self.running.metrics()
        count = metrics['gatepost_rule_messages_total{chain="scan",rule="mark"}']
        self.assertGreaterEqual(count, 2)
        self.assertEqual(metrics["gatepost_rewrite_held_bytes"], 0)

    def test_the_shadow_tells_what_it_would_do(self):
        differs = [line for line in self.running.log_lines("shadow")]
        self.assertTrue(any("shadow=next" in line for line in differs), differs)
        metrics = self.running.metrics()
        self.assertGreaterEqual(
            metrics['gatepost_shadow_messages_total{result="differs"}'], 3)
        self.assertIn(b"X-Note: untouched", self.got[1], "the shadow has no effect")


class Stopping(Scanning):
    """Rules that hold messages back, after a scanner has looked."""

    def test_actions(self):
        mail = [multipart(b"program", TEXT, PROGRAM),
                samples.attachment("locked", samples.encrypted_zip("a.txt", b"secret words"),
                                   "locked.zip", "application/zip"),
                samples.text("clean", b"Hello.\r\n")]
        server = self.dovecot({"joe": (PASSWORD, mail)})
        kept = self.quarantine_folder()
        running, ports = self.scan(
            server.address, [], {"rewrite": [
                rule("attachments", {"types": ["executable"], "action": "quarantine"}),
                rule("attachments", {"encrypted": True, "unreadable": False, "action": "refuse"})]},
            quarantine={"folder": kept})
        status, notice = self.retrieve(ports, 1)
        self.assertTrue(status.startswith(b"+OK"), status)
        self.assert_notice(notice, "attachment", of=mail[0])
        self.assert_refused(*self.retrieve(ports, 2))
        self.assertIn(b"Hello.", self.retrieve(ports, 3)[1])
        entry, = self.quarantine(running, "list", "--json")
        self.assertEqual((entry["cause"], entry["subject"]), ("attachment", "program"))
        lines = {line["number"]: line for line in self.message_lines(running)}
        self.assertEqual((lines["1"]["action"], lines["2"]["action"]), ("quarantine", "refuse"))
        self.assertEqual(lines["2"]["cause"], "encrypted")


if __name__ == "__main__":
    unittest.main()
