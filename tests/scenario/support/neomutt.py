"""neomutt, which wants a terminal: it gets a pseudo-terminal and keys to press."""

import os
import pty
import re
import select
import subprocess
import time

from . import clients

_MUTTRC = """\
set spoolfile = "{folder}/mailbox"
set mbox_type = mbox
set folder = "{folder}"
set pop_host = "{scheme}://{user}@localhost:{port}"
set pop_pass = "{password}"
set pop_delete = no
set pop_last = no
set pop_reconnect = no
set pop_auth_try_all = no
{authenticators}
set ssl_force_tls = {force}
set ssl_starttls = {starttls}
set certificate_file = "{folder}/certificates"
set ssl_ca_certificates_file = "{ca}"
set header_cache = ""
set wait_key = no
set quit = yes
set sleep_time = 0
set connect_timeout = {patience}
set move = no
set confirmappend = no
set crypt_use_gpgme = no
"""


def fetch(folder, form, port, ca, user, password, mechanism="user",
          patience=clients.PATIENCE):
    """What neomutt fetches into its mailbox: bytes, without the lines that begin each message:
    for one without a date they tell the time of the fetch."""
    folder = clients.fresh(folder, "neomutt")
    mailbox = os.path.join(folder, "mailbox")
    for name in ("mailbox", "certificates"):
        with open(os.path.join(folder, name), "w"):
            pass
    rc = os.path.join(folder, "rc")
    with open(rc, "w") as file:
        file.write(_MUTTRC.format(
            folder=folder, scheme="pops" if form == clients.POP3S else "pop", user=user, port=port,
            password=password, ca=ca, patience=patience, force="no" if form == clients.PLAIN else "yes",
            starttls="no" if form == clients.PLAIN else "yes",
            authenticators=f'set pop_authenticators = "{mechanism}"' if mechanism else ""))
    screen = _press(["neomutt", "-n", "-F", rc, "-e", 'push "<fetch-mail><quit>"'], folder)
    with open(mailbox, "rb") as file:
        got = file.read()
    if not got:
        raise clients.Failed(f"neomutt fetched nothing: {screen[-3000:]!r}")
    return re.sub(rb"^From .*\d\d:\d\d:\d\d \d{4}$", b"From", got, flags=re.M)


def _press(words, folder):
    """Runs a program on a terminal of its own until it ends; what it drew."""
    ours, its = pty.openpty()
    child = subprocess.Popen(words, cwd=folder, stdin=its, stdout=its, stderr=its,
                             start_new_session=True,
                             env={**clients.home(folder), "TERM": "vt100", "LINES": "24",
                                  "COLUMNS": "80"})
    os.close(its)
    screen = b""
    deadline = time.monotonic() + clients.DEADLINE
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.05)[0]:
                try:
                    screen += os.read(ours, 65536)
                except OSError:  # the other end is closed
                    break
            elif child.poll() is not None:
                break
        else:
            raise clients.Failed(f"neomutt still runs: {screen[-2000:]!r}")
        child.wait(20)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        os.close(ours)
    return screen
