"""Mail programs as people use them: curl, fetchmail, Python's poplib.

Each fetches the whole mailbox and returns what it got, in a form that only makes sense compared
with what the same program fetches directly from the server.
"""

import os
import poplib
import shutil
import ssl
import subprocess
import sys

# poplib refuses lines longer than 2,048 octets; messages of the corpus have 100,000.
poplib._MAXLINE = 1 << 20

PLAIN, POP3S, STLS = "plain", "POP3S", "STLS"
DEADLINE = 300


def _run(words, folder, env=None):
    done = subprocess.run([str(word) for word in words], cwd=folder, env=env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE,
                          errors="replace")
    if done.returncode != 0:
        raise AssertionError(f"{words[0]} ended with {done.returncode}: "
                             f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def _fresh(folder, name):
    path = os.path.join(str(folder), name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def curl_words(form, ca, user, password):
    words = ["curl", "--silent", "--show-error", "--disable", "--noproxy", "*",
             "--user", f"{user}:{password}"]
    if form != PLAIN:
        words += ["--cacert", ca]
    if form == STLS:
        words += ["--ssl-reqd"]
    return words


def curl_url(form, port):
    return f"{'pop3s' if form == POP3S else 'pop3'}://localhost:{port}/"


def curl(folder, form, port, ca, user, password, count):
    """The listing, then messages 1 to count on one connection: list of bytes."""
    folder = _fresh(folder, "curl")
    words = curl_words(form, ca, user, password)
    url = curl_url(form, port)
    listing = os.path.join(folder, "list")
    _run([*words, "--ipv4", url, "--output", listing, f"{url}[1-{count}]", "--output", "#1"],
         folder)
    return [_read(folder, name) for name in ["list", *map(str, range(1, count + 1))]]


def _read(folder, name):
    try:
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None  # curl makes no file when nothing came


_FETCHMAILRC = """\
set no syslog
set no bouncemail
set invisible
defaults no rewrite no dropstatus no dropdelivered no stripcr
poll localhost service {port} protocol POP3 timeout 120
  user "{user}" password "{password}"
  {tls}
  keep fetchall
  mda "{mda}"
"""

_FETCHMAIL_TLS = {
    PLAIN: "sslproto ''",
    POP3S: "ssl sslproto 'auto' sslcertck sslcertfile '{ca}'",
    STLS: "sslproto 'TLS1.2+' sslcertck sslcertfile '{ca}'",
}


def fetchmail(folder, form, port, ca, user, password):
    """Everything fetchmail hands to its delivery program, as one mailbox: bytes."""
    folder = _fresh(folder, "fetchmail")
    mailbox = os.path.join(folder, "mailbox")
    deliver = os.path.join(folder, "deliver")
    with open(deliver, "w") as file:
        file.write(f"#!/bin/sh\n{{ cat; printf '\\n=== end of a message ===\\n'; }} >>'{mailbox}'\n")
    os.chmod(deliver, 0o700)
    rc = os.path.join(folder, "rc")
    with open(rc, "w") as file:
        file.write(_FETCHMAILRC.format(port=port, user=user, password=password, mda=deliver,
                                       tls=_FETCHMAIL_TLS[form].format(ca=ca)))
    os.chmod(rc, 0o600)
    env = {"PATH": os.environ["PATH"], "HOME": folder, "FETCHMAILHOME": folder, "LC_ALL": "C",
           "USER": "tester", "LOGNAME": "tester"}
    _run(["fetchmail", "--fetchmailrc", rc, "--nosyslog", "--nodetach", "--idfile",
          os.path.join(folder, "ids"), "--pidfile", os.path.join(folder, "pid")], folder, env)
    return _read(folder, "mailbox")


def poplib_connect(form, port, ca):
    """A poplib connection in the given form."""
    if form == POP3S:
        return poplib.POP3_SSL("localhost", port, timeout=DEADLINE,
                               context=ssl.create_default_context(cafile=ca))
    connection = poplib.POP3("localhost", port, timeout=DEADLINE)
    if form == STLS:
        connection.stls(context=ssl.create_default_context(cafile=ca))
    return connection


def poplib_fetch(form, port, ca, user, password):
    """STAT, LIST, UIDL and every message: a list comparable with another one."""
    connection = poplib_connect(form, port, ca)
    try:
        connection.user(user)
        connection.pass_(password)
        count, octets = connection.stat()
        result = [(count, octets), connection.list()[1], connection.uidl()[1]]
        for number in range(1, count + 1):
            status, lines, size = connection.retr(number)
            result.append((status, size, lines))
        connection.quit()
        return result
    finally:
        connection.close()


if sys.version_info < (3, 9):
    sys.exit("the scenario tests need Python 3.9")
