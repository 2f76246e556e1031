"""Servers other than Dovecot: popa3d, which knows no CAPA at all, and GNU mailutils' pop3d.

Both ask the system for its users. So each runs in a mount namespace of its own, where /etc/passwd
and its like have the test's users, and /var/mail their mail. That needs root.
"""

import grp
import os
import shutil
import socket
import subprocess

from . import unpacked
from .ports import free_port
from .process import Child, wait_until

_UID = 64990  # users of the test; no one on the machine should have these
_DAEMON = 64980


def need_mount_namespaces():
    """Fails where this process may not make one: there the test cannot say anything."""
    made = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True)
    if made.returncode != 0:
        raise RuntimeError("this test needs mount namespaces, run it as root: "
                           + made.stderr.strip())


def mbox(messages):
    """Messages as one file in the way of old: "From " lines between, LF line ends."""
    return b"".join(b"From ada@example.org Sat Jan 31 12:00:00 2026\n"
                    + message.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ")
                    + (b"\n" if message.endswith(b"\n") else b"\n\n") for message in messages)


class _Server:
    """`users` maps a name to (password, list of messages)."""

    def __init__(self, folder, users):
        need_mount_namespaces()
        self.folder = str(folder)
        self.port = free_port()
        os.chmod(self.folder, 0o755)
        self._users = users
        self._system_files()
        self._mail()
        script = os.path.join(self.folder, "start")
        with open(script, "w") as file:
            file.write("set -e\n" + "".join(
                f"mount --bind {self.folder}/{name} /etc/{name}\n"
                for name in ("passwd", "shadow", "group", "pam.d"))
                + f"mount --bind {self.folder}/mail /var/mail\n" + self._command())
        self.child = Child(["unshare", "--mount", "--propagation", "private", "sh", script],
                           os.path.join(self.folder, "output.log"))
        try:
            wait_until(self._answers, what=type(self).__name__, child=self.child)
        except Exception:
            self.stop()
            raise

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _system_files(self):
        hashed = {name: subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password,
                                       text=True, capture_output=True, check=True).stdout.strip()
                  for name, (password, _) in self._users.items()}
        mail = grp.getgrnam("mail").gr_gid
        people = {name: _UID + number for number, name in enumerate(self._users)}
        self._append("passwd", "".join(f"{name}:x:{uid}:{mail}::/nonexistent:/bin/sh\n"
                                       for name, uid in people.items())
                     + f"popa3d:x:{_DAEMON}:{_DAEMON}::/nonexistent:/usr/sbin/nologin\n")
        self._append("shadow", "".join(f"{name}:{text}:19000:0:99999:7:::\n"
                                       for name, text in hashed.items()), 0o640)
        self._append("group", f"popa3d:x:{_DAEMON}:\n")
        os.makedirs(os.path.join(self.folder, "pam.d"))
        for service in ("popa3d", "mailutils", "other"):
            with open(os.path.join(self.folder, "pam.d", service), "w") as file:
                file.write("auth required pam_unix.so nodelay\naccount required pam_unix.so\n")
        self._people, self._mail_group = people, mail

    def _append(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        shutil.copy(os.path.join("/etc", name), path)
        with open(path, "a") as file:
            file.write(text)
        os.chmod(path, mode)

    def _mail(self):
        spool = os.path.join(self.folder, "mail")
        os.makedirs(spool)
        os.chown(spool, 0, self._mail_group)
        os.chmod(spool, 0o2775)
        for name, (_, messages) in self._users.items():
            path = os.path.join(spool, name)
            with open(path, "wb") as file:
                file.write(mbox(messages))
            os.chown(path, self._people[name], self._mail_group)
            os.chmod(path, 0o660)

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return connection.recv(100).startswith(b"+OK")
        except OSError:
            return False

    def log(self):
        return self.child.log()

    def stop(self):
        self.child.stop()


class Popa3d(_Server):
    """popa3d behind socat, as behind inetd: one process a connection, no CAPA, no TLS."""

    def _command(self):
        binary = unpacked.program("popa3d", "/usr/sbin/popa3d")
        return ("mount -t tmpfs -o mode=755 none /var/lib\nmkdir /var/lib/popa3d\n"
                f"exec socat TCP4-LISTEN:{self.port},bind=127.0.0.1,reuseaddr,fork,max-children=50 "
                f"EXEC:{binary}\n")


class MailutilsPop3d(_Server):
    """pop3d of GNU mailutils, with STLS when it has a certificate."""

    def __init__(self, folder, users, certificate=None):
        self._certificate = certificate
        super().__init__(folder, users)

    def _command(self):
        tls = ""
        if self._certificate:
            key = shutil.copy(self._certificate[1], os.path.join(self.folder, "key.pem"))
            os.chmod(key, 0o600)
            tls = (f'tls-mode ondemand;\ntls {{ ssl-certificate-file "{self._certificate[0]}"; '
                   f'ssl-key-file "{key}"; }};\n')
        config = os.path.join(self.folder, "conf")
        with open(config, "w") as file:
            file.write("mode daemon;\nforeground yes;\nmax-children 50;\n"
                       "auth { authentication system; authorization system; };\n"
                       'mailbox { mail-spool "/var/mail"; };\n'
                       "logging { syslog no; };\ntcp-wrappers { enable no; };\n"
                       f'pidfile "{self.folder}/pid";\n{tls}'
                       f"server 127.0.0.1:{self.port} {{ transcript no; }};\n")
        return f"exec /usr/sbin/pop3d --config-file={config}\n"
