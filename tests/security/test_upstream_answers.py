"""Servers, or who speaks in their place, that answer what nobody asked: forged logins, answers
ahead of their question, answers that are none."""

import ssl
import time

from attack import Attack
from support.fake_upstream import CLOSE, SILENT
from support.process import wait_until
from support.raw_client import Truncated, client_context, stuff

USER, PASSWORD = "joe", "s3cret-of-joe"
TEMPORARY = b"-ERR [SYS/TEMP]"
FORGED = b"+OK forged: logged in\r\n"
MAIL = b"Subject: one\r\n\r\ntext of one\r\n"
OTHER = b"Subject: two\r\n\r\ntext of two\r\n"


class Attacked(Attack):
    """A gateway in front of a server that plays false."""

    def talk(self, server, **upstream):
        """Before login: the client's connection, in clear."""
        self.running, ports = self.serve({"address": server.address,
                                          "health_check": {"interval": "0s"}, **upstream})
        return self.client(ports.plain)

    def tls_talk(self, server, form):
        return self.talk(server, tls=form, ca_file=self.ca, server_name="localhost")

    def try_to_log_in(self, client):
        """The answer that decides."""
        reply = client.command(f"USER {USER}")
        return client.command(f"PASS {PASSWORD}") if reply.startswith(b"+OK") else reply

    def assert_nothing_said(self, server):
        """No user, no password, no SASL message reached the server."""
        for line in server.all_commands():
            self.assertNotIn(line.split(b" ")[0].upper(), (b"USER", b"PASS", b"AUTH", b"APOP"))
            self.assertNotIn(PASSWORD.encode(), line)

    def assert_not_logged_in(self, server, client):
        reply = self.try_to_log_in(client)
        self.assertTrue(reply.startswith(TEMPORARY), reply)
        self.assertNotIn(b"forged", reply)
        # The session is one before login, not one that believes.
        self.assertTrue(client.command("STAT").startswith(b"-ERR"))
        for line in server.all_commands():
            self.assertNotIn(line.split(b" ")[0].upper(), (b"STAT", b"QUIT"))

    def logged_in(self, script, messages=(MAIL, OTHER), **more):
        server = self.fake(messages, script, **more)
        client = self.talk(server)
        self.assertTrue(self.try_to_log_in(client).startswith(b"+OK"))
        return server, client


class ForgedLogins(Attacked):
    """A login is believed only when it answers a password that was sent before."""

    rows = ("upstream-stls-injection",)

    def test_answers_in_the_packet_of_the_greeting(self):
        for greeting in (b"+OK ready\r\n" + FORGED,
                         b"+OK ready\r\n+OK\r\n.\r\n" + FORGED,           # CAPA's, then PASS's
                         b"+OK ready\r\n+OK\r\nUSER\r\n.\r\n+OK\r\n" + FORGED,
                         b"+OK ready\r\n-ERR\r\n+OK\r\n" + FORGED,        # no CAPA, USER, PASS
                         b"+OK ready\r\n+OK for",                         # half an answer
                         b"+OK ready\r\n+ \r\n"):
            with self.subTest(greeting=greeting):
                server = self.fake([MAIL], greeting=greeting)
                self.assert_not_logged_in(server, self.talk(server))
                self.assert_nothing_said(server)

    def test_answers_behind_that_to_capa(self):
        capa = b"+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n"
        for behind in (b"+OK\r\n" + FORGED, FORGED, b"+ \r\n" + FORGED, b"+OK for", b"\r\n"):
            with self.subTest(behind=behind):
                server = self.fake([MAIL], {"CAPA": capa + behind})
                self.assert_not_logged_in(server, self.talk(server))
                self.assert_nothing_said(server)

    def test_the_answer_to_pass_together_with_that_to_user(self):
        server = self.fake([MAIL], {"USER": b"+OK\r\n" + FORGED})
        self.assert_not_logged_in(server, self.talk(server))  # one write for both lines
        server = self.fake([MAIL], {"USER": b"+OK\r\n" + FORGED}, capabilities=[b"USER"])
        self.assert_not_logged_in(server, self.talk(server))
        self.assertNotIn("PASS", [verb for one in server.connections for verb in one.verbs])

    def test_the_answer_to_a_sasl_message_together_with_its_challenge(self):
        server = self.fake([MAIL], {"AUTH": b"+ \r\n" + FORGED},
                           capabilities=[b"SASL PLAIN", b"UIDL"])
        client = self.talk(server, initial_response=False)
        self.assert_not_logged_in(server, client)
        self.assertNotIn(b"AGpvZQ", b"".join(server.all_commands()))  # \0joe in base64

    def test_auth_login_that_is_content_with_a_name(self):
        server = self.fake([MAIL], {"AUTH": b"+OK go on\r\n" + FORGED}, capabilities=[b"SASL LOGIN"])
        self.assert_not_logged_in(server, self.talk(server))

    def test_more_answers_behind_that_to_pass(self):
        """The login is true, what follows is not: it would be taken for the answer to STAT."""
        server = self.fake([MAIL], {"PASS": b"+OK\r\n+OK 77 7777 forged\r\n"})
        client = self.talk(server)
        try:
            reply = self.try_to_log_in(client) + client.command("STAT")
        except (Truncated, OSError) as cut:
            reply = getattr(cut, "data", b"")
        self.assertNotIn(b"forged", reply)


class InjectionAtStls(Attacked):
    """What the server's side says in clear behind its answer to STLS is nobody's word."""

    rows = ("upstream-stls-injection",)

    def test_octets_behind_the_answer(self):
        for behind in (FORGED, b"+OK\r\nUSER\r\n.\r\n", b"+OK\r\n" * 5, b"+", b"\r\n", b"\0"):
            with self.subTest(behind=behind):
                server = self.fake([MAIL], {"STLS": b"+OK go\r\n" + behind}, tls="starttls",
                                   certificate=self.authority.good)
                self.assert_not_logged_in(server, self.tls_talk(server, "starttls"))
                self.assert_nothing_said(server)

    def test_octets_a_moment_later(self):
        """Not in the same packet: then it is a handshake that makes no sense."""
        server = self.fake([MAIL], {"STLS": [b"+OK go\r\n", lambda: time.sleep(0.2), FORGED * 3]},
                           capabilities=[b"USER", b"STLS"])
        self.assert_not_logged_in(server, self.tls_talk(server, "starttls"))
        self.assert_nothing_said(server)

    def test_the_answer_to_stls_in_the_greeting(self):
        for more in (b"+OK go\r\n", b"+OK go\r\n" + FORGED):
            server = self.fake([MAIL], greeting=b"+OK ready\r\n" + more, tls="starttls",
                               certificate=self.authority.good)
            self.assert_not_logged_in(server, self.tls_talk(server, "starttls"))
            self.assert_nothing_said(server)

    def test_what_was_announced_in_clear_is_not_used_under_tls(self):
        """CAPA in clear says AUTH PLAIN, CAPA under TLS does not: what counts is the latter."""
        def capa(connection, _):
            return b"+OK\r\n" + (b"USER\r\n" if connection.tls else b"SASL PLAIN\r\nSTLS\r\n") + b".\r\n"
        server = self.fake([MAIL], {"CAPA": capa}, tls="starttls", certificate=self.authority.good)
        client = self.tls_talk(server, "starttls")
        self.assertTrue(self.try_to_log_in(client).startswith(b"+OK"))
        self.assertNotIn("AUTH", server.last().verbs)
        self.assertIn("PASS", server.last().verbs)


class StrippedStls(Attacked):
    """TLS is a must, never "if offered"."""

    rows = ("upstream-stls-stripped",)

    def refused(self, **fake):
        server = self.fake([MAIL], **fake)
        client = self.talk(server, tls="starttls", ca_file=self.ca, server_name="localhost")
        self.assert_not_logged_in(server, client)
        self.assert_nothing_said(server)
        return server

    def test_cut_out_of_capa_and_refused(self):
        self.refused()

    def test_refused_in_many_words(self):
        for answer in (b"-ERR no\r\n", b"-ERR [AUTH] no\r\n", b"-ERR\r\n", b"+ \r\n", b"+\r\n",
                       b"502 no\r\n", CLOSE):
            with self.subTest(answer=answer):
                self.refused(script={"STLS": answer}, tls="starttls",
                             certificate=self.authority.good)

    def test_never_answered(self):
        server = self.fake([MAIL], {"STLS": SILENT})
        self.running, ports = self.serve(
            {"address": server.address, "tls": "starttls", "ca_file": self.ca,
             "server_name": "localhost", "health_check": {"interval": "0s"}, "retries": 0},
            timeouts={"upstream_login": "500ms"})
        self.assert_not_logged_in(server, self.client(ports.plain))
        self.assert_nothing_said(server)

    def test_agreed_and_then_no_handshake(self):
        server = self.fake([MAIL], {"STLS": b"+OK begin\r\n"})
        self.running, ports = self.serve(
            {"address": server.address, "tls": "starttls", "ca_file": self.ca,
             "server_name": "localhost", "health_check": {"interval": "0s"}, "retries": 0},
            timeouts={"upstream_connect": "500ms"})
        self.assert_not_logged_in(server, self.client(ports.plain))
        self.assert_nothing_said(server)

    def test_offered_again_under_tls_is_not_asked_for_again(self):
        server = self.fake([MAIL], capabilities=[b"USER", b"UIDL", b"STLS"], tls="starttls",
                           certificate=self.authority.good)
        client = self.tls_talk(server, "starttls")
        self.assertTrue(self.try_to_log_in(client).startswith(b"+OK"))
        self.assertEqual(server.last().verbs.count("STLS"), 1)
        self.assertNotIn(b"STLS", client.multi("CAPA")[1])
        client.quit()

    def test_a_server_of_implicit_tls_that_speaks_clear_text(self):
        server = self.fake([MAIL])
        self.assert_not_logged_in(server, self.tls_talk(server, "implicit"))
        self.assert_nothing_said(server)


class OutOfStep(Attacked):
    """Every answer belongs to its command, or the session ends."""

    rows = ("disorderly-upstream",)

    def assert_ends(self, script, send, never=(b"text of two", b"forged"), **more):
        server, client = self.logged_in(script, **more)
        client.send(send)
        received = client.at_end()
        for text in never:
            self.assertNotIn(text, received)
        self.assertTrue(server.last().done.wait(30))
        self.assertNotIn("QUIT", server.last().verbs)
        return received

    def test_an_answer_too_many(self):
        for answer in (b"+OK\r\n+OK 9 99 forged\r\n", b"+OK\r\n-ERR forged\r\n", b"+OK\r\n\r\n",
                       b"+OK\r\n.\r\n", b"+OK\r\nx"):
            with self.subTest(answer=answer):
                self.assert_ends({"NOOP": answer}, b"NOOP\r\nSTAT\r\n",
                                 capabilities=[b"USER"])

    def test_a_server_that_forgets_dot_stuffing(self):
        """RETR 1 ends too early by the server's own fault: what is left is no answer to RETR 2."""
        naked = b"+OK\r\nSubject: one\r\n\r\nbefore\r\n.\r\n+OK forged\r\nforged text\r\n.\r\n"
        received = self.assert_ends({"RETR": naked}, b"RETR 1\r\nRETR 2\r\n",
                                    capabilities=[b"USER"])
        self.assertEqual(received.count(b"\r\n.\r\n"), 1)

    def test_a_body_behind_err(self):
        received = self.assert_ends({"RETR": b"-ERR no such message\r\nforged text\r\n.\r\n"},
                                    b"RETR 1\r\nRETR 2\r\n", capabilities=[b"USER"])
        self.assertTrue(received.startswith(b"-ERR no such message\r\n"), received)

    def test_a_body_where_none_belongs(self):
        self.assert_ends({"DELE": b"+OK\r\nforged text\r\n.\r\n"}, b"DELE 1\r\nSTAT\r\n",
                         capabilities=[b"USER"])

    def test_one_line_where_many_belong(self):
        """UIDL without its list: the next answer must not be read as the list."""
        server, client = self.logged_in({"UIDL": b"+OK\r\n"}, capabilities=[b"USER"])
        client.send(b"UIDL\r\nSTAT\r\n")
        self.assertEqual(client.line(), b"+OK")
        # Not one octet more: STAT must wait for the end of the list.
        self.assertTrue(client.silent_for(0.5))
        self.assertNotIn("STAT", server.last().verbs)
        client.abort()

    def test_lying_sizes(self):
        """The number in the answer is talk; the dot counts."""
        for said in (b"0", b"1", b"99999999999999999999", b"-5", b"octets"):
            with self.subTest(said=said):
                _, client = self.logged_in({"RETR": b"+OK " + said + b" octets\r\n" + stuff(MAIL),
                                            "LIST": b"+OK\r\n1 " + said + b"\r\n.\r\n"})
                _, body = client.multi("RETR 1")
                self.assertEqual(body, stuff(MAIL))
                self.assertEqual(client.multi("LIST")[1], b"1 " + said + b"\r\n.\r\n")
                self.assertTrue(client.ok("STAT").startswith(b"+OK 2 "))
                client.quit()

    def test_status_lines_beyond_the_limit(self):
        """4 KiB with CRLF pass, one octet more ends the session, and so does a line without end."""
        longest = b"+OK " + b"x" * (4096 - 6) + b"\r\n"
        _, client = self.logged_in({"NOOP": longest})
        self.assertEqual(client.command("NOOP") + b"\r\n", longest)
        for line in (b"+OK x" + longest[4:], b"+OK " + b"x" * 3_000_000):
            received = self.assert_ends({"NOOP": line}, b"NOOP\r\nSTAT\r\n")
            self.assertNotIn(b"xxx", received)

    def test_a_greeting_without_end(self):
        server = self.fake([MAIL], greeting=b"+OK " + b"x" * 1_000_000)
        self.assert_not_logged_in(server, self.talk(server))

    def test_capa_without_end(self):
        line = b"X-ENDLESS " + b"x" * 60 + b"\r\n"
        server = self.fake([MAIL], {"CAPA": b"+OK\r\n" + line * 20000})
        self.assert_not_logged_in(server, self.talk(server))
        self.assert_nothing_said(server)

    def test_challenges_after_login(self):
        for answer in (b"+ \r\n", b"+\r\n", b"+ Zm9yZ2Vk\r\n"):
            self.assert_ends({"NOOP": answer}, b"NOOP\r\nSTAT\r\n")


class EndlessBody(Attacked):
    rows = ("disorderly-upstream",)

    def test_a_client_that_left_ends_a_message_without_end(self):
        """Who left does not keep the server's connection open, however much still comes."""
        def forever(connection, _):
            return [b"+OK\r\n"] + [b"endless line\r\n" * 5000] * 40000
        for leave in ("close", "abort"):
            for tls in (True, False):
                with self.subTest(leave=leave, tls=tls):
                    server = self.fake([MAIL], {"RETR": forever})
                    running, ports = self.serve(server.unwatched)
                    client = self.client(ports.pop3s if tls else ports.plain, tls=tls)
                    client.login(USER, PASSWORD)
                    client.send(b"RETR 1\r\n")
                    client.line()
                    getattr(client, leave)()
                    self.assertTrue(server.last().done.wait(20))
                    self.assertNotIn("QUIT", server.last().verbs)
                    wait_until(lambda: running.metrics()["gatepost_sessions_active"] == 0,
                               what="the session to end")

    def test_a_server_that_speaks_octet_by_octet(self):
        """Slow is not wrong, and the cuts change nothing."""
        def slowly(data):
            def say(_, __):
                parts = []
                for octet in data:
                    parts += [bytes([octet]), lambda: time.sleep(0.001)]
                return parts
            return say
        tricky = b"..\r\n.text\r\n\r\n..\r\n"
        _, client = self.logged_in({"RETR": slowly(b"+OK\r\n" + stuff(tricky)),
                                    "STAT": slowly(b"+OK 1 18\r\n")})
        self.assertEqual(client.multi("RETR 1")[1], stuff(tricky))
        self.assertEqual(client.ok("STAT"), b"+OK 1 18")
        client.quit()


class CutTls(Attacked):
    """TLS that ends without close_notify, or with it, inside an answer: truncation either way."""

    rows = ("tls-truncation",)

    def cut(self, form, at, ending):
        whole = b"+OK 3000 octets\r\n" + stuff(b"a line of text\r\n" * 200)
        server = self.fake([MAIL], {"RETR": [whole[:at], ending]}, tls=form,
                           certificate=self.authority.good)
        client = self.tls_talk(server, form)
        self.assertTrue(self.try_to_log_in(client).startswith(b"+OK"))
        client.send(b"RETR 1\r\nSTAT\r\n")
        return whole, client.at_end(), server

    def test_in_a_message(self):
        end = 17 + 200 * 16 + 3
        for form in ("starttls", "implicit"):
            for at in (5, 17, 1000, end - 3, end - 2, end - 1):
                with self.subTest(form=form, at=at):
                    whole, received, server = self.cut(form, at, CLOSE)
                    self.assertNotIn(b"\r\n.\r\n", received)
                    self.assertNotIn(b"+OK 1 ", received)
                    self.assertNotIn("QUIT", server.last().verbs)

    def test_the_client_sees_a_broken_connection(self):
        """Not only a missing dot: over TLS no orderly end either."""
        server = self.fake([MAIL], {"RETR": [b"+OK\r\nhalf a mess", CLOSE]}, tls="implicit",
                           certificate=self.authority.good)
        _, ports = self.serve({"address": server.address, "tls": "implicit", "ca_file": self.ca,
                               "server_name": "localhost"})
        client = self.client(ports.pop3s, greeting=False)
        client.socket = client_context(self.ca).wrap_socket(
            client.socket, server_hostname="localhost", suppress_ragged_eofs=False)
        client.line()
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        client.send(b"RETR 1\r\n")
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            while client.socket.recv(65536):
                pass

    def test_between_quit_and_its_answer(self):
        server = self.fake([MAIL], {"QUIT": CLOSE}, tls="implicit",
                           certificate=self.authority.good)
        client = self.tls_talk(server, "implicit")
        self.assertTrue(self.try_to_log_in(client).startswith(b"+OK"))
        client.ok("DELE 1")
        client.send(b"QUIT\r\n")
        self.assertNotIn(b"+OK", client.at_end())


class Codes(Attacked):
    """RFC 3206: [AUTH] makes programs ask for the password again; it is the server's word alone."""

    rows = ("response-codes",)

    def test_the_servers_codes_are_passed_on(self):
        for text in (b"-ERR [IN-USE] locked\r\n", b"-ERR [AUTH] wrong\r\n",
                     b"-ERR [SYS/TEMP] later\r\n", b"-ERR [SYS/PERM] never\r\n",
                     b"-ERR [LOGIN-DELAY] wait\r\n", b"-ERR [X-ODD/CODE] odd\r\n", b"-ERR\r\n"):
            with self.subTest(text=text):
                server = self.fake([MAIL], {"PASS": text})
                reply = self.try_to_log_in(self.talk(server, retries=0))
                self.assertEqual(reply + b"\r\n", text)

    def test_locked_is_no_wrong_password(self):
        """RFC 2449 section 8.1.2: with [IN-USE] the password was right, so nobody is slowed."""
        server = self.fake([MAIL], {"PASS": b"-ERR [IN-USE] locked\r\n"})
        running, ports = self.serve(server.address, limits={"free_failed_logins": 1,
                                                            "login_attempts": 3})
        for _ in range(4):
            client = self.client(ports.plain)
            client.socket.settimeout(10)
            self.assertIn(b"[IN-USE]", client.login(USER, PASSWORD))
        self.assertEqual(running.metrics()['gatepost_logins_total{result="refused"}'], 0)

    def test_no_trouble_of_ours_is_called_a_wrong_password(self):
        """Whatever goes wrong upstream, neither the reply to USER nor that to PASS says [AUTH]."""
        bad = self.authority.self_signed("codes-self-signed")
        gone = self.fake()
        gone.stop()
        troubles = {
            "nobody listens": (gone, {}),
            "refused in the greeting": (self.fake(greeting=b"-ERR [AUTH] go away\r\n"), {}),
            "closed in the greeting": (self.fake(greeting=CLOSE), {}),
            "garbage": (self.fake(greeting=b"SSH-2.0-x\r\n"), {}),
            "bad certificate": (self.fake(tls="implicit", certificate=bad),
                                {"tls": "implicit", "ca_file": self.ca,
                                 "server_name": "localhost"}),
            "no STLS": (self.fake(), {"tls": "starttls", "ca_file": self.ca,
                                      "server_name": "localhost"}),
            "STLS refused": (self.fake(script={"STLS": b"-ERR [AUTH] no\r\n"}),
                             {"tls": "starttls", "ca_file": self.ca, "server_name": "localhost"}),
            "closed at the password": (self.fake(script={"PASS": CLOSE}), {}),
            "garbage at the password": (self.fake(script={"PASS": b"what?\r\n"}), {}),
        }
        for what, (server, upstream) in troubles.items():
            with self.subTest(what=what):
                reply = self.try_to_log_in(self.talk(server, **upstream))
                self.assertTrue(reply.startswith((b"-ERR [SYS/TEMP]", b"-ERR [SYS/PERM]")), reply)
                self.assertNotIn(b"AUTH", reply)


class HostileTexts(Attacked):
    """Escape sequences and line ends in what a server says stay harmless in the log."""

    rows = ("control-characters",)

    def test_in_log_and_metrics(self):
        evil = b"\x1b]0;owned\x07\x1b[2J\x9b31m \xe2\x80\xae tab\there \x7f \xff\xfe"
        line = b'-ERR [SYS/TEMP] x" level=error' + evil + b"\r\n"
        for script in ({"PASS": line}, {"USER": line}, {"NOOP": b"+OK " + evil + b"\r\n"}):
            server = self.fake([MAIL], script)
            client = self.talk(server, retries=0)
            self.try_to_log_in(client)
            client.command("NOOP")
            client.quit()
            self.assert_inert()
        server = self.fake(greeting=b"-ERR " + evil + b"\r\n")
        self.try_to_log_in(self.talk(server, retries=0))
        self.assert_inert()

    def test_no_status_line_carries_a_line_end(self):
        for text in (b"-ERR a\rb\r\n", b"-ERR a\0b\r\n", b"-ERR a\nb\r\n", b"+OK a\n+OK b\r\n"):
            server = self.fake([MAIL], {"PASS": text})
            reply = self.try_to_log_in(self.talk(server, retries=0))
            self.assertTrue(reply.startswith(TEMPORARY), reply)
            self.assert_inert()

    def assert_inert(self):
        wait_until(lambda: "event=" in self.running.log() or self.running.log(), what="a log")
        with open(self.running.child.log_path, "rb") as file:
            log = file.read()
        for octet in (b"\x1b", b"\x07", b"\x7f", b"\x9b", b"\xff", b"\xe2\x80\xae", b"\t", b"\0", b"\r"):
            self.assertNotIn(octet, log)
        for text in log.decode().splitlines():
            self.assertRegex(text, r"^\d{4}-\d\d-\d\dT[0-9:.]+Z (debug|info|warning|error) [a-z_]+( |$)")
        self.assertNotIn("owned", self.running.get("/metrics")[1])
