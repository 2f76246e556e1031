"""Text from the network in our log, metrics and replies: it steers no terminal, forges no line."""

import base64
import json
import os
import re

from attack import Attack
from support.process import wait_until

#: What terminals, viewers and log readers obey, as octets.
ACTIVE = (b"\x1b[2J", b"\x1b]0;owned\x07", b"\x07", b"\x08" * 20, b"\x7f", b"\x9b31m",
          b"\xc2\x9b31m", b"\xc2\x85", b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xff\xfe",
          b"\xed\xa0\x80", b"\xc0\x8a", b"\xf4\x90\x80\x80", b"\x0b", b"\x0c")
FORGED = (b' result=ok user="root"', b'" reason=quit', b"\\n2026-01-01T00:00:00.000Z info session",
          b"${jndi:ldap://127.0.0.1/x}", b"<script>alert(1)</script>", b"%n%s", b"user=\tx", b"'--")

#: A field of the text log: a bare word, or a quoted one with its escapes.
FIELD = re.compile(rb'((\w+)=(?:"(?:[^"\\]|\\.)*"|[^\s"=]*))')


class Inert(Attack):
    rows = ("control-characters", "metrics")

    def setUp(self):
        super().setUp()
        self.texts = [b"joe" + text + b"end" for text in ACTIVE + FORGED]

    def attack(self, running, ports):
        """Says each text wherever a client can say something; refused logins, so each is logged."""
        for text in self.texts:
            for lines in ((b"USER " + text, b"PASS x"), (b"USER joe", b"PASS " + text),
                          (b"AUTH PLAIN " + base64.b64encode(b"\0" + text + b"\0x"),),
                          (b"AUTH " + text,), (b"APOP " + text + b" " + b"a" * 32,), (text,),
                          (b"XCLIENT " + text,), (b"CAPA " + text,)):
                client = self.client(ports.plain)
                for line in lines:
                    client.send(line + b"\r\n")
                client.send(b"QUIT\r\n")
                self.assert_inert(client.at_end(), b"\r\n")
                client.close()

    def assert_inert(self, text, allowed):
        active = [octet for octet in text if octet < 0x20 or octet == 0x7f]
        self.assertEqual([octet for octet in active if octet not in allowed + b"\t"], [])
        for octets in (b"\xc2\x85", b"\xc2\x9b", b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\x9b31m"):
            self.assertNotIn(octets, text)

    def test_in_the_log_and_in_replies(self):
        log = os.path.join(self.own_folder, "gatepost.log")
        self.start({"PASS": b"-ERR [AUTH] no\r\n"}, log={"level": "debug", "file": log},
                   limits={"free_failed_logins": 100000})
        self.attack(self.running, self.ports)
        sessions = 8 * len(self.texts)
        def read():
            with open(log, "rb") as file:
                return file.read()
        wait_until(lambda: read().count(b" info session ") >= sessions, what="the log")
        text = read()
        self.assert_inert(text, b"\n")
        self.assertEqual(text.count(b" info session "), sessions)
        text.decode()  # UTF-8 throughout
        for line in text.splitlines():  # no value looks like a further field
            if b" login_failed " in line:
                fields = FIELD.findall(line.partition(b" login_failed ")[2])
                self.assertEqual(b" ".join(whole for whole, _ in fields),
                                 line.partition(b" login_failed ")[2])
                names = [name for _, name in fields]
                self.assertEqual(len(names), len(set(names)), line)

    def test_in_json(self):
        log = os.path.join(self.own_folder, "gatepost.json")
        self.start({"PASS": b"-ERR [AUTH] no\r\n"},
                   log={"level": "debug", "file": log, "format": "json"},
                   limits={"free_failed_logins": 100000})
        self.attack(self.running, self.ports)
        self.running.stop()
        with open(log, "rb") as file:
            text = file.read()
        self.assert_inert(text, b"\n")
        events = [json.loads(line)["event"] for line in text.splitlines()]
        self.assertEqual(events.count("session"), 8 * len(self.texts))

    def test_no_name_makes_a_series(self):
        self.start({"PASS": b"-ERR [AUTH] no\r\n"}, limits={"free_failed_logins": 100000})
        names = set(self.running.metrics())
        self.attack(self.running, self.ports)
        _, page = self.running.get("/metrics")
        self.assert_inert(page.encode(), b"\n")
        for line in set(self.running.metrics()) - names:
            self.assertNotIn("joe", line)
            self.assertNotIn("end", line.partition("{")[2])

    def test_texts_of_the_server(self):
        """Its replies reach the client as they are; our log shows them inert."""
        script = {"PASS": [b"-ERR [AUTH] \x1b[2J\x07\xc2\x9b31m no\r\n"]}
        self.start(script, log={"level": "debug"})
        client = self.client(self.ports.plain)
        self.assert_refused(client.login("joe", "x"))
        client.quit()
        wait_until(lambda: self.running.log_lines("session"), what="the session's line")
        self.assert_inert(self.running.log().encode(), b"\n")
