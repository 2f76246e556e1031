"""SpamAssassin's spamd with rules of its own: GTUBE, and subjects that cost points."""

from . import samples
from .daemon import Daemon, talk
from .ports import free_port

_RULES = """\
required_score 5
use_bayes 0
skip_rbl_checks 1
dns_available no
report_safe 0
body GTUBE /{gtube}/
score GTUBE 1000
header PILLS_SUBJECT Subject =~ /very cheap pills/i
score PILLS_SUBJECT 7.5
"""


class Spamd(Daemon):
    program = "SpamAssassin"
    kind = "spamd"

    def __init__(self, folder):
        super().__init__(folder)
        self.port = free_port()
        self.write("init.pre", "loadplugin Mail::SpamAssassin::Plugin::Check\n")
        self.write("local.cf", _RULES.format(gtube=samples.as_expression(samples.gtube())))
        self.start()

    def _words(self):
        return ["/usr/sbin/spamd", "-L", "-x", "-i", "127.0.0.1", "-p", self.port, "-C", self.folder,
                f"--siteconfigpath={self.folder}", "-m", "4", "--min-children=1", "-s", "stderr"]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def answers(self):
        try:
            return b" 0 PONG" in talk(self.port, b"PING SPAMC/1.5\r\n\r\n")
        except OSError:
            return False

    def scan(self, message):
        """(whether it is spam, its score)."""
        answer = talk(self.port, b"SYMBOLS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(message)
                      + message, shut=True).decode()
        line = next(line for line in answer.split("\r\n") if line.startswith("Spam:"))
        return line.split()[1] == "True", float(line.split()[3])
