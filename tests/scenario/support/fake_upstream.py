"""A POP3 server that misbehaves on demand and remembers every octet it was sent."""

import select
import socket
import ssl
import threading

from .ports import free_port
from .raw_client import stuff

CLOSE = object()   # answer: close the connection
RESET = object()   # answer: close it with a reset
SILENT = object()  # answer: say nothing, go on reading


class Connection:
    """What one client did. `ended` is '', 'eof', 'reset' or 'closed' (by us)."""

    def __init__(self):
        self.commands = []      # lines, without CRLF
        self.tls = False        # whether a handshake with us succeeded
        self.tls_error = ""
        self.resumed = False    # whether that handshake resumed a session
        self.server_name = None
        self.most_waiting = 0   # commands that lay unanswered at once
        self.ended = ""
        self.done = threading.Event()

    @property
    def verbs(self):
        return [line.split(b" ")[0].upper().decode(errors="replace") for line in self.commands]


class FakeUpstream:
    """Serves `messages` (bytes, sent stuffed) to anyone; one thread a connection.

    `script` maps a verb to an answer, or to a function of (connection, line) that gives one. An
    answer is bytes, CLOSE, RESET, SILENT, or a list of these that are done in turn. Verbs that are
    not in it get the answers of a well-behaved server. `greeting` is an answer too.
    `tls` is '', 'implicit' or 'starttls', with `certificate`.
    """

    def __init__(self, messages=(), script=None, greeting=b"+OK fake ready\r\n", tls="",
                 certificate=None, capabilities=(b"USER", b"UIDL", b"TOP", b"PIPELINING")):
        self.messages = list(messages)
        self.script = dict(script or {})
        self.greeting = greeting
        self.capabilities = list(capabilities)
        self.tls = tls
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*certificate)
        self.connections = []
        self._threads = []
        self._sockets = []
        self._lock = threading.Lock()
        self._stopping = False
        self.port = free_port()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(64)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def unwatched(self):
        """A pool of it without health checks: each connection is a client's."""
        return {"address": self.address, "health_check": {"interval": "0s"}}

    def all_commands(self):
        """Every line of every connection made for a client."""
        return [line for connection in self.for_clients() for line in connection.commands]

    def for_clients(self):
        """The connections without those that said no more than a health check does."""
        return [connection for connection in list(self.connections)
                if not connection.commands or set(connection.commands) - {b"STLS", b"CAPA", b"QUIT"}]

    def last(self):
        return self.for_clients()[-1]

    def stop(self):
        self._stopping = True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        with self._lock:
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self._accepting.join(10)
        for thread in self._threads:
            thread.join(10)

    def _accept(self):
        while not self._stopping:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection()
            with self._lock:
                self._sockets.append(sock)
            self.connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(sock, connection), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock, connection):
        try:
            sock.settimeout(120)
            if self.tls == "implicit":
                sock = self._handshake(sock, connection)
            if sock is None or not self._answer(sock, connection, self.greeting):
                return
            self._talk(sock, connection)
        except ConnectionResetError:
            connection.ended = connection.ended or "reset"
        except OSError as error:
            connection.ended = connection.ended or f"{error}"
        finally:
            connection.ended = connection.ended or "closed"
            connection.done.set()
            if sock is not None:
                sock.close()

    def _handshake(self, sock, connection):
        def note_name(_, name, __):
            connection.server_name = name
        self._context.sni_callback = note_name
        try:
            wrapped = self._context.wrap_socket(sock, server_side=True)
            connection.tls = True
            connection.resumed = bool(wrapped.session_reused)
            with self._lock:
                self._sockets.append(wrapped)
            return wrapped
        except (ssl.SSLError, OSError) as error:
            connection.tls_error = str(error)
            connection.ended = "handshake"
            return None

    def _talk(self, sock, connection):
        buffer = b""
        while True:
            while b"\r\n" not in buffer:
                data = sock.recv(65536)
                if not data:
                    connection.ended = "eof"
                    return
                buffer += data
            buffer += self._arrived(sock)
            connection.most_waiting = max(connection.most_waiting, buffer.count(b"\r\n"))
            line, _, buffer = buffer.partition(b"\r\n")
            connection.commands.append(line)
            verb = line.split(b" ")[0].upper().decode(errors="replace")
            answer = self.script.get(verb, self._well_behaved)
            if callable(answer):
                answer = answer(connection, line)
            if not self._answer(sock, connection, answer):
                return
            if verb == "STLS" and answer == b"+OK go\r\n":
                sock = self._handshake(sock, connection)
                if sock is None:
                    return
            if verb == "QUIT":
                connection.ended = "quit"
                return

    @staticmethod
    def _arrived(sock):
        """What has come meanwhile, without waiting."""
        data = b""
        waiting = select.poll()  # select() ends at descriptor 1,023
        waiting.register(sock, select.POLLIN)
        while waiting.poll(0):
            more = sock.recv(65536)
            if not more:
                break  # the next blocking read sees the end again
            data += more
        return data

    def _answer(self, sock, connection, answer):
        """False when the connection is over."""
        for part in answer if isinstance(answer, list) else [answer]:
            if part is CLOSE:
                connection.ended = "closed"
                sock.close()
                return False
            if part is RESET:
                connection.ended = "closed"
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                sock.close()
                return False
            if callable(part):
                part()
            elif part is not SILENT:
                sock.sendall(part)
        return True

    def _well_behaved(self, connection, line):
        words = line.decode(errors="replace").split(" ")
        verb = words[0].upper()
        number = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        if verb == "CAPA":
            lines = list(self.capabilities)
            if self.tls == "starttls" and not connection.tls:
                lines.append(b"STLS")
            return b"+OK\r\n" + b"".join(entry + b"\r\n" for entry in lines) + b".\r\n"
        if verb == "STLS" and self.tls == "starttls" and not connection.tls:
            return b"+OK go\r\n"
        if verb in ("USER", "PASS", "NOOP", "RSET", "DELE", "QUIT", "AUTH"):
            return b"+OK\r\n"
        sizes = [len(message) for message in self.messages]
        if verb == "STAT":
            return b"+OK %d %d\r\n" % (len(sizes), sum(sizes))
        if verb in ("LIST", "UIDL"):
            values = [b"%d" % size for size in sizes] if verb == "LIST" else [
                b"uid%d" % n for n in range(1, len(sizes) + 1)]
            if not number:
                return b"+OK\r\n" + b"".join(b"%d %s\r\n" % (n, value) for n, value in
                                            enumerate(values, 1)) + b".\r\n"
            if number <= len(values):
                return b"+OK %d %s\r\n" % (number, values[number - 1])
        if verb in ("RETR", "TOP") and 0 < number <= len(sizes):
            return b"+OK %d octets\r\n" % sizes[number - 1] + stuff(self.messages[number - 1])
        return b"-ERR no\r\n"
