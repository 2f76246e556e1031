"""What breaks, breaks openly: no message that looks whole, no success nobody gave."""

import os
import threading
import time

from support import corpus
from support.case import Scenario, quick
from support.fake_upstream import CLOSE, RESET, SILENT
from support.process import wait_until
from support.raw_client import RawClient, Truncated, stuff

PASSWORD = "s3cret"


class UpstreamFaults(Scenario):
    def logged_in(self, script, messages=None, tls=True, **more):
        server = self.fake(messages or corpus.few(), script)
        running, ports = self.serve(server.unwatched, **more)
        client = self.client(ports.pop3s if tls else ports.plain, tls=tls)
        self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
        self.running = running
        return server, client

    @quick
    def test_a_server_that_dies_in_a_message_leaves_a_visibly_broken_one(self):
        whole = b"+OK 100000 octets\r\n" + stuff(corpus.of_size(100000))
        cuts = {"in the middle": 50000, "before the dot": len(whole) - 3,
                "after the dot": len(whole) - 2, "in the last line end": len(whole) - 1,
                "after the status": 19}
        for how in (CLOSE, RESET):
            for what, at in cuts.items():
                with self.subTest(what=what, how="close" if how is CLOSE else "reset"):
                    server, client = self.logged_in({"RETR": [whole[:at], how]})
                    client.send(b"RETR 1\r\n")
                    received = client.at_end()
                    self.assertFalse(received.endswith(b"\r\n.\r\n"), received[-40:])
                    self.assertNotIn(b"\r\n.\r\n", received)
                    if how is CLOSE:
                        self.assertTrue(whole.startswith(received) or b"-ERR" in received,
                                        received[-100:])
                    self.assertNotIn("QUIT", server.last().verbs)

    def test_pipelined_commands_behind_a_broken_message_get_no_reply(self):
        server, client = self.logged_in({"RETR": [b"+OK\r\nhalf a mess", CLOSE]})
        client.send(b"NOOP\r\nRETR 1\r\nNOOP\r\nDELE 1\r\nQUIT\r\n")
        received = client.at_end()
        self.assertEqual(received.count(b"+OK"), 2, received)
        self.assertNotIn(b"\r\n.\r\n", received)

    def test_silence_in_the_middle_of_a_message_ends_it_without_a_dot(self):
        server, client = self.logged_in({"RETR": [b"+OK\r\nhalf a mess", SILENT]},
                                        timeouts={"upstream_reply": "1s"})
        client.send(b"RETR 1\r\n")
        received = client.at_end()
        self.assertIn(b"half a mess", received)
        self.assertNotIn(b"\r\n.\r\n", received)
        server.last().done.wait(30)
        self.assertNotIn("QUIT", server.last().verbs)

    @quick
    def test_a_reply_nobody_asked_for_ends_the_session(self):
        server, client = self.logged_in({"NOOP": b"+OK first\r\n+OK stray\r\n"})
        client.send(b"NOOP\r\n")
        received = client.at_end()
        self.assertNotIn(b"stray", received)
        server.last().done.wait(30)
        self.assertNotIn("QUIT", server.last().verbs)

    def test_a_late_stray_reply_is_never_taken_for_the_next_one(self):
        read = threading.Event()
        server, client = self.logged_in({"NOOP": [b"+OK first\r\n", lambda: read.wait(30),
                                                  b"+OK 1 1 stray\r\n"]})
        client.ok("NOOP")
        read.set()
        self.assertFalse(client.silent_for(30), "the session went on")
        try:
            client.send(b"STAT\r\n")
        except OSError:
            pass
        self.assertNotIn(b"stray", client.at_end())

    def test_a_reply_that_is_none_ends_the_session(self):
        for reply in (b"OK\r\n", b"+ok\r\n", b"250 fine\r\n", b"\r\n", b"+OKAY\r\n",
                      b"+OK a\0b\r\n", b"+OK a\rb\r\n", b"+OK " + b"x" * 20000 + b"\r\n"):
            with self.subTest(reply=reply[:20]):
                server, client = self.logged_in({"NOOP": reply})
                client.send(b"NOOP\r\nSTAT\r\n")
                received = client.at_end()
                self.assertNotIn(b"+OK 3", received)
                server.last().done.wait(30)
                self.assertNotIn("QUIT", server.last().verbs)

    def test_an_upstream_that_dies_at_quit_makes_no_success(self):
        for how in (CLOSE, RESET):
            server, client = self.logged_in({"QUIT": how})
            client.ok("DELE 1")
            client.send(b"QUIT\r\n")
            self.assertNotIn(b"+OK", client.at_end())

    def test_an_idle_session_whose_server_goes_away_ends(self):
        for how in (CLOSE, RESET):
            server, client = self.logged_in({"NOOP": [b"+OK\r\n", how]})
            client.ok("NOOP")
            self.assertNotIn(b"+OK", client.at_end())

    def test_a_list_that_never_ends_takes_no_memory(self):
        lines = b"".join(b"%d 100\r\n" % n for n in range(1, 200000))
        server, client = self.logged_in({"LIST": [b"+OK\r\n", lines, b".\r\n"]})
        before = resident(self.running.pid)
        client.send(b"LIST\r\n")
        time.sleep(1)
        grown = resident(self.running.pid) - before
        self.assertEqual(client.line(), b"+OK")
        self.assertEqual(client.body(), lines + b".\r\n")
        self.assertLess(grown, 16 * 1024 * 1024)


class ClientFaults(Scenario):
    @quick
    def test_a_client_that_vanishes_during_a_message_ends_upstream_without_quit(self):
        message = corpus.of_size(20 * 1024 * 1024)
        server = self.fake([message])
        running, ports = self.serve(server.unwatched)
        for tls in (True, False):
            for leave in ("abort", "close"):
                with self.subTest(tls=tls, leave=leave):
                    client = self.client(ports.pop3s if tls else ports.plain, tls=tls,
                                         receive_buffer=65536)  # or the kernel takes it all
                    client.login("joe", PASSWORD)
                    client.send(b"DELE 1\r\nRETR 1\r\nQUIT\r\n")
                    client.line()
                    client.line()
                    getattr(client, leave)()
                    connection = server.last()
                    self.assertTrue(connection.done.wait(60))
                    self.assertNotIn("QUIT", connection.verbs)
                    self.assertNotIn("quit", connection.ended)

    def test_an_idle_client_that_vanishes_ends_upstream_without_quit(self):
        server = self.fake(corpus.few())
        running, ports = self.serve(server.unwatched)
        for leave in ("abort", "close"):
            client = self.client(ports.pop3s, tls=True)
            client.login("joe", PASSWORD)
            client.ok("DELE 1")
            getattr(client, leave)()
            self.assertTrue(server.last().done.wait(60))
            self.assertNotIn("QUIT", server.last().verbs)

    def test_a_client_that_does_not_read_costs_little_memory(self):
        message = corpus.of_size(40 * 1024 * 1024)
        server = self.fake([message])
        running, ports = self.serve(server.unwatched)
        client = self.client(ports.pop3s, tls=True, receive_buffer=4096)
        client.login("joe", PASSWORD)
        before = resident(running.pid)
        client.send(b"RETR 1\r\n")
        time.sleep(1.5)
        self.assertLess(resident(running.pid) - before, 16 * 1024 * 1024)
        client.line()
        self.assertEqual(client.body(), stuff(message))

    def test_a_client_that_pipelines_without_reading_is_slowed_not_stored(self):
        server = self.fake([corpus.of_size(200000)])
        running, ports = self.serve(server.unwatched)
        client = self.client(ports.pop3s, tls=True, receive_buffer=4096)
        client.login("joe", PASSWORD)
        before = resident(running.pid)
        client.send(b"RETR 1\r\n" * 200)
        time.sleep(1.5)
        self.assertLess(resident(running.pid) - before, 16 * 1024 * 1024)
        for _ in range(200):
            client.line()
            client.body()
        client.ok("QUIT")

    def test_too_many_connections_are_refused_and_the_others_live(self):
        server = self.fake(corpus.few())
        running, ports = self.serve(server.address, limits={"connections": 3})
        kept = [self.client(ports.plain) for _ in range(3)]
        try:
            with RawClient(ports.plain, seconds=20) as extra:
                self.assertTrue(extra.greeting.startswith(b"-ERR"), extra.greeting)
        except (Truncated, OSError):
            pass
        for client in kept:
            self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
            client.ok("QUIT")
            client.close()

        def admitted():
            try:
                with RawClient(ports.plain, seconds=20) as again:
                    return again.greeting.startswith(b"+OK")
            except (Truncated, OSError):
                return False
        wait_until(admitted, what="a free place")


def resident(pid):
    """Octets of memory that a process really uses."""
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
