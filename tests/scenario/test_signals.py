"""SIGTERM drains, SIGHUP reloads."""

import os
import shutil
import socket
import ssl
import time

from support import corpus
from support.case import Scenario, quick
from support.process import wait_until
from support.raw_client import RawClient, stuff

PASSWORD = "s3cret"


class Drain(Scenario):
    def test_a_transfer_finishes_while_nobody_new_comes_in(self):
        message = corpus.of_size(24 * 1024 * 1024)
        server = self.fake([message])
        running, ports = self.serve(server.address, timeouts={"drain": "5m"})
        client = self.client(ports.pop3s, tls=True, receive_buffer=65536)
        client.login("joe", PASSWORD)
        client.send(b"RETR 1\r\n")
        client.line()
        running.drain()
        wait_until(lambda: running.get("/readyz")[0] == 503, what="readyz to say 503")
        wait_until(lambda: refused(ports.pop3s), what="new connections to be refused")
        self.assertTrue(running.child.running)
        self.assertEqual(client.body(), stuff(message))
        client.ok("QUIT")
        client.close()
        self.assertEqual(running.child.wait(60), 0)

    @quick
    def test_without_sessions_it_ends_at_once(self):
        running, _ = self.serve(self.fake().address)
        started = time.monotonic()
        running.drain()
        self.assertEqual(running.child.wait(30), 0)
        self.assertLess(time.monotonic() - started, 20)

    def test_a_session_that_does_not_end_is_cut_at_the_deadline(self):
        server = self.fake([corpus.of_size(24 * 1024 * 1024)])
        running, ports = self.serve(server.unwatched, timeouts={"drain": "2s"})
        client = self.client(ports.pop3s, tls=True, receive_buffer=4096)
        client.login("joe", PASSWORD)
        client.ok("DELE 1")
        client.send(b"RETR 1\r\n")
        client.line()
        time.sleep(0.5)
        running.drain()
        self.assertEqual(running.child.wait(60), 0)
        self.assertNotIn(b"\r\n.\r\n", client.at_end())
        self.assertTrue(server.last().done.wait(30))
        self.assertNotIn("QUIT", server.last().verbs)

    def test_a_second_signal_ends_it_at_once(self):
        server = self.fake([corpus.of_size(24 * 1024 * 1024)])
        running, ports = self.serve(server.address, timeouts={"drain": "5m"})
        client = self.client(ports.pop3s, tls=True, receive_buffer=4096)
        client.login("joe", PASSWORD)
        client.send(b"RETR 1\r\n")
        client.line()
        running.drain()
        wait_until(lambda: running.get("/readyz")[0] == 503, what="readyz to say 503")
        running.drain()
        running.child.wait(60)


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
        return False
    except ConnectionRefusedError:
        return True


class Reload(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = cls.authority.leaf("second")

    def start(self, **more):
        """A gateway whose certificate files are ours to change."""
        self.cert = os.path.join(self.own_folder, "cert.pem")
        self.key_file = os.path.join(self.own_folder, "key.pem")
        self.install(self.authority.good)
        self.server = self.fake(corpus.few())
        config, ports = self.config(self.server.address, **more)
        config["tls"] = {"certificate": self.cert, "key": self.key_file}
        running = self.gateway(config)
        config["admin"] = {"address": f"127.0.0.1:{running.admin_port}"}
        self.current = config
        return running, ports

    def install(self, pair):
        shutil.copy(pair[0], self.cert)
        shutil.copy(pair[1], self.key_file)

    def shown(self, port):
        """The certificate a new connection sees."""
        context = ssl.create_default_context(cafile=self.ca)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
            with context.wrap_socket(sock, server_hostname="localhost") as wrapped:
                return wrapped.getpeercert()["subject"][0][0][1]

    def reload_refused(self, running):
        """Reloads and waits until the log has said something new about it."""
        before = len(running.log())
        running.reload()
        wait_until(lambda: "reload" in running.log()[before:].lower(), what="a word in the log",
                   child=running.child)
        return running.log()[before:]

    @quick
    def test_a_new_certificate_is_used_and_no_session_dropped(self):
        running, ports = self.start(workers=2)
        self.assertEqual(self.shown(ports.pop3s), "leaf")
        client = self.client(ports.pop3s, tls=True)
        client.login("joe", PASSWORD)
        self.install(self.second)
        running.reload()
        wait_until(lambda: all(self.shown(ports.pop3s) == "second" for _ in range(8)),
                   what="the new certificate")
        self.assertEqual(client.multi("RETR 1")[1], stuff(corpus.few()[0]))
        client.ok("QUIT")

    def test_a_broken_certificate_is_refused_and_the_old_one_stays(self):
        running, ports = self.start()
        client = self.client(ports.pop3s, tls=True)
        client.login("joe", PASSWORD)
        for what in ("garbage", "foreign key", "missing"):
            with self.subTest(what=what):
                if what == "garbage":
                    with open(self.cert, "w") as file:
                        file.write("no certificate\n")
                elif what == "foreign key":
                    shutil.copy(self.second[0], self.cert)
                else:
                    os.unlink(self.cert)
                said = self.reload_refused(running)
                self.assertIn(" error ", said)
                self.assertEqual(self.shown(ports.pop3s), "leaf")
        self.install(self.second)
        running.reload()
        wait_until(lambda: self.shown(ports.pop3s) == "second", what="the new certificate")
        client.ok("QUIT")

    def test_a_broken_configuration_is_refused_and_the_old_one_stays(self):
        running, ports = self.start()
        for text in ("{", '{"unknown": 1}', "{}", '{"listeners": [], "upstream": 7}'):
            with self.subTest(text=text):
                with open(running.config_path, "w") as file:
                    file.write(text)
                said = self.reload_refused(running)
                self.assertIn(" error ", said)
                client = self.client(ports.pop3s, tls=True)
                self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
                client.ok("QUIT")
        self.assertTrue(running.ready())

    def test_a_new_upstream_serves_new_sessions_and_the_old_one_the_old(self):
        running, ports = self.start()
        old = self.client(ports.pop3s, tls=True)
        old.login("joe", PASSWORD)
        other = self.fake(corpus.few()[:1])
        config = dict(self.current, upstream={"address": other.address})
        running.write_config(config)
        running.reload()

        def moved():
            client = self.client(ports.pop3s, tls=True)
            client.login("joe", PASSWORD)
            count = client.ok("STAT").split()[1]
            client.close()
            return count == b"1"
        wait_until(moved, what="the new upstream")
        self.assertEqual(old.ok("STAT").split()[1], b"3")
        old.ok("QUIT")

    def test_new_listeners_open_and_old_ones_close(self):
        running, ports = self.start()
        kept = self.client(ports.plain)
        kept.login("joe", PASSWORD)
        another = self.config("127.0.0.1:1")[1].plain
        listeners = [entry for entry in self.current["listeners"] if entry["name"] != "plain"]
        listeners.append({"name": "new", "address": f"127.0.0.1:{another}", "tls": "none"})
        running.write_config(dict(self.current, listeners=listeners))
        running.reload()
        wait_until(lambda: not refused(another), what="the new listener")
        wait_until(lambda: refused(ports.plain), what="the old listener to close")
        kept.ok("NOOP")
        client = self.client(another)
        self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))

    def test_reloading_under_load_drops_nobody(self):
        running, ports = self.start(workers=2)
        for number in range(40):
            if number % 5 == 0:
                self.install(self.second if number % 10 else self.authority.good)
                running.reload()
            with RawClient(ports.pop3s, tls=True, ca=self.ca) as client:
                self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
                client.ok("QUIT")

    def test_the_log_file_is_opened_anew(self):
        log = os.path.join(self.own_folder, "own.log")
        running, ports = self.start(log={"file": log})
        os.rename(log, log + ".1")
        running.reload()
        wait_until(lambda: os.path.exists(log), what="the new log file")
        client = self.client(ports.plain)
        client.login("joe", PASSWORD)
        client.ok("QUIT")

        def logged():
            with open(log) as file:
                return " session " in file.read()
        wait_until(logged, what="the session in the new file")


