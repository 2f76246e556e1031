"""Gatepost and what it is compared with."""

import pathlib

PEER_SCRIPTS = pathlib.Path(__file__).resolve().parent.parent / "peers"

# Names without the name of the library say nothing about POP3: "stream", TLS, copying.
PEERS = ("nginx_mail", "nginx_stream", "haproxy", "stunnel", "hitch", "dovecot", "perdition")
FLOOR = "floor"
GATEPOST = "gatepost"
WITH_STLS = {GATEPOST, "nginx_mail", "stunnel", "dovecot", "perdition"}
# perdition offers no X25519; the load generator then uses libssl with P-256.
LOAD_OPTIONS = {"perdition": ["--groups", "P-256"]}
VERSIONS = {
    "nginx_mail": "nginx-core", "nginx_stream": "nginx-core", "haproxy": "haproxy",
    "stunnel": "stunnel4", "hitch": "hitch", "dovecot": "dovecot-core", "perdition": "perdition",
}


class Peer:
    def __init__(self, name, tls_port, stls_port):
        self.name = name
        self.tls_port = tls_port
        self.stls_port = stls_port
        self.process = None

    def argv(self, rig, workers):
        if self.name == GATEPOST:
            return rig.pinned(rig.proxy_cpu) + [
                str(rig.gatepost), "run", "--workers", str(workers), "--admin", "off",
                "--log-level", "error", "--pop3s", f"127.0.0.1:{self.tls_port}",
                "--pop3", f"127.0.0.1:{self.stls_port}",
                "--upstream", f"127.0.0.1:{rig.upstream_port}",
                "--cert", str(rig.cert), "--key", str(rig.key)]
        if self.name == FLOOR:
            return rig.pinned(rig.proxy_cpu) + [
                str(rig.tools / "tls_relay"), "--listen", str(self.tls_port),
                "--upstream", str(rig.upstream_port), "--cert", str(rig.cert),
                "--key", str(rig.key)]
        return [str(PEER_SCRIPTS / self.name)]

    def environment(self, rig, workers):
        return {
            "RUN": str(rig.work), "CERT": str(rig.cert), "KEY": str(rig.key),
            "BOTH": str(rig.both), "UP_HOST": "127.0.0.1", "UP_PORT": str(rig.upstream_port),
            "AUTH_HTTP": str(rig.auth_port), "TLS_PORT": str(self.tls_port),
            "STLS_PORT": str(self.stls_port), "PROXY_CPU": str(rig.proxy_cpu),
            "WORKERS": str(workers)}

    def ports(self):
        return [self.tls_port] + ([self.stls_port] if self.name in WITH_STLS else [])
