"""Policies whose store is a real Redis: stopped, killed, back again, shared by two gateways."""

import os
import unittest

from support import samples
from support.case import Scenario
from support.gateway import run
from support.process import wait_until
from support.redis import Redis

PASSWORD = "secret word"
MAIL = [samples.text(f"message {n}", b"This is number %d.\r\n" % n) for n in range(1, 6)]
#: The gateway finds out and looks again within so many seconds.
PATIENCE = 60


class OverRedis(Scenario):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot({"joe": (PASSWORD, MAIL)})
        self.files = self.server.message_files("joe")
        self.key = os.path.join(self.own_folder, "retention.key")
        with open(self.key, "w") as file:
            file.write("sixteen octets or more\n")
        os.chmod(self.key, 0o600)

    def redis(self, **options):
        redis = self.scanner(Redis, **options)
        return redis.start()

    def serve_with(self, redis, **store):
        """A gateway: POP3S and STLS are under the policy, the plain listener is not."""
        config, ports = self.config(self.server.address)
        for listener in config["listeners"][:2]:
            listener["retention"] = "kept"
        config["listeners"][1]["cleartext_login_networks"] = ["127.0.0.0/8"]
        config["retention"] = {
            "policies": [{"name": "kept", "type": "keep"}], "key_file": self.key,
            "store": {"type": "redis", "address": redis.address, "timeout": "20s",
                      "connect_timeout": "20s", **store}}
        return self.gateway(config), ports

    def login(self, port):
        client = self.client(port)
        return client, client.login("joe", PASSWORD)

    def count(self, port):
        """How many messages a session sees."""
        client, reply = self.login(port)
        self.assertTrue(reply.startswith(b"+OK"), reply)
        number = int(client.command("STAT").split()[1])
        client.ok("QUIT")
        client.close()
        return number

    def delete(self, port, *numbers):
        client, reply = self.login(port)
        self.assertTrue(reply.startswith(b"+OK"), reply)
        for number in numbers:
            client.ok(f"DELE {number}")
        client.ok("QUIT")
        client.close()

    def not_ready_then_refused(self, running, ports):
        """What the store's absence means for those who come."""
        wait_until(lambda: running.get("/readyz")[0] == 503, PATIENCE, "readiness to say so")
        self.assertIn("store", running.get("/readyz")[1])
        _, reply = self.login(ports.stls)
        self.assertTrue(reply.startswith(b"-ERR [SYS/TEMP]"), reply)
        self.assertEqual(self.count(ports.plain), len(MAIL), "no policy, no store")

    def back_again(self, running, ports, left):
        wait_until(running.ready, PATIENCE, "the gateway to be ready again")
        self.assertEqual(self.count(ports.stls), left)
        self.assertEqual(self.server.message_files("joe"), self.files, "something is gone")

    def test_hidden_over_a_restart_and_for_all_gateways(self):
        redis = self.redis()
        first, ports = self.serve_with(redis)
        second, others = self.serve_with(redis)
        self.delete(ports.stls, 1, 3)
        self.assertEqual(self.count(others.stls), 3, "the other gateway knows")
        self.delete(others.stls, 1)
        self.assertEqual(self.count(ports.stls), 2)
        redis.kill()
        redis.start()
        for running in (first, second):
            wait_until(running.ready, PATIENCE, "the gateway to be ready again")
        self.assertEqual((self.count(ports.stls), self.count(others.stls)), (2, 2))
        self.assertEqual(self.count(ports.plain), len(MAIL))
        self.assertEqual(self.server.message_files("joe"), self.files, "something is gone")
        self.assertTrue(redis.text())
        self.assertNotIn(b"joe", redis.text())

    def test_a_store_that_is_killed(self):
        redis = self.redis()
        running, ports = self.serve_with(redis)
        self.delete(ports.stls, 2)
        client, _ = self.login(ports.stls)
        client.ok("DELE 1")
        redis.kill()
        self.assertTrue(client.command("QUIT").startswith(b"-ERR [SYS/TEMP]"))
        self.not_ready_then_refused(running, ports)
        redis.start()
        self.back_again(running, ports, 4)

    def test_a_store_that_says_nothing(self):
        redis = self.redis()
        running, ports = self.serve_with(redis, timeout="5s", connect_timeout="5s")
        client, _ = self.login(ports.stls)
        client.ok("DELE 1")
        redis.freeze()
        self.assertTrue(client.command("QUIT").startswith(b"-ERR [SYS/TEMP]"))
        self.not_ready_then_refused(running, ports)
        redis.thaw()
        wait_until(running.ready, PATIENCE, "the gateway to be ready again")
        # What was asked for before it fell silent may have been done or not: both are the truth.
        self.assertIn(self.count(ports.stls), (4, 5))
        self.delete(ports.stls, 1)
        self.assertIn(self.count(ports.stls), (3, 4))
        self.assertEqual(self.server.message_files("joe"), self.files, "something is gone")

    def test_tls_and_a_password(self):
        redis = self.redis(password="a word of its own", certificate=self.authority.good)
        running, ports = self.serve_with(redis, tls=True, ca_file=self.ca, server_name="localhost",
                                         password_file=redis.password_file)
        self.delete(ports.stls, 5)
        self.assertEqual(self.count(ports.stls), 4)
        self.assertTrue(running.ready())
        self.assertNotIn("a word of its own", running.log())

        checked = run("check", "--connect", "--config", running.config_path)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        with open(redis.password_file, "w") as file:
            file.write("another word\n")
        checked = run("check", "--connect", "--config", running.config_path)
        self.assertEqual(checked.returncode, 4, checked.stderr)
        self.assertIn("/retention/store: ", checked.stderr)
        self.assertNotIn("another word", checked.stderr)


if __name__ == "__main__":
    unittest.main()
