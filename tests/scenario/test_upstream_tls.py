"""The leg to the mail server: plain, STLS, TLS; verified, never silently without."""

from support import corpus
from support.case import Scenario, quick
from support.certificates import Authority
from support.fake_upstream import SILENT
from support.process import wait_until

USER, PASSWORD = "joe", "s3cret-of-joe"


class UpstreamTls(Scenario):
    FORMS = ("starttls", "implicit")

    def login(self, ports):
        """The reply that decides: to USER when that fails, else to PASS."""
        client = self.client(ports.plain)
        reply = client.command(f"USER {USER}")
        if reply.startswith(b"+OK"):
            reply = client.command(f"PASS {PASSWORD}")
        return client, reply

    def upstream(self, server, form, **more):
        return {"address": server.address, "tls": form, "ca_file": self.ca,
                "server_name": "localhost", **more}

    def refused(self, server, form, **more):
        """The client hears [SYS/TEMP], and the server no credentials."""
        _, ports = self.serve(self.upstream(server, form, **more))
        _, reply = self.login(ports)
        self.assertTrue(reply.startswith(b"-ERR [SYS/TEMP]"), reply)
        self.assertTrue(server.connections, "the upstream was never asked")
        for line in server.all_commands():
            self.assertNotIn(USER.encode(), line)
            self.assertNotIn(PASSWORD.encode(), line)
            self.assertNotIn(line.split(b" ")[0].upper(), (b"USER", b"PASS", b"AUTH"))

    @quick
    def test_dovecot_is_reached_in_every_form(self):
        server = self.dovecot({USER: (PASSWORD, corpus.few())}, certificate=self.authority.good)
        for form, address in (("none", server.address), ("starttls", server.address),
                              ("implicit", server.tls_address)):
            with self.subTest(form=form):
                _, ports = self.serve({"address": address, "tls": form, "ca_file": self.ca,
                                       "server_name": "localhost"} if form != "none"
                                      else {"address": address})
                before = len(server.logins())
                client, reply = self.login(ports)
                self.assertTrue(reply.startswith(b"+OK"), reply)
                self.assertTrue(client.ok("STAT").startswith(b"+OK 3 "))
                client.ok("QUIT")
                # Dovecot logs through another process.
                wait_until(lambda: len(server.logins()) > before, what="the login in the log")
                self.assertEqual(" TLS" in server.logins()[-1], form != "none", server.log())

    def test_the_name_is_that_of_the_address_unless_another_is_given(self):
        for form in self.FORMS:
            with self.subTest(form=form):
                server = self.fake(tls=form, certificate=self.authority.good)
                _, ports = self.serve({**server.unwatched, "address": f"localhost:{server.port}",
                                       "tls": form, "ca_file": self.ca})
                _, reply = self.login(ports)
                self.assertTrue(reply.startswith(b"+OK"), reply)
                self.assertEqual(server.last().server_name, "localhost")

    def test_an_address_literal_is_checked_against_the_addresses_in_the_certificate(self):
        server = self.fake(tls="implicit", certificate=self.authority.good)
        _, ports = self.serve({"address": server.address, "tls": "implicit", "ca_file": self.ca})
        _, reply = self.login(ports)
        self.assertTrue(reply.startswith(b"+OK"), reply)
        other = self.authority.leaf("no-address", addresses=("192.0.2.1",))
        server = self.fake(tls="implicit", certificate=other)
        _, ports = self.serve({"address": server.address, "tls": "implicit", "ca_file": self.ca})
        _, reply = self.login(ports)
        self.assertTrue(reply.startswith(b"-ERR [SYS/TEMP]"), reply)

    @quick
    def test_a_certificate_for_another_name_is_refused(self):
        other = self.authority.leaf("other", names=("other.example",), addresses=("192.0.2.1",))
        for form in self.FORMS:
            with self.subTest(form=form):
                self.refused(self.fake(tls=form, certificate=other), form)

    def test_a_self_signed_certificate_is_refused(self):
        for form in self.FORMS:
            with self.subTest(form=form):
                self.refused(self.fake(tls=form, certificate=self.authority.self_signed()), form)

    def test_a_certificate_of_an_unknown_authority_is_refused(self):
        stranger = Authority(self.own_folder, "stranger").leaf()
        for form in self.FORMS:
            with self.subTest(form=form):
                self.refused(self.fake(tls=form, certificate=stranger), form)

    def test_without_a_ca_file_a_private_authority_is_refused(self):
        for form in self.FORMS:
            with self.subTest(form=form):
                server = self.fake(tls=form, certificate=self.authority.good)
                _, ports = self.serve({"address": server.address, "tls": form,
                                       "server_name": "localhost"})
                _, reply = self.login(ports)
                self.assertTrue(reply.startswith(b"-ERR [SYS/TEMP]"), reply)
                self.assertFalse([line for line in server.all_commands()
                                  if line.startswith((b"USER", b"PASS", b"AUTH"))])

    def test_an_expired_certificate_is_refused(self):
        expired = self.authority.expired_leaf()
        for form in self.FORMS:
            with self.subTest(form=form):
                self.refused(self.fake(tls=form, certificate=expired), form)

    def test_without_verification_any_certificate_will_do(self):
        for form in self.FORMS:
            with self.subTest(form=form):
                server = self.fake(tls=form, certificate=self.authority.self_signed())
                _, ports = self.serve({**server.unwatched, "tls": form, "verify": False})
                _, reply = self.login(ports)
                self.assertTrue(reply.startswith(b"+OK"), reply)
                self.assertTrue(server.last().tls)

    @quick
    def test_an_upstream_that_lost_stls_gets_no_credentials(self):
        """Somebody in between cut STLS out of CAPA."""
        self.refused(self.fake(), "starttls")

    def test_an_upstream_that_refuses_stls_gets_no_credentials(self):
        server = self.fake(tls="starttls", certificate=self.authority.good,
                           script={"STLS": b"-ERR not now\r\n"})
        self.refused(server, "starttls")

    def test_octets_behind_the_reply_to_stls_end_the_attempt(self):
        server = self.fake(tls="starttls", certificate=self.authority.good,
                           script={"STLS": b"+OK go\r\n+OK injected\r\n"})
        self.refused(server, "starttls")

    def test_an_upstream_silent_in_the_handshake_is_given_up(self):
        server = self.fake(greeting=SILENT)
        self.refused_by_time(server, "implicit")
        server = self.fake(capabilities=[b"STLS", b"USER"], script={"STLS": b"+OK begin\r\n"})
        self.refused_by_time(server, "starttls")

    def refused_by_time(self, server, form):
        _, ports = self.serve(self.upstream(server, form), timeouts={
            "upstream_connect": "1s", "upstream_greeting": "1s", "upstream_login": "1s"})
        _, reply = self.login(ports)
        self.assertTrue(reply.startswith(b"-ERR [SYS/TEMP]"), reply)
        self.assertNotIn(PASSWORD.encode(), b"".join(server.all_commands()))
