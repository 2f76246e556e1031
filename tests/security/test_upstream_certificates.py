"""Somebody else answers in the server's place, with a certificate that is not good enough."""

from attack import Attack
from support.certificates import Authority

NAME = "pop.example.com"


class BadCertificates(Attack):
    """With STLS and with TLS from the first octet: no octet of a login leaves."""

    rows = ("upstream-certificates",)

    def answer(self, certificate, form):
        server = self.fake([b"text\r\n"], tls=form, certificate=certificate)
        running, ports = self.serve({"address": server.address, "tls": form, "ca_file": self.ca,
                                     "server_name": NAME, "retries": 0,
                                     "health_check": {"interval": "0s"}})
        client = self.client(ports.plain)
        reply = client.command(f"USER {self.user}")
        if reply.startswith(b"+OK"):
            reply = client.command(f"PASS {self.password}")
        client.close()
        running.stop()
        return server, reply

    def assert_refused_certificate(self, certificate):
        for form in ("starttls", "implicit"):
            with self.subTest(form=form):
                server, reply = self.answer(certificate, form)
                self.assertTrue(reply.startswith((b"-ERR [SYS/TEMP]", b"-ERR [SYS/PERM]")), reply)
                self.assertTrue(server.connections)
                self.assertLessEqual(set(server.all_commands()), {b"STLS"})
                self.assertFalse([one for one in server.connections if one.tls and one.commands
                                  and one.commands[-1] != b"STLS"])

    def leaf(self, file_name, names=(NAME,), **more):
        return self.authority.leaf(f"bad-{file_name}", names=names, addresses=(), **more)

    def test_a_good_one_is_taken(self):
        """Or the other cases would show nothing."""
        for names in ((NAME,), ("*.example.com",), (NAME.upper(),)):
            for form in ("starttls", "implicit"):
                with self.subTest(names=names, form=form):
                    _, reply = self.answer(self.leaf("good", names), form)
                    self.assertTrue(reply.startswith(b"+OK"), reply)

    def test_for_another_host(self):
        self.assert_refused_certificate(self.leaf("host", ("pop.example.org",)))

    def test_of_another_authority(self):
        stranger = Authority(self.own_folder, "Gatepost test authority")  # of the same name
        self.assert_refused_certificate(stranger.leaf("x", names=(NAME,)))

    def test_signed_by_itself(self):
        self.assert_refused_certificate(self.authority.self_signed("bad-self-signed"))

    def test_expired(self):
        self.assert_refused_certificate(self.leaf("expired", starts="20200101000000Z",
                                                  ends="20210101000000Z"))

    def test_not_valid_yet(self):
        self.assert_refused_certificate(self.leaf("early", starts="20480101000000Z"))

    def test_for_clients_only(self):
        self.assert_refused_certificate(self.leaf("client", usage="clientAuth"))

    def test_wildcards_that_are_none(self):
        for number, name in enumerate(("p*.example.com", "*p.example.com", "*.com", "*",
                                       "pop.*.com", "*.pop.example.com", "example.com")):
            with self.subTest(name=name):
                self.assert_refused_certificate(self.leaf(f"wild-{number}", (name,)))

    def test_a_common_name_only(self):
        self.assert_refused_certificate(self.leaf("cn", (), subject=f"/CN={NAME}"))

    def test_a_name_with_a_zero_inside(self):
        """As an authority would sign for the owner of evil.example."""
        self.assert_refused_certificate(self.leaf("cn-and-other", ("evil.example",),
                                                  subject=f"/CN={NAME}"))
