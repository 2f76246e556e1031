"""Every mail program gets, through POP3S and through STLS, what it gets directly from the server.

"Directly" is the same program, in the same form, with the certificate of the same authority: some
programs change what they store, and not in the same way with and without TLS.
"""

import tempfile
import unittest

from support import clients, corpus, neomutt
from support.case import Scenario
from support.thunderbird import Thunderbird

USER, PASSWORD = "joe", "correct horse"


class Clients(Scenario):
    count = 60

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({USER: (PASSWORD, corpus.messages(cls.count, False))},
                                        certificate=cls.authority.good)
        config, cls.ports = cls.config(cls.server.address)
        cls.shared_gateway(config)

    def compare(self, program, fetch, forms=(clients.POP3S, clients.STLS)):
        """`fetch(form, port)` gives the same from the gateway as from the server."""
        for form in forms:
            with self.subTest(form=form):
                implicit = form == clients.POP3S
                expected = fetch(form, self.server.tls_port if implicit else self.server.port)
                got = fetch(form, self.ports.pop3s if implicit else self.ports.stls)
                self.assertGreater(sum(map(len, expected)) if isinstance(expected, list)
                                   else len(expected), 1_000_000)
                self.assertEqual(len(got), len(expected))
                self.assertTrue(got == expected, "what it stored differs")
                self.client_works(program, form)

    def run_program(self, program, fetch, **options):
        folder = tempfile.mkdtemp(dir=self.own_folder)
        self.compare(program, lambda form, port: fetch(
            folder, form, port, self.ca, USER, PASSWORD), **options)

    def test_curl(self):
        folder = tempfile.mkdtemp(dir=self.own_folder)
        self.compare("curl", lambda form, port: clients.curl(
            folder, form, port, self.ca, USER, PASSWORD, self.count))

    def test_fetchmail(self):
        self.run_program("fetchmail", clients.fetchmail)

    def test_getmail6(self):
        self.run_program("getmail6", clients.getmail, forms=[clients.POP3S])  # it knows no STLS

    def test_mpop(self):
        self.run_program("mpop", clients.mpop)

    def test_mpop_that_pipelines(self):
        folder = tempfile.mkdtemp(dir=self.own_folder)
        self.compare("mpop", lambda form, port: clients.mpop(
            folder, form, port, self.ca, USER, PASSWORD, pipelining="on"))
        self.client_works("mpop", "pipelining")

    def test_net_pop3(self):
        self.run_program("Perl Net::POP3", clients.net_pop3)

    def test_mail_pop3client(self):
        self.run_program("Perl Mail::POP3Client", clients.mail_pop3client)

    def test_neomutt(self):
        self.run_program("neomutt", neomutt.fetch)

    def test_thunderbird(self):
        running = Thunderbird(self.ca)
        self.addCleanup(running.stop)
        self.compare("Thunderbird", lambda form, port: running.fetch(form, port, USER, PASSWORD))

    def test_poplib(self):
        def fetch(form, port):
            status, lists, *messages = clients.poplib_fetch(form, port, self.ca, USER, PASSWORD)
            return [repr(status), repr(lists), *map(repr, messages)]
        self.compare("Python poplib", fetch)


if __name__ == "__main__":
    unittest.main()
