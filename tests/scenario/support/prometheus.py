"""A real Prometheus with the configuration of deploy/prometheus."""

import http.client
import json
import pathlib
import shutil
import urllib.parse

from .daemon import Daemon
from .ports import free_port

DEPLOY = pathlib.Path(__file__).resolve().parents[3] / "deploy"
CONFIG = DEPLOY / "prometheus" / "prometheus.yml"
RULES = DEPLOY / "prometheus" / "gatepost-alerts.yml"


class Prometheus(Daemon):
    """Scrapes 127.0.0.1:`target` every second; nothing else of the configuration is changed."""

    program = "prometheus"
    kind = "prometheus"

    def __init__(self, folder, target):
        super().__init__(folder)
        self.port = free_port()
        text = CONFIG.read_text(encoding="utf-8")
        for before, after in (("127.0.0.1:9110", f"127.0.0.1:{target}"),
                              ("scrape_interval: 15s", "scrape_interval: 1s"),
                              ("evaluation_interval: 15s", "evaluation_interval: 1s")):
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        self.write("prometheus.yml", text)
        shutil.copy(RULES, self.folder)
        self.start()

    def _words(self):
        return ["/usr/bin/prometheus", f"--config.file={self.path('prometheus.yml')}",
                f"--storage.tsdb.path={self.path('data')}", "--log.level=warn",
                f"--web.listen-address=127.0.0.1:{self.port}"]

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def answers(self):
        try:
            return self._get("/-/ready")[0] == 200
        except OSError:
            return False

    def ask(self, path, **words):
        """`data` of an answer of the HTTP API; an error is an AssertionError that says what is wrong."""
        status, body = self._get(f"/api/v1/{path}?{urllib.parse.urlencode(words)}")
        answer = json.loads(body)
        if status != 200 or answer["status"] != "success":
            raise AssertionError(f"{words}: {answer.get('error', status)}")
        return answer["data"]

    def query(self, expression):
        """The series that the expression gives now."""
        return self.ask("query", query=expression)["result"]
