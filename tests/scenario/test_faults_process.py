"""The machine lets the gateway down: no descriptors, no memory, a full disk, a clock that jumps, a
worker that does not turn. What goes on goes on, and somebody is told."""

import errno
import os
import re
import resource
import socket
import time

from support import corpus
from support.case import Scenario
from support.clock import DAY
from support.gateway import binary
from support.process import wait_until
from support.raw_client import RawClient, Truncated, stuff
from support.threads import StoppedThread, processor_seconds, threads

PASSWORD = "s3cret"


def sanitized():
    with open(binary(), "rb") as program:
        return b"__asan_init" in program.read()


class Descriptors(Scenario):
    WAITING = 120

    def start(self, workers):
        self.server = self.fake(corpus.few())
        config, self.ports = self.config({"address": self.server.address,
                                          "health_check": {"interval": "0s"}}, workers=workers)
        self.running = self.gateway(config)

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.running.pid}/fd"))

    def limit(self, soft):
        _, hard = resource.prlimit(self.running.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.running.pid, resource.RLIMIT_NOFILE, (soft, hard))

    def greeted(self, connections):
        """How many of them have heard something by now, and how many were closed."""
        heard = closed = 0
        for connection in connections:
            try:
                if connection.recv(100, socket.MSG_DONTWAIT | socket.MSG_PEEK):
                    heard += 1
                else:
                    closed += 1
            except BlockingIOError:
                pass
            except ConnectionError:
                closed += 1
        return heard, closed

    def test_connections_wait_while_sessions_go_on(self):
        # With several workers each may take the descriptor that another one has given back.
        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.check_waiting(workers)

    def check_waiting(self, workers):
        self.start(workers)
        sessions = [self.client(self.ports.plain) for _ in range(4)]
        for client in sessions:
            self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
        self.limit(self.open_descriptors() + 20)
        waiting = [socket.create_connection(("127.0.0.1", self.ports.plain))
                   for _ in range(self.WAITING)]
        for connection in waiting:
            self.addCleanup(connection.close)
        self.running.wait_for_log("Too many open files")

        used, began = processor_seconds(self.running.pid), time.monotonic()
        for client in sessions:  # whoever is in stays in
            status, body = client.multi("RETR 1")
            self.assertEqual(body, stuff(self.server.messages[0]))
        time.sleep(max(0, began + 1 - time.monotonic()))
        busy = (processor_seconds(self.running.pid) - used) / (time.monotonic() - began)
        self.assertLess(busy, 0.5, "accepting in a circle")
        heard, closed = self.greeted(waiting)
        self.assertEqual(closed, 0, "a connection that could not be served was dropped")
        self.assertLess(heard, self.WAITING)
        self.assertTrue(self.running.log_lines("accept_failed"))

        # A login that finds no descriptor for its server is told so; the server is not blamed.
        if heard:
            first = next(one for one in waiting
                         if self.greeted([one]) == (1, 0))
            first.settimeout(20)
            first.sendall(b"USER joe\r\nPASS x\r\n")
            text = b""
            while text.count(b"\r\n") < 3:
                data = first.recv(1000)
                self.assertTrue(data, text)
                text += data
            self.assertIn(b"-ERR [SYS/TEMP]", text)
        self.assertFalse(self.running.log_lines("upstream_down"))

        for connection in waiting[:self.WAITING // 2]:  # half of them give up
            connection.close()
        self.limit(1000)
        rest = waiting[self.WAITING // 2:]
        wait_until(lambda: self.greeted(rest) == (len(rest), 0), what="those who waited")
        samples = self.running.metrics()
        self.assertEqual(samples['gatepost_upstream_up{pool="upstream",server="%s"}'
                                 % self.server.address], 1)
        late = self.client(self.ports.pop3s, tls=True)
        self.assertTrue(late.login("joe", PASSWORD).startswith(b"+OK"))
        for client in [*sessions, late]:
            client.ok("QUIT")
        self.running.stop()


class Memory(Scenario):
    def test_beyond_the_budget_new_connections_wait(self):
        message = corpus.of_size(6 * 1024 * 1024)
        server = self.fake([message])
        running, ports = self.serve(server.address, limits={"memory": "4MiB"})
        slow = [self.client(ports.plain, receive_buffer=4096) for _ in range(60)]
        for client in slow:
            self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
        for client in slow:
            client.send(b"RETR 1\r\n")
        running.wait_for_log("accept_paused")
        self.assertEqual(running.metrics()["gatepost_accept_paused"], 1)
        self.assertEqual(running.get("/readyz"), (503, "out of memory for new sessions\n"))
        late = self.client(ports.plain, greeting=False)
        self.assertTrue(late.silent_for(0.5), "neither accepted nor refused")
        for client in slow[:50]:
            client.close()
        for client in slow[50:]:  # nobody's message has suffered
            client.line()
            self.assertTrue(client.body() == stuff(message))
        self.assertTrue(late.line().startswith(b"+OK"))
        self.assertTrue(late.login("joe", PASSWORD).startswith(b"+OK"))
        self.assertTrue(running.log_lines("accept_resumed"))
        self.assertTrue(running.ready())

    def test_no_memory_at_all_ends_it_without_a_whole_looking_message(self):
        """The system gives no more memory: the process may end, but never by a lie."""
        if sanitized():
            return  # a sanitizer needs terabytes of addresses
        message = corpus.of_size(6 * 1024 * 1024)
        server = self.fake([message])
        config, ports = self.config(server.address)
        running = self.gateway(config)
        clients = []
        for _ in range(60):
            clients.append(self.client(ports.pop3s, tls=True, receive_buffer=4096))
            clients[-1].login("joe", PASSWORD)
        with open(f"/proc/{running.pid}/status") as status:
            now = 1024 * int(re.search(r"VmData:\s+(\d+) kB", status.read()).group(1))
        resource.prlimit(running.pid, resource.RLIMIT_DATA, (now + 512 * 1024,) * 2)
        for client in clients:
            client.send(b"DELE 1\r\nRETR 1\r\nQUIT\r\n")
        whole = broken = 0
        for client in clients:
            received = client.at_end()
            replies, dot, rest = received.partition(b"\r\n.\r\n")
            if dot:
                self.assertIn(stuff(message), received)
                whole += 1
            else:
                broken += 1
        self.assertGreater(broken, 0, "memory was enough: nothing was shown")
        quits = sum("QUIT" in one.verbs for one in server.for_clients())
        self.assertLessEqual(quits, whole, "a QUIT of a client that has not taken its message")


class LogLost(Scenario):
    """The disk is full: lines are lost and counted, sessions go on."""

    def check(self, running, ports, sessions, lost_at_least):
        for _ in range(sessions):
            client = self.client(ports.plain)
            self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
            self.assertTrue(client.multi("RETR 1")[1].endswith(b"\r\n.\r\n"))
            client.ok("QUIT")
            client.close()
        wait_until(lambda: running.metrics()["gatepost_log_lines_lost_total"] >= lost_at_least,
                   what="lost lines")

    def test_a_device_that_is_full(self):
        server = self.fake(corpus.few())
        running, ports = self.serve(server.address, log={"file": "/dev/full"})
        self.check(running, ports, 5, 5)

    def test_a_full_file_system_that_gets_room_again(self):
        server = self.fake(corpus.few())
        config, ports = self.config(server.address, log={"file": "/mnt/gatepost.log"})
        # A file system of 64 KiB that only this process has.
        running = self.gateway(config, wrap=(
            "unshare", "--mount", "sh", "-c",
            'mount -t tmpfs -o size=64k,nr_inodes=10 gatepost-test /mnt && exec "$@"', "sh"))
        seen_there = f"/proc/{running.pid}/root/mnt"
        filler = os.open(f"{seen_there}/filler", os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(filler, b"x" * 1024):
                pass
        except OSError as error:
            self.assertEqual(error.errno, errno.ENOSPC)
        finally:
            os.close(filler)
        self.check(running, ports, 40, 20)  # the last page has room for some
        os.unlink(f"{seen_there}/filler")
        client = self.client(ports.plain)
        client.login("last", PASSWORD)
        client.ok("QUIT")

        def lines():
            with open(f"{seen_there}/gatepost.log") as log:
                return log.read().splitlines()
        wait_until(lambda: lines() and "user=last" in lines()[-1], what="a line again")
        for line in lines():  # one that was cut is at most followed by whole ones
            if "user=last" in line:
                self.assertRegex(line, r"^20\d\d-.*duration_ms=\d+$")


class Clock(Scenario):
    """The wall clock jumps by a day, both ways; what runs counts by another clock."""

    def test_no_session_ends_and_staples_and_stamps_follow(self):
        server = self.fake(corpus.few())
        config, ports = self.config(server.address, timeouts={"login": "60s"})
        running = self.gateway(config, days=0)
        expiry = 'gatepost_certificate_expiry_timestamp_seconds{certificate="%s"}' \
            % self.certificate
        before = running.metrics()
        idle = self.client(ports.pop3s, tls=True)
        idle.login("joe", PASSWORD)
        strangers = self.client(ports.plain)
        for days in (1, -1, 30, 0):
            with self.subTest(days=days):
                def today():
                    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * DAY))
                running.clock.set(days)
                begun, ended = today(), len(running.log_lines("session"))
                logged = self.client(ports.pop3s, tls=True)
                self.assertTrue(logged.login("joe", PASSWORD).startswith(b"+OK"))
                logged.ok("QUIT")
                logged.close()
                self.assertTrue(idle.multi("RETR 1")[1].endswith(b"\r\n.\r\n"))
                self.assertTrue(strangers.silent_for(0.7))
                self.assertTrue(strangers.multi("CAPA")[1])
                line = wait_until(lambda: running.log_lines("session")[ended:],
                                  what="the session's line")[0]
                self.assertTrue(line.startswith((begun, today())), line)
                wait_until(lambda: running.metrics()["gatepost_sessions_active"] == 2,
                           what="who has left to be forgotten")
                now = running.metrics()
                self.assertEqual(now[expiry], before[expiry])
                self.assertEqual(now["gatepost_start_time_seconds"],
                                 before["gatepost_start_time_seconds"])
                self.assertEqual(now["gatepost_sessions_active"], 2)
                self.assertTrue(running.ready())
        idle.ok("QUIT")


class Worker(Scenario):
    def test_one_that_does_not_turn_is_named_and_the_others_serve(self):
        server = self.fake(corpus.few())
        running, ports = self.serve(server.address, workers=2)
        (tid,) = threads(running.pid, "worker-1")
        with StoppedThread(tid):
            running.wait_for_log("worker_blocked")
            self.assertRegex(running.log_lines("worker_blocked")[0], r"worker=1 seconds=5$")
            status, text = running.get("/readyz")
            self.assertEqual(status, 503)
            self.assertTrue(re.fullmatch(r"worker 1 has not turned for \d+ s\n", text), text)
            samples = running.metrics()
            self.assertGreaterEqual(samples['gatepost_worker_blocked_seconds{worker="1"}'], 5)
            self.assertEqual(samples['gatepost_worker_blocked_seconds{worker="0"}'], 0)
            self.assertTrue(self.some_are_served(ports))
        wait_until(running.ready, what="readiness")
        self.assertTrue(running.log_lines("worker_turns"))
        self.assertEqual(running.metrics()['gatepost_worker_blocked_seconds{worker="1"}'], 0)

    def some_are_served(self, ports):
        """The kernel gives each worker its part of the connections."""
        connections = [RawClient(ports.plain, greeting=False) for _ in range(20)]
        try:
            served = [one for one in connections if not one.silent_for(0.1)]
            for one in served:
                one.line()
                self.assertTrue(one.login("joe", PASSWORD).startswith(b"+OK"))
            return len(served)
        except Truncated:
            return 0
        finally:
            for one in connections:
                one.close()
