"""Names that are to lead the gateway somewhere that its configuration does not name."""

import base64
import ssl

from attack import Attack
from support import corpus


class Routing(Attack):
    """Whatever a client says, connections go to the configured servers or nowhere."""

    rows = ("routing",)

    def names(self):
        there = f"127.0.0.1:{self.trap.port}"
        return [form.format(there=there, port=self.trap.port) for form in (
            "joe@{there}", "joe@[{there}]", "joe%{there}", "joe%25{there}", "joe@localhost:{port}",
            "joe@example.org@{there}", "joe@{there}@elsewhere.example", "{there}!joe",
            "{there}/joe", "pop://joe@{there}", "pop3s://{there}/joe", "joe;host={there}",
            "joe host={there}", "joe|{there}", "joe:{there}", "joe#{there}", "joe\\{there}",
            "joe+{there}", "@{there}:joe", "<joe@{there}>", "\"joe\"@{there}", "{{there}}",
            "{{local}}@{there}", "${{IFS}}{there}", "$(there)", "`{there}`", "../../one", "one",
            "rest", "joe@one", "joe@rest", "joe@.", "joe@..", "joe@", "@", "@@", "joe@\u0660",
            "*@{there}", "joe@example.org.", "joe@EXAMPLE.ORG.{there}", "joe@xn--{port}",
            "joe@" + "a." * 120 + "example", "%s%s%s%n", "joe@example.org\t@{there}")]

    def start_routes(self):
        self.servers = [self.fake(corpus.few()) for _ in range(2)]
        self.trap = self.fake(corpus.few())  # named nowhere
        config, self.ports = self.config(
            {"address": self.servers[0].address},
            pools={"one": {"address": self.servers[1].address}},
            routes=[{"domains": ["example.org"], "pool": "one", "user": "{local}"}],
            limits={"login_attempts": 100, "free_failed_logins": 1000})
        del config["upstream"]
        self.running = self.gateway(config)

    def tell(self, client, name):
        """Each way to say a name. The replies that refuse it."""
        plain = base64.b64encode(b"\0" + name.encode() + b"\0x").decode()
        twice = base64.b64encode(name.encode() + b"\0" + name.encode() + b"\0x").decode()
        replies = []
        user = client.command(f"USER {name}")
        replies.append(client.command("PASS x") if user.startswith(b"+OK") else user)
        for value in (plain, twice):
            replies.append(client.command(f"AUTH PLAIN {value}"))
        return replies

    def test_no_name_leads_elsewhere(self):
        self.start_routes()
        for name in self.names():
            with self.subTest(name):
                client = self.client(self.ports.plain)
                for reply in self.tell(client, name):
                    self.assertFalse(reply.startswith(b"+OK"), reply)
                client.close()
        self.assertEqual(len(self.trap.connections), 0)
        self.assertEqual(self.servers[1].all_commands(), [])
        client = self.client(self.ports.plain)
        self.assertTrue(client.login("joe@example.org", "x").startswith(b"+OK"))

    def test_no_server_name_leads_elsewhere(self):
        """The name in a client's hello chooses a route, never an address."""
        self.start_routes()
        for name in ("trap.example", "localhost", "one", "example.org.evil.example"):
            client = self.client(self.ports.pop3s, tls=False, greeting=False)
            client.server_name = name
            client.start_tls(ssl._create_unverified_context())
            client.line()
            self.assert_refused(client.login("joe", "x"))
        self.assertEqual(len(self.trap.connections), 0)

    def test_nothing_said_before_login_leads_elsewhere(self):
        self.start_routes()
        there = f"127.0.0.1 {self.trap.port}"
        for line in (f"XCLIENT ADDR={there}", f"PROXY TCP4 127.0.0.1 127.0.0.1 1 {self.trap.port}",
                     f"CONNECT {there}", f"XTND {there}", f"HOST {there}", f"XHOST {there}"):
            client = self.client(self.ports.plain)
            client.command(line)
        client = self.client(self.ports.plain)
        self.assertTrue(client.login("joe@example.org", "x").startswith(b"+OK"))
        self.assertEqual(len(self.trap.connections), 0)
        self.assertEqual(len(self.servers[1].for_clients()), 1)
