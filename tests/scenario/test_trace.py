"""gatepost ctl trace takes a conversation down, gatepost replay plays it."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from support import gateway
from support.case import Scenario, quick
from support.process import wait_until

PASSWORD = "s3cret-word"
MESSAGE = b"From: joe@example.org\r\nSubject: private\r\n\r\nThe code is 4711.\r\n.\r\n"


class Trace(Scenario):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="gatepost-trace-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.control = os.path.join(self.folder, "control")

    def start(self, **more):
        """A gateway with a control socket before a server with one message."""
        config, ports = self.config(self.fake([MESSAGE]).address, **more)
        running = self.gateway(config, flags=("--control", self.control))
        return running, ports

    def trace(self, running, *arguments):
        """Begins a trace; returns the program that writes it and its file."""
        path = os.path.join(self.folder, "trace")
        program = subprocess.Popen(
            [gateway.binary(), "ctl", "trace", "--control", self.control, "--output", path,
             *arguments], env=gateway.environment(), stderr=subprocess.PIPE, text=True)
        self.addCleanup(program.stderr.close)
        self.addCleanup(program.wait, 30)
        self.addCleanup(program.kill)
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0,
                   what="the trace to begin")
        return program, path

    def talk(self, port, user="joe", tls=True):
        client = self.client(port, tls=tls)
        client.login(user, PASSWORD)
        client.multi("UIDL")
        client.multi("RETR 1")
        client.ok("QUIT")
        client.close()

    def wait_for(self, path, text):
        wait_until(lambda: text in read(path), what=f"{text} in the trace")

    @quick
    def test_what_was_traced_is_played_without_a_difference(self):
        running, ports = self.start()
        program, path = self.trace(running, "--user", "joe")
        self.talk(ports.pop3s, user="ann")
        self.talk(ports.pop3s)
        self.wait_for(path, '"over"')
        client = self.client(ports.stls)
        client.stls()
        client.login("joe", PASSWORD)
        client.ok("STAT")
        client.ok("QUIT")
        client.close()
        wait_until(lambda: read(path).count('"over"') == 2, what="the second session's end")
        program.send_signal(signal.SIGINT)
        program.wait(30)

        text = read(path)
        for secret in (PASSWORD, "joe", "ann", "private", "4711", "127.0.0.1"):
            self.assertNotIn(secret, text)
        self.assertIn("Subject: xxxxxxx", text)
        header = json.loads(text.splitlines()[0])
        self.assertEqual(header["gatepost_trace"], 1)
        self.assertTrue(header["redacted"])

        played = gateway.run("replay", path)
        self.assertEqual(played.returncode, 0, played.stdout + played.stderr)
        self.assertIn("C: RETR 1\n", played.stdout)
        self.assertEqual(played.stdout.count("The replay went as in the trace."), 2)
        played = gateway.run("replay", "--json", path)
        results = [json.loads(line) for line in played.stdout.splitlines()]
        self.assertEqual([result["same"] for result in results], [True, True])
        self.assertIn('action=trace', running.log())

    def test_a_full_trace_has_messages_but_no_password(self):
        running, ports = self.start()
        program, path = self.trace(running, "--user", "*", "--full", "--seconds", "3600")
        self.talk(ports.plain, tls=False)
        self.wait_for(path, '"over"')
        program.kill()
        text = read(path)
        self.assertIn("The code is 4711.", text)
        self.assertIn("USER joe", text)
        self.assertNotIn(PASSWORD, text)
        self.assertEqual(gateway.run("replay", path, "--quiet").returncode, 0)

    def test_a_difference_is_shown(self):
        running, ports = self.start()
        _, path = self.trace(running, "--user", "joe")
        self.talk(ports.pop3s)
        self.wait_for(path, '"over"')
        text = read(path)
        changed = os.path.join(self.folder, "changed")
        with open(changed, "w") as file:
            file.write(text.replace("Gatepost ready", "Gatepost reads"))
        played = gateway.run("replay", changed)
        self.assertEqual(played.returncode, 1)
        self.assertIn("!!   in the trace: +OK Gatepost reads\n!!   here:         +OK Gatepost ready",
                      played.stdout)

    def test_a_trace_ends_by_itself(self):
        running, _ = self.start()
        program, _ = self.trace(running, "--user", "joe", "--seconds", "1")
        started = time.monotonic()
        self.assertEqual(program.wait(30), 0)
        self.assertLess(time.monotonic() - started, 20)

    def test_there_is_an_end_to_traces(self):
        running, _ = self.start()
        for _ in range(4):
            self.trace(running, "--user", "joe")
            os.unlink(os.path.join(self.folder, "trace"))
        refused = gateway.run("ctl", "trace", "--control", self.control, "--user", "joe")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("too many traces", refused.stderr)

    def test_what_is_no_trace_is_refused(self):
        path = os.path.join(self.folder, "no-trace")
        with open(path, "w") as file:
            file.write("hello\n")
        for arguments, code, complaint in (
                ((path,), 3, "line 1: this is not a trace of Gatepost"),
                ((path + "-none",), 3, "No such file"),
                ((), 2, "file is required")):
            refused = gateway.run("replay", *arguments)
            self.assertEqual(refused.returncode, code)
            self.assertIn(complaint, refused.stderr)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""
