"""SIGUSR2: the program is started again and takes over; nobody who is connected or connects notices."""

import contextlib
import os
import re
import signal
import socket
import ssl
import stat
import threading
import time
from unittest import mock

from support import corpus, gateway
from support.case import Scenario, quick
from support.ports import LOW, free_port
from support.process import wait_until
from support.raw_client import RawClient, stuff
from support.threads import StoppedThread, alive, descendants, threads
from support.upgrades import PASSWORD, USER, Upgrades, group

LARGE = corpus.of_size(8 * 1024 * 1024)


class Load:
    """Clients that come, fetch a message and go, until the block is left. `problems` is what went
    wrong, `done` how many came and went."""

    def __init__(self, body, makers):
        self.body, self.problems, self.done = body, [], 0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(make,)) for make in makers]

    def work(self, make):
        while not self.over.is_set():
            try:
                with make() as client:
                    assert client.login(USER, PASSWORD).startswith(b"+OK")
                    assert client.multi("RETR 1")[1] == self.body
                    client.ok("QUIT")
                self.done += 1
            except Exception as error:
                self.problems.append(repr(error))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self.over.set()
        for thread in self.threads:
            thread.join()


class TakesOver(Upgrades):
    def test_under_load_nobody_is_dropped(self):
        messages = [corpus.few()[0], LARGE]
        server = self.dovecot({USER: (PASSWORD, messages)})
        config, ports = self.config(server.address, workers=2)
        path = os.path.join(self.own_folder, "pop3")
        config["listeners"].append({"name": "unix", "address": f"unix:{path}", "tls": "none"})
        self.begin(config)
        inode = os.stat(path).st_ino
        slow, ends = [], []

        def unix():
            return RawClient(address=path, family=socket.AF_UNIX)

        def tcp():
            return RawClient(ports.plain)

        def tls():
            return RawClient(ports.pop3s, tls=True, ca=self.ca)
        with Load(stuff(messages[0]), [tcp, tcp, tls, unix]) as load:
            # More workers than before, and fewer: their sockets are all still served.
            for workers in (1, 3):
                client = self.session(ports.pop3s, tls=True, receive_buffer=65536)
                client.send(b"RETR 2\r\n")
                client.line()
                slow.append(client)
                done = load.done
                wait_until(lambda: load.done > done + 4 or load.problems, what="clients")
                self.change(workers=workers)
                ends.append(self.upgrade())
                self.assertEqual(self.running.metrics()["gatepost_workers"], workers)
            done = load.done
            wait_until(lambda: load.done > done + 8 or load.problems, what="clients")
        self.assertEqual(load.problems, [])
        self.assertEqual(os.stat(path).st_ino, inode)

        for client, old in zip(slow, ends):
            self.assertTrue(alive(old), "its session is not over")
            self.assertEqual(client.body(), stuff(LARGE))
            client.quit()
            self.wait_for_end(old)
        self.assertEqual(self.running.child.wait(1), 0)
        self.assertEqual(len(set(ends)), 2)

    @quick
    def test_new_sessions_are_the_new_process_s(self):
        self.begin_simply()
        old_session = self.session(self.ports.plain)
        old = self.upgrade()
        os.kill(old, signal.SIGSTOP)
        try:
            for _ in range(8):
                self.session(self.ports.plain).quit()
            self.assertEqual(self.running.metrics()['gatepost_upgrades_total{result="ok"}'], 1)
        finally:
            os.kill(old, signal.SIGCONT)
        self.assertEqual(old_session.multi("RETR 1")[1], stuff(corpus.few()[0]))
        old_session.quit()
        self.wait_for_end(old)

    def test_who_is_connected_may_still_log_in(self):
        self.begin_simply(workers=2)
        waiting = [self.client(self.ports.pop3s, tls=True), self.client(self.ports.stls)]
        half = RawClient(self.ports.pop3s, ca=self.ca, greeting=False)  # TLS comes later
        self.addCleanup(half.close)
        time.sleep(0.2)
        old = self.upgrade()
        half.start_tls()
        self.assertTrue(half.line().startswith(b"+OK"))
        waiting[1].stls()
        for client in [*waiting, half]:
            self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
            self.assertEqual(client.multi("RETR 1")[1], stuff(corpus.few()[0]))
        self.assertTrue(alive(old))
        for client in [*waiting, half]:
            client.quit()
        self.wait_for_end(old)

    def test_a_header_of_a_balancer_may_come_afterwards(self):
        config, _ = self.config(self.fake(corpus.few()).address)
        port = free_port()
        config["listeners"].append({"name": "proxied", "address": f"127.0.0.1:{port}",
                                    "tls": "none", "proxy_protocol": True,
                                    "trusted_networks": ["127.0.0.1"]})
        self.begin(config)
        client = RawClient(port, greeting=False)
        self.addCleanup(client.close)
        time.sleep(0.2)
        old = self.upgrade()
        client.send(b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 110\r\n")
        self.assertTrue(client.line().startswith(b"+OK"))
        client.login(USER, PASSWORD)
        client.quit()
        self.wait_for_end(old)

    def test_tls_sessions_go_on(self):
        self.begin_simply()
        context = ssl.create_default_context(cafile=self.ca)
        context.maximum_version = ssl.TLSVersion.TLSv1_2

        def connect(session=None):
            with socket.create_connection(("127.0.0.1", self.ports.pop3s), timeout=60) as plain:
                with context.wrap_socket(plain, server_hostname="localhost",
                                         session=session) as wrapped:
                    wrapped.recv(100)
                    return wrapped.session, wrapped.session_reused
        session, reused = connect()
        self.assertFalse(reused)
        self.upgrade()
        self.assertTrue(connect(session)[1])

    def test_the_new_configuration_counts(self):
        config, ports = self.config(self.fake(corpus.few()).address)
        path = os.path.join(self.own_folder, "gone")
        config["listeners"].append({"name": "unix", "address": f"unix:{path}", "tls": "none"})
        self.begin(config)
        another = free_port()
        kept = [entry for entry in config["listeners"] if entry["name"] == "plain"]
        self.change(listeners=[*kept, {"name": "new", "address": f"127.0.0.1:{another}",
                                       "tls": "none"}])
        self.wait_for_end(self.upgrade())
        self.session(another).quit()
        self.session(ports.plain).quit()
        self.assertFalse(os.path.exists(path))
        with self.assertRaises(ConnectionRefusedError):
            self.client(ports.pop3s, tls=True)

    def test_the_limit_of_the_old_process(self):
        self.begin_simply(timeouts={"upgrade": "1s"})
        client = self.session(self.ports.plain)
        old = self.upgrade()
        self.assertEqual(client.at_end(), b"")
        self.wait_for_end(old)

    def test_the_old_process_drains_as_ever(self):
        self.begin_simply(timeouts={"drain": "30s"})
        client = self.session(self.ports.plain)
        undecided = self.client(self.ports.plain)
        old = self.upgrade()
        os.kill(old, signal.SIGUSR2)
        self.running.wait_for_log("this process is about to end")
        os.kill(old, signal.SIGTERM)
        self.assertIn(b"going down", undecided.at_end())
        self.assertTrue(client.ok("STAT"))
        client.quit()
        self.wait_for_end(old)
        self.session(self.ports.plain).quit()


class Fails(Upgrades):
    def setUp(self):
        super().setUp()
        self.program = os.path.join(self.own_folder, "gatepost")
        self.lead_to(gateway.binary())
        config, self.ports = self.config(self.fake(corpus.few()).address, workers=2)
        self.path = os.path.join(self.own_folder, "pop3")
        config["listeners"].append({"name": "unix", "address": f"unix:{self.path}", "tls": "none"})
        self.control = os.path.join(self.own_folder, "control")
        config["admin"] = {"control": self.control}
        with mock.patch.dict(os.environ, GATEPOST_BINARY=self.program):
            self.begin(config)
        self.kept = self.session(self.ports.plain)

    def lead_to(self, program):
        """The program's name means another file now."""
        os.symlink(program, self.program + ".new")
        os.rename(self.program + ".new", self.program)

    def still_serves(self):
        self.assertTrue(alive(self.pid))
        self.kept.ok("NOOP")
        self.assertTrue(self.running.ready())
        for path in (self.path, self.control):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
        for _ in range(4):
            self.session(self.ports.pop3s, tls=True).quit()

    def script(self, text):
        path = os.path.join(self.own_folder, "script")
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)
        return path

    def test_a_failure_changes_nothing(self):
        good = open(self.running.config_path).read()
        with open(self.running.config_path, "w") as file:
            file.write('{"listeners": 7}')
        self.assertIn("/listeners", self.fails())
        self.still_serves()

        taken = socket.create_server(("127.0.0.1", 0))  # cannot be listened at
        self.addCleanup(taken.close)
        with open(self.running.config_path, "w") as file:
            file.write(good)
        listeners = [*self.config_used["listeners"],
                     {"name": "taken", "address": "127.0.0.1:%d" % taken.getsockname()[1],
                      "tls": "none"}]
        with mock.patch.dict(self.config_used):
            self.change(listeners=listeners, workers=4)
            self.assertIn("cannot listen", self.fails())
        self.still_serves()
        with open(self.running.config_path, "w") as file:
            file.write(good)

        for program, why in (("/bin/false", "exit code 1"), ("/nonexistent", "No such file"),
                             (self.script("kill -9 $$"), "signal 9"),
                             (self.running.config_path, "Permission denied")):
            with self.subTest(program=program):
                self.lead_to(program)
                self.assertIn(why, self.fails())
                self.still_serves()
        self.assertEqual(self.running.metrics()['gatepost_upgrades_total{result="failed"}'], 6)
        self.lead_to(gateway.binary())
        old = self.upgrade()
        self.kept.quit()
        self.wait_for_end(old)

    def start_unready(self):
        """A new process whose scanner is not there; its processes. What it shares with the process
        before stays that one's, paths of sockets among it."""
        nobody = {"name": "nobody", "type": "clamd", "address": f"127.0.0.1:{free_port()}"}
        scanned = [{**entry, "chain": "scan"} for entry in self.config_used["listeners"]]
        self.change(scanners=[nobody], chains=[{"name": "scan", "scanners": ["nobody"]}],
                    listeners=scanned, spool={"folder": self.own_folder})
        started = len(self.running.log_lines("started"))
        before = group(self.running.pid)
        os.kill(self.pid, signal.SIGUSR2)
        wait_until(lambda: len(self.running.log_lines("started")) > started, 60, "the successor")
        return [pid for pid in group(self.running.pid) if pid not in before]

    def test_who_is_told_to_end_does_not_take_over(self):
        for pid in self.start_unready():
            os.kill(pid, signal.SIGTERM)
        line = wait_until(lambda: self.running.log_lines("upgrade_failed"), 60, "the failure")[-1]
        self.assertIn("the new process was told to end", line)
        self.still_serves()

    def test_who_is_not_ready_does_not_take_over(self):
        self.start_unready()
        self.still_serves()
        line = wait_until(lambda: self.running.log_lines("upgrade_failed"), 90, "the failure")[-1]
        self.assertIn("the new process is not ready: scanner nobody is not effective", line)
        self.still_serves()

    def test_one_at_a_time_and_none_past_the_end(self):
        self.lead_to(self.script("exec sleep 600"))
        os.kill(self.pid, signal.SIGUSR2)
        self.running.wait_for_log("upgrade_started")
        self.assertIn("under way", self.fails())
        self.running.reload()
        self.running.wait_for_log("reload_refused")
        self.still_serves()
        self.running.drain()
        self.kept.quit()
        self.assertEqual(self.running.child.wait(30), 0)
        wait_until(lambda: not group(self.running.pid), 30, "sleep to be killed")

    def test_without_a_starter_there_is_no_upgrade(self):
        (starter,) = descendants(self.pid, "gatepost-start")
        os.kill(starter, signal.SIGKILL)
        self.assertIn("has ended", self.fails())
        self.still_serves()

    def test_nonsense_in_the_variable_is_refused(self):
        for text in ("7", "x" * 100_000):
            done = gateway.run("run", "--config", self.running.config_path,
                               env={"GATEPOST_INHERIT": text})
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("GATEPOST_INHERIT", done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)


class Rights(Upgrades):
    def test_root_starts_and_another_user_serves(self):
        folder = self.own_folder
        while folder not in ("/tmp", "/"):  # may be entered by anybody
            os.chmod(folder, os.stat(folder).st_mode | 0o011)
            folder = os.path.dirname(folder)
        config, _ = self.config(self.fake(corpus.few()).address, workers=1,
                                process={"user": "nobody"})
        first, path = free_port(LOW), os.path.join(self.own_folder, "pop3")
        config["tls"] = {}
        config["listeners"] = [
            {"name": "low", "address": f"127.0.0.1:{first}", "tls": "none"},
            {"name": "unix", "address": f"unix:{path}", "tls": "none", "unix_mode": "0600"}]
        self.begin(config)
        second = free_port(LOW)
        self.change(workers=2, listeners=[
            *config["listeners"][:1],
            {"name": "unix", "address": f"unix:{path}", "tls": "none", "unix_mode": "0660"},
            {"name": "second", "address": f"127.0.0.1:{second}", "tls": "none"}])
        self.wait_for_end(self.upgrade())
        with open(f"/proc/{self.pid}/status") as file:
            status = file.read()
        self.assertRegex(status, r"Uid:\t65534\t65534\t65534\t65534")
        self.assertRegex(status, r"CapPrm:\t0+\n")
        for port in (first, second, first, second):
            self.session(port).quit()
        facts = os.stat(path)
        self.assertEqual((facts.st_uid, stat.S_IMODE(facts.st_mode)), (65534, 0o660))
        self.wait_for_end(self.upgrade())
        self.session(second).quit()


class Told(Upgrades):
    """What a service manager hears: the test is one."""

    def listen(self, address):
        self.heard = []
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(address)
        self.manager.settimeout(0.01)

    def listen_up(self):
        """Takes all that was said by now into `heard`."""
        with contextlib.suppress(TimeoutError):
            while True:
                self.heard.append(self.manager.recv(4096).decode())

    def forget(self):
        self.listen_up()
        self.heard.clear()

    def hears(self, text, seconds=30):
        """Waits for a message that begins so; it and what came before it are not heard again."""
        def find():
            self.listen_up()
            for at, message in enumerate(self.heard):
                if message.startswith(text):
                    del self.heard[:at + 1]
                    return message
            return None
        return wait_until(find, seconds, f"{text!r}")

    def test_a_life(self):
        config, ports = self.config(self.fake(corpus.few()).address)
        address = os.path.join(self.own_folder, "notify")
        self.listen(address)
        self.begin(config, env={"NOTIFY_SOCKET": address})
        self.assertIn("STATUS=0 sessions, ready", self.hears("READY=1"))
        client = self.session(ports.plain)
        self.assertIn("1 session, ready", self.hears("STATUS="))
        before = time.monotonic_ns() // 1000
        self.running.reload()
        asked = int(re.search(r"MONOTONIC_USEC=(\d+)", self.hears("RELOADING=1"))[1])
        self.assertLessEqual(before, asked)
        self.hears("READY=1")
        old = self.pid
        os.kill(old, signal.SIGUSR2)
        self.pid = int(self.hears("MAINPID=", 90).partition("=")[2])
        self.assertEqual(self.pid, int(re.search(r" process=(\d+)",
                                                 self.running.log_lines("upgraded")[0])[1]))
        client.quit()
        self.wait_for_end(old)
        os.kill(self.pid, signal.SIGTERM)
        self.assertRegex(self.hears("STOPPING=1"), r"\nEXTEND_TIMEOUT_USEC=40000000")
        self.wait_for_end(self.pid)

    def test_the_watchdog_barks_for_a_worker_that_does_not_turn(self):
        config, _ = self.config(self.fake(corpus.few()).address)
        name = f"gatepost-test-{os.getpid()}"
        self.listen("\0" + name)
        # The shell is replaced by the gateway, so the number is the gateway's.
        self.begin(config, wrap=["/bin/sh", "-c", 'WATCHDOG_PID=$$ exec "$0" "$@"'],
                   env={"NOTIFY_SOCKET": "@" + name, "WATCHDOG_USEC": "400000"})
        for _ in range(3):
            self.hears("WATCHDOG=1")
        self.wait_for_end(self.upgrade())
        self.forget()  # what the process before had said
        for _ in range(3):
            self.hears("WATCHDOG=1")
        with StoppedThread(threads(self.pid, "worker-0")[0]):
            wait_until(lambda: self.running.log_lines("worker_blocked"), what="a word of it")
            self.forget()  # whoever logs that has made up its mind
            time.sleep(1)
            self.listen_up()
            self.assertFalse([text for text in self.heard if text.startswith("WATCHDOG=1")])
        self.hears("WATCHDOG=1")

