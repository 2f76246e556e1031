"""Where a password, its base64, a token or the text of a message might stay: logs, replies,
metrics, the process as the system shows it, its memory, a core image."""

import base64
import os
import subprocess
import time

from attack import Attack
from support.fake_upstream import CLOSE
from support.process import memory_of, wait_until
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


def count_in(pid, texts):
    """{text: times it stands in a process's memory}. Borders of regions are not looked across."""
    found = dict.fromkeys(texts, 0)
    tail = b""
    for data in memory_of(pid):
        whole = tail + data
        for text in texts:
            found[text] += whole.count(text) - tail.count(text)
        tail = data[-64:]
    return {text: number for text, number in found.items() if number}


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

    def assert_forgotten(self, texts, what):
        """Not at once: buffers are wiped when the session's turn is over."""
        deadline = time.monotonic() + 5
        while found := count_in(self.running.pid, texts):
            if time.monotonic() > deadline:
                self.fail(f"{what}: still in memory: {found}")
            time.sleep(0.2)


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


class Memory(Logins):
    """Looked for by root in /proc/PID/mem: after login, and when the session is over."""

    rows = ("secrets",)

    def test_scanning_finds_what_is_there(self):
        """Or the other cases would show nothing: an open dialog is in memory."""
        self.start_with_mail()
        client = self.client(self.ports.plain)
        name = "uNiQue-user-name-in-memory"
        client.ok(f"USER {name}")
        self.assertTrue(count_in(self.running.pid, [name.encode()]))

    def test_no_password_after_login_nor_after_the_session(self):
        for tls in (True, False):
            for number, words in enumerate(self.LOGINS):
                self.start_with_mail()
                with self.subTest(tls=tls, login=words[0][:12]):
                    client = self.logged_in_with(PASSWORD, tls, words)
                    client.ok("NOOP")
                    texts = forms(PASSWORD) + forms(TOKEN)
                    self.assert_forgotten(texts, f"after login {number}")
                    client.quit()
                    self.assert_forgotten(texts, f"after session {number}")

    def test_no_password_after_a_refused_login(self):
        self.start({"PASS": b"-ERR [AUTH] no\r\n", "AUTH": b"-ERR [AUTH] no\r\n"},
                   fake={"capabilities": [b"USER"]})
        client = self.client(self.ports.pop3s, tls=True)
        client.ok("USER joe")
        self.assert_refused(client.command(f"PASS {PASSWORD}"))
        self.assert_forgotten(forms(PASSWORD), "after a refused login")

    def test_no_password_in_a_core_image(self):
        """What gdb writes; the program itself writes none at all."""
        self.start_with_mail()
        client = self.logged_in_with(PASSWORD)
        client.ok("NOOP")
        time.sleep(0.3)
        path = os.path.join(self.own_folder, "core")
        done = subprocess.run(["gcore", "-o", path, str(self.running.pid)], capture_output=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr[-300:])
        with open(f"{path}.{self.running.pid}", "rb") as file:
            image = file.read()
        self.assertIn(b"gatepost", image)
        for text in forms(PASSWORD):
            self.assertNotIn(text, image)
        wait_until(lambda: self.running.ready(), what="the program to go on")
