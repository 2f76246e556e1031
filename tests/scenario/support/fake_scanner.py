"""A scanner that misbehaves on demand, and keeps what it was shown.

It speaks like clamd, an ICAP server, rspamd or spamd. Unless told otherwise it finds what the real
ones find, so that the gateway's self-test is content with it.
"""

import json
import re
import socket
import ssl
import struct
import threading
import time

from . import samples
from .ports import free_port

#: What the gateway's own samples have in their header.
SELF_TEST = b"self-test@localhost.invalid"
ALL = 1 << 40


class Behaviour:
    """What it does with messages other than the self-test's.

    `answer` is what it says: a function of (form, message) that gives octets, or None for what is
    right. `after` octets of the message it says so, by default when it has all. `wait` are seconds
    before it speaks, `gate` an event that it waits for. `cut` are seconds between the octets of the
    answer. `ending`: "close", "reset", or "stay" (it never closes).
    """

    def __init__(self, answer=None, after=ALL, wait=0.0, gate=None, cut=None, ending="close",
                 with_tests=False):
        self.answer, self.after, self.wait, self.gate = answer, after, wait, gate
        self.cut, self.ending, self.with_tests = cut, ending, with_tests


def _says(text):
    return lambda form, message: text


def _half(form, message):
    whole = form.clean()
    return whole[:len(whole) // 2]


#: Those that speak before they have it all: with a message larger than sockets hold, it is seen.
EARLY = ("resets in the middle", "closes in the middle", "OK after half the message",
         "OK before the message")
#: By name. Each is nothing that a message may be delivered for, but where the comment says so.
TROUBLE = {
    "hangs": Behaviour(_says(b""), ending="stay"),
    "resets at the end": Behaviour(_says(b""), ending="reset"),
    "resets in the middle": Behaviour(_says(b""), after=2000, ending="reset"),
    "closes at the end": Behaviour(_says(b"")),
    "closes in the middle": Behaviour(_says(b""), after=2000),
    "garbage": Behaviour(_says(b"\xff\xfe%n%n\r\n\x00<html>OK</html>\n\n" * 3)),
    "endless garbage": Behaviour(_says(b"OK" * 500000), ending="stay"),
    "half an answer": Behaviour(_half),
    "half an answer, then nothing": Behaviour(_half, ending="stay"),
    "an error of its own": Behaviour(lambda form, message: form.error()),
    "OK after half the message": Behaviour(lambda form, message: form.clean(), after=2000),
    "OK before the message": Behaviour(lambda form, message: form.clean(), after=0),
    "two answers": Behaviour(lambda form, message: form.clean() + form.found("Second")),
}
#: Clear words, though slowly, or with a name that is to confuse.
RIGHT = {
    "octet by octet": Behaviour(cut=0.002),
    "a virus called OK": Behaviour(lambda form, message: form.found("OK")),
    "a virus called OK FOUND": Behaviour(lambda form, message: form.found("OK FOUND")),
}


class _Clamd:
    keeps = False

    def __init__(self, version):
        self.version = version

    def clean(self):
        return b"stream: OK\0"

    def found(self, name):
        return f"stream: {name} FOUND\0".encode()

    def error(self):
        return b"stream: Can't allocate memory ERROR\0"

    def listen(self, reader):
        """The pieces of the next message; None when it was something else, which is answered."""
        command = reader.until(b"\0").strip(b"\0\nzn")
        if command == b"INSTREAM":
            return self._pieces(reader)
        reader.say({b"PING": b"PONG\0", b"VERSION": f"{self.version}\0".encode()}.get(
            command, b"UNKNOWN COMMAND\0"))
        return None

    @staticmethod
    def _pieces(reader):
        while size := struct.unpack(">I", reader.exactly(4))[0]:
            yield reader.exactly(size)


class _Http:
    """What ICAP and rspamd have in common."""

    keeps = True

    def __init__(self, version):
        self.version = version

    @staticmethod
    def fields(reader):
        """(first line, {name in lower case: value})."""
        lines = reader.until(b"\r\n\r\n").decode(errors="replace").split("\r\n")
        pairs = (line.partition(":") for line in lines[1:] if line)
        return lines[0], {name.strip().lower(): value.strip() for name, _, value in pairs}

    @staticmethod
    def chunks(reader):
        while size := int(reader.until(b"\r\n").split(b";")[0], 16):
            yield reader.exactly(size)
            reader.exactly(2)
        reader.until(b"\r\n")


class _Icap(_Http):
    def _answer(self, first, more="", body=b""):
        return (f"ICAP/1.0 {first}\r\nISTag: \"{self.version}\"\r\nServer: fake\r\n{more}"
                "\r\n").encode() + body

    def clean(self):
        return self._answer("204 No Content", "Encapsulated: null-body=0\r\n")

    def found(self, name):
        head = b"HTTP/1.0 403 Forbidden\r\nContent-Type: text/html\r\n\r\n"
        return self._answer("200 OK", f"X-Infection-Found: Type=0; Resolution=2; Threat={name};\r\n"
                            f"Encapsulated: res-hdr=0, res-body={len(head)}\r\n",
                            head + b"7\r\nblocked\r\n0\r\n\r\n")

    def error(self):
        return self._answer("500 Server error", "Encapsulated: null-body=0\r\n")

    def listen(self, reader):
        first, fields = self.fields(reader)
        if first.startswith("OPTIONS"):
            reader.say(self._answer("200 OK", "Methods: RESPMOD\r\nAllow: 204\r\nService: fake\r\n"
                                    "Options-TTL: 3600\r\nEncapsulated: null-body=0\r\n"))
            return None
        places = dict(part.strip().split("=") for part in fields["encapsulated"].split(","))
        reader.exactly(int(places["res-body"]))
        return self.chunks(reader)


class _Rspamd(_Http):
    def _answer(self, value, status="200 OK"):
        body = json.dumps(value).encode()
        return (f"HTTP/1.1 {status}\r\nServer: rspamd/{self.version}\r\nContent-Type: "
                f"application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body

    def _says(self, action, score, symbols):
        return self._answer({"is_skipped": False, "score": score, "required_score": 15.0,
                             "action": action, "message-id": "x", "symbols": {
                                 name: {"name": name, "score": score, "metric_score": score}
                                 for name in symbols}})

    def clean(self):
        return self._says("no action", 0.0, [])

    def found(self, name):
        return self._says("reject", 20.0, [name])

    def error(self):
        return self._answer({"error": "out of everything"}, "500 Internal error")

    def listen(self, reader):
        first, fields = self.fields(reader)
        if first.startswith("GET"):
            reader.say(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n"
                       b"Server: rspamd/" + self.version.encode() + b"\r\n\r\npong\r\n")
            return None
        if fields.get("expect", "").lower() == "100-continue":
            reader.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in fields.get("transfer-encoding", ""):
            return self.chunks(reader)
        return reader.pieces(int(fields.get("content-length", 0)))


class _Spamd:
    keeps = False

    def __init__(self, version):
        self.version = version

    def _answer(self, spam, score, symbols):
        body = symbols.encode() + b"\r\n"
        return (f"SPAMD/1.1 0 EX_OK\r\nContent-length: {len(body)}\r\n"
                f"Spam: {spam} ; {score} / 5.0\r\n\r\n").encode() + body

    def clean(self):
        return self._answer("False", 0.0, "")

    def found(self, name):
        return self._answer("True", 1000.0, re.sub("[^A-Z0-9_]", "_", name.upper()))

    def error(self):
        return b"SPAMD/1.1 75 EX_TEMPFAIL\r\n\r\n"

    def listen(self, reader):
        first = reader.until(b"\r\n")
        fields = {}
        while (line := reader.until(b"\r\n")) != b"\r\n":
            name, _, value = line.decode().partition(":")
            fields[name.lower()] = value.strip()
        if first.startswith(b"PING"):
            reader.say(b"SPAMD/1.5 0 PONG\r\n")
            return None
        return reader.pieces(int(fields["content-length"]))


_FORMS = {"clamd": _Clamd, "icap": _Icap, "rspamd": _Rspamd, "spamd": _Spamd}
#: What each is to find, by its nature.
_BAD = {"clamd": samples.eicar, "icap": samples.eicar, "rspamd": samples.gtube,
        "spamd": samples.gtube}


class _Reader:
    def __init__(self, sock):
        self._socket = sock
        self._buffer = bytearray()

    def _more(self):
        data = self._socket.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data

    def until(self, mark):
        while (end := self._buffer.find(mark)) < 0:
            self._more()
        return self.exactly(end + len(mark))

    def exactly(self, size):
        while len(self._buffer) < size:
            self._more()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def pieces(self, size):
        while size:
            if not self._buffer:
                self._more()
            piece = self.exactly(min(size, len(self._buffer)))
            size -= len(piece)
            yield piece

    def say(self, data):
        self._socket.sendall(data)


class FakeScanner:
    """Serves until `stop()`. `behaviour` may be changed meanwhile; None is a good scanner.

    `messages` are those that it was shown whole, without the self-test's. `knows` are further
    octets that it takes for a threat; without `finds` it finds nothing at all. With `certificate`
    it speaks TLS.
    """

    program = "scripted scanner"

    def __init__(self, kind="clamd", behaviour=None, version="fake/1", finds=True, knows=(),
                 certificate=None):
        self.kind, self.behaviour, self.finds, self.knows = kind, behaviour, finds, list(knows)
        self.form = _FORMS[kind](version)
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*certificate)
        self.messages = []
        self.begun = 0        # messages, without the self-test's
        self.tests = 0        # self-test's messages
        self.now = 0          # messages being looked at
        self.most = 0         # the most of them at once
        self.broken_off = 0   # messages whose sender left before the answer
        self._lock = threading.Lock()
        self._sockets = []
        self._threads = []
        self._stopping = threading.Event()
        self.port = free_port()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # What it does not read, the gateway cannot send either, at least not much of it.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(256)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def section(self, **more):
        """Its place in the list of scanners of a configuration."""
        service = {"service": "avscan"} if self.kind == "icap" else {}
        return {"name": "fake", "type": self.kind, "address": self.address, **service, **more}

    def log(self):
        return f"{self.begun} messages begun, {len(self.messages)} seen whole, {self.tests} tests\n"

    def stop(self):
        self._stopping.set()
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
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._sockets.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, bare):
        sock = bare
        try:
            if self._context:
                sock = self._context.wrap_socket(bare, server_side=True)
            reader = _Reader(sock)
            while True:
                pieces = self.form.listen(reader)
                if pieces is not None and not self._look(sock, reader, pieces):
                    break
                if not self.form.keeps:
                    break
        except (OSError, EOFError, ValueError, KeyError, struct.error):
            pass
        finally:
            sock.close()
            with self._lock:
                self._sockets.remove(bare)

    def _look(self, sock, reader, pieces):
        """One message; False when the connection is over."""
        message = next(pieces, b"")
        test = SELF_TEST in message
        behaviour = self.behaviour if not test or (
            self.behaviour and self.behaviour.with_tests) else None
        behaviour = behaviour or Behaviour()
        with self._lock:
            self.tests += test
            self.begun += not test
            self.now += not test
            self.most = max(self.most, self.now)
        answered = False
        try:
            whole = False
            while len(message) < behaviour.after and not whole:
                piece = next(pieces, None)
                whole = piece is None
                message += piece or b""
            if whole and not test:
                self.messages.append(message)
            self._speak(sock, reader, behaviour, message)
            answered = True
            if behaviour.ending == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return False
            if behaviour.ending == "stay":
                while sock.recv(65536):  # until the other side has enough of it
                    pass
                return False
            if not whole and behaviour.answer(self.form, message):
                for _ in pieces:  # it has spoken, and hears the rest
                    pass
            return behaviour.answer is None
        finally:
            with self._lock:
                self.now -= not test
                self.broken_off += not test and not answered

    def _speak(self, sock, reader, behaviour, message):
        if behaviour.gate:
            while not behaviour.gate.wait(0.05) and not self._stopping.is_set():
                self._still_there(sock)
        until = time.monotonic() + behaviour.wait
        while time.monotonic() < until and not self._stopping.wait(0.05):
            self._still_there(sock)
        answer = behaviour.answer(self.form, message) if behaviour.answer else self._right(message)
        if behaviour.cut is None:
            reader.say(answer)
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(answer)):
            reader.say(answer[at:at + 1])
            time.sleep(behaviour.cut)

    @staticmethod
    def _still_there(sock):
        try:
            if sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
                raise EOFError
        except BlockingIOError:
            pass

    def _right(self, message):
        if self.finds and _BAD[self.kind]() in message.replace(b"\r\n", b""):
            return self.form.found("Known-Bad")
        for known in self.knows:
            if known in message:
                return self.form.found("Known")
        return self.form.clean()
