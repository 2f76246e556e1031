"""Dovecot as the POP3 server behind the gateway: own configuration, own folder, own ports."""

import grp
import os
import pwd
import shutil
import socket
import subprocess

from .ports import free_port
from .process import Child, wait_until

_CONFIG = """\
protocols = pop3
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
auth_verbose = yes
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
mail_max_userip_connections = 0
mail_location = maildir:~/Maildir
mail_fsync = never
first_valid_uid = 1
default_internal_user = {internal_user}
default_internal_group = {internal_group}
default_login_user = {login_user}
login_greeting = Dovecot ready.
{first}
passdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users
}}
service pop3-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
  {listeners}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
{tls}
{settings}
"""

#: An inet_listener whose clients begin with a PROXY header.
_PROXIED = """inet_listener proxied {{
    port = {port}
    haproxy = yes
  }}"""


class Dovecot:
    """A running server. `users` maps a name to (password, list of messages).

    Without `certificate` it speaks plain text only; with it, STLS on `port` and TLS on `tls_port`.
    `settings` are further lines of its configuration, `first` those before its own passdb.
    On `proxied_port` connections begin with a PROXY header. With `xclient` loopback may send
    XCLIENT. `port` may be given to be there again after a stop.
    """

    def __init__(self, folder, users, certificate=None, mechanisms="plain login", settings="",
                 first="", xclient=False, port=None):
        self.folder = str(folder)
        self.port = port or free_port()
        self.proxied_port = free_port()
        self._mechanisms, self._first = mechanisms, first
        self._settings = settings + ("\nlogin_trusted_networks = 127.0.0.0/8" if xclient else "")
        self.tls_port = free_port() if certificate else 0
        os.makedirs(os.path.join(self.folder, "state"), exist_ok=True)
        os.chmod(self.folder, 0o755)
        self._mail_user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self._users = {}
        self._delivered = 0
        for name, (password, messages) in users.items():
            self._add(name, password, messages)
        self._write_users()
        config = os.path.join(self.folder, "dovecot.conf")
        with open(config, "w") as file:
            file.write(self._config(certificate))
        self.child = Child([shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin"),
                            "-F", "-c", config], os.path.join(self.folder, "output.log"))
        try:
            wait_until(self._answers, what="Dovecot", child=self.child)
        except Exception:
            self.stop()
            raise

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def tls_address(self):
        return f"127.0.0.1:{self.tls_port}"

    def _config(self, certificate):
        root = os.getuid() == 0
        tls = "ssl = no"
        if certificate:
            tls = (f"ssl = yes\nssl_cert = <{certificate[0]}\nssl_key = <{certificate[1]}\n"
                   "ssl_min_protocol = TLSv1.2")
        own_group = grp.getgrgid(os.getgid()).gr_name
        return _CONFIG.format(
            folder=self.folder, port=self.port, tls_port=self.tls_port, tls=tls,
            mechanisms=self._mechanisms, first=self._first,
            settings="haproxy_trusted_networks = 127.0.0.0/8\n" + self._settings,
            listeners=_PROXIED.format(port=self.proxied_port),
            internal_user="dovecot" if root else self._mail_user,
            internal_group="dovecot" if root else own_group,
            login_user="dovenull" if root else self._mail_user)

    def _add(self, name, password, messages):
        home = os.path.join(self.folder, "home", name)
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(home, "Maildir", part))
        for number, message in enumerate(messages):
            path = os.path.join(home, "Maildir", "cur",
                                f"{1700000000 + number}.M{number:06}P1.corpus:2,S")
            with open(path, "wb") as file:
                file.write(message)
        owner = pwd.getpwnam(self._mail_user)
        if os.getuid() == 0:
            for folder, folders, files in os.walk(home):
                os.chown(folder, owner.pw_uid, owner.pw_gid)
                for file in files:
                    os.chown(os.path.join(folder, file), owner.pw_uid, owner.pw_gid)
        self._users[name] = f"{name}:{{PLAIN}}{password}:{owner.pw_uid}:{owner.pw_gid}::{home}::\n"

    def _write_users(self):
        path = os.path.join(self.folder, "users")
        with open(path, "w") as file:
            file.writelines(self._users.values())
        os.chmod(path, 0o644)

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return connection.recv(100).startswith(b"+OK")
        except OSError:
            return False

    def message_files(self, name):
        """The files of a user's messages, as the server left them."""
        folder = os.path.join(self.folder, "home", name, "Maildir")
        return sorted(os.listdir(os.path.join(folder, "cur"))
                      + os.listdir(os.path.join(folder, "new")))

    def deliver(self, name, message):
        """One more message for a user, as delivery agents put it into a Maildir."""
        folder = os.path.join(self.folder, "home", name, "Maildir")
        self._delivered += 1
        file = f"{1700000000 + self._delivered}.D{self._delivered:06}P1.corpus"
        before = os.path.join(folder, "tmp", file)
        with open(before, "wb") as out:
            out.write(message)
        if os.getuid() == 0:
            owner = pwd.getpwnam(self._mail_user)
            os.chown(before, owner.pw_uid, owner.pw_gid)
        os.rename(before, os.path.join(folder, "new", file))

    def doveadm(self, *words, input=b""):
        """What doveadm says with this server's configuration: bytes."""
        done = subprocess.run(["doveadm", "-c", os.path.join(self.folder, "dovecot.conf"), *words],
                              input=input, capture_output=True, timeout=60)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def sessions_under_way(self):
        """Logins that succeeded and whose sessions have not ended yet."""
        ended = [line for line in self.log().splitlines()
                 if " pop3(" in line and "Info: Disconnected: " in line]
        return len(self.logins()) - len(ended)

    def log(self):
        try:
            with open(os.path.join(self.folder, "dovecot.log"), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def logins(self):
        """The log's lines about logins that succeeded."""
        return [line for line in self.log().splitlines() if "Info: Login: " in line]

    def stop(self):
        self.child.stop()
