"""Other protocols on our ports: closed early, and what looks like POP3 in them is never done."""

import socket
import ssl

from attack import Attack

POP3_LINES = b"USER joe\r\nPASS x\r\nDELE 1\r\nQUIT\r\n"


def http(method=b"POST", target=b"/", version=b"HTTP/1.1"):
    return (b"%s %s %s\r\nHost: localhost:110\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
            b"\r\n" % (method, target, version, len(POP3_LINES)) + POP3_LINES)


def client_hello(name="localhost"):
    """What a TLS client sends first."""
    outgoing = ssl.MemoryBIO()
    context = ssl._create_unverified_context()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


HTTP = {
    "POST": http(), "GET": http(b"GET"), "PUT": http(b"PUT"), "OPTIONS": http(b"OPTIONS"),
    "a method of its own": http(b"XYZZY"), "a POP3 word as method": http(b"USER"),
    "a long target": http(target=b"/" + b"a" * 400), "HTTP/1.0": http(version=b"HTTP/1.0"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + POP3_LINES,
    "CONNECT": http(b"CONNECT", b"localhost:110"), "a whole URL": http(target=b"http://x/"),
}
OTHERS = {
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n\0\0\4\x14",
    "SSH without CR": b"SSH-2.0-OpenSSH_9.2\n",
    "SMTP": b"EHLO x\r\nMAIL FROM:<>\r\n",
    "IMAP": b"a1 LOGIN joe x\r\na2 SELECT INBOX\r\n",
    "Redis": b"*1\r\n$4\r\nPING\r\n",
    "SOCKS": b"\5\1\0", "RDP": b"\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0",
    "zeros": b"\0" * 1000, "SMB": b"\0\0\0\x85\xffSMBr", "MQTT": b"\x10\x0c\0\4MQTT\4\2\0<\0\0",
}


class OnPlain(Attack):
    rows = ("other-protocols",)

    def setUp(self):
        super().setUp()
        self.start(timeouts={"login": "1s", "handshake": "1s"})

    def replies(self, data, port):
        client = self.client(port)
        try:
            client.send(data)
        except OSError:
            pass
        return client.at_end(30).split(b"\r\n")[:-1]

    def test_http_ends_at_its_first_line(self):
        for port in (self.ports.plain, self.ports.stls):
            for name, data in HTTP.items():
                with self.subTest(name):
                    replies = self.replies(data, port)
                    self.assertEqual(len(replies), 1, replies)
                    self.assert_refused(replies[0])
        self.assertEqual(self.server.all_commands(), [])

    def test_http_after_a_line_that_was_let_through(self):
        """The first line of the session may be ours: a request behind it still ends it."""
        replies = self.replies(b"CAPA\r\n" + http(), self.ports.plain)
        self.assert_refused(replies[-1])
        self.assertEqual(sum(line.startswith(b"-ERR") for line in replies), 1, replies)
        self.assertEqual(self.server.all_commands(), [])

    def test_tls_where_plain_text_is_spoken(self):
        for port in (self.ports.plain, self.ports.stls):
            for hello in (client_hello(), client_hello("a" * 60 + ".example"),
                          b"\x16\x03\x01", b"\x80\x2e\1\0\2"):
                replies = self.replies(hello, port)
                self.assertFalse([line for line in replies if line.startswith(b"+OK")], replies)
        self.assertEqual(self.server.all_commands(), [])

    def test_others_are_refused_and_gone_at_the_deadline(self):
        clients = []
        for data in OTHERS.values():
            client = self.client(self.ports.plain)
            client.send(data)
            clients.append(client)
        for name, client in zip(OTHERS, clients):
            with self.subTest(name):
                replies = client.at_end(30).split(b"\r\n")[:-1]
                self.assertFalse([line for line in replies if line.startswith(b"+OK")], replies)
        self.assertEqual(self.server.all_commands(), [])
        self.start()
        self.assert_serves()


class OnTls(Attack):
    rows = ("other-protocols",)

    def setUp(self):
        super().setUp()
        self.start(timeouts={"login": "1s", "handshake": "1s"})

    def test_plain_text_gets_no_pop3_back(self):
        for name, data in {**HTTP, **OTHERS, "POP3": POP3_LINES}.items():
            with self.subTest(name):
                client = self.client(self.ports.pop3s, greeting=False)
                client.send(data)
                client.socket.shutdown(socket.SHUT_WR)
                said = client.at_end(30)
                self.assertNotIn(b"+OK", said)
                self.assertNotIn(b"-ERR", said)
        self.assertEqual(self.server.all_commands(), [])

    def test_foreign_alpn_is_refused_in_the_handshake(self):
        """A browser that was led here cannot take our answers for those of its web server."""
        for offered in (["http/1.1"], ["h2", "http/1.1"], ["imap"], ["smtp"], ["POP3"], ["pop"]):
            for stls in (False, True):
                with self.subTest(offered, stls=stls):
                    context = ssl._create_unverified_context()
                    context.set_alpn_protocols(offered)
                    client = self.client(self.ports.stls if stls else self.ports.pop3s,
                                         greeting=stls)
                    if stls:
                        client.ok("STLS")
                    with self.assertRaises((ssl.SSLError, ConnectionError)) as raised:
                        client.start_tls(context)
                    self.assertIn("NO_APPLICATION_PROTOCOL", str(raised.exception).upper().replace(" ", "_"))

    def test_http_inside_tls_ends_at_its_first_line(self):
        for name, data in HTTP.items():
            with self.subTest(name):
                client = self.client(self.ports.pop3s, tls=True)
                client.send(data)
                replies = client.at_end(30).split(b"\r\n")[:-1]
                self.assertEqual(len(replies), 1, replies)
                self.assert_refused(replies[0])
        self.assertEqual(self.server.all_commands(), [])
