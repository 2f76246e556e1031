"""Behind a load balancer: HAProxy sends PROXY headers, Dovecot's proxy sends XCLIENT. What the
gateway believes of its clients shows in its log."""

import socket
import ssl
import struct
import tempfile

from support import clients, corpus
from support.case import Scenario
from support.dovecot import Dovecot
from support.haproxy import HAProxy
from support.process import wait_until
from support.raw_client import RawClient

USER, PASSWORD = "joe", "s3cret-of-joe"
TRUSTED = ["127.0.0.1/32"]


def v2(source, target, tlvs=b"", command=0x21):
    """A PROXY header of version 2 for TCP over IPv4."""
    body = (socket.inet_aton(source[0]) + socket.inet_aton(target[0])
            + struct.pack("!HH", source[1], target[1]) + tlvs)
    return (b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, 0x11]) + struct.pack("!H", len(body)) + body)


class Believed(Scenario):
    """Common to both: a log line tells what was believed."""

    def line(self, running, containing="user=joe"):
        """The last session's line with that; tests whether ports are open leave others."""
        return wait_until(lambda: [line for line in running.log_lines("session")
                                   if containing in line], what=f"a line with {containing}")[-1]


class ProxyProtocol(Believed):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({USER: (PASSWORD, corpus.few())})

    def start(self, **more):
        config, ports = self.config(self.server.address, **more)
        for listener in config["listeners"]:
            listener.update(proxy_protocol=True, trusted_networks=TRUSTED)
        return self.gateway(config), ports

    def haproxy(self, frontends):
        made = HAProxy(tempfile.mkdtemp(dir=self.own_folder), frontends)
        self.addCleanup(made.stop)
        self._logs.append(("HAProxy", made.log))
        return made

    def through(self, port, tls, source):
        client = RawClient(port, tls=tls, ca=self.ca, source=source)
        self.addCleanup(client.close)
        own = client.socket.getsockname()
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        client.multi("RETR 1")
        client.quit()
        return f"client={own[0]}:{own[1]} "

    def test_haproxy_passes_tls_through(self):
        running, ports = self.start()
        words = {"v1": "send-proxy", "v2": "send-proxy-v2",
                 "v2crc": "send-proxy-v2 proxy-v2-options crc32c,unique-id"}
        balancer = self.haproxy({name: ("", server, ports.pop3s)
                                 for name, server in words.items()})
        for number, name in enumerate(words, 1):
            with self.subTest(header=name):
                client = self.through(balancer.ports[name], True, f"127.0.9.{number}")
                self.assertIn("tls=TLSv1.3", self.line(running, client))
        self.front_works("HAProxy", "PROXY v1")
        self.front_works("HAProxy", "PROXY v2")

    def test_haproxy_ends_tls(self):
        running, ports = self.start(routes=[{
            "name": "customer", "server_names": ["pop.customer.example"], "pool": "upstream"}])
        both = self.own_pem()
        balancer = self.haproxy({
            "tls": (f"ssl crt {both}", "send-proxy-v2-ssl proxy-v2-options authority,unique-id",
                    ports.stls),
            "clear": ("", "send-proxy-v2-ssl", ports.stls)})
        client = RawClient(balancer.ports["tls"], source="127.0.9.7", greeting=False,
                           server_name="pop.customer.example")
        self.addCleanup(client.close)
        context = ssl.create_default_context(cafile=self.ca)
        context.check_hostname = False
        client.start_tls(context)
        client.line()
        own = client.socket.getsockname()
        _, body = client.multi("CAPA")
        self.assertNotIn(b"STLS", body)  # it is TLS already
        self.assertIn(b"USER", body)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        client.quit()
        line = self.line(running, f"client={own[0]}:{own[1]} ")
        self.assertIn("tls=TLSv1.3", line)
        self.assertIn(" route=customer ", line)  # by the name that HAProxy was asked for
        clear = self.client(balancer.ports["clear"])
        self.assertTrue(clear.command(f"USER {USER}").startswith(b"-ERR"))
        _, body = clear.multi("CAPA")
        self.assertIn(b"STLS", body)
        self.front_works("HAProxy", "PROXY v2, TLS ended there")

    def test_haproxys_id_reaches_the_server(self):
        server = self.dovecot({USER: (PASSWORD, corpus.few())}, xclient=True)
        config, ports = self.config({"address": server.address, "xclient": True})
        config["listeners"][0].update(proxy_protocol=True, trusted_networks=TRUSTED)
        self.gateway(config)
        balancer = self.haproxy({"pop3s": ("", "send-proxy-v2 proxy-v2-options unique-id",
                                           ports.pop3s)})
        self.through(balancer.ports["pop3s"], True, "127.0.9.9")
        line = wait_until(server.logins, what="the login in the server's log")[-1]
        self.assertIn("rip=127.0.9.9,", line)
        self.assertRegex(line, r"session=<gp-[0-9a-f-]{36}>")

    def own_pem(self):
        path = f"{self.own_folder}/both.pem"
        with open(path, "wb") as file:
            for part in (self.certificate, self.key):
                with open(part, "rb") as source:
                    file.write(source.read())
        return path

    def test_programs_behind_haproxy(self):
        running, ports = self.start()
        balancer = self.haproxy({"pop3s": ("", "send-proxy-v2", ports.pop3s),
                                 "stls": ("", "send-proxy-v2", ports.stls)})
        expected = clients.poplib_fetch(clients.PLAIN, self.server.port, self.ca, USER, PASSWORD)
        for form in (clients.POP3S, clients.STLS):
            self.assertEqual(clients.poplib_fetch(form, balancer.ports[form.lower()], self.ca,
                                                  USER, PASSWORD), expected)

    def test_the_balancers_own_connections(self):
        running, ports = self.start()
        client = self.client(ports.plain, greeting=False)
        client.send(v2(("0.0.0.0", 0), ("0.0.0.0", 0), command=0x20))  # LOCAL
        self.assertTrue(client.line().startswith(b"+OK"))
        client.quit()
        self.line(running, "client=127.0.0.1:")

    def test_a_peer_that_is_not_trusted_is_cut_off(self):
        running, ports = self.start()
        try:
            client = self.client(ports.plain, greeting=False, source="127.0.0.2")
            client.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 5555 995\r\n")
            self.assertEqual(client.at_end(), b"")
        except ConnectionError:  # cut off sooner than we could say that
            pass
        self.refused(running, 1)

    def test_without_a_good_header_nobody_is_served(self):
        running, ports = self.start(timeouts={"handshake": "1s"})
        good = v2(("192.0.2.7", 5555), ("192.0.2.1", 110), b"\x03\0\4\1\2\3\4")  # a wrong CRC
        headers = (b"USER joe\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.1 5555\r\n",
                   b"PROXY TCP4 300.0.2.7 192.0.2.1 5555 110\r\n",
                   b"PROXY TCP4 " + b"1" * 200, good, b"\r\n\r\n\0\r\nQUIX\n", b"")
        for header in headers:
            with self.subTest(header=header):
                client = self.client(ports.plain, greeting=False)
                client.send(header)
                self.assertEqual(client.at_end(), b"")
        self.refused(running, len(headers))

    def refused(self, running, count):
        name = 'gatepost_sessions_ended_total{reason="refused_proxy"}'
        wait_until(lambda: running.metrics()[name] == count, what=f"{count} to be refused")

    def test_no_greeting_before_the_header(self):
        _, ports = self.start()
        client = self.client(ports.plain, greeting=False)
        self.assertTrue(client.silent_for(0.5))
        for octet in b"PROXY TCP6 2001:db8::7 2001:db8::1 5555 110\r\n":
            client.send(bytes([octet]))
        self.assertTrue(client.line().startswith(b"+OK"))

    def test_routes_and_limits_look_at_the_true_address(self):
        running, ports = self.start(limits={"connections_per_network": 1})
        kept = []
        for address, good in (("192.0.2.7", True), ("192.0.2.7", False), ("192.0.2.8", True)):
            client = self.client(ports.plain, greeting=False)
            client.send(v2((address, 5555), ("192.0.2.1", 110)))
            line = client.line() if good else client.at_end()
            self.assertEqual(line.startswith(b"+OK"), good, line)
            kept.append(client)


class Xclient(Believed):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({USER: (PASSWORD, corpus.few())})

    def start(self, **more):
        config, ports = self.config(self.server.address, **more)
        for listener in config["listeners"]:
            listener.update(xclient=True, trusted_networks=TRUSTED)
        return self.gateway(config), ports

    def test_dovecots_proxy_in_front(self):
        running, ports = self.start()
        folder = tempfile.mkdtemp(dir=self.own_folder)
        front = Dovecot(folder, {}, xclient=False, settings="login_trusted_networks =", first=(
            "passdb {\n  driver = static\n"
            f"  args = proxy=y host=127.0.0.1 port={ports.plain} nopassword=y\n}}\n"))
        self.addCleanup(front.stop)
        self._logs.append(("Dovecot in front", front.log))
        client = RawClient(front.port, source="127.0.9.3")
        self.addCleanup(client.close)
        own = client.socket.getsockname()
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        self.assertEqual(len(client.fetch_all()), 3)
        client.quit()
        self.assertIn(f"client={own[0]}:{own[1]} ", self.line(running))
        self.front_works("Dovecot proxy", "XCLIENT")

    def test_a_refused_password_through_dovecots_proxy(self):
        running, ports = self.start()
        front = Dovecot(tempfile.mkdtemp(dir=self.own_folder), {}, first=(
            "passdb {\n  driver = static\n"
            f"  args = proxy=y host=127.0.0.1 port={ports.plain} nopassword=y\n}}\n"))
        self.addCleanup(front.stop)
        client = RawClient(front.port)
        self.addCleanup(client.close)
        self.assertTrue(client.login(USER, "wrong").startswith(b"-ERR [AUTH]"))

    def test_what_it_says_is_believed(self):
        running, ports = self.start()
        client = self.client(ports.plain)
        self.assertTrue(client.greeting.startswith(b"+OK [XCLIENT]"), client.greeting)
        client.send(f"XCLIENT ADDR=203.0.113.9 PORT=5555 SESSION=abcDEF TTL=4\r\nUSER {USER}\r\n"
                    .encode())
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertTrue(client.line().startswith(b"+OK"))
        client.ok(f"PASS {PASSWORD}")
        client.quit()
        self.assertIn("client=203.0.113.9:5555 ", self.line(running))

    def test_a_loop_ends(self):
        _, ports = self.start()
        client = self.client(ports.plain)
        reply = client.command("XCLIENT ADDR=203.0.113.9 PORT=5555 TTL=1")
        self.assertTrue(reply.startswith(b"-ERR"), reply)

    def test_others_are_not_believed(self):
        running, ports = self.start()
        client = self.client(ports.plain, source="127.0.0.2")
        self.assertNotIn(b"XCLIENT", client.greeting)
        client.command("XCLIENT ADDR=203.0.113.9 PORT=5555")
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        client.quit()
        self.assertIn("client=127.0.0.2:", self.line(running))
