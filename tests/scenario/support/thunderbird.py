"""Thunderbird without a window, driven through Marionette: JSON over a socket, the way browsers are
automated. One instance makes an account for each mailbox to fetch."""

import json
import os
import shutil
import socket
import tempfile

from . import clients
from .ports import free_port
from .process import Child, wait_until

_SOCKET_TYPES = {clients.PLAIN: 0, clients.STLS: 2, clients.POP3S: 3}
#: What Thunderbird calls its ways to log in: "password, transmitted insecurely", "encrypted
#: password" (CRAM-MD5 or APOP).
PASSWORD, ENCRYPTED = 3, 4

_TRUST = """
Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB)
  .addCertFromBase64(arguments[0], "C,,");
"""

_FETCH = """
const [user, port, socketType, authMethod, password, copy, done] = arguments;
(async () => {
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const server = MailServices.accounts.createIncomingServer(user, "localhost", "pop3");
  server.port = port;
  server.socketType = socketType;
  server.authMethod = authMethod;
  server.doBiff = false;
  server.QueryInterface(Ci.nsIPop3IncomingServer).leaveMessagesOnServer = true;
  const account = MailServices.accounts.createAccount();
  account.incomingServer = server;
  const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  login.init("mailbox://localhost", null, "mailbox://localhost", user, password, "", "");
  const known = await Services.logins.searchLoginsAsync({ origin: "mailbox://localhost" });
  if (!known.some((old) => old.username == user)) {
    await Services.logins.addLoginAsync(login);
  }
  const inbox = server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
  const status = await new Promise((resolve) => MailServices.pop3.GetNewMail(null, {
    OnStartRunningUrl() {}, OnStopRunningUrl(url, code) { resolve(code); } }, inbox, server));
  const result = { status, count: inbox.getTotalMessages(false) };
  await IOUtils.copy(inbox.filePath.path, copy);
  MailServices.accounts.removeAccount(account, true);
  return result;
})().then(done, (error) => done(String(error)));
"""


class Thunderbird:
    """A running Thunderbird with a profile of its own, which trusts `ca`."""

    def __init__(self, ca, patience=clients.PATIENCE):
        self._profile = tempfile.mkdtemp(prefix="gp-thunderbird-")
        self._port = free_port()
        self._serial = 0
        self._buffer = b""
        self._socket = None
        with open(os.path.join(self._profile, "user.js"), "w") as file:
            file.write(f'user_pref("marionette.port", {self._port});\n'
                       'user_pref("app.update.enabled", false);\n'
                       f'user_pref("mailnews.tcptimeout", {patience});\n'
                       'user_pref("network.proxy.type", 0);\n')
        self.child = Child(["thunderbird", "--headless", "--marionette",
                            "--remote-allow-system-access", "--no-remote", "--profile",
                            self._profile], os.path.join(self._profile, "output.log"),
                           env=clients.home(self._profile))
        try:
            self._socket = wait_until(self._connect, 60, "Thunderbird", self.child)
            self._receive()
            self._command("WebDriver:NewSession")
            self._command("Marionette:SetContext", value="chrome")
            self._command("WebDriver:SetTimeouts", script=clients.DEADLINE * 1000)
            with open(ca) as file:
                body = file.read().split("-----")[2].replace("\n", "")
            self._script("Execute", _TRUST, body)
        except Exception:
            self.stop()
            raise

    def _connect(self):
        try:
            return socket.create_connection(("127.0.0.1", self._port), timeout=clients.DEADLINE)
        except OSError:
            return None

    def _receive(self):
        while b":" not in self._buffer:
            self._more()
        length, _, self._buffer = self._buffer.partition(b":")
        while len(self._buffer) < int(length):
            self._more()
        text, self._buffer = self._buffer[:int(length)], self._buffer[int(length):]
        return json.loads(text)

    def _more(self):
        data = self._socket.recv(65536)
        if not data:
            raise clients.Failed("Thunderbird hung up")
        self._buffer += data

    def _command(self, name, **parameters):
        self._serial += 1
        text = json.dumps([0, self._serial, name, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self._receive()
        if error:
            raise clients.Failed(f"{name}: {error}")
        return result

    def _script(self, kind, text, *arguments):
        return self._command(f"WebDriver:{kind}Script", script=text, args=list(arguments),
                             sandbox="system")["value"]

    def fetch(self, form, port, user, password, method=PASSWORD):
        """Messages of a new account with that server: list of bytes."""
        copy = os.path.join(self._profile, "fetched")
        result = self._script("ExecuteAsync", _FETCH, user, port, _SOCKET_TYPES[form], method,
                              password, copy)
        if not isinstance(result, dict) or result["status"] != 0:
            raise clients.Failed(f"Thunderbird: {result}")
        with open(copy, "rb") as file:
            messages = self._messages(file.read())
        if len(messages) != result["count"]:
            raise clients.Failed(f"{len(messages)} of {result['count']} messages in the mailbox")
        return messages

    @staticmethod
    def _messages(mailbox):
        """What lies between the lines that Thunderbird adds: "From ", its status, its account."""
        return [b"\n".join(line for line in message.split(b"\n")[1:]
                           if not line.startswith((b"X-Mozilla-", b"X-Account-Key")))
                for message in (b"\n" + mailbox).split(b"\nFrom ")[1:]]

    def stop(self):
        if self._socket:
            try:
                self._command("Marionette:Quit", flags=["eForceQuit"])
                self.child.wait(20)
            except Exception:  # it is ended by signal, then
                pass
            self._socket.close()
        self.child.kill()
        shutil.rmtree(self._profile, ignore_errors=True)
