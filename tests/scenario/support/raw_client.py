"""A POP3 client that shows every octet: sockets and ssl, pipelining when asked."""

import select
import socket
import ssl
import time

DEADLINE = 120


class Truncated(Exception):
    """The connection ended before the reply did. `data` is what came."""

    def __init__(self, data):
        super().__init__(f"connection ended after {len(data)} octets: ...{data[-100:]!r}")
        self.data = data


class RawClient:
    """One connection. Give `port` of 127.0.0.1, or `address` for anything `socket` connects to."""

    def __init__(self, port=None, tls=False, ca=None, address=None, family=socket.AF_INET,
                 server_name="localhost", greeting=True, receive_buffer=None, seconds=DEADLINE,
                 source=None):
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(seconds)
        self.buffer = bytearray()
        self.ca = ca
        self.server_name = server_name
        try:
            if source:  # the loopback address that this client comes from
                self.socket.bind((source, 0))
            self.socket.connect(address or ("127.0.0.1", port))
            if tls:
                self.start_tls()
            self.greeting = self.line() if greeting else None
        except Exception:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.socket.close()

    def abort(self):
        """Closes with a reset, as a vanished client looks."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.socket.close()

    def start_tls(self, context=None):
        context = context or client_context(self.ca)
        self.socket = context.wrap_socket(self.socket, server_hostname=self.server_name)

    def stls(self):
        reply = self.command("STLS")
        assert reply.startswith(b"+OK"), reply
        assert not self.buffer, f"octets behind the reply to STLS: {bytes(self.buffer)!r}"
        self.start_tls()

    # Sending and receiving

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        data = self.socket.recv(262144)
        if not data:
            raise Truncated(bytes(self.buffer))
        self.buffer += data

    def line(self):
        """The next line without CRLF."""
        while (end := self.buffer.find(b"\r\n")) < 0:
            self._more()
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 2]
        return line

    def body(self):
        """A multi-line body as sent (stuffed), with its final dot line."""
        if self._has_start(b".\r\n"):
            del self.buffer[:3]
            return b".\r\n"
        searched = 0
        while (end := self.buffer.find(b"\r\n.\r\n", searched)) < 0:
            searched = max(0, len(self.buffer) - 4)
            self._more()
        data = bytes(self.buffer[:end + 5])
        del self.buffer[:end + 5]
        return data

    def _has_start(self, start):
        while len(self.buffer) < len(start):
            if not start.startswith(self.buffer):
                return False
            self._more()
        return self.buffer.startswith(start)

    def command(self, text):
        """Sends a line and returns the status line."""
        self.send((text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.line()

    def multi(self, text):
        """Sends a command with a multi-line reply; (status line, stuffed body or b'')."""
        status = self.command(text)
        return status, self.body() if status.startswith(b"+OK") else b""

    def ok(self, text):
        status = self.command(text)
        assert status.startswith(b"+OK"), f"{text!r}: {status!r}"
        return status

    def login(self, user, password):
        self.ok(f"USER {user}")
        return self.command(f"PASS {password}")

    def quit(self):
        """QUIT, and the end of the connection from both sides."""
        self.ok("QUIT")
        self.at_end()
        self.close()

    def at_end(self, seconds=DEADLINE):
        """Reads until the connection ends; returns what still came. A reset counts as an end."""
        self.socket.settimeout(seconds)
        try:
            while True:
                self._more()
        except Truncated:
            pass
        except (ConnectionError, ssl.SSLError):
            pass
        data = bytes(self.buffer)
        self.buffer.clear()
        return data

    def silent_for(self, seconds):
        """True when nothing arrives and nothing ends for a while."""
        if self.buffer:
            return False
        waiting = select.poll()  # select() ends at descriptor 1,023
        waiting.register(self.socket, select.POLLIN)
        return not waiting.poll(seconds * 1000)

    # All messages

    def fetch_all(self, pipelined=False):
        """Every message in turn: list of (status line, stuffed body)."""
        count = int(self.ok("STAT").split()[1])
        if not pipelined:
            return [self.multi(f"RETR {n}") for n in range(1, count + 1)]
        # A correct client reads while it writes; the commands fit any socket buffer here.
        self.send(b"".join(b"RETR %d\r\n" % n for n in range(1, count + 1)))
        replies = []
        for _ in range(count):
            status = self.line()
            replies.append((status, self.body() if status.startswith(b"+OK") else b""))
        return replies


def client_context(ca=None):
    context = ssl.create_default_context(cafile=ca) if ca else ssl._create_unverified_context()
    return context


def unstuff(body):
    """The message inside a stuffed body, by RFC 1939 section 3."""
    assert body == b".\r\n" or body.endswith(b"\r\n.\r\n"), body[-20:]
    if body.startswith(b".") and body != b".\r\n":
        body = body[1:]
    return body.replace(b"\r\n.", b"\r\n")[:-2] if body != b".\r\n" else b""


def stuff(message):
    """A message as a stuffed body; one is given a final CRLF if it lacks it."""
    if message and not message.endswith(b"\r\n"):
        message += b"\r\n"
    stuffed = message.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + b".\r\n"


def eventually_refused(connect, seconds=30):
    """True once `connect()` fails to connect or is closed without a greeting."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with connect():
                pass
        except (OSError, Truncated):
            return True
        time.sleep(0.05)
    return False
