"""Mail programs as people use them, and libraries that scripts use.

Each fetches the whole mailbox and returns what it got, in a form that only makes sense compared
with what the same program fetches directly from the server. All take (folder, form, port, ca,
user, password); `mechanism` is what the program shall log in with, in its own words, `patience` the
seconds of silence after which it shall give up. Thunderbird
is in thunderbird.py, neomutt in neomutt.py.
"""

import os
import poplib
import pwd
import shutil
import ssl
import subprocess
import sys
import tempfile

# poplib refuses lines longer than 2,048 octets; messages of the corpus have 100,000.
poplib._MAXLINE = 1 << 20

PLAIN, POP3S, STLS = "plain", "POP3S", "STLS"
DEADLINE = 300
PATIENCE = 120


class Failed(AssertionError):
    """A program ended with an error."""


def _run(words, folder, env=None, **options):
    done = subprocess.run([str(word) for word in words], cwd=folder, env=env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE,
                          errors="replace", **options)
    if done.returncode != 0:
        raise Failed(f"{words[0]} ended with {done.returncode}: "
                     f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def fresh(folder, name):
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


def curl(folder, form, port, ca, user, password, count, more=(), patience=PATIENCE):
    """The listing, then messages 1 to count on one connection: list of bytes."""
    folder = fresh(folder, "curl")
    words = [*curl_words(form, ca, user, password), "--speed-time", patience, "--speed-limit", 1,
             *more]
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
poll localhost service {port} protocol {protocol} {auth} timeout {patience}
  user "{user}" password "{password}"
  {tls}
  {keep} fetchall
  mda "{mda}"
"""

_FETCHMAIL_TLS = {
    PLAIN: "sslproto ''",
    POP3S: "ssl sslproto 'auto' sslcertck sslcertfile '{ca}'",
    STLS: "sslproto 'TLS1.2+' sslcertck sslcertfile '{ca}'",
}


def _deliver(folder):
    """A program that takes messages on its standard input, and the mailbox it appends to."""
    mailbox = os.path.join(folder, "mailbox")
    program = os.path.join(folder, "deliver")
    _write(program, f"#!/bin/sh\n{{ cat; printf '\\n=== end of a message ===\\n'; }} >>'{mailbox}'\n",
           0o700)
    return program, mailbox


def _write(path, text, mode=0o600):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def home(folder):
    """The environment of a program whose home is `folder`."""
    return {"PATH": os.environ["PATH"], "HOME": folder, "LC_ALL": "C", "USER": "tester",
            "LOGNAME": "tester"}


def fetchmail(folder, form, port, ca, user, password, mechanism="", patience=PATIENCE, keep=True):
    """Everything fetchmail hands to its delivery program, as one mailbox: bytes. `mechanism`:
    nothing, "APOP", or what fetchmail calls auth. Without `keep` it deletes what it fetched."""
    folder = fresh(folder, "fetchmail")
    deliver, _ = _deliver(folder)
    apop = mechanism == "APOP"
    rc = _write(os.path.join(folder, "rc"), _FETCHMAILRC.format(
        port=port, user=user, password=password, mda=deliver, patience=patience,
        keep="keep" if keep else "nokeep",
        protocol="APOP" if apop else "POP3",
        auth=f"auth {mechanism}" if mechanism and not apop else "",
        tls=_FETCHMAIL_TLS[form].format(ca=ca)))
    env = {**home(folder), "FETCHMAILHOME": folder}
    _run(["fetchmail", "--fetchmailrc", rc, "--nosyslog", "--nodetach", "--idfile",
          os.path.join(folder, "ids"), "--pidfile", os.path.join(folder, "pid")], folder, env)
    return _read(folder, "mailbox")


def poplib_connect(form, port, ca, patience=PATIENCE):
    """A poplib connection in the given form."""
    if form == POP3S:
        return poplib.POP3_SSL("localhost", port, timeout=patience,
                               context=ssl.create_default_context(cafile=ca))
    connection = poplib.POP3("localhost", port, timeout=patience)
    if form == STLS:
        connection.stls(context=ssl.create_default_context(cafile=ca))
    return connection


def poplib_fetch(form, port, ca, user, password, patience=PATIENCE):
    """STAT, LIST, UIDL and every message: a list comparable with another one."""
    connection = poplib_connect(form, port, ca, patience)
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


_GETMAILRC = """\
[retriever]
type = {kind}
server = localhost
port = {port}
timeout = {patience}
username = {user}
password = {password}
{more}
[destination]
type = Maildir
path = {folder}/Maildir/
[options]
delete = false
read_all = true
delivered_to = false
received = false
verbose = 0
"""


def getmail(folder, form, port, ca, user, password, mechanism="", patience=PATIENCE):
    """What getmail6 puts into its Maildir: list of bytes. It knows no STLS, and refuses root.
    `mechanism`: nothing or "APOP"."""
    folder = fresh(folder, "getmail")
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(folder, "Maildir", part))
    rc = _write(os.path.join(folder, "rc"), _GETMAILRC.format(
        kind="SimplePOP3SSLRetriever" if form == POP3S else "SimplePOP3Retriever", port=port,
        user=user, password=password, folder=folder, patience=patience,
        more=(f"ca_certs = {ca}\n" if form == POP3S else "")
        + ("use_apop = true\n" if mechanism == "APOP" else "")))
    done = _run(["getmail", "--quiet", "--getmaildir", folder, "--rcfile", rc], folder,
                home(folder), **as_somebody(folder))
    if "Error" in done.stdout + done.stderr:
        raise Failed(done.stdout + done.stderr)
    new = os.path.join(folder, "Maildir", "new")
    return sorted(_read(new, name) for name in os.listdir(new))


def as_somebody(folder):
    """Options that run a program as another user than root, who may use `folder`."""
    if os.getuid() != 0:
        return {}
    somebody = pwd.getpwnam("nobody")
    for path, folders, files in os.walk(folder):
        for name in (path, *(os.path.join(path, file) for file in files)):
            os.chown(name, somebody.pw_uid, somebody.pw_gid)
    above = os.path.dirname(folder)
    while above.startswith(tempfile.gettempdir() + os.sep):
        os.chmod(above, 0o755)
        above = os.path.dirname(above)
    return {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": []}


_MPOPRC = """\
account default
host localhost
port {port}
timeout {patience}
user {user}
password {password}
auth {auth}
tls {tls}
tls_starttls {starttls}
{trust}
delivery mda {mda}
uidls_file {known}
keep on
only_new {only_new}
received_header off
pipelining {pipelining}
"""


def mpop(folder, form, port, ca, user, password, mechanism="user", pipelining="auto",
         patience=PATIENCE, known=None):
    """Everything mpop hands to its delivery program, as one mailbox: bytes. With `known`, a file
    with UIDLs, only what does not stand there, and it stands there then."""
    folder = fresh(folder, "mpop")
    deliver, _ = _deliver(folder)
    rc = _write(os.path.join(folder, "rc"), _MPOPRC.format(
        port=port, user=user, password=password, auth=mechanism, mda=deliver, patience=patience,
        known=known or os.path.join(folder, "uidls"), only_new="on" if known else "off",
        tls="off" if form == PLAIN else "on", starttls="on" if form == STLS else "off",
        trust="" if form == PLAIN else f"tls_trust_file {ca}", pipelining=pipelining))
    _run(["mpop", "--quiet", "--file", rc], folder, home(folder))
    return _read(folder, "mailbox")


def _perl(script):
    def fetch(folder, form, port, ca, user, password, mechanism="", patience=PATIENCE):
        folder = fresh(folder, script)
        _run(["perl", os.path.join(os.path.dirname(__file__), script + ".pl"), form, port, ca, user,
              password, os.path.join(folder, "mailbox"), patience, mechanism], folder,
             home(folder))
        return _read(folder, "mailbox")
    return fetch


net_pop3 = _perl("net_pop3")
net_pop3.__doc__ = """What Perl's Net::POP3 fetches, as one mailbox: bytes. Mechanism: "", "APOP" or
"SASL", then it chooses itself."""
mail_pop3client = _perl("mail_pop3client")
mail_pop3client.__doc__ = """What Perl's Mail::POP3Client fetches, as one mailbox: bytes. Mechanism:
"", "APOP" or "CRAM-MD5"."""


if sys.version_info < (3, 9):
    sys.exit("the scenario tests need Python 3.9")
