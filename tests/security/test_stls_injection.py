"""Clear text smuggled into the TLS session: whoever sits on the wire sends it along with STLS."""

import socket
import ssl

from attack import Attack
from support.raw_client import Truncated, client_context


class StlsInjection(Attack):
    """What comes in clear behind STLS is neither run nor answered, in whatever pieces it comes."""

    rows = ("stls-injection", "stls")

    def setUp(self):
        super().setUp()
        self.start()

    def inject(self, *pieces):
        """Sends the pieces in clear, then tries a handshake. The client inside TLS, None when the
        gateway ended the connection instead."""
        client = self.client(self.ports.stls)
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            client.send(piece)
        try:
            if not client.line().startswith(b"+OK"):
                self.assertEqual(client.at_end(20), b"")
                return None
            if client.buffer:
                self.fail(f"answered in clear: {bytes(client.buffer)!r}")
            client.start_tls()
            return client
        except (Truncated, OSError):  # ssl.SSLError is one
            return None

    def assert_nothing_was_run(self, client):
        """No answer waits inside TLS, and nobody is half logged in there."""
        if client is not None:
            self.assert_refused(client.command(f"PASS {self.password}"))
            self.assertTrue(client.silent_for(0.2))
        self.assert_upstream_never_saw(b"DELE", b"USER", b"PASS", b"AUTH")
        self.assert_serves_over_stls()

    def assert_serves_over_stls(self):
        client = self.client(self.ports.stls)
        client.stls()
        self.assertTrue(client.login("honest", "x").startswith(b"+OK"))
        self.server.connections.clear()
        client.quit()

    def test_whole_commands(self):
        for behind in (b"CAPA\r\n", b"USER joe\r\n", b"USER joe\r\nPASS x\r\nDELE 1\r\nQUIT\r\n",
                       b"AUTH PLAIN AGpvZQB4\r\n", b"STLS\r\n", b"\r\n"):
            with self.subTest(behind):
                self.assert_nothing_was_run(self.inject(b"STLS\r\n" + behind))

    def test_half_a_command_that_tls_is_to_complete(self):
        for behind in (b"USER joe", b"USER ", b"U", b"AUTH PLAIN ", b"XYZZY\r", b"\0"):
            with self.subTest(behind):
                client = self.inject(b"STLS\r\n" + behind)
                if client is not None:
                    client.send(b"\r\n")  # would complete it
                    self.assert_refused(client.line())
                self.assert_nothing_was_run(client)

    def test_in_a_packet_of_its_own_behind_stls(self):
        self.assert_nothing_was_run(self.inject(b"STLS\r", b"\nUSER joe\r\n"))
        self.assert_nothing_was_run(self.inject(b"STL", b"S\r\nUSER joe\r\nPASS x", b"\r\n"))

    def test_behind_the_answer(self):
        """Sent when +OK has come: TLS has begun for us, so this is a broken handshake."""
        client = self.client(self.ports.stls)
        client.ok("STLS")
        client.send(b"USER joe\r\nPASS x\r\nDELE 1\r\n")
        self.assertNotIn(b"+OK", client.at_end())
        self.assert_nothing_was_run(None)

    def test_before_the_client_hello_in_one_write(self):
        """The hello of a handshake, with a command before it in the same packet."""
        client = self.client(self.ports.stls)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client_context(self.ca).wrap_bio(incoming, outgoing, server_hostname="localhost")
        self.assertRaises(ssl.SSLWantReadError, tls.do_handshake)
        client.send(b"STLS\r\nUSER joe\r\n" + outgoing.read())
        self.assert_refused(client.line())
        self.assertEqual(client.at_end(20), b"")
        self.assert_nothing_was_run(None)

    def test_pipelined_before_stls_is_answered_in_clear_and_forgotten(self):
        client = self.client(self.ports.stls)
        client.send(b"CAPA\r\nUSER joe\r\nSTLS\r\n")
        client.line(), client.body()
        self.assert_refused(client.line())  # no USER in clear here
        self.assertTrue(client.line().startswith(b"+OK"))
        client.start_tls()
        self.assert_nothing_was_run(client)

    def test_a_second_stls_inside_tls(self):
        client = self.client(self.ports.stls)
        client.stls()
        for _ in range(3):
            self.assert_refused(client.command("STLS"))
        client.send(b"STLS\r\nNOOP\r\n")
        self.assert_refused(client.line())
        self.assert_refused(client.line())
        self.assertTrue(client.login("joe", "x").startswith(b"+OK"))
        self.assert_refused(client.command("STLS"))
        client.ok("STAT")

    def test_a_session_that_says_no_hello_ends_at_the_deadline(self):
        _, self.ports = self.serve(self.server.address, timeouts={"handshake": "1s"})
        client = self.client(self.ports.stls)
        client.ok("STLS")
        self.assertEqual(client.at_end(30), b"")
