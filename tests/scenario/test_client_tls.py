"""The leg to the mail program: POP3S and STLS."""

import base64
import socket
import ssl
import time

from support import corpus
from support.case import Scenario, quick
from support.raw_client import RawClient, Truncated

USER, PASSWORD = "joe", "s3cret-of-joe"


class Stls(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({USER: (PASSWORD, corpus.few())})
        config, cls.ports = cls.config(cls.server.address)
        cls.shared_gateway(config)

    def capabilities(self, client):
        status, body = client.multi("CAPA")
        self.assertTrue(status.startswith(b"+OK"))
        return body.decode().split("\r\n")

    @quick
    def test_before_tls_no_login_is_possible(self):
        client = self.client(self.ports.stls)
        blob = base64.b64encode(b"\0joe\0" + PASSWORD.encode()).decode()
        for command in (f"USER {USER}", f"PASS {PASSWORD}", f"AUTH PLAIN {blob}", "AUTH LOGIN",
                        "APOP joe c4c9334bac560ecc979e58001b3e22fb", "STAT", "RETR 1"):
            reply = client.command(command)
            self.assertTrue(reply.startswith(b"-ERR"), (command, reply))
        announced = self.capabilities(client)
        self.assertIn("STLS", announced)
        self.assertNotIn("USER", announced)
        self.assertFalse([line for line in announced if line.startswith("SASL")], announced)

    @quick
    def test_after_stls_login_is_possible(self):
        client = self.client(self.ports.stls)
        client.stls()
        announced = self.capabilities(client)
        self.assertNotIn("STLS", announced)
        self.assertIn("USER", announced)
        self.assertIn("PIPELINING", announced)
        self.assertIn("SASL PLAIN LOGIN", announced)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        client.ok("STAT")
        self.assertTrue(client.command("STLS").startswith(b"-ERR"))
        client.ok("NOOP")
        client.ok("QUIT")

    def test_stls_comes_once_and_without_arguments(self):
        client = self.client(self.ports.stls)
        self.assertTrue(client.command("STLS now").startswith(b"-ERR"))
        client.stls()
        self.assertTrue(client.command("STLS").startswith(b"-ERR"))
        client = self.client(self.ports.pop3s, tls=True)
        self.assertTrue(client.command("STLS").startswith(b"-ERR"))
        self.assertNotIn("STLS", self.capabilities(client))
        client = self.client(self.ports.plain)
        self.assertTrue(client.command("STLS").startswith(b"-ERR"))

    @quick
    def test_commands_sent_along_with_stls_are_never_run(self):
        server = self.fake(corpus.few())
        _, ports = self.serve({"address": server.address, "health_check": {"interval": "0s"}})
        for injected in (b"CAPA\r\n", b"USER eve\r\nPASS eve\r\n", b"USER eve", b"\r\n", b"x"):
            with self.subTest(injected=injected):
                with RawClient(ports.stls, ca=self.ca) as client:
                    client.send(b"STLS\r\n" + injected)
                    try:
                        client.line()
                        client.start_tls()
                        # A gateway that threw the octets away may go on; nothing may be run.
                        self.assertTrue(client.command("PASS eve").startswith(b"-ERR"))
                        self.assertTrue(client.command("NOOP").startswith(b"-ERR"))
                    except (Truncated, OSError):
                        pass
                self.assertEqual(server.all_commands(), [])

    def test_what_was_said_before_tls_is_forgotten(self):
        config, ports = self.config(self.server.address)
        config["listeners"][1]["cleartext_login_networks"] = ["127.0.0.0/8"]
        self.gateway(config)
        client = self.client(ports.stls)
        client.ok(f"USER {USER}")
        client.stls()
        self.assertTrue(client.command(f"PASS {PASSWORD}").startswith(b"-ERR"))
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))

    def test_only_exempt_networks_log_in_in_plain_text(self):
        config, ports = self.config(self.server.address)
        config["listeners"][1]["cleartext_login_networks"] = ["127.0.0.7/32", "10.0.0.0/8"]
        self.gateway(config)
        client = self.client(ports.stls)
        self.assertTrue(client.command(f"USER {USER}").startswith(b"-ERR"))
        exempt = socket.socket()
        exempt.bind(("127.0.0.7", 0))
        exempt.close()
        client = FromAddress("127.0.0.7", ports.stls)
        self.addCleanup(client.close)
        self.assertIn("USER", self.capabilities(client))
        self.assertIn("STLS", self.capabilities(client))
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))

    def test_a_plain_listener_speaks_no_tls_but_lets_log_in(self):
        client = self.client(self.ports.plain)
        announced = self.capabilities(client)
        self.assertNotIn("STLS", announced)
        self.assertIn("USER", announced)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))


class FromAddress(RawClient):
    """A client that comes from a given loopback address."""

    def __init__(self, source, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60,
                                               source_address=(source, 0))
        self.buffer = bytearray()
        self.ca, self.server_name = None, "localhost"
        self.greeting = self.line()


class Handshakes(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({USER: (PASSWORD, corpus.few())})
        config, cls.ports = cls.config(cls.server.address, workers=2)
        cls.running = cls.shared_gateway(config)

    def handshake(self, context, session=None):
        sock = socket.create_connection(("127.0.0.1", self.ports.pop3s), timeout=60)
        self.addCleanup(sock.close)
        wrapped = context.wrap_socket(sock, server_hostname="localhost", session=session)
        self.addCleanup(wrapped.close)
        return wrapped

    def context(self, version=None):
        context = ssl.create_default_context(cafile=self.ca)
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def test_tls_1_2_and_1_3_are_spoken_and_nothing_older(self):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
                              (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            wrapped = self.handshake(self.context(version))
            self.assertEqual(wrapped.version(), name)
            self.assertTrue(wrapped.recv(200).startswith(b"+OK"))
        old = self.context()
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.handshake(old)

    def test_alpn_pop3_is_chosen_and_an_unknown_one_refused(self):
        context = self.context()
        context.set_alpn_protocols(["http/1.1", "pop3"])
        self.assertEqual(self.handshake(context).selected_alpn_protocol(), "pop3")
        context = self.context()
        self.assertIsNone(self.handshake(context).selected_alpn_protocol())
        context = self.context()
        context.set_alpn_protocols(["http/1.1", "imap"])
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.handshake(context).recv(1)

    def test_a_session_is_resumed_by_whichever_worker_takes_it(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version):
                context = self.context(version)
                first = self.handshake(context)
                self.assertTrue(first.recv(200).startswith(b"+OK"))  # TLS 1.3: brings the ticket
                session = first.session
                self.assertFalse(first.session_reused)
                reused = 0
                for _ in range(8):
                    wrapped = self.handshake(context, session)
                    wrapped.recv(200)
                    reused += wrapped.session_reused
                    session = wrapped.session or session
                self.assertEqual(reused, 8)

    def test_a_silent_peer_loses_the_connection_at_the_handshake_deadline(self):
        _, ports = self.serve(self.server.address, timeouts={"handshake": "2s"})
        started = time.monotonic()
        sock = socket.create_connection(("127.0.0.1", ports.pop3s), timeout=60)
        self.addCleanup(sock.close)
        try:
            self.assertEqual(sock.recv(100), b"")
        except ConnectionResetError:
            pass
        self.assertGreater(time.monotonic() - started, 1.5)

    def test_plain_text_on_the_tls_port_ends_the_connection(self):
        sock = socket.create_connection(("127.0.0.1", self.ports.pop3s), timeout=60)
        self.addCleanup(sock.close)
        sock.sendall(b"USER joe\r\nPASS secret\r\n")
        received = b""
        try:
            while data := sock.recv(1000):
                received += data
        except ConnectionError:
            pass
        self.assertNotIn(b"+OK", received)

    def test_a_client_that_leaves_without_close_notify_harms_nobody(self):
        for _ in range(5):
            client = self.client(self.ports.pop3s, tls=True)
            client.login(USER, PASSWORD)
            client.abort()
        client = self.client(self.ports.pop3s, tls=True)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
