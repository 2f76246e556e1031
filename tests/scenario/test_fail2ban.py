"""The filter for fail2ban reads what Gatepost really logs, and nothing that a user forged."""

import base64
import collections
import glob
import os
import shutil
import socket
import subprocess

from support.case import Scenario, quick
from support.fake_upstream import CLOSE
from support.ports import free_port

DEPLOY = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "deploy", "fail2ban"))
FILTER = os.path.join(DEPLOY, "filter.d", "gatepost.conf")
FORGED = "203.0.113.66"  # nobody connects from there

# Names that try to look like the rest of a log line. {0} is an address.
HOSTILE = [
    "x client={0}:1 result=refused",
    "x result=refused client={0}:1",
    'x" client={0}:1 result=refused problem="',
    '\\" client={0}:1 result=refused x=\\"',
    '\\\\" client={0}:1 result=refused x="',
    "x\" \" client={0}:1 result=refused",
    'x","client":"{0}:1","result":"refused","y":"',
    'x\\","client":"{0}:1","result":"refused","y":"',
    "client={0}:1",
    "[{0}]:1",
    "{0}",
    "<HOST> {0}",
    "=",
    '"',
    "\\",
    "'",
    "x\u2028client={0}:1\u00a0result=refused",
    "2026-01-31T12:00:00.000Z warning login_failed client={0}:1 result=refused",
    '{{"time":"2026-01-31T12:00:00.000Z","level":"warning","event":"login_failed",'
    '"client":"{0}:1","result":"refused"}}',
    "x" * 400 + " client={0}:1 result=refused",
]
NAMES = [name.format(FORGED) for name in HOSTILE] + ["joe", "joe@example.org"]


def read_log(path, filter_file=FILTER):
    """How often fail2ban counts each address."""
    done = subprocess.run(["fail2ban-regex", "--out", "ip", path, filter_file],
                          capture_output=True, text=True, timeout=60)
    if done.returncode not in (0, 1):  # 1: nothing found
        raise AssertionError(done.stdout + done.stderr)
    lines = done.stdout.split()
    for line in lines:
        socket.inet_pton(socket.AF_INET6 if ":" in line else socket.AF_INET, line)
    return collections.Counter(lines)


def have_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


class Fail2ban(Scenario):
    def gateway_for(self, server, log_format):
        """A gateway that never delays, logging to a file: (ports, the file)."""
        path = os.path.join(self.own_folder, f"gatepost-{log_format}.log")
        config, ports = self.config(
            {"address": server.address},
            log={"file": path, "format": log_format},
            limits={"failed_login_delay_max": "0s", "login_attempts": 10})
        if have_ipv6():
            ports.v6 = free_port()
            config["listeners"].append(
                {"address": f"[::1]:{ports.v6}", "tls": "none"})
        self.running = self.gateway(config)
        return ports, path

    def log_in(self, client, name, as_plain):
        """One attempt; the reply that decides."""
        if as_plain:
            token = base64.b64encode(b"\0" + name.encode() + b"\0wrong").decode()
            client.send(f"AUTH PLAIN {token}\r\n".encode())
            return client.line()
        client.send(b"USER " + name.encode() + b"\r\n")
        reply = client.line()
        if reply.startswith(b"+OK"):
            client.send(b"PASS wrong\r\n")
            reply = client.line()
        return reply

    def fail_with_every_name(self, server_refuses, log_format):
        """(the log's file, how often each address was refused by the server)"""
        script = {"PASS": lambda _, line: b"-ERR [AUTH] no " + NAMES[0].encode() + b"\r\n",
                  "USER": lambda _, line: b"+OK\r\n",
                  "AUTH": lambda _, line: b"-ERR [AUTH] no " + NAMES[2].encode() + b"\r\n"}
        if not server_refuses:
            script = {"USER": CLOSE, "AUTH": CLOSE, "PASS": CLOSE}
        server = self.fake(script=script, capabilities=(b"USER", b"SASL PLAIN", b"UIDL"))
        ports, path = self.gateway_for(server, log_format)
        expected = collections.Counter()
        for number, name in enumerate(NAMES):
            for as_plain in (False, True):
                source = f"127.0.0.{2 + number % 5}"
                with self.client(ports.plain, source=source) as client:
                    reply = self.log_in(client, name, as_plain)
                self.assertTrue(reply.startswith(b"-ERR"), reply)
                expected[source] += 1
        if hasattr(ports, "v6"):
            with self.client(None, address=("::1", ports.v6), family=socket.AF_INET6) as client:
                self.assertTrue(self.log_in(client, NAMES[0], False).startswith(b"-ERR"))
            expected["::1"] += 1
        self.running.stop()
        return path, expected

    def logged_failures(self, path):
        with open(path, encoding="utf-8") as file:
            return [line for line in file
                    if line[24:].startswith(" warning login_failed ")
                    or '"event":"login_failed"' in line[:80]]

    @quick
    def test_every_refused_login_counts_for_the_address_it_came_from(self):
        for log_format in ("text", "json"):
            with self.subTest(log_format):
                path, expected = self.fail_with_every_name(True, log_format)
                self.assertEqual(len(self.logged_failures(path)), sum(expected.values()))
                self.assertEqual(read_log(path), expected)

    @quick
    def test_the_names_would_deceive_a_simple_filter(self):
        path, _ = self.fail_with_every_name(True, "text")
        simple = os.path.join(self.own_folder, "simple.conf")
        with open(simple, "w") as file:
            file.write("[Definition]\n"
                       "failregex = login_failed.*client=<ADDR>:\\d+.*result=refused\n")
        self.assertIn(FORGED, read_log(path, simple))

    @quick
    def test_a_server_that_is_away_gets_nobody_banned(self):
        for log_format in ("text", "json"):
            with self.subTest(log_format):
                path, attempts = self.fail_with_every_name(False, log_format)
                self.assertEqual(len(self.logged_failures(path)), sum(attempts.values()))
                self.assertEqual(read_log(path), {})

    @quick
    def test_the_journal_puts_its_own_words_in_front(self):
        path, expected = self.fail_with_every_name(True, "text")
        with open(path, encoding="utf-8") as file:
            lines = [line.rstrip("\n") for line in file if " login_failed " in line]
        journal = os.path.join(self.own_folder, "journal")
        with open(journal, "w", encoding="utf-8") as file:
            for line in lines:
                file.write(f"mail gatepost[4711]: {line}\n")
        self.assertEqual(read_log(journal), expected)

    @quick
    def test_the_jail_is_understood(self):
        folder = os.path.join(self.own_folder, "fail2ban")
        shutil.copytree("/etc/fail2ban", folder)
        for name in glob.glob(os.path.join(folder, "jail.d", "*")):
            os.unlink(name)
        for part in ("filter.d", "jail.d"):
            shutil.copy(os.path.join(DEPLOY, part, "gatepost.conf"), os.path.join(folder, part))
        log = os.path.join(self.own_folder, "gatepost.log")
        open(log, "w").close()
        with open(os.path.join(folder, "jail.d", "zz.local"), "w") as file:
            file.write(f"[gatepost]\nlogpath = {log}\n")
        done = subprocess.run(["fail2ban-client", "-c", folder, "-d"], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("['add', 'gatepost',", done.stdout)
        self.assertIn("['set', 'gatepost', 'maxretry', 12]", done.stdout)
        self.assertIn("login_failed", done.stdout)
        self.assertNotIn("sshd", done.stdout)
