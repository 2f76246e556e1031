"""Mail programs that are used day after day: each remembers in a folder of its own what it has
fetched, and goes by the clock of the test."""

import os
import subprocess

from . import clients


class Program:
    """`fetch()` is one visit. `status` is the exit status of the last one, `said` what it said."""

    def __init__(self, folder, port, user, password, clock):
        self.folder = clients.fresh(folder, f"{type(self).__name__}-{user}")
        self.port, self.user, self.password, self.clock = port, user, password, clock
        self.status, self.said = None, ""
        self._taken = 0

    def _run(self, words, **options):
        done = subprocess.run(words, cwd=self.folder, text=True, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=clients.PATIENCE, errors="replace",
                              env={**clients.home(self.folder), "FETCHMAILHOME": self.folder,
                                   **self.clock.environment()}, **options)
        self.status, self.said = done.returncode, done.stdout + done.stderr

    def _write(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def _deliver(self):
        """A program that appends what it gets to the mailbox here."""
        return self._write("deliver", f"#!/bin/sh\ncat >>'{self.folder}/mailbox'\n", 0o700)

    def _new(self):
        """What came into the mailbox since the last time."""
        try:
            with open(os.path.join(self.folder, "mailbox"), "rb") as file:
                file.seek(self._taken)
                new = file.read()
        except FileNotFoundError:
            return b""
        self._taken += len(new)
        return new


class Fetchmail(Program):
    """`mode`: "keep"; "nokeep", it deletes what it fetched; "flush", it keeps, and deletes the next
    time what it has fetched before. It says TOP n 99999999, or RETR with `fetchall`, which remembers
    nothing."""

    NOTHING_NEW = 1

    def __init__(self, *arguments, mode="keep", fetchall=False):
        super().__init__(*arguments)
        self._words = ["--keep", "--flush"] if mode == "flush" else [f"--{mode}"]
        self._words += ["--fetchall"] if fetchall else []
        self._rc = self._write("rc", f"""\
set no syslog
set no bouncemail
set invisible
poll localhost service {self.port} protocol POP3 uidl timeout {clients.PATIENCE}
  user "{self.user}" password "{self.password}"
  sslproto '' no rewrite no dropdelivered
  mda "{self._deliver()}"
""")

    def fetch(self):
        self._run(["fetchmail", "--fetchmailrc", self._rc, "--nosyslog", "--nodetach", *self._words,
                   "--idfile", os.path.join(self.folder, "ids"),
                   "--pidfile", os.path.join(self.folder, "pid")])
        return self._new()


class Getmail(Program):
    """`delete`: at once; `delete_after`: days after it has seen a message."""

    def __init__(self, *arguments, delete=False, delete_after=0):
        super().__init__(*arguments)
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(self.folder, "Maildir", part))
        self._seen = set()
        self._rc = self._write("rc", f"""\
[retriever]
type = SimplePOP3Retriever
server = localhost
port = {self.port}
timeout = {clients.PATIENCE}
username = {self.user}
password = {self.password}
[destination]
type = Maildir
path = {self.folder}/Maildir/
[options]
delete = {str(delete).lower()}
delete_after = {delete_after}
read_all = false
delivered_to = false
received = false
""")

    def fetch(self):
        self._run(["getmail", "--getmaildir", self.folder, "--rcfile", self._rc],
                  **clients.as_somebody(self.folder))
        new = os.path.join(self.folder, "Maildir", "new")
        names = sorted(set(os.listdir(new)) - self._seen)
        self._seen.update(names)
        texts = []
        for name in names:
            with open(os.path.join(new, name), "rb") as file:
                texts.append(file.read())
        return sorted(texts)  # names of one second are in no order


class Mpop(Program):
    def __init__(self, *arguments, keep=True):
        super().__init__(*arguments)
        self._rc = self._write("rc", f"""\
account default
host localhost
port {self.port}
timeout {clients.PATIENCE}
user {self.user}
password {self.password}
auth user
tls off
delivery mda {self._deliver()}
uidls_file {self.folder}/uidls
keep {"on" if keep else "off"}
only_new on
received_header off
""")

    def fetch(self):
        self._run(["mpop", "--file", self._rc])
        return self._new()


class Curl(Program):
    """Fetches one message after another, and deletes them if it shall."""

    def _ask(self, *words):
        self._run(["curl", "--silent", "--show-error", "--disable", "--noproxy", "*", "--ipv4",
                   "--user", f"{self.user}:{self.password}", *words])
        return self.said.encode()

    def listed(self):
        """The numbers that it may use."""
        url = f"pop3://localhost:{self.port}/"
        return [int(line.split()[0]) for line in self._ask(url).splitlines() if line]

    def fetch(self):
        count = len(self.listed())
        return self._ask(f"pop3://localhost:{self.port}/[1-{count}]") if count else b""

    def delete(self, number):
        # With --list-only it does not wait for a message.
        self._ask("--list-only", "--request", "DELE", f"pop3://localhost:{self.port}/{number}")
