"""rspamd with rules of its own, without network: GTUBE, and subjects that cost points."""

import json
import os

from .daemon import Daemon, talk
from .ports import free_port

_CONFIG = """\
options {{
  pidfile = "{folder}/rspamd.pid";
  filters = "chartable,dkim,regexp";
  raw_mode = false;
  one_shot = false;
  cache_file = "{folder}/symbols.cache";
  map_watch_interval = 1min;
  dynamic_conf = "{folder}/dynamic";
  history_file = "{folder}/history";
  rrd = "{folder}/rrd";
  disable_hyperscan = true;
  dns {{ nameserver = ["127.0.0.1:{dns}"]; timeout = 0.1s; retransmits = 1; }}
  disable_monitoring = true;
  gtube_patterns = "all";
  local_addrs = [];
}}
logging {{ type = "console"; level = "notice"; }}
worker "normal" {{
  bind_socket = "127.0.0.1:{port}";
  count = 1;
  mime = true;
  task_timeout = 8s;
}}
actions {{ reject = 15; add_header = 6; greylist = 4; rewrite_subject = 10;
  subject = "*** SPAM *** %s"; }}
lua = "$RULESDIR/rspamd.lua"
regexp {{
  PILLS_SUBJECT {{ re = "Subject=/very cheap pills/i"; score = 7.5;
    description = "a subject about pills"; }}
}}
"""


class Rspamd(Daemon):
    program = "rspamd"
    kind = "rspamd"

    def __init__(self, folder):
        super().__init__(folder)
        self.port = free_port()
        self.write("rspamd.conf", _CONFIG.format(folder=self.folder, port=self.port,
                                                 dns=free_port()))
        self.start()

    def _words(self):
        words = ["/usr/bin/rspamd", "-f", "-c", self.path("rspamd.conf"),
                 f"--var=DBDIR={self.folder}", f"--var=RUNDIR={self.folder}",
                 f"--var=LOGDIR={self.folder}"]
        return words + (["-i"] if os.getuid() == 0 else [])

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def answers(self):
        try:
            return talk(self.port, b"GET /ping HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200") \
                or b"pong" in talk(self.port, b"GET /ping HTTP/1.0\r\n\r\n")
        except OSError:
            return False

    def scan(self, message):
        """The object that /checkv2 answers."""
        answer = talk(self.port, b"POST /checkv2 HTTP/1.0\r\nContent-Length: %d\r\n"
                      b"Connection: close\r\n\r\n" % len(message) + message)
        return json.loads(answer.partition(b"\r\n\r\n")[2])
