"""Metrics, health and log lines."""

import base64
import json
import os
import re
import subprocess

from support import corpus
from support.case import Scenario, quick
from support.fake_upstream import CLOSE
from support.process import wait_until

USER, PASSWORD = "joe", "s3cret-Pa55word"


class Metrics(Scenario):
    def count(self, running, name):
        return running.metrics().get(name, 0)

    @quick
    def test_counters_tell_what_happened(self):
        server = self.dovecot({USER: (PASSWORD, corpus.few())})
        running, ports = self.serve(server.address)
        client = self.client(ports.pop3s, tls=True)
        client.login(USER, "wrong")
        client.login(USER, PASSWORD)
        sent = sum(len(body) for _, body in client.fetch_all())
        client.command("XYZZY")
        client.ok("QUIT")
        client.close()
        client = self.client(ports.plain)
        client.close()
        wait_until(lambda: self.count(running, "gatepost_sessions_active") == 0,
                   what="the sessions to end", child=running.child)
        metrics = running.metrics()
        expected = {
            "gatepost_sessions_total": 2,
            'gatepost_logins_total{result="ok"}': 1,
            'gatepost_logins_total{result="refused"}': 1,
            'gatepost_logins_total{result="unavailable"}': 0,
            'gatepost_commands_total{command="RETR"}': 3,
            'gatepost_commands_total{command="QUIT"}': 1,
            "gatepost_bad_commands_total": 1,
            "gatepost_messages_retrieved_total": 3,
            'gatepost_sessions_ended_total{reason="quit"}': 1,
            'gatepost_sessions_ended_total{reason="client_closed"}': 1,
            'gatepost_tls_handshakes_total{version="1.3"}': 1,
            "gatepost_upstream_connect_seconds_count": 1,
            "gatepost_upstream_login_seconds_count": 1,
            "gatepost_retr_seconds_count": 3,
            "gatepost_workers": 1,
        }
        counted_again = {"gatepost_upstream_connect_seconds_count",
                         "gatepost_upstream_login_seconds_count"}
        for name, value in expected.items():
            with self.subTest(name=name):
                if name in counted_again:  # the refused login may have had a connection of its own
                    self.assertIn(metrics.get(name), (value, value + 1))
                else:
                    self.assertEqual(metrics.get(name), value)
        self.assertGreater(metrics["gatepost_client_sent_bytes_total"], sent)
        self.assertGreater(metrics["gatepost_client_received_bytes_total"], 30)
        self.assertEqual(sum(value for name, value in metrics.items()
                             if name.startswith("gatepost_tls_ciphers_total")), 1)
        self.assertTrue(any(name.startswith("gatepost_build_info{") for name in metrics))
        expiry = [value for name, value in metrics.items()
                  if name.startswith("gatepost_certificate_expiry_timestamp_seconds")]
        self.assertEqual(len(expiry), 1)
        self.assertAlmostEqual(expiry[0], 2524521600, delta=3 * 86400)  # 2049-12-31

    def test_prometheus_finds_no_fault(self):
        server = self.fake(corpus.few())
        running, ports = self.serve(server.address)
        client = self.client(ports.pop3s, tls=True)
        client.login(USER, PASSWORD)
        client.fetch_all()
        status, text = running.get("/metrics")
        self.assertEqual(status, 200)
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                              capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_names_from_outside_make_no_series(self):
        """Whatever clients send, the set of series stays as it is."""
        server = self.fake(corpus.few())
        running, ports = self.serve(server.address)
        before = set(running.metrics())
        for number in range(20):
            client = self.client(ports.plain)
            client.command(f"X{number}YZZY")
            client.login(f"user{number}", PASSWORD)
            client.close()
        self.assertEqual(set(running.metrics()), before)

    def test_failed_handshakes_are_counted_by_reason(self):
        running, ports = self.serve(self.fake().address)
        client = self.client(ports.pop3s, greeting=False)
        client.send(b"USER joe\r\n")
        client.at_end()
        name = "gatepost_tls_handshake_failures_total"
        wait_until(lambda: sum(value for key, value in running.metrics().items()
                               if key.startswith(name)) == 1, what="the failure to be counted")
        self.assertEqual(running.metrics()[name + '{reason="not_tls"}'], 1)

    @quick
    def test_an_idle_session_holds_no_block(self):
        server = self.fake(corpus.few())
        running, ports = self.serve(server.address)
        clients = [self.client(ports.pop3s, tls=True) for _ in range(10)]
        for client in clients:
            client.login(USER, PASSWORD)
            client.multi("RETR 1")
        wait_until(lambda: running.metrics()["gatepost_io_blocks"] == 0, what="no blocks held")
        self.assertEqual(running.metrics()["gatepost_sessions_active"], 10)

    def test_health_and_readiness(self):
        running, _ = self.serve(self.fake().address)
        self.assertEqual(running.get("/healthz")[0], 200)
        self.assertEqual(running.get("/readyz")[0], 200)
        self.assertEqual(running.get("/nothing-here")[0], 404)


class Log(Scenario):
    """The lines that administrators and fail2ban read."""

    SESSION = re.compile(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info session id=\S+ listener=pop3s "
        r"client=127\.0\.0\.1:\d+ via=\"\" user=joe mechanism=USER route=upstream pool=upstream "
        r"upstream=127\.0\.0\.1:\d+ tls=(TLS)?v?1\.3 .*reason=quit .*commands=\d+ messages=1 octets_in=\d+ octets_out=\d+ .*duration_ms=\d+")
    FAILED = re.compile(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning login_failed id=\S+ listener=pop3s "
        r"client=127\.0\.0\.1:\d+ user=joe upstream=127\.0\.0\.1:\d+ result=refused .*")

    @quick
    def test_a_session_and_a_failed_login_are_one_line_each(self):
        server = self.dovecot({USER: (PASSWORD, corpus.few())})
        running, ports = self.serve(server.address)
        client = self.client(ports.pop3s, tls=True)
        client.login(USER, "wrong-Pa55word")
        client.login(USER, PASSWORD)
        client.multi("RETR 1")
        client.ok("QUIT")
        wait_until(lambda: running.log_lines("session"), what="the session's line")
        self.assertEqual(len(running.log_lines("session")), 1)
        self.assertRegex(running.log_lines("session")[0], self.SESSION)
        self.assertEqual(len(running.log_lines("login_failed")), 1)
        self.assertRegex(running.log_lines("login_failed")[0], self.FAILED)

    def test_json_lines_are_json(self):
        server = self.fake(corpus.few())
        log = os.path.join(self.own_folder, "log.json")
        running, ports = self.serve(server.address, log={"format": "json", "file": log})
        client = self.client(ports.pop3s, tls=True)
        client.login(USER + '"\\', PASSWORD)
        client.ok("QUIT")

        def sessions():
            with open(log) as file:
                lines = [json.loads(line) for line in file]
            return [line for line in lines if line.get("event") == "session"]
        line = wait_until(sessions, what="the session's line")[0]
        self.assertEqual(line["user"], USER + '"\\')
        self.assertEqual(line["reason"], "quit")
        self.assertIsInstance(line["octets_out"], int)

    @quick
    def test_no_password_stands_in_any_log_or_output(self):
        blob = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
        secrets = [PASSWORD, blob, blob[:-4], base64.b64encode(PASSWORD.encode()).decode()]
        for script in ({}, {"PASS": b"-ERR no " + PASSWORD.encode() + b"\r\n"}, {"PASS": CLOSE},
                       {"PASS": b"garbage " + PASSWORD.encode() + b"\r\n"}):
            server = self.fake(corpus.few(), script)
            running, ports = self.serve(server.address, log={"level": "debug"})
            for words in ((f"USER {USER}", f"PASS {PASSWORD}"), (f"AUTH PLAIN {blob}",),
                          ("AUTH LOGIN", base64.b64encode(USER.encode()).decode(), secrets[3]),
                          (f"PASS {PASSWORD}",), (f"APOP {USER} {PASSWORD}",),
                          (f"AUTH CRAM-MD5 {blob}",), (f"pass{chr(9)}{PASSWORD}",)):
                client = self.client(ports.plain)
                for word in words:
                    client.send(word.encode() + b"\r\n")
                client.send(b"QUIT\r\n")
                client.at_end()
                client.close()
            self.assertEqual(running.stop(), 0)
            for secret in secrets:
                self.assertNotIn(secret, running.log())

    def test_line_ends_in_names_make_no_lines(self):
        server = self.fake(corpus.few())
        running, ports = self.serve(server.address)
        evil = base64.b64encode(b"\0joe\x1b[31m\xc2\x85 info session id=1\0x").decode()
        client = self.client(ports.plain)
        client.command(f"AUTH PLAIN {evil}")
        client.close()
        wait_until(lambda: running.log_lines("session"), what="the session's line")
        self.assertNotIn("\x1b", running.log())
        self.assertNotIn("\x85", running.log())

    def test_reasons_tell_how_a_session_ended(self):
        server = self.fake(corpus.few(), {"NOOP": CLOSE})
        running, ports = self.serve(server.address, timeouts={"login": "5s"})
        client = self.client(ports.plain)
        client.login(USER, PASSWORD)
        client.send(b"NOOP\r\n")
        client.at_end()
        self.client(ports.plain).at_end()
        client = self.client(ports.plain)
        client.login(USER, PASSWORD)
        client.close()
        for reason in ("upstream_lost", "timeout", "client_closed"):
            running.wait_for_log(f"reason={reason}")


class Admin(Scenario):
    def test_a_stuck_reader_of_metrics_stops_nobody(self):
        running, ports = self.serve(self.fake().address)
        stuck = self.client(running.admin_port, greeting=False)
        stuck.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        self.assertEqual(running.get("/healthz")[0], 200)
        self.assertTrue(self.client(ports.plain).login(USER, PASSWORD).startswith(b"+OK"))

    def test_garbage_gets_no_metrics(self):
        running, _ = self.serve(self.fake().address)
        client = self.client(running.admin_port, greeting=False)
        client.send(b"\x16\x03\x01 nonsense\r\n\r\n")
        self.assertNotIn(b"gatepost_", client.at_end())
        self.assertEqual(running.get("/healthz")[0], 200)
