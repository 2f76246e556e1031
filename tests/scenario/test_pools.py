"""Several servers behind, and what they are told about the client."""

import json
import os
import random
import re
import sys
import tempfile

from support import corpus, old_servers
from support.case import Scenario
from support.certificates import Authority, public_key_pin
from support.fake_upstream import CLOSE
from support.process import Child, wait_until

PASSWORD = "s3cret-of-all"
USERS = {f"user{number}": (PASSWORD, corpus.few()) for number in range(1, 13)}
QUICK = {"interval": "100ms", "rise": 1, "fall": 1}


class Pools(Scenario):
    def three(self, **options):
        return [self.dovecot(USERS, **options) for _ in range(3)]

    def pool(self, servers, **more):
        return {"servers": [server if isinstance(server, (str, dict)) else server.address
                            for server in servers], **more}

    def login(self, ports, user="user1", good=True):
        client = self.client(ports.pop3s, tls=True)
        reply = client.login(user, PASSWORD)
        self.assertEqual(reply.startswith(b"+OK"), good, reply)
        return client

    def up(self, running):
        """1 or 0 for each server of the pool, by its port."""
        return {int(found[1]): value for name, value in running.metrics().items()
                if (found := re.match(r'gatepost_upstream_up\{.*:(\d+)"', name))}

    def sessions(self, running):
        return {int(found[1]): int(value) for name, value in running.metrics().items()
                if (found := re.match(r'gatepost_upstream_sessions\{.*:(\d+)"', name))}


class ThreeServers(Pools):
    def test_one_dies_and_users_go_on_with_the_next(self):
        servers = self.three()
        running, ports = self.serve(self.pool(servers, health_check=QUICK))
        wait_until(lambda: list(self.up(running).values()) == [1, 1, 1], what="three servers")
        servers[1].stop()
        for number in range(1, 13):  # before and after the health check has noticed
            client = self.login(ports, f"user{number}")
            self.assertEqual(len(client.fetch_all()), 3)
            client.quit()
        wait_until(lambda: self.up(running)[servers[1].port] == 0, what="it to be down")
        running.wait_for_log(" upstream_down ")
        self.assertEqual(sorted(self.up(running).values()), [0, 1, 1])
        again = self.dovecot(USERS, port=servers[1].port)
        wait_until(lambda: self.up(running)[again.port] == 1, what="it to be up")
        running.wait_for_log(" upstream_up ")
        self.server_works("Dovecot", "in a pool")

    def test_without_health_checks_logins_notice(self):
        servers = self.three()
        running, ports = self.serve(self.pool(servers, health_check={"interval": "0s", "fall": 1}))
        servers[0].stop()
        servers[2].stop()
        for number in range(1, 7):
            self.login(ports, f"user{number}").quit()
        servers[1].stop()
        client = self.client(ports.plain)
        client.command("USER user1")
        self.assertTrue(client.command(f"PASS {PASSWORD}").startswith(b"-ERR [SYS/TEMP]"))

    def test_user_hash(self):
        servers = self.three()
        running, ports = self.serve(self.pool(servers, balance="user_hash", health_check=QUICK))
        where = {}
        for _ in range(2):
            for user in USERS:
                self.login(ports, user).quit()
        lines = wait_until(lambda: len(found := running.log_lines("session")) == 24 and found,
                           what="all lines")
        for line in lines:
            found = re.search(r" user=(\S+) .*upstream=\S+:(\d+) ", line)
            self.assertEqual(where.setdefault(found[1], found[2]), found[2])
        self.assertGreater(len(set(where.values())), 1)
        # Another gateway, and a client that writes the name otherwise, come to the same server.
        other, others = self.serve(self.pool(servers, balance="user_hash"))
        client = self.client(others.pop3s, tls=True)
        client.login("user1", PASSWORD)
        client.quit()
        other.wait_for_log(f"upstream=127.0.0.1:{where['user1']} ")
        gone = next(server for server in servers if str(server.port) == where["user1"])
        gone.stop()
        self.login(ports, "user1").quit()
        stays = next(user for user in USERS if where[user] != where["user1"])
        self.login(ports, stays).quit()
        running.wait_for_log("user=user1")
        line = wait_until(lambda: [line for line in running.log_lines("session")[24:]
                                   if f"user={stays} " in line], what="its line")[0]
        self.assertIn(f"upstream=127.0.0.1:{where[stays]} ", line)


class Balance(Pools):
    """Three servers that all stay up."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = [cls.shared_dovecot(USERS) for _ in range(3)]

    def three(self):
        return self.servers

    def test_least_connections(self):
        running, ports = self.serve(self.pool(self.three()))
        kept = [self.login(ports, f"user{number}") for number in range(1, 10)]
        self.assertEqual(list(self.sessions(running).values()), [3, 3, 3])
        for client in kept[:3]:
            client.quit()
        wait_until(lambda: sum(self.sessions(running).values()) == 6, what="three to end")
        kept += [self.login(ports, f"user{number}") for number in (1, 2, 3)]
        self.assertEqual(list(self.sessions(running).values()), [3, 3, 3])

    def test_weights(self):
        first, second, _ = self.three()
        running, ports = self.serve(self.pool([
            {"address": first.address, "weight": 3}, {"address": second.address, "weight": 1}]))
        self.kept = [self.login(ports, f"user{number}") for number in range(1, 9)]
        self.assertEqual(self.sessions(running), {first.port: 6, second.port: 2})

    def test_a_limit_for_each_server(self):
        first, second, _ = self.three()
        running, ports = self.serve(self.pool([
            {"address": first.address, "max_connections": 1},
            {"address": second.address, "max_connections": 2}]))
        self.kept = [self.login(ports, f"user{number}") for number in (1, 2, 3)]
        self.assertEqual(self.sessions(running), {first.port: 1, second.port: 2})
        client = self.client(ports.plain)
        client.command("USER user4")
        self.assertTrue(client.command(f"PASS {PASSWORD}").startswith(b"-ERR [SYS/TEMP]"))
        self.kept[0].quit()
        wait_until(lambda: sum(self.sessions(running).values()) == 2, what="a place")
        self.login(ports, "user4")

    def test_a_server_that_says_sys_temp_is_left_for_the_next(self):
        sick = self.fake(script={"PASS": b"-ERR [SYS/TEMP] out of order\r\n"})
        broken = self.fake(script={"PASS": CLOSE})
        good = self.fake(corpus.few())
        _, ports = self.serve(self.pool([sick, broken, good], health_check={"interval": "0s"}))
        for _ in range(3):
            self.login(ports).quit()

    def test_a_refused_password_is_tried_once(self):
        servers = [self.fake(script={"PASS": b"-ERR [AUTH] no\r\n"}) for _ in range(3)]
        _, ports = self.serve(self.pool(servers, health_check={"interval": "0s"}))
        self.login(ports, good=False)
        asked = [line for server in servers for line in server.all_commands()
                 if line.startswith(b"PASS")]
        self.assertEqual(len(asked), 1)


class WhatServersAreTold(Pools):
    """The server's own log shows the client's true address."""

    def told(self, upstream, server, tls=True, source="127.0.9.5"):
        running, ports = self.serve(upstream)
        client = self.client(ports.pop3s if tls else ports.plain, tls=tls, source=source)
        self.assertTrue(client.login("user1", PASSWORD).startswith(b"+OK"))
        self.assertEqual(len(client.fetch_all(pipelined=True)), 3)
        client.quit()
        return wait_until(server.logins, what="the login in the server's log")[-1]

    def test_proxy_protocol(self):
        for version in ("v1", "v2"):
            with self.subTest(version=version):
                server = self.dovecot(USERS)
                line = self.told({"address": f"127.0.0.1:{server.proxied_port}",
                                  "proxy_protocol": version}, server)
                self.assertIn("rip=127.0.9.5,", line)
                # Version 2 tells of the client's TLS, too: "secured" is what Dovecot makes of it.
                self.assertEqual(", secured," in line, version == "v2", line)
                self.server_works("Dovecot", f"PROXY {version}")

    def test_proxy_protocol_before_tls(self):
        server = self.dovecot(USERS, certificate=self.authority.good)
        line = self.told({"address": f"localhost:{server.proxied_port}", "tls": "starttls",
                          "ca_file": self.ca, "proxy_protocol": "v2"}, server)
        self.assertIn("rip=127.0.9.5,", line)
        self.assertIn("TLS", line)

    def test_xclient(self):
        for tls in ("none", "starttls", "implicit"):
            with self.subTest(tls=tls):
                server = self.dovecot(USERS, certificate=self.authority.good, xclient=True)
                address = server.tls_port if tls == "implicit" else server.port
                line = self.told({"address": f"localhost:{address}", "tls": tls,
                                  "ca_file": self.ca, "xclient": True}, server)
                self.assertIn("rip=127.0.9.5,", line)
                self.server_works("Dovecot", "XCLIENT")

    def test_xclient_is_not_sent_to_a_server_that_does_not_trust_us(self):
        server = self.dovecot(USERS)
        line = self.told({"address": server.address, "xclient": True}, server)
        self.assertIn("rip=127.0.0.1,", line)

    def test_without_either_it_sees_the_gateway(self):
        server = self.dovecot(USERS)
        self.assertIn("rip=127.0.0.1,", self.told({"address": server.address}, server))


class UpstreamTls(Pools):
    def unavailable(self, upstream):
        _, ports = self.serve(upstream)
        client = self.client(ports.plain)
        client.command("USER user1")
        reply = client.command(f"PASS {PASSWORD}")
        self.assertTrue(reply.startswith(b"-ERR [SYS/TEMP]"), reply)

    def test_pins(self):
        server = self.dovecot(USERS, certificate=self.authority.good)
        other = self.authority.leaf("another")
        for tls, port in (("starttls", server.port), ("implicit", server.tls_port)):
            base = {"address": f"localhost:{port}", "tls": tls}
            good = public_key_pin(self.certificate)
            for more in ({"ca_file": self.ca}, {"verify": False}):
                _, ports = self.serve({**base, **more,
                                       "pins": [public_key_pin(other[0]), good]})
                self.login(ports).quit()
                self.unavailable({**base, **more, "pins": [public_key_pin(other[0])]})
        self.server_works("Dovecot", "pinned key")

    def test_our_certificate(self):
        clients = Authority(tempfile.mkdtemp(dir=self.own_folder), "Authority of clients")
        ours = clients.leaf("gatepost", ("gatepost",), (), usage="clientAuth")
        server = self.dovecot(USERS, certificate=self.authority.good, settings=(
            f"ssl_ca = <{clients.certificate}\nssl_verify_client_cert = yes\n"
            "ssl_require_crl = no\nauth_ssl_require_client_cert = yes\n"))
        for tls, port in (("starttls", server.port), ("implicit", server.tls_port)):
            base = {"address": f"localhost:{port}", "tls": tls, "ca_file": self.ca}
            _, ports = self.serve({**base, "certificate": ours[0], "key": ours[1]})
            self.login(ports).quit()
            _, ports = self.serve(base)
            client = self.client(ports.plain)
            client.command("USER user1")
            self.assertTrue(client.command(f"PASS {PASSWORD}").startswith(b"-ERR"))
        self.server_works("Dovecot", "our certificate")

    def test_sessions_are_resumed(self):
        for tls in ("starttls", "implicit"):
            with self.subTest(tls=tls):
                server = self.fake(corpus.few(), tls=tls, certificate=self.authority.good)
                _, ports = self.serve({"address": f"localhost:{server.port}", "tls": tls,
                                       "ca_file": self.ca, "health_check": {"interval": "0s"}})
                for _ in range(3):
                    self.login(ports).quit()
                resumed = [connection.resumed for connection in server.for_clients()]
                # The first may have begun before the first look at the server brought a ticket.
                self.assertEqual(resumed[-2:], [True, True])
                self.assertEqual(len(resumed), 3)


class ServersFromDns(Pools):
    """A DNS server of the test on a loopback address of its own, and a gateway whose
    /etc/resolv.conf names it."""

    def zone(self, records):
        old_servers.need_mount_namespaces()
        address = f"127.{random.randint(64, 127)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
        dns = Child([sys.executable, os.path.join(os.path.dirname(__file__), "support",
                                                  "dns_server.py"),
                     address, 53, json.dumps(records)], os.path.join(self.own_folder, "dns.log"))
        self.addCleanup(dns.stop)
        wait_until(lambda: "ready" in dns.log(), what="DNS", child=dns)
        resolv = os.path.join(self.own_folder, "resolv.conf")
        with open(resolv, "w") as file:
            file.write(f"nameserver {address}\noptions timeout:2 attempts:2\n")
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec",
                f'mount --bind {resolv} /etc/resolv.conf; exec "$@"', "sh"]

    def serve_from(self, wrap, upstream):
        config, ports = self.config(upstream)
        return self.gateway(config, wrap=wrap), ports

    def test_srv_records(self):
        servers = self.three()
        wrap = self.zone({
            "SRV _pop3._tcp.example.test": [
                [20, 0, servers[2].port, "pop3.example.test"],
                [10, 1, servers[0].port, "pop1.example.test"],
                [10, 1, servers[1].port, "pop2.example.test"]],
            **{f"A pop{number}.example.test": ["127.0.0.1"] for number in (1, 2, 3)}})
        running, ports = self.serve_from(wrap, {"srv": "example.test", "health_check": QUICK})
        wait_until(lambda: len(self.up(running)) == 3, what="three servers")
        kept = [self.login(ports, f"user{number}") for number in range(1, 5)]
        self.assertEqual(self.sessions(running), {servers[0].port: 2, servers[1].port: 2,
                                                  servers[2].port: 0})
        for client in kept:
            client.quit()
        servers[0].stop()
        servers[1].stop()
        self.login(ports, "user5").quit()
        wait_until(servers[2].logins, what="the login in the log")
        self.assertEqual(len(servers[2].logins()), 1)

    def test_srv_records_for_tls(self):
        server = self.dovecot(USERS, certificate=self.authority.good)
        wrap = self.zone({
            "SRV _pop3s._tcp.example.test": [[0, 0, server.tls_port, "pop1.example.test"]],
            "A pop1.example.test": ["127.0.0.1"]})
        running, ports = self.serve_from(wrap, {
            "srv": "example.test", "tls": "implicit", "ca_file": self.ca,
            "server_name": "localhost"})
        wait_until(lambda: len(self.up(running)) == 1, what="the server")
        self.login(ports).quit()

    def test_a_domain_without_records(self):
        wrap = self.zone({"A other.example.test": ["127.0.0.1"]})
        running, ports = self.serve_from(wrap, {"srv": "example.test"})
        running.wait_for_log(" srv_failed ")
        client = self.client(ports.plain)
        client.command("USER user1")
        self.assertTrue(client.command(f"PASS {PASSWORD}").startswith(b"-ERR [SYS/TEMP]"))
