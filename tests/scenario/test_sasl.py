"""Every way to log in, with every program that knows it. Dovecot's log tells which one was used."""

import base64
import hashlib
import hmac
import os
import re
import tempfile

from support import clients, corpus, neomutt
from support.case import Scenario
from support.dovecot import Dovecot
from support.gateway import wait_stable
from support.http_service import TokenService
from support.process import wait_until
from support.thunderbird import ENCRYPTED, Thunderbird

USER, PASSWORD, TOKEN = "joe", "s3cret-of-joe", "dG9rZW4tb2Ytam9l.x-Y_z~1"
MECHANISMS = "plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer apop digest-md5"

_OAUTH = """passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}"""


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def oauth_dovecot(folder, users, tokens, mechanisms=MECHANISMS, **options):
    """A Dovecot that asks a service of the test about tokens: (server, service)."""
    service = TokenService(tokens)
    with open(os.path.join(folder, "oauth2.conf"), "w") as file:
        file.write(f"introspection_url = http://127.0.0.1:{service.port}/introspect\n"
                   "introspection_mode = post\nforce_introspection = yes\n"
                   "username_attribute = username\nactive_attribute = active\n"
                   "active_value = true\n")
    server = Dovecot(folder, users, mechanisms=mechanisms,
                     first=_OAUTH.format(folder=folder), **options)
    return server, service


class Sasl(Scenario):
    """A gateway whose listeners show the server's APOP timestamp, in front of a Dovecot that knows
    all mechanisms."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.mkdtemp(dir=cls.folder)
        os.chmod(folder, 0o755)
        cls.messages = corpus.few()
        cls.server, cls.service = oauth_dovecot(
            folder, {USER: (PASSWORD, cls.messages)}, {TOKEN: USER})
        cls.addClassCleanup(cls.server.stop)
        cls.addClassCleanup(cls.service.stop)
        cls._class_logs.append(("Dovecot", cls.server.log))
        config, cls.ports = cls.config(cls.server.address)
        for listener in config["listeners"]:
            listener["apop"] = True
        config["limits"] = {"exempt_networks": ["127.0.0.0/8"]}
        cls.shared_gateway(config)

    def methods(self):
        """How logins were made so far, one word each."""
        return [re.search(r"method=([\w-]+)", line)[1] for line in self.server.logins()]

    def logs_in(self, program, mechanism, fetch, column=None, forms=None):
        """`fetch(form, port)` works, and the server saw that mechanism: PLAIN for LOGIN, because
        a password that the gateway was given goes on in one way."""
        for form, port in ((clients.POP3S, self.ports.pop3s), (clients.STLS, self.ports.stls)):
            if forms and form not in forms:
                continue
            with self.subTest(form=form):
                before = wait_stable(lambda: len(self.methods()))  # lines come late under load
                got = fetch(form, port)
                self.assertTrue(got)
                wait_until(lambda: len(self.methods()) > before, what="the login in the log")
                self.assertEqual(self.methods()[before:], [
                    "PLAIN" if mechanism == "LOGIN" else mechanism])
        self.client_works(program, column or mechanism)
        if mechanism not in ("PLAIN", "LOGIN"):
            self.server_works("Dovecot", mechanism)

    def own(self):
        return tempfile.mkdtemp(dir=self.own_folder)

    def raw(self):
        return self.client(self.ports.pop3s, tls=True)

    # Programs

    def test_curl(self):
        folder = self.own()
        for mechanism, words in (("PLAIN", []), ("LOGIN", []), ("CRAM-MD5", []),
                                 ("OAUTHBEARER", ["--oauth2-bearer", TOKEN]), ("+APOP", [])):
            with self.subTest(mechanism=mechanism):
                for initial in ([], ["--sasl-ir"]):
                    self.logs_in("curl", mechanism.lstrip("+"), lambda form, port: clients.curl(
                        folder, form, port, self.ca, USER, PASSWORD, 3,
                        more=["--login-options", f"AUTH={mechanism}", *words, *initial]))

    def test_curl_chooses_the_best_by_itself(self):
        folder = self.own()
        self.logs_in("curl", "CRAM-MD5", lambda form, port: clients.curl(
            folder, form, port, self.ca, USER, PASSWORD, 3), column="chooses itself")

    def test_fetchmail(self):
        folder = self.own()
        for mechanism, word in (("PLAIN", "password"), ("CRAM-MD5", "cram-md5"), ("APOP", "APOP")):
            with self.subTest(mechanism=mechanism):
                self.logs_in("fetchmail", mechanism, lambda form, port: clients.fetchmail(
                    folder, form, port, self.ca, USER, PASSWORD, mechanism=word),
                    column="USER" if mechanism == "PLAIN" else None,
                    # With APOP fetchmail does not ask for STLS.
                    forms=[clients.POP3S] if word == "APOP" else None)

    def test_mpop(self):
        folder = self.own()
        for word in ("user", "plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256",
                     "oauthbearer", "xoauth2"):
            mechanism = "PLAIN" if word == "user" else word.upper()
            secret = TOKEN if "oauth" in word else PASSWORD
            with self.subTest(mechanism=word):
                self.logs_in("mpop", mechanism, lambda form, port: clients.mpop(
                    folder, form, port, self.ca, USER, secret, mechanism=word),
                    column="USER" if word == "user" else None)

    def test_neomutt(self):
        folder = self.own()
        for word, mechanism in (("user", "PLAIN"), ("apop", "APOP"),
                                ("SCRAM-SHA-256", "SCRAM-SHA-256")):
            with self.subTest(mechanism=word):
                self.logs_in("neomutt", mechanism, lambda form, port: neomutt.fetch(
                    folder, form, port, self.ca, USER, PASSWORD, mechanism=word),
                    column="USER" if word == "user" else None)

    def test_neomutt_chooses_the_best_by_itself(self):
        folder = self.own()
        self.logs_in("neomutt", "SCRAM-SHA-256", lambda form, port: neomutt.fetch(
            folder, form, port, self.ca, USER, PASSWORD, mechanism=""), column="chooses itself")

    def test_perl(self):
        folder = self.own()
        for program, fetch, words in (
                ("Perl Net::POP3", clients.net_pop3, {"": "PLAIN", "APOP": "APOP"}),
                ("Perl Mail::POP3Client", clients.mail_pop3client,
                 {"": "PLAIN", "APOP": "APOP", "CRAM-MD5": "CRAM-MD5"})):
            for word, mechanism in words.items():
                with self.subTest(program=program, mechanism=word):
                    self.logs_in(program, mechanism, lambda form, port: fetch(
                        folder, form, port, self.ca, USER, PASSWORD, mechanism=word),
                        column=None if word else "USER")

    def test_net_pop3_chooses_the_best_by_itself(self):
        folder = self.own()
        self.logs_in("Perl Net::POP3", "CRAM-MD5", lambda form, port: clients.net_pop3(
            folder, form, port, self.ca, USER, PASSWORD, mechanism="SASL"), column="chooses itself")

    def test_getmail6(self):
        folder = self.own()
        for word, mechanism in (("", "PLAIN"), ("APOP", "APOP")):
            self.logs_in("getmail6", mechanism, lambda form, port: clients.getmail(
                folder, form, port, self.ca, USER, PASSWORD, mechanism=word),
                column=word or "USER", forms=[clients.POP3S])  # it knows no STLS

    def test_curl_is_refused_what_is_bound_to_the_channel(self):
        for mechanism in ("NTLM", "GSSAPI", "DIGEST-MD5", "EXTERNAL"):
            with self.subTest(mechanism=mechanism):
                with self.assertRaises(clients.Failed):
                    clients.curl(self.own(), clients.POP3S, self.ports.pop3s, self.ca, USER,
                                 PASSWORD, 3, more=["--login-options", f"AUTH={mechanism}"])

    def test_poplib(self):
        def apop(form, port):
            connection = clients.poplib_connect(form, port, self.ca)
            try:
                connection.apop(USER, PASSWORD)
                return connection.stat()
            finally:
                connection.quit()
        self.logs_in("Python poplib", "APOP", apop)
        self.logs_in("Python poplib", "PLAIN", lambda form, port: clients.poplib_fetch(
            form, port, self.ca, USER, PASSWORD), column="USER")

    def test_thunderbird(self):
        running = Thunderbird(self.ca)
        self.addCleanup(running.stop)
        self.logs_in("Thunderbird", "CRAM-MD5", lambda form, port: running.fetch(
            form, port, USER, PASSWORD, method=ENCRYPTED))
        self.logs_in("Thunderbird", "PLAIN",
                     lambda form, port: running.fetch(form, port, USER, PASSWORD))

    # What programs do not show

    def test_what_is_offered(self):
        client = self.raw()
        status, body = client.multi("CAPA")
        self.assertTrue(status.startswith(b"+OK"))
        sasl = [line.split()[1:] for line in body.split(b"\r\n") if line.startswith(b"SASL")]
        self.assertEqual(len(sasl), 1, body)
        self.assertEqual(set(sasl[0]), {b"PLAIN", b"LOGIN", b"CRAM-MD5", b"SCRAM-SHA-1",
                                        b"SCRAM-SHA-256", b"XOAUTH2", b"OAUTHBEARER"})
        status, body = client.multi("AUTH")  # the listing of old
        self.assertEqual(set(body.split(b"\r\n")[:-2]), set(sasl[0]))

    def test_what_is_bound_to_the_channel_is_refused(self):
        for mechanism in ("NTLM", "GSSAPI", "DIGEST-MD5", "EXTERNAL", "SCRAM-SHA-1-PLUS",
                          "SCRAM-SHA-256-PLUS", "ANONYMOUS", "NO-SUCH", "CRAM-MD5-"):
            with self.subTest(mechanism=mechanism):
                client = self.raw()
                self.assertTrue(client.command(f"AUTH {mechanism}").startswith(b"-ERR"))
                self.assertTrue(client.command(f"AUTH {mechanism} =").startswith(b"-ERR"))
                self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))

    def test_cram_md5_step_by_step(self):
        client = self.raw()
        for password, good in (("wrong", False), (PASSWORD, True)):
            reply = client.command("AUTH CRAM-MD5")
            self.assertTrue(reply.startswith(b"+ "), reply)
            digest = hmac.new(password.encode(), base64.b64decode(reply[2:]), hashlib.md5)
            reply = client.command(b64(f"{USER} {digest.hexdigest()}"))
            self.assertEqual(reply.startswith(b"+OK"), good, reply)
            self.assertTrue(good or reply.startswith(b"-ERR [AUTH]"), reply)
        client.ok("STAT")

    def test_a_dialog_can_be_broken_off_at_each_step(self):
        client = self.raw()
        for command in ("AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5", "AUTH SCRAM-SHA-256",
                        "AUTH XOAUTH2", "AUTH OAUTHBEARER"):
            reply = client.command(command)
            self.assertTrue(reply.startswith(b"+"), (command, reply))
            self.assertTrue(client.command("*").startswith(b"-ERR"), command)
            client.close()
            client = self.raw()
        self.assertTrue(client.command(
            "AUTH SCRAM-SHA-256 " + b64(f"n,,n={USER},r=abcdefgh")).startswith(b"+ "))
        self.assertTrue(client.command("*").startswith(b"-ERR"))
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))

    def oauth(self, mechanism, token, user=USER):
        return b64(f"user={user}\1auth=Bearer {token}\1\1" if mechanism == "XOAUTH2" else
                   f"n,a={user},\1host=localhost\1port=995\1auth=Bearer {token}\1\1")

    def test_a_wrong_token_gets_its_error_and_its_end(self):
        for mechanism, end in (("XOAUTH2", ""), ("OAUTHBEARER", "AQ==")):
            for initial in (True, False):
                with self.subTest(mechanism=mechanism, initial=initial):
                    client = self.raw()
                    response = self.oauth(mechanism, "wrong")
                    if initial:
                        reply = client.command(f"AUTH {mechanism} {response}")
                    else:
                        self.assertTrue(client.command(f"AUTH {mechanism}").startswith(b"+"))
                        reply = client.command(response)
                    self.assertTrue(reply.startswith(b"+ "), reply)
                    self.assertIn(b"status", base64.b64decode(reply[2:]))
                    reply = client.command(end)
                    self.assertTrue(reply.startswith(b"-ERR"), reply)
                    client.ok(f"AUTH {mechanism} {self.oauth(mechanism, TOKEN)}")
                    client.ok("STAT")

    def test_the_name_of_somebody_else_is_refused(self):
        for line in (f"AUTH PLAIN {b64(chr(0).join(('eve', USER, PASSWORD)))}",
                     "AUTH SCRAM-SHA-256 " + b64(f"n,a=eve,n={USER},r=abcdefgh")):
            with self.subTest(line=line):
                client = self.raw()
                before = wait_stable(lambda: len(self.methods()))  # lines come late under load
                self.assertTrue(client.command(line).startswith(b"-ERR"))
                self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
                wait_until(lambda: len(self.methods()) > before, what="the login in the log")
                self.assertEqual(len(self.methods()), before + 1)
        client = self.raw()
        client.ok(f"AUTH PLAIN {b64(chr(0).join((USER, USER, PASSWORD)))}")  # the same is fine

    def test_apop_step_by_step(self):
        client = self.raw()
        stamp = re.search(rb"<[^>]+>", client.greeting)
        self.assertTrue(stamp, client.greeting)
        self.assertTrue(client.command(f"APOP {USER} {'0' * 32}").startswith(b"-ERR"))
        client = self.raw()
        other = re.search(rb"<[^>]+>", client.greeting)[0]
        self.assertNotEqual(stamp[0], other)
        digest = hashlib.md5(other + PASSWORD.encode()).hexdigest()
        client.ok(f"APOP {USER} {digest}")
        client.ok("STAT")

    def test_no_token_and_no_proof_stands_in_the_log(self):
        config, ports = self.config(self.server.address, log={"level": "debug"})
        running = self.gateway(config)
        client = self.client(ports.pop3s, tls=True)
        response = self.oauth("XOAUTH2", "wrong-token-of-joe")
        client.command(f"AUTH XOAUTH2 {response}")
        client.command("")
        client.ok(f"AUTH OAUTHBEARER {self.oauth('OAUTHBEARER', TOKEN)}")
        client.quit()
        running.wait_for_log("reason=quit")
        for secret in ("wrong-token-of-joe", TOKEN, response, response[:-4],
                       self.oauth("OAUTHBEARER", TOKEN)):
            self.assertNotIn(secret, running.log())


class OneMechanism(Scenario):
    """neomutt takes the best that is offered, whatever it is told, and curl OAUTHBEARER rather
    than XOAUTH2: what is left shows with servers that offer nothing better."""

    def serve_with(self, mechanism):
        folder = tempfile.mkdtemp(dir=self.own_folder)
        os.chmod(folder, 0o755)
        server, service = oauth_dovecot(folder, {USER: (PASSWORD, corpus.few())}, {TOKEN: USER},
                                        mechanisms=f"plain {mechanism}")
        self.addCleanup(server.stop)
        self.addCleanup(service.stop)
        self._logs.append(("Dovecot", server.log))
        _, ports = self.serve(server.address)
        self.client(ports.plain).login(USER, PASSWORD)  # now it is known what the server offers
        wait_until(server.logins, what="that login in the log")
        return server, ports, folder

    def check(self, program, mechanism, server, fetch, forms):
        for form, port in forms:
            before = len(server.logins())
            self.assertTrue(fetch(form, port))
            wait_until(lambda: len(server.logins()) > before, what="the login in the log")
            self.assertIn(f"method={mechanism}", server.logins()[-1])
        self.client_works(program, mechanism)
        self.server_works("Dovecot", mechanism)

    def test_neomutt(self):
        for mechanism in ("CRAM-MD5", "SCRAM-SHA-1"):
            with self.subTest(mechanism=mechanism):
                server, ports, folder = self.serve_with(mechanism)
                self.check("neomutt", mechanism, server, lambda form, port: neomutt.fetch(
                    folder, form, port, self.ca, USER, PASSWORD, mechanism=""),
                    [(clients.POP3S, ports.pop3s), (clients.STLS, ports.stls)])

    def test_curl_with_xoauth2(self):
        server, ports, folder = self.serve_with("XOAUTH2")
        self.check("curl", "XOAUTH2", server, lambda form, port: clients.curl(
            folder, form, port, self.ca, USER, PASSWORD, 3,
            more=["--login-options", "AUTH=XOAUTH2", "--oauth2-bearer", TOKEN]),
            [(clients.POP3S, ports.pop3s), (clients.STLS, ports.stls)])


class ServersWithoutSome(Scenario):
    """What a server cannot do is not promised."""

    def test_a_server_with_plain_alone(self):
        server = self.dovecot({USER: (PASSWORD, [])}, mechanisms="plain")
        _, ports = self.serve(server.address)
        client = self.client(ports.pop3s, tls=True)
        self.assertTrue(client.command("AUTH CRAM-MD5").startswith(b"-ERR"))
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))

    def test_scram_is_not_relayed_to_a_server_that_knows_plus(self):
        server = self.fake(corpus.few(), capabilities=[
            b"USER", b"UIDL", b"SASL PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS"])
        _, ports = self.serve(server.address)
        client = self.client(ports.plain)
        self.assertTrue(client.command(
            "AUTH SCRAM-SHA-256 " + b64(f"n,,n={USER},r=abcdefgh")).startswith(b"-ERR"))
        self.assertNotIn("AUTH", {line.split(b" ")[0].decode() for line in server.all_commands()})

    def test_a_token_of_12_kib(self):
        tokens = {"XOAUTH2": f"user={USER}\1auth=Bearer {'t' * 9000}\1\1",
                  "OAUTHBEARER": f"n,a={USER},\1auth=Bearer {'t' * 9000}\1\1"}
        server = self.fake(corpus.few(), {
            "AUTH": b"+ \r\n", **{b64(token).upper(): b"+OK welcome\r\n"
                                  for token in tokens.values()}},
            capabilities=[b"USER", b"UIDL", b"SASL PLAIN XOAUTH2 OAUTHBEARER"])
        _, ports = self.serve(server.address)
        self.client(ports.plain).login(USER, PASSWORD)  # now it is known what the server offers
        for mechanism, token in tokens.items():
            with self.subTest(mechanism=mechanism):
                self.assertGreater(len(b64(token)), 12000)
                client = self.client(ports.pop3s, tls=True)
                self.assertTrue(client.command(f"AUTH {mechanism}").startswith(b"+"))
                reply = client.command(b64(token))
                self.assertTrue(reply.startswith(b"+OK"), reply)
                client.ok("STAT")

    def test_a_server_that_wants_two_lines(self):
        def auth(connection, line):
            return b"-ERR no initial response, please\r\n" if b" " in line[5:] else b"+ \r\n"
        server = self.fake(corpus.few(), {"AUTH": auth, b64("\0joe\0" + PASSWORD).upper():
                                          b"+OK welcome\r\n", "USER": b"-ERR\r\n"},
                           capabilities=[b"SASL PLAIN", b"UIDL"])
        _, ports = self.serve({"address": server.address, "initial_response": False})
        client = self.client(ports.plain)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"), server.all_commands())
