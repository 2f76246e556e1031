"""curl over its options: what it prints and how it ends is the same through us as directly."""

import subprocess

from attack import Attack
from support import corpus
from support.clients import PLAIN, POP3S, STLS, curl_url, curl_words

#: name: (path, further words).
TABLE = {
    "LIST": ("", ()),
    "RETR": ("1", ()),
    "RETR of all": ("[1-3]", ()),
    "RETR of what is not there": ("99", ()),
    "RETR of no number": ("x", ()),
    "list of one": ("2", ("--list-only",)),
    "UIDL": ("", ("-X", "UIDL")),
    "UIDL of one": ("2", ("-l", "-X", "UIDL")),
    "UIDL of what is not there": ("99", ("-l", "-X", "UIDL")),
    "TOP": ("", ("-X", "TOP 1 2")),
    "TOP of what is not there": ("", ("-X", "TOP 99 0")),
    "STAT": ("", ("-I", "-X", "STAT")),
    "NOOP": ("", ("-I", "-X", "NOOP")),
    "RSET": ("", ("-I", "-X", "RSET")),
    "DELE of what is not there": ("99", ("-l", "-X", "DELE")),
    "an unknown command": ("", ("-I", "-X", "XYZZY")),
    "no body": ("1", ("-I",)),
    "AUTH PLAIN": ("1", ("--login-options", "AUTH=PLAIN")),
    "AUTH PLAIN at once": ("1", ("--login-options", "AUTH=PLAIN", "--sasl-ir")),
    "AUTH LOGIN": ("1", ("--login-options", "AUTH=LOGIN")),
    "AUTH CRAM-MD5": ("1", ("--login-options", "AUTH=CRAM-MD5")),
    "any mechanism": ("1", ("--login-options", "AUTH=*")),
    "USER": ("1", ("--login-options", "AUTH=+LOGIN")),
    "a mechanism of nobody": ("1", ("--login-options", "AUTH=NTLM")),
    "the own authorization identity": ("1", ("--sasl-authzid", "joe", "--login-options",
                                             "AUTH=PLAIN")),
    "a foreign authorization identity": ("1", ("--sasl-authzid", "ann", "--login-options",
                                               "AUTH=PLAIN")),
    "a wrong password": ("1", ("--user", "joe:wrong")),
    "an unknown user": ("1", ("--user", "nobody:wrong")),
    "no user": ("1", ("--user", ":")),
    "a part of a message": ("1", ("--max-filesize", "10")),
    "CR LF in the path": ("1%0d%0aDELE%201", ()),
}


class Curl(Attack):
    rows = ("suites", "dele")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mail = cls.shared_dovecot({"joe": (cls.password, corpus.few())},
                                      certificate=cls.authority.good,
                                      mechanisms="plain login cram-md5")
        config, cls.ports = cls.config(cls.mail.address)
        cls.gate = cls.shared_gateway(config)

    def curl(self, form, port, path, words):
        return subprocess.run(
            [*curl_words(form, self.ca, "joe", self.password), "--max-time", "5", *words,
             curl_url(form, port) + path], capture_output=True, timeout=30)

    def assert_same(self, form, direct, through):
        for name, (path, words) in TABLE.items():
            with self.subTest(name):
                one = self.curl(form, direct, path, words)
                other = self.curl(form, through, path, words)
                self.assertEqual((other.returncode, other.stdout), (one.returncode, one.stdout),
                                 (one.stderr, other.stderr))

    def test_plain(self):
        self.assert_same(PLAIN, self.mail.port, self.ports.plain)

    def test_stls(self):
        self.assert_same(STLS, self.mail.port, self.ports.stls)

    def test_pop3s(self):
        self.assert_same(POP3S, self.mail.tls_port, self.ports.pop3s)

    def test_capa(self):
        done = self.curl(POP3S, self.ports.pop3s, "", ("-X", "CAPA"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"PIPELINING\r\n", done.stdout)

    def test_dele(self):
        words = curl_words(POP3S, self.ca, "kim", self.password)
        server = self.dovecot({"kim": (self.password, corpus.few())})
        _, ports = self.serve(server.address)
        done = subprocess.run([*words, "-l", "-X", "DELE", curl_url(POP3S, ports.pop3s) + "2"],
                              capture_output=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(server.message_files("kim")), 2)
