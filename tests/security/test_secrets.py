"""Where a password, its base64, a token or the text of a message might stay: logs, replies,
metrics, the process as the system shows it. Its memory: test_secrets_in_memory."""

import base64
import os

from attack import Attack
from support.fake_upstream import CLOSE
from support.raw_client import Truncated

#: Alone in the world, so that finding it means something.
PASSWORD = "Zq7-uNiQue-p4ssword-Zq7"
TOKEN = "ya29.uNiQue-t0ken-" + "A1b2C3d4" * 4
BODY = b"Subject: x\r\n\r\nuNiQue-text-of-a-letter\r\n"


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def forms(password, user="joe"):
    """A secret as it is written in POP3: itself, in base64, in the messages of PLAIN and XOAUTH2."""
    plain = encoded(f"\0{user}\0{password}")
    bearer = encoded(f"user={user}\x01auth=Bearer {password}\x01\x01")
    # From the fourth quartet on: the beginning is the user's name.
    return [text.encode() for text in (password, encoded(password), plain, plain[12:], bearer,
                                       bearer[36:-8])]


class Logins(Attack):
    LOGINS = (
        ("USER joe", f"PASS {PASSWORD}"),
        (f"AUTH PLAIN {encoded(chr(0) + 'joe' + chr(0) + PASSWORD)}",),
        ("AUTH PLAIN", encoded("\0joe\0" + PASSWORD)),
        ("AUTH LOGIN", encoded("joe"), encoded(PASSWORD)),
        (f"AUTH XOAUTH2 {encoded(f'user=joe{chr(1)}auth=Bearer {TOKEN}{chr(1)}{chr(1)}')}",),
    )
    SLIPS = (
        (f"PASS {PASSWORD}",), (f"USER {PASSWORD}\t",), (f"pass\t{PASSWORD}",), (f"PASS{PASSWORD}",),
        (f"AUTH {PASSWORD}",), (f"AUTH PLAIN !{encoded(PASSWORD)}",), (f"APOP joe {PASSWORD}",),
        (f"XPASS {PASSWORD}",), (f"USER joe", f"PASS {PASSWORD}\0"), ("AUTH LOGIN", f"!{PASSWORD}"),
        (f"STLS {PASSWORD}",), (f"XCLIENT ADDR={PASSWORD}",),
    )

    def assert_in_none(self, what, data):
        data = data if isinstance(data, bytes) else data.encode()
        for secret in (*forms(PASSWORD), *forms(TOKEN), b"uNiQue-text-of-a-letter"):
            self.assertNotIn(secret, data, what)

    def talk(self, port, words, tls=False):
        """One session; everything that the gateway said before login."""
        client = self.client(port, tls=tls)
        try:
            for word in words:
                client.send(word.encode() + b"\r\n")
                client.line()
            client.send(b"RETR 1\r\nQUIT\r\n")
        except (OSError, Truncated):
            pass
        said = client.at_end(30)
        client.close()
        return said

    def start_with_mail(self):
        self.start(fake={"capabilities": [b"USER", b"SASL PLAIN LOGIN XOAUTH2"]})

    def logged_in_with(self, password, tls=True, words=None):
        client = self.client(self.ports.pop3s if tls else self.ports.plain, tls=tls)
        for word in words or ("USER joe", f"PASS {password}"):
            reply = client.command(word)
            self.assertTrue(reply.startswith((b"+OK", b"+ ")), reply)
        return client


class Secrets(Logins):
    rows = ("secrets",)

    def test_in_no_log_reply_or_metric_at_any_level(self):
        echo = b" " + PASSWORD.encode()
        scripts = ({}, {"PASS": b"-ERR no" + echo + b"\r\n", "AUTH": b"-ERR no " +
                        encoded("\0joe\0" + PASSWORD).encode() + b"\r\n"},
                   {"PASS": CLOSE, "AUTH": CLOSE}, {"PASS": b"garbage" + echo + b"\r\n",
                                                    "AUTH": b"garbage" + echo + b"\r\n"},
                   {"PASS": b"+ challenge" + echo + b"\r\n", "AUTH": b"+ !" + echo + b"\r\n"})
        for level in ("debug", "info", "warning", "error"):
            for format_ in ("text", "json"):
                for script in scripts if level == "debug" else scripts[:2]:
                    server = self.fake([BODY], script, capabilities=[
                        b"USER", b"SASL PLAIN LOGIN XOAUTH2", b"PIPELINING"])
                    config, ports = self.config(server.address,
                                                log={"level": level, "format": format_},
                                                limits={"failed_login_delay_max": "0s"})
                    running = self.gateway(config)
                    for words in self.LOGINS:
                        self.talk(ports.plain, words)
                    for words in self.SLIPS if level == "debug" else ():
                        self.assert_in_none(words, self.talk(ports.plain, words))
                    self.talk(ports.pop3s, self.LOGINS[0], tls=True)
                    self.assert_in_none("metrics", running.get("/metrics")[1])
                    running.stop()
                    self.assert_in_none((level, format_), running.log())

    def test_not_shown_by_the_system(self):
        """Neither the command line, nor the environment, nor the names of threads and files."""
        self.start_with_mail()
        client = self.logged_in_with(PASSWORD)
        folder = f"/proc/{self.running.pid}"
        for name in ("environ", "cmdline", "comm", "status", "maps", "net/unix"):
            with open(f"{folder}/{name}", "rb") as file:
                self.assert_in_none(name, file.read())
        self.assert_in_none("fd", " ".join(os.readlink(f"{folder}/fd/{number}")
                                           for number in os.listdir(f"{folder}/fd")
                                           if os.path.lexists(f"{folder}/fd/{number}")))
        client.quit()
