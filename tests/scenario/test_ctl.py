"""`gatepost ctl` and `gatepost healthcheck`: the running gateway seen and steered from outside."""

import json
import os
import signal
import stat

from support import corpus, gateway
from support.case import Scenario, quick
from support.process import wait_until

OK, FAILED, COMMAND_LINE, CONFIGURATION, NOBODY = 0, 1, 2, 3, 4
PASSWORD = "s3cret"


class Control(Scenario):
    """One gateway with a control socket in front of a real server with two users."""

    def setUp(self):
        super().setUp()
        self.socket = os.path.join(self.own_folder, "control")
        self.server = self.dovecot({user: (PASSWORD, corpus.few()) for user in ("joe", "ann")})
        config, ports = self.config(self.server.address)
        self.port = ports.pop3s
        self.running = self.gateway(config, flags=["--control", self.socket])

    def ctl(self, *words, json_too=True):
        """The answer as JSON."""
        done = gateway.run("ctl", *words, "--control", self.socket, *(["--json"] * json_too))
        self.assertEqual(done.returncode, OK, done.stderr)
        return json.loads(done.stdout) if json_too else done.stdout

    def login(self, user):
        client = self.client(self.port, tls=True)
        self.assertTrue(client.login(user, PASSWORD).startswith(b"+OK"))
        return client

    def sessions(self):
        return self.ctl("sessions")["sessions"]

    @quick
    def test_shows_who_is_there_and_what_they_do(self):
        joe = self.login("joe")
        joe.multi("RETR 1")
        self.login("ann")
        both = {one["user"]: one for one in self.sessions()}
        self.assertEqual(set(both), {"joe", "ann"})
        self.assertEqual(both["joe"]["state"], "transaction")
        self.assertEqual(both["joe"]["messages"], 1)
        self.assertEqual(both["joe"]["upstream"], self.server.address)
        self.assertEqual(both["joe"]["tls"], "TLSv1.3")
        self.assertEqual(both["joe"]["waits_for"], "client")
        self.assertEqual([one["user"] for one in self.ctl("sessions", "--user", "J*")["sessions"]],
                         ["joe"])
        one = self.ctl("sessions", "--limit", "1")
        self.assertEqual((one["matching"], len(one["sessions"])), (2, 1))
        self.assertEqual(one["sessions"][0]["user"], "joe")  # the oldest first
        status = self.ctl("status")
        self.assertTrue(status["ready"])
        self.assertEqual(status["pid"], self.running.pid)
        self.assertEqual(status["sessions_active"], 2)
        self.assertEqual(status["logins"]["ok"], 2)
        upstream, = self.ctl("upstreams")
        self.assertEqual((upstream["health"], upstream["sessions"]), ("up", 2))
        for part in ("status", "sessions", "upstreams"):
            self.assertIn(self.server.address, self.ctl(part, json_too=False))

    def test_ends_sessions_without_losing_what_they_deleted(self):
        joe, ann = self.login("joe"), self.login("ann")
        joe.command("DELE 1")
        identity = next(one["id"] for one in self.sessions() if one["user"] == "joe")
        self.assertIn("ended 1 sessions", self.ctl("kick", identity, json_too=False))
        self.assertEqual(joe.at_end(), b"")
        self.assertIn("reason=kicked", self.running.log_lines("session")[0])
        self.assertTrue(ann.command("NOOP").startswith(b"+OK"))
        again = self.login("joe")
        self.assertEqual(again.command("STAT").split()[1], str(len(corpus.few())).encode())
        done = gateway.run("ctl", "kick", identity, "--control", self.socket)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertIn("ended 2 sessions", self.ctl("kick", "--user", "*", json_too=False))
        self.running.wait_for_log(f'action=kick by="uid {os.getuid()}" whose=*')

    def test_changes_the_level_of_the_log_until_the_next_reload(self):
        self.assertEqual(self.ctl("log-level", json_too=False), "info\n")
        self.ctl("log-level", "error", json_too=False)
        self.assertEqual(self.ctl("log-level", json_too=False), "error\n")
        self.assertEqual(self.ctl("reload", json_too=False), "reloaded\n")
        self.assertEqual(self.ctl("log-level", json_too=False), "info\n")

    def test_a_reload_with_a_bad_file_changes_nothing_and_says_where(self):
        client = self.login("joe")
        with open(self.running.config_path, "w") as file:
            file.write('{\n  "listeners": 7\n}')
        done = gateway.run("ctl", "reload", "--control", self.socket)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn(f"{self.running.config_path}:2: /listeners: ", done.stderr)
        self.assertTrue(client.command("NOOP").startswith(b"+OK"))
        self.login("ann")
        self.assertEqual(self.ctl("status")["reloads_failed"], 1)

    def test_drains(self):
        client = self.login("joe")
        self.ctl("drain", json_too=False)
        wait_until(lambda: not self.running.ready(), 10, "it to drain", self.running.child)
        self.assertEqual(self.ctl("status")["state"], "draining")
        done = gateway.run("ctl", "drain", "--control", self.socket)
        self.assertEqual((done.returncode, "draining already" in done.stderr), (FAILED, True))
        self.assertTrue(client.command("QUIT").startswith(b"+OK"))
        self.assertEqual(self.running.child.wait(30), 0)
        self.assertFalse(os.path.exists(self.socket))

    def end(self, pid):
        """Of a process that is no child of ours."""
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 30, f"process {pid} to end")

    def test_upgrades(self):
        joe = self.login("joe")
        before = self.running.pid
        self.assertIn("upgraded", self.ctl("upgrade", json_too=False))
        after = self.ctl("status")["pid"]  # at the same socket
        self.addCleanup(self.end, after)
        self.assertNotEqual(after, before)
        self.assertEqual(self.sessions(), [])
        self.login("ann")
        self.assertEqual([one["user"] for one in self.sessions()], ["ann"])
        joe.command("DELE 1")
        self.assertTrue(joe.command("QUIT").startswith(b"+OK"))
        self.assertEqual(self.running.child.wait(30), 0)
        self.assertTrue(os.path.exists(self.socket))
        self.assertEqual(self.ctl("status")["pid"], after)

    def explain(self, *words):
        done = gateway.run("explain", *words, "--control", self.socket)
        self.assertEqual(done.returncode, OK, done.stderr)
        return done.stdout

    def test_explains_what_was_decided(self):
        joe = self.login("joe")
        joe.multi("RETR 1")
        identity = self.sessions()[0]["id"]
        joe.command("QUIT")
        wait_until(lambda: not self.sessions(), 10, "the session's end")
        text = self.explain(identity)
        for word in (identity, "joe", self.server.address, "/upstream"):
            self.assertIn(word, text)
        self.assertNotIn(PASSWORD, text)
        self.assertIn(identity, self.explain("--user", "joe"))
        decisions = json.loads(self.explain(identity, "--json"))
        self.assertEqual(decisions["session"], identity)
        self.assertTrue(decisions["decisions"])
        self.assertEqual(self.ctl("explain", identity, json_too=False), text)

    def test_the_socket_is_for_its_owner(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o600)

    def test_says_when_nobody_is_there(self):
        done = gateway.run("ctl", "status", "--control", self.socket + "x")
        self.assertEqual(done.returncode, NOBODY)
        self.assertIn("No such file or directory", done.stderr)
        done = gateway.run("ctl", "status", "--config", "/nonexistent")
        self.assertEqual(done.returncode, CONFIGURATION)

    def test_looks_after_its_own_health(self):
        flags = ("--config", self.running.config_path)
        self.assertEqual(gateway.run("healthcheck", *flags).returncode, OK)
        self.assertEqual(gateway.run("healthcheck", "--ready", *flags).returncode, OK)
        client = self.login("joe")
        self.running.child.signal(signal.SIGTERM)
        wait_until(lambda: not self.running.ready(), 10, "it to drain", self.running.child)
        self.assertEqual(gateway.run("healthcheck", *flags).returncode, OK)
        done = gateway.run("healthcheck", "--ready", *flags)
        self.assertEqual((done.returncode, done.stderr), (FAILED, "gatepost: draining\n"))
        client.command("QUIT")
        self.running.child.wait(30)
        done = gateway.run("healthcheck", *flags)
        self.assertEqual(done.returncode, FAILED)
        self.assertEqual(len(done.stderr.splitlines()), 1)
