"""Where the gateway listens, and with how many workers."""

import os
import socket
import stat

from support import corpus
from support.case import Scenario, quick
from support.ports import free_port
from support.raw_client import RawClient

USER, PASSWORD = "joe", "s3cret"


class Listeners(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({USER: (PASSWORD, corpus.few())})

    def fetch(self, client):
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        self.assertTrue(client.multi("RETR 1")[0].startswith(b"+OK"))
        client.ok("QUIT")

    @quick
    def test_a_unix_socket(self):
        path = os.path.join(self.own_folder, "pop3.sock")
        config, _ = self.config(self.server.address)
        config["listeners"] = [{"name": "local", "address": f"unix:{path}", "tls": "none"}]
        running = self.gateway(config)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o660)
        client = RawClient(address=path, family=socket.AF_UNIX)
        self.addCleanup(client.close)
        self.fetch(client)
        self.assertEqual(running.stop(), 0)
        self.assertFalse(os.path.exists(path))

    def test_a_unix_socket_that_a_crash_left_behind_is_replaced(self):
        path = os.path.join(self.own_folder, "pop3.sock")
        config, _ = self.config(self.server.address)
        config["listeners"] = [{"name": "local", "address": f"unix:{path}", "tls": "none"}]
        self.gateway(config).child.kill()
        self.assertTrue(os.path.exists(path))
        self.gateway(config)
        client = RawClient(address=path, family=socket.AF_UNIX)
        self.addCleanup(client.close)
        self.fetch(client)

    @quick
    def test_ipv6(self):
        port = free_port()
        config, _ = self.config(self.server.address)
        config["listeners"] = [{"name": "six", "address": f"[::1]:{port}", "tls": "implicit"}]
        self.gateway(config)
        client = RawClient(address=("::1", port), family=socket.AF_INET6, tls=True, ca=self.ca,
                           server_name="::1")
        self.addCleanup(client.close)
        self.fetch(client)

    def test_every_address(self):
        """":port" is every address of both families."""
        port = free_port()
        config, _ = self.config(self.server.address)
        config["listeners"] = [{"name": "all", "address": f":{port}", "tls": "none"}]
        self.gateway(config)
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            client = RawClient(address=(host, port), family=family)
            self.addCleanup(client.close)
            self.fetch(client)

    def test_an_upstream_on_a_unix_socket_or_ipv6(self):
        port = free_port()
        front, ports = self.config(self.server.address)
        path = os.path.join(self.own_folder, "behind.sock")
        front["listeners"] = [{"name": "local", "address": f"unix:{path}", "tls": "none"},
                              {"name": "six", "address": f"[::1]:{port}", "tls": "none"}]
        self.gateway(front)
        for address in (f"unix:{path}", f"[::1]:{port}"):
            with self.subTest(address=address):
                _, ports = self.serve(address)
                self.fetch(self.client(ports.pop3s, tls=True))

    def test_two_workers_both_get_sessions(self):
        config, ports = self.config(self.server.address, workers=2)
        running = self.gateway(config)
        threads = sockets_by_thread(running.pid)
        self.assertGreaterEqual(threads, 2)
        clients = [self.client(ports.pop3s, tls=True) for _ in range(40)]
        for client in clients:
            self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        for client in clients:
            client.ok("QUIT")
            client.close()
        self.assertEqual(listening_sockets(ports.pop3s), 2)
        workers = {field for line in running.log_lines("session")
                   for field in line.split() if field.startswith("worker=")}
        if workers:
            self.assertEqual(len(workers), 2, workers)

    def test_one_worker_serves_many_at_once(self):
        _, ports = self.serve(self.server.address, workers=1)
        clients = [self.client(ports.pop3s, tls=True) for _ in range(30)]
        for client in clients:
            client.login(USER, PASSWORD)
        for client in reversed(clients):
            self.assertTrue(client.multi("RETR 2")[0].startswith(b"+OK"))
            client.ok("QUIT")

    def test_a_port_in_use_is_an_error_with_one_line(self):
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # of a test before
        taken.bind(("127.0.0.1", free_port()))
        taken.listen(1)
        port = taken.getsockname()[1]
        config, _ = self.config(self.server.address)
        config["listeners"] = [{"name": "x", "address": f"127.0.0.1:{port}", "tls": "none"}]
        running = self.gateway(config, wait=False)
        self.assertEqual(running.child.wait(60), 1)
        self.assertIn(str(port), running.log())


def sockets_by_thread(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def listening_sockets(port):
    """How many sockets listen on a port of 127.0.0.1 (SO_REUSEPORT: one for each worker)."""
    wanted = f"0100007F:{port:04X}"
    with open("/proc/net/tcp") as table:
        return sum(1 for line in table if line.split()[1] == wanted and line.split()[3] == "0A")
