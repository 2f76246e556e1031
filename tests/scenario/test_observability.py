"""What people look at: every query of the dashboard and of the alerts finds something in a real
Prometheus that scrapes a real gateway, and every alert is explained."""

import json
import os
import re
import subprocess
import tempfile

from support import clients, samples
from support.clamd import Clamd
from support.keeping import Keeping, message
from support.process import wait_until
from support.prometheus import CONFIG, DEPLOY, RULES, Prometheus
from support.scanning import PASSWORD, Scanning

DASHBOARD = DEPLOY / "grafana" / "gatepost-dashboard.json"
DOCS = DEPLOY.parent / "docs"
USER = "month-joe"
INFECTED = samples.attachment("message 2", samples.eicar(), "eicar.com")
#: What Grafana puts in place of its variables.
VARIABLES = {"$instance": ".*", "$pool": ".*", "$__rate_interval": "30s"}
#: Series that a gateway in good health does not have: the name, and why.
NOT_THERE = {"ALERTS": "Prometheus makes it when an alert fires"}
#: What Prometheus knows once it has seen all that `Observability.traffic` did, and what the rules make
#: of that.
SEEN = ('gatepost_logins_total{result="ok"} >= 3', 'gatepost_logins_total{result="refused"} >= 1',
        "gatepost:logins_failed:rate10m > 0", 'gatepost_messages_total{cause="infected"} >= 1',
        "sum(gatepost_sessions_total) >= 4", "sum(gatepost_sessions_active) == 0",
        "gatepost_quarantine_bytes > 100")
#: Metrics that no panel shows: the name, and why.
NOT_SHOWN = {"gatepost_upgrades_total": "an upgrade is seen as a start"}
SELECTOR = re.compile(r"\b((?:gatepost[_:][\w:]+|up|ALERTS)(?:{[^}]*})?)")


def promtool(*words):
    """(exit code, output). It makes a database for each test of a rule: in memory, where there is some."""
    memory = {"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {}
    done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, timeout=300,
                          check=False, env={**os.environ, **memory})
    return done.returncode, done.stdout + done.stderr


def dashboard():
    with open(DASHBOARD, encoding="utf-8") as file:
        return json.load(file)


def filled_in(expression):
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression


def dashboard_queries():
    """[(panel's title, query as Grafana sends it)]"""
    return [(panel["title"], filled_in(target["expr"]))
            for panel in dashboard()["panels"] for target in panel.get("targets", ())]


class Observability(Scanning, Keeping):
    """One gateway with everything that makes series, under a little traffic."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        clamd = cls.shared_scanner(Clamd)
        server = cls.shared_dovecot({USER: (PASSWORD, [message(1), INFECTED])})
        folder = tempfile.mkdtemp(dir=cls.folder)
        config, cls.ports = cls.keeping(server.address, {"month": {"type": "keep_for", "period": "30d"}},
                                        folder)
        config["scanners"] = [clamd.section()]
        config["chains"] = [{"name": "scan", "scanners": ["clamd"], "rewrite": [
            {"name": "mark", "type": "tag_subject", "options": {"tag": "[seen]"}}]}]
        for listener in config["listeners"]:
            listener["chain"] = "scan"
        config["spool"] = {"folder": folder}
        config["quarantine"] = {"folder": os.path.join(folder, "quarantine")}
        cls.running = cls.shared_gateway(config)
        cls.prometheus = cls.shared_scanner(Prometheus, cls.running.admin_port)
        cls.traffic(folder)
        # All of it: a scrape may fall between any two of the sessions. Rates need two scrapes, and the
        # rule that is recorded two evaluations after that.
        wait_until(lambda: all(map(cls.prometheus.query, SEEN)), 30,
                   "Prometheus to have seen the traffic", cls.prometheus.child)

    @classmethod
    def traffic(cls, folder):
        """POP3S and STLS, a wrong password, a scan, an infected message, a deletion."""
        wait_until(lambda: cls.prometheus.query("gatepost_sessions_total"), 30, "a first scrape",
                   cls.prometheus.child)
        for form, port in ((clients.POP3S, cls.ports.pop3s), (clients.STLS, cls.ports.stls)):
            clients.curl(clients.fresh(folder, form), form, port, cls.ca, USER, PASSWORD, 2)
        words = clients.curl_words(clients.POP3S, cls.ca, USER, "wrong")
        subprocess.run([*words, clients.curl_url(clients.POP3S, cls.ports.pop3s)], timeout=60,
                       capture_output=True, check=False)
        delete = clients.curl_words(clients.POP3S, cls.ca, USER, PASSWORD)
        subprocess.run([*delete, "--head", "--request", "DELE 1",
                        clients.curl_url(clients.POP3S, cls.ports.pop3s)], timeout=60,
                       capture_output=True, check=False)

    def check(self, title, expression):
        with self.subTest(title, query=expression):
            self.assertTrue(self.prometheus.query(expression), "it finds nothing")

    def check_selectors(self, title, expression):
        """Each series that an expression looks at is there, whatever it makes of it."""
        for selector in SELECTOR.findall(expression):
            if selector.partition("{")[0] not in NOT_THERE:
                self.check(title, selector)

    def test_the_traffic_was_seen(self):
        for expression in (*SEEN, "gatepost_quarantine_limit_bytes > 1e6",
                           "gatepost_spool_limit_bytes > 1e6", "gatepost_connections_limit == 10000",
                           "gatepost_process_resident_bytes > 1e6", "gatepost_process_open_descriptors > 5",
                           "gatepost_process_resident_bytes < gatepost_process_memory_limit_bytes",
                           "gatepost_process_cpu_seconds_total > 0"):
            self.check("traffic", expression)

    def test_every_query_of_the_dashboard_finds_something(self):
        queries = dashboard_queries()
        self.assertGreater(len(queries), 50)
        for title, query in queries:
            self.check(title, query)
            self.check_selectors(title, query)

    def test_every_variable_of_the_dashboard_finds_something(self):
        for variable in dashboard()["templating"]["list"]:
            if variable["type"] == "query":
                series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]).groups()
                found = self.prometheus.query(filled_in(series))
                self.assertTrue([one for one in found if one["metric"].get(label)], variable)

    def test_every_alert_finds_its_series(self):
        groups = self.prometheus.ask("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        self.assertGreater(len(rules), 30)
        for rule in rules:
            with self.subTest(rule["name"]):
                self.assertEqual((rule["health"], rule.get("lastError", "")), ("ok", ""))
                self.prometheus.query(rule["query"])
                self.check_selectors(rule["name"], rule["query"])

    def test_nothing_fires_while_all_is_well(self):
        firing = self.prometheus.query('ALERTS{alertstate="firing"}')
        self.assertEqual([one["metric"]["alertname"] for one in firing], [])


class Files(Scanning):
    """What can be said without a gateway."""

    def test_promtool_is_content(self):
        for words in (("check", "config", CONFIG), ("check", "rules", RULES),
                      ("test", "rules", RULES.with_name("gatepost-alerts-test.yml"))):
            code, said = promtool(*words)
            self.assertEqual(code, 0, said)

    def test_every_alert_is_tested_and_explained(self):
        rules = RULES.read_text(encoding="utf-8")
        tests = RULES.with_name("gatepost-alerts-test.yml").read_text(encoding="utf-8")
        operations = (DOCS / "operations.md").read_text(encoding="utf-8")
        alerts = re.findall(r"- alert: (\w+)", rules)
        for alert in alerts:
            with self.subTest(alert):
                self.assertTrue(f"runbook: docs/operations.md#{alert.lower()}\n" in rules, "no runbook")
                self.assertTrue(re.search(rf"(?m)^#+ {alert}$", operations), "not explained")
                self.assertTrue(f"alertname: {alert}\n        exp_alerts:\n" in tests, "not tested")
                self.assertTrue(f"alertname: {alert}}}" in tests, "not tested to be silent")
        for heading in re.findall(r"(?m)^#+ (Gatepost[A-Z]\w+)$", operations):
            self.assertIn(heading, alerts, "the document explains an alert that there is not")

    def test_the_dashboard_is_made_from_its_source(self):
        done = subprocess.run([DEPLOY / "grafana" / "make_dashboard.py", "--check"], timeout=60,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_dashboard_is_complete(self):
        panels = dashboard()["panels"]
        ids = [panel["id"] for panel in panels]
        self.assertEqual(len(ids), len(set(ids)))
        taken = set()
        for panel in panels:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            with self.subTest(panel["title"]):
                self.assertLessEqual(place["x"] + place["w"], 24)
                self.assertFalse(taken & cells, "it lies over another one")
                if panel["type"] != "row":
                    self.assertGreater(len(panel["description"]), 20)
                    self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
            taken |= cells

    def test_every_metric_has_a_place_on_the_dashboard(self):
        shown = DASHBOARD.read_text(encoding="utf-8")
        rows = re.findall(r"(?m)^\| `(gatepost_\w+)`", (DOCS / "metrics.md").read_text("utf-8"))
        self.assertEqual([name for name in rows if name not in shown and name not in NOT_SHOWN], [])
