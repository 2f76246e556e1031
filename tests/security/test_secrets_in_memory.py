"""Where a password or a token might stay after login: the memory of the process, a core image. Not
with a sanitizer, which keeps what was freed to watch it."""

import os
import subprocess
import time

from support.process import memory_of, wait_until
from test_secrets import Logins, PASSWORD, TOKEN, forms


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


class Memory(Logins):
    """Looked for by root in /proc/PID/mem: after login, and when the session is over."""

    rows = ("secrets",)

    def assert_forgotten(self, texts, what):
        """Not at once: buffers are wiped when the session's turn is over."""
        deadline = time.monotonic() + 5
        while found := count_in(self.running.pid, texts):
            if time.monotonic() > deadline:
                self.fail(f"{what}: still in memory: {found}")
            time.sleep(0.2)

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
