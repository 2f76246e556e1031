"""Clients that speak TLS badly, slowly, in an old form, or not at all."""

import os
import socket
import struct
import subprocess
import time

from attack import Attack, MIB, at_most, memory_of
from support.certificates import Authority
from support.process import wait_until
from support.raw_client import Truncated, client_context


def record(kind, payload, version=0x0301):
    return struct.pack("!BHH", kind, version, len(payload)) + payload


def extension(number, data):
    return struct.pack("!HH", number, len(data)) + data


def client_hello(version=0x0303, name=b"localhost", protocols=(), suites=(0xC02B, 0xC02F, 0xC009, 0x2F),
                 more=b""):
    """A hello for versions up to `version`, as old clients send it."""
    extensions = (extension(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name)
                  + extension(10, b"\0\4\0\x17\0\x1d") + extension(11, b"\1\0")
                  + extension(13, b"\0\6\4\3\x08\4\4\1") + more)
    if protocols:
        names = b"".join(bytes([len(one)]) + one for one in protocols)
        extensions += extension(16, struct.pack("!H", len(names)) + names)
    codes = b"".join(struct.pack("!H", code) for code in suites)
    body = (struct.pack("!H", version) + bytes(32) + b"\0" + struct.pack("!H", len(codes)) + codes
            + b"\1\0" + struct.pack("!H", len(extensions)) + extensions)
    return b"\1" + struct.pack("!I", len(body))[1:] + body


class TlsAttack(Attack):
    def setUp(self):
        super().setUp()
        self.start(timeouts={"handshake": "1s"})

    def say(self, *pieces):
        """What the gateway answers until it closes."""
        client = self.client(self.ports.pop3s, greeting=False)
        try:
            for piece in pieces:
                client.send(piece)
        except OSError:
            pass
        return client.at_end(20)

    def assert_alert(self, answer, code):
        """A fatal alert with that code, and nothing else."""
        self.assertEqual((answer[:1], answer[5:7]), (b"\x15", bytes([2, code])), answer[:40])

    def s_client(self, *arguments, said=b"", seconds=5):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.ports.pop3s}",
                               "-CAfile", self.ca, "-servername", "localhost", *arguments],
                              input=said, capture_output=True, timeout=seconds + 20)
        return done.stdout + done.stderr


class OldTls(TlsAttack):
    rows = ("tls-versions",)

    def test_versions_before_1_2_are_refused(self):
        for version in (0x0300, 0x0301, 0x0302):
            self.assert_alert(self.say(record(22, client_hello(version))), 70)  # protocol_version

    def test_a_hello_of_ssl_2_is_refused(self):
        answer = self.say(b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(40))
        self.assertNotIn(b"+OK", answer)

    def test_suites_without_forward_secrecy_are_refused(self):
        self.assert_alert(self.say(record(22, client_hello(suites=(0x2F, 0x35, 0x9C, 0x0A)))), 40)

    def test_a_step_down_that_the_client_did_not_want_is_refused(self):
        """RFC 7507: the fallback signal in a hello for TLS 1.2."""
        self.assert_alert(self.say(record(22, client_hello(suites=(0xC02B, 0x5600)))), 86)

    def test_renegotiation_is_refused(self):
        process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.ports.pop3s}", "-CAfile", self.ca,
             "-tls1_2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        try:
            seen = b""
            while b"+OK" not in seen:
                seen += os.read(process.stdout.fileno(), 65536)
            process.stdin.write(b"R\n")
            process.stdin.flush()
            more, _ = process.communicate(timeout=20)
            self.assertIn(b"RENEGOTIATING", more)
            self.assertIn(b"renegotiation", more.lower().replace(b"renegotiating", b""))
        finally:
            process.kill()
            process.wait()
        self.assert_serves()

    def test_no_ticket_allows_early_data(self):
        """What is sent early can be sent again by others, and a DELE twice deletes two messages."""
        path = os.path.join(self.own_folder, "session")
        self.s_client("-tls1_3", "-sess_out", path, "-ign_eof", said=b"QUIT\r\n")
        text = subprocess.run(["openssl", "sess_id", "-in", path, "-noout", "-text"],
                              capture_output=True, timeout=20).stdout
        self.assertIn(b"TLSv1.3", text)
        self.assertIn(b"Max Early Data: 0", text)

    def test_compression_is_not_used(self):
        self.assertIn(b"Compression: NONE", self.s_client("-tls1_2", "-comp", said=b"QUIT\r\n"))


class Garbage(TlsAttack):
    rows = ("tls-abuse",)

    def test_records_that_are_none(self):
        hello = client_hello()
        for pieces in ((b"\0" * 2000,), (b"\xff" * 70000,), (record(22, b"\1\0\0\0"),),
                       (b"\x16\x03\x01\xff\xff" + b"x" * 65535,), (record(23, b"USER joe\r\n"),),
                       (record(21, b"\1\0") * 5000,), (record(20, b"\1") * 100,),
                       (record(22, b""),) * 200, (record(24, b"\1\x40\0"),),  # heartbeat
                       (record(22, hello), record(22, hello)),
                       (record(22, hello), record(23, b"USER joe\r\n")),
                       (record(22, hello[:4] + bytes(len(hello) - 4)),),
                       (record(22, hello, version=0x0999),)):
            with self.subTest(starts=pieces[0][:12], pieces=len(pieces)):
                answer = self.say(*pieces)
                self.assertNotIn(b"+OK", answer)
                self.assertNotIn(b"-ERR", answer)
        self.assertEqual(self.server.all_commands(), [])
        self.assert_serves()

    def test_a_hello_that_is_too_long(self):
        """It says 16 MiB, and goes on as long as somebody listens."""
        before = memory_of(self.running)
        head = b"\1\xff\xff\xff" + client_hello()[4:]
        pieces = [record(22, head)] + [record(22, b"x" * 16000)] * 600
        self.assertNotIn(b"+OK", self.say(*pieces))
        self.assertLess(memory_of(self.running) - before, at_most(4 * MIB))
        self.assert_serves()

    def test_foreign_protocols_are_refused_by_name(self):
        for names in ((b"http/1.1",), (b"h2", b"imap"), (b"pop3 ",), (b"POP3",), (b"pop",)):
            self.assert_alert(self.say(record(22, client_hello(protocols=names))), 120)

    def test_names_with_control_characters(self):
        for name in ("a\x1b[31mred", "a\nlevel=error", "a\r\nb", "x" * 300, "a b", '"q"', "-", "a..b"):
            with self.subTest(name=name):
                context = client_context()
                try:
                    client = self.client(self.ports.pop3s, greeting=False, server_name=name)
                    client.socket = context.wrap_socket(client.socket, server_hostname=name)
                    client.line()
                    client.quit()
                except (OSError, Truncated, UnicodeError, ValueError):
                    pass  # refused is as good
        for name in (b"a\x1b[31mred", b"a\0b", b"\xff\xfe", b"", b"a\nlevel=error"):
            self.say(record(22, client_hello(name=name)))
        time.sleep(0.2)
        with open(self.running.child.log_path, "rb") as file:
            log = file.read()
        self.assertNotIn(b"\x1b", log)
        self.assertNotIn(b"\xff", log)
        self.assertNotIn(b"\nlevel", log)
        self.assertNotIn(b"\r", log)
        self.assert_serves()


class HalfHandshakes(TlsAttack):
    rows = ("tls-abuse", "hogs")

    def test_two_hundred_at_once_end_at_the_deadline(self):
        hello = record(22, client_hello())
        halves = []
        for number in range(200):
            client = self.client(self.ports.pop3s, greeting=False, source=f"127.0.7.{number + 1}")
            client.send(hello[:1 + number % (len(hello) - 1)])
            halves.append(client)
        self.assert_serves()  # meanwhile
        for client in halves:
            self.assertNotIn(b"+OK", client.at_end(20))
        wait_until(lambda: self.running.metrics()["gatepost_sessions_active"] == 0,
                   what="all to be gone")

    def test_octet_by_octet_does_not_stretch_the_deadline(self):
        client = self.client(self.ports.pop3s, greeting=False)
        hello = record(22, client_hello())
        started = time.monotonic()
        try:
            for octet in hello[:-1]:
                client.send(bytes([octet]))
                time.sleep(0.05)
                if time.monotonic() - started > 15:
                    break
        except OSError:
            pass
        self.assertLess(time.monotonic() - started, 15)
        client.at_end(20)


class Tickets(Attack):
    rows = ("tls-abuse",)

    def test_one_of_a_key_that_is_gone_resumes_nothing(self):
        path = os.path.join(self.own_folder, "ticket.keys")
        config, ports = self.config(self.fake().address)

        def write(*keys):
            with open(path, "w") as file:
                file.write("".join(key.hex() + "\n" for key in keys))
            os.chmod(path, 0o600)
        old, new = os.urandom(80), os.urandom(80)
        write(old)
        config["tls"].update(ticket_key_file=path, watch_every="0s")
        running = self.gateway(config)
        context = client_context(self.ca)

        def resumed(session=None):
            with socket.create_connection(("127.0.0.1", ports.pop3s), timeout=20) as plain:
                with context.wrap_socket(plain, server_hostname="localhost",
                                         session=session) as sock:
                    sock.recv(200)
                    return sock.session_reused, sock.session
        _, session = resumed()
        self.assertTrue(resumed(session)[0])
        for keys, expected in (((new, old), True), ((new,), False)):
            count = running.log().count(" reloaded")
            write(*keys)
            running.reload()
            wait_until(lambda: running.log().count(" reloaded") > count, what="the reload")
            self.assertEqual(resumed(session)[0], expected)


class ClientCertificates(Attack):
    """Where a certificate is required nobody without a good one reaches the greeting."""

    rows = ("client-certificates",)

    def test_bad_ones(self):
        own = Authority(self.own_folder, "clients")
        other = Authority(self.own_folder, "others")
        self.start()
        config, ports = self.config(self.server.address)
        config["tls"].update(client_certificates="required", client_ca_file=own.certificate)
        self.gateway(config)
        good = own.leaf("good", usage="clientAuth")
        cases = {
            "none": None, "of another authority": other.leaf("x", usage="clientAuth"),
            "signed by itself": own.self_signed(),
            "expired": own.leaf("old", usage="clientAuth", ends="20210101000000Z"),
            "for servers only": own.leaf("server", usage="serverAuth"),
        }
        self.assertTrue(self.greeting(ports, good).startswith(b"+OK"))
        for what, certificate in cases.items():
            with self.subTest(what=what):
                self.assertEqual(self.greeting(ports, certificate), b"")
        self.assertEqual(self.server.all_commands(), [])

    def greeting(self, ports, certificate):
        context = client_context(self.ca)
        if certificate:
            context.load_cert_chain(*certificate)
        try:
            with socket.create_connection(("127.0.0.1", ports.pop3s), timeout=20) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as sock:
                    return sock.recv(200)
        except OSError:
            return b""
