"""c-icap with its service for viruses, which asks a clamd."""

import glob

from .daemon import Daemon, talk
from .ports import free_port

_CONFIG = """\
PidFile {folder}/c-icap.pid
CommandsSocket {folder}/c-icap.ctl
Timeout 120
MaxKeepAliveRequests 100
KeepAliveTimeout 60
StartServers 1
MaxServers 2
MinSpareThreads 4
MaxSpareThreads 12
ThreadsPerChild 12
MaxRequestsPerChild 0
Port 127.0.0.1:{port}
ServerAdmin tester@localhost
ServerName localhost
TmpDir {folder}
MaxMemObject 131072
DebugLevel 1
ModulesDir {modules}
ServicesDir {modules}
TemplateDir /usr/share/c_icap/templates/
TemplateDefaultLanguage en
LoadMagicFile /etc/c-icap/c-icap.magic
ServerLog {folder}/server.log
AccessLog {folder}/access.log
Module common clamd_mod.so
clamd_mod.ClamdSocket {clamd}
Service antivirus_module virus_scan.so
ServiceAlias avscan virus_scan?allow204=on&sizelimit=off&mode=simple
virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE
virus_scan.SendPercentData 5
virus_scan.StartSendPercentDataAfter 100M
virus_scan.MaxObjectSize 100M
virus_scan.DefaultEngine clamd
Service echo srv_echo.so
"""


class CIcap(Daemon):
    """Asks the clamd at `clamd_socket`. The service is called avscan."""

    program = "c-icap"
    kind = "icap"

    def __init__(self, folder, clamd_socket):
        super().__init__(folder)
        self.port = free_port()
        self.write("c-icap.conf", _CONFIG.format(
            folder=self.folder, port=self.port, clamd=clamd_socket,
            modules=glob.glob("/usr/lib/*/c_icap")[0]))
        self.start()

    def _words(self):
        return ["/usr/bin/c-icap", "-N", "-f", self.path("c-icap.conf")]

    def _logs(self):
        return "server.log", "access.log"

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def section(self, **more):
        return super().section(service="avscan", **more)

    def answers(self):
        try:
            return b"ICAP/1.0 200" in talk(self.port, f"OPTIONS icap://localhost:{self.port}/avscan "
                                           "ICAP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                                           .encode())
        except OSError:
            return False

    def scan(self, message):
        """What RESPMOD answers: its head with the encapsulated head, as text."""
        request = b"GET http://pop3.invalid/1.eml HTTP/1.1\r\nHost: pop3.invalid\r\n\r\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: message/rfc822\r\nContent-Length: %d\r\n\r\n" \
            % len(message)
        answer = talk(self.port, b"RESPMOD icap://localhost:%d/avscan ICAP/1.0\r\nHost: localhost\r\n"
                      b"Allow: 204\r\nConnection: close\r\n"
                      b"Encapsulated: req-hdr=0, res-hdr=%d, res-body=%d\r\n\r\n"
                      % (self.port, len(request), len(request) + len(head)) + request + head
                      + b"%x\r\n" % len(message) + message + b"\r\n0\r\n\r\n")
        return answer.decode(errors="replace")
