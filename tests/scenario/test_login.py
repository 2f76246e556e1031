"""Logins: USER and PASS, AUTH PLAIN, AUTH LOGIN; refused ones and unreachable servers."""

import base64

from support import corpus
from support.case import Scenario, quick
from support.fake_upstream import CLOSE, RESET, SILENT
from support.ports import free_port

USERS = {
    "joe": ("s3cret-of-joe", corpus.few()),
    "spaces": ("  two  words ", []),
    "long": ("p" * 400, []),
    "eight": ("pässwörd", []),
}


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


class Login(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot(USERS)
        config, cls.ports = cls.config(cls.server.address)
        cls.shared_gateway(config)

    def connect(self):
        return self.client(self.ports.pop3s, tls=True)

    def assert_logged_in(self, client, user):
        self.assertEqual(client.ok("STAT").split()[1], b"%d" % len(USERS[user][1]))
        client.ok("QUIT")

    @quick
    def test_user_and_pass(self):
        for user, (password, _) in USERS.items():
            with self.subTest(user=user):
                client = self.connect()
                self.assertTrue(client.login(user, password).startswith(b"+OK"))
                self.assert_logged_in(client, user)

    @quick
    def test_auth_plain_at_once_and_after_a_challenge(self):
        for user, (password, _) in USERS.items():
            with self.subTest(user=user):
                client = self.connect()
                client.ok(f"AUTH PLAIN {b64(chr(0) + user + chr(0) + password)}")
                self.assert_logged_in(client, user)
                client = self.connect()
                self.assertTrue(client.command("AUTH PLAIN").startswith(b"+ "))
                client.ok(b64("\0" + user + "\0" + password))
                self.assert_logged_in(client, user)

    @quick
    def test_auth_login(self):
        for user, (password, _) in USERS.items():
            with self.subTest(user=user):
                client = self.connect()
                self.assertTrue(client.command("AUTH LOGIN").startswith(b"+ "))
                self.assertTrue(client.command(b64(user)).startswith(b"+ "))
                client.ok(b64(password))
                self.assert_logged_in(client, user)

    def test_an_exchange_can_be_broken_off(self):
        client = self.connect()
        client.command("AUTH PLAIN")
        self.assertTrue(client.command("*").startswith(b"-ERR"))
        client.command("AUTH LOGIN")
        client.command(b64("joe"))
        self.assertTrue(client.command("*").startswith(b"-ERR"))
        self.assertTrue(client.login("joe", "s3cret-of-joe").startswith(b"+OK"))

    def test_what_is_no_base64_is_refused_and_the_session_goes_on(self):
        client = self.connect()
        for blob in ("!!!!", "AG", "=", b64("no nul in it"), b64("\0joe\0pass\0more")):
            self.assertTrue(client.command(f"AUTH PLAIN {blob}").startswith(b"-ERR"), blob)
            client.close()
            client = self.connect()
        self.assertTrue(client.command("AUTH CRAM-MD5").startswith(b"-ERR"))
        self.assertTrue(client.login("joe", "s3cret-of-joe").startswith(b"+OK"))

    def test_line_ends_inside_sasl_values_reach_nobody(self):
        server = self.fake(corpus.few())
        _, ports = self.serve(server.address)
        for value in ("\0joe\0pass\r\nDELE 1", "\0joe\nDELE 1\0pass", "\0joe\0pass\rx",
                      "other\0joe\0pass"):
            client = self.client(ports.plain)
            self.assertTrue(client.command(f"AUTH PLAIN {b64(value)}").startswith(b"-ERR"), value)
        self.assertEqual([line for line in server.all_commands() if line not in (b"CAPA", b"QUIT")],
                         [])

    @quick
    def test_a_refused_login_is_passed_on_with_its_code(self):
        direct = self.client(self.server.port)
        expected = direct.login("joe", "wrong")
        self.assertTrue(expected.startswith(b"-ERR [AUTH]"), expected)
        client = self.connect()
        self.assertEqual(client.login("joe", "wrong"), expected)
        self.assertEqual(client.login("nobody-here", "wrong"), expected)
        self.assertTrue(client.login("joe", "s3cret-of-joe").startswith(b"+OK"))
        client = self.connect()
        self.assertEqual(client.command(f"AUTH PLAIN {b64(chr(0) + 'joe' + chr(0) + 'no')}"),
                         expected)

    def test_codes_of_other_servers_are_passed_on(self):
        for reply in (b"-ERR [IN-USE] locked", b"-ERR [LOGIN-DELAY] slow down", b"-ERR"):
            with self.subTest(reply=reply):
                server = self.fake(script={"PASS": reply + b"\r\n", "AUTH": reply + b"\r\n"})
                _, ports = self.serve(server.address)
                self.assertEqual(self.client(ports.plain).login("joe", "x"), reply)

    def test_three_refused_logins_end_the_connection(self):
        client = self.connect()
        for _ in range(3):
            self.assertTrue(client.login("joe", "wrong").startswith(b"-ERR"))
        self.assertEqual(client.at_end(), b"")

    def test_an_upstream_with_only_sasl_gets_auth_plain(self):
        server = self.fake(corpus.few(), capabilities=[b"SASL PLAIN", b"UIDL", b"TOP"],
                           script={"USER": b"-ERR no\r\n", "PASS": b"-ERR no\r\n"})
        _, ports = self.serve(server.address)
        client = self.client(ports.plain)
        self.assertTrue(client.login("joe", "s3cret").startswith(b"+OK"))
        client.ok("STAT")
        self.assertIn(b"AUTH PLAIN " + b64("\0joe\0s3cret").encode(), server.all_commands())

    def test_an_upstream_without_capa_gets_user_and_pass(self):
        server = self.fake(corpus.few(), script={"CAPA": b"-ERR what?\r\n"})
        _, ports = self.serve(server.address)
        client = self.client(ports.plain)
        client.ok(f"AUTH PLAIN {b64(chr(0) + 'joe' + chr(0) + ' s3 cret ')}")
        client.ok("STAT")
        self.assertIn(b"USER joe", server.all_commands())
        self.assertIn(b"PASS  s3 cret ", server.all_commands())


class Unavailable(Scenario):
    """The server is not there, or not in order: -ERR [SYS/TEMP], never anything else."""

    def reply(self, address, **more):
        _, ports = self.serve(address, **more)
        client = self.client(ports.pop3s, tls=True)
        reply = client.command("USER joe")
        return client, reply if reply.startswith(b"-ERR") else client.command("PASS s3cret")

    def assert_unavailable(self, address, **more):
        client, reply = self.reply(address, **more)
        self.assertTrue(reply.startswith(b"-ERR [SYS/TEMP] "), reply)
        self.assertLessEqual(len(reply), 510)
        return client

    @quick
    def test_nobody_listens(self):
        self.assert_unavailable(f"127.0.0.1:{free_port()}")

    def test_the_name_does_not_exist(self):
        self.assert_unavailable("no-such-host.invalid:110")

    def test_the_greeting_is_wrong(self):
        for greeting in (b"220 mail.example.org ESMTP\r\n", b"\r\n", b"-ERR busy\r\n", CLOSE, RESET,
                         b"+OK" + b"x" * 100000, b"\x16\x03\x01\x00\x05hello\r\n",
                         b"+OKAY\r\n", b"+OK one\r\n+OK two\r\n"):
            with self.subTest(greeting=greeting[:20] if isinstance(greeting, bytes) else greeting):
                self.assert_unavailable(self.fake(greeting=greeting).address)

    def test_it_is_silent(self):
        short = {"upstream_greeting": "1s", "upstream_login": "1s"}
        self.assert_unavailable(self.fake(greeting=SILENT).address, timeouts=short)
        for verb in ("CAPA", "PASS"):
            with self.subTest(verb=verb):
                server = self.fake(script={verb: SILENT})
                self.assert_unavailable(server.address, timeouts=short)

    def test_it_hangs_up_during_login(self):
        for verb in ("CAPA", "USER", "PASS"):
            with self.subTest(verb=verb):
                self.assert_unavailable(self.fake(script={verb: CLOSE}).address)

    def test_it_answers_nonsense_during_login(self):
        for verb in ("USER", "PASS"):
            with self.subTest(verb=verb):
                self.assert_unavailable(self.fake(script={verb: b"250 fine\r\n"}).address)

    def test_the_client_can_try_again_when_the_server_is_back(self):
        port = free_port()
        _, ports = self.serve(f"127.0.0.1:{port}")
        client = self.client(ports.plain)
        self.assertTrue(client.command("USER joe").startswith((b"+OK", b"-ERR [SYS/TEMP]")))
        client.command("PASS s3cret")
        server = self.fake()
        _, ports = self.serve(server.address)
        self.assertTrue(self.client(ports.plain).login("joe", "s3cret").startswith(b"+OK"))
