"""HAProxy in front of the gateway."""

import os

from .gateway import wait_for_port
from .ports import free_port
from .process import Child


class HAProxy:
    """`frontends` maps a name to (words for bind, words for the server, its port)."""

    def __init__(self, folder, frontends):
        self.ports = {name: free_port() for name in frontends}
        config = os.path.join(str(folder), "haproxy.cfg")
        with open(config, "w") as file:
            file.write("global\n  maxconn 200\ndefaults\n  mode tcp\n  timeout connect 20s\n"
                       "  timeout client 120s\n  timeout server 120s\n")
            for name, (bind, server, port) in frontends.items():
                file.write(f"listen {name}\n  bind 127.0.0.1:{self.ports[name]} {bind}\n"
                           "  unique-id-format gp-%[uuid()]\n"
                           f"  server gatepost 127.0.0.1:{port} {server}\n")
        self.child = Child(["/usr/sbin/haproxy", "-db", "-f", config],
                           os.path.join(str(folder), "haproxy.log"))
        try:
            for port in self.ports.values():
                wait_for_port(port, child=self.child)
        except Exception:
            self.stop()
            raise

    def log(self):
        return self.child.log()

    def stop(self):
        self.child.stop()
