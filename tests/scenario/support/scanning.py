"""What the tests of chains have in common."""

import json
import os
import re
import tempfile

from . import gateway as gateway_module
from . import samples
from .case import Scenario
from .process import wait_until
from .raw_client import unstuff

PASSWORD = "correct horse"
LADDER = b"X-Gatepost-Status: being scanned\r\n"


class Scanning(Scenario):
    """Configurations with a chain `scan` at every listener."""

    @classmethod
    def chained(cls, upstream, scanners, chain=None, folder=None, **more):
        """(configuration, ports): all of `scanners` (sections, or what has one) look at each message;
        `chain` are further keys of the chain."""
        sections = [one if isinstance(one, dict) else one.section() for one in scanners]
        spool = folder or tempfile.mkdtemp(dir=cls.folder)
        config, ports = cls.config(
            upstream, scanners=sections,
            chains=[{"name": "scan", "scanners": [one["name"] for one in sections],
                     **(chain or {})}], **{"spool": {"folder": spool}, **more})
        for listener in config["listeners"]:
            listener["chain"] = "scan"
        return config, ports

    def scan(self, upstream, scanners, chain=None, wait=True, **more):
        """A gateway with that configuration, for this test: (gateway, ports)."""
        config, ports = self.chained(upstream, scanners, chain, **more)
        return self.gateway(config, wait=wait), ports

    def quarantine_folder(self):
        path = os.path.join(self.own_folder, "quarantine")
        os.makedirs(path, mode=0o700)
        return path

    # Clients

    def logged_in(self, ports, user="joe", **options):
        client = self.client(ports.pop3s, tls=True, **options)
        reply = client.login(user, PASSWORD)
        self.assertTrue(reply.startswith(b"+OK"), reply)
        return client

    def retrieve(self, ports, number=1, user="joe"):
        """(status line, message without stuffing) of a session of its own."""
        client = self.logged_in(ports, user)
        status, body = client.multi(f"RETR {number}")
        client.quit()
        return status, unstuff(body) if body else b""

    # What came

    def assert_notice(self, message, cause="infected", of=None):
        """A complete notice, in which nothing is left of what it stands for."""
        head, _, _ = message.partition(b"\r\n\r\n")
        self.assertRegex(head.replace(b"\n", b"\r\n"), rb"(?m)^X-Gatepost-Notice: %s\r*$"
                         % cause.encode(), message[:2000])
        self.assertNotIn(samples.eicar(), message)
        self.assertNotIn(samples.gtube(), message)
        if of:
            body = of.partition(b"\r\n\r\n")[2]
            for line in {line for line in body.split(b"\r\n")
                         if len(line) > 30 and b": " not in line}:
                self.assertNotIn(line, message)

    def assert_refused(self, status, body=b""):
        self.assertTrue(status.startswith(b"-ERR [SYS/TEMP]"), (status, body[:300]))
        self.assertEqual(body, b"")

    # The gateway

    @staticmethod
    def effective(running, scanner):
        return running.metrics().get(f'gatepost_scanner_effective{{scanner="{scanner}"}}')

    def wait_effective(self, running, scanner, value=1, seconds=30):
        wait_until(lambda: self.effective(running, scanner) == value, seconds,
                   f"{scanner} to be {'' if value else 'not '}effective", running.child)

    def wait_quiet(self, running):
        """Until nothing is left of any message: no spool, nobody scanning or waiting, no block."""
        def quiet():
            samples_now = running.metrics()
            return not any(value for name, value in samples_now.items() if re.match(
                r"gatepost_(spool_bytes|scanner_running|scanner_waiting|io_blocks|"
                r"sessions_active)\b", name))
        wait_until(quiet, 30, "nothing to be left", running.child)

    @staticmethod
    def quarantine(running, *words):
        """The outcome of `gatepost quarantine WORDS` with the gateway's configuration."""
        done = gateway_module.run("quarantine", words[0], "--config", running.config_path,
                                  *words[1:])
        assert done.returncode == 0, (words, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout) if "--json" in words else done.stdout

    @staticmethod
    def message_lines(running):
        """The log's lines about messages: list of {key: value}."""
        return [dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line))
                for line in running.log_lines("message")]


def subject(message):
    found = re.search(rb"(?mi)^Subject: ?(?:\[\w+\] ?|\*\*\* SPAM \*\*\* )*(.*?)\r?$",
                      message.partition(b"\n\n")[0].replace(b"\r\n", b"\n"))
    return found[1].decode() if found else ""


def by_subject(messages):
    """{subject without marks: message}."""
    found = {subject(message): message for message in messages}
    assert len(found) == len(messages), [subject(message) for message in messages]
    return found


def without_scores(message):
    """Without the header lines that scanners for spam add."""
    head, blank, body = re.split(rb"(\r?\n\r?\n)", message, 1)
    return re.sub(rb"(?m)^X-Spam-[A-Za-z]+:.*\n(?:[ \t].*\n)*", b"", head + b"\n")[:-1] + blank + body
