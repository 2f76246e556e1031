"""Pods of our manifests in podman, with this module in the kubelet's place: it fills their volumes,
asks their probes, runs their preStop and counts their grace period.

All pods of a `Node` share one network of its own, and each replica gets an address of the loopback
there, as pods have addresses. What stands in the manifests is played as it is; only where a volume comes
from, the names of servers, and the address of each replica are put in.
"""

import copy
import ctypes
import http.client
import os
import pathlib
import re
import secrets
import subprocess

import yaml

import installed
from manifests import container, pod_of
from support.container import podman
from support.process import ChildFailed, wait_until

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000

READY_SECONDS = 90
ADMIN = 9110


class Node:
    """A network for pods, their servers and clients, and podman's settings. The thread that makes one is
    in that network until close(), and so is all that it starts meanwhile."""

    def __init__(self, folder):
        settings = pathlib.Path(folder) / "containers.conf"
        # The machine of a test may allow less than podman asks for.
        settings.write_text('[containers]\n'
                            'default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]\n')
        self._environment = {**os.environ, "CONTAINERS_CONF": str(settings)}
        self._before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self._call(_LIBC.unshare, _CLONE_NEWNET)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=30)

    @staticmethod
    def _call(function, *arguments):
        if function(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "no network namespace: not root?")

    def podman(self, *words, **options):
        return podman(*words, env=self._environment, **options)

    def close(self):
        self._call(_LIBC.setns, self._before, _CLONE_NEWNET)
        os.close(self._before)


class Pod:
    """A pod of a Deployment: started, ready, and ended as the kubelet ends it.

    `volumes` maps mount paths to folders (installed.volumes()). `change(container)` may change
    Gatepost's container before it is played."""

    def __init__(self, node, workload, image, volumes, address="127.0.0.1", change=None):
        self.node, self.address = node, address
        self._pod = self._id = None
        self._last_log, self._asked = "", 0
        self.name = f"gatepost-{secrets.token_hex(4)}"
        self.workload = copy.deepcopy(workload)
        self._prepare(image, volumes)
        self.container = container(self.workload)
        if change:
            change(self.container)
        file = pathlib.Path(volumes["/run/gatepost"]) / f"../{self.name}.yaml"
        file.write_text(yaml.safe_dump(self.workload), encoding="utf-8")
        try:
            said = node.podman("kube", "play", "--network=host", "--log-driver=k8s-file", str(file),
                               seconds=120).stdout
            self._pod, self._id = re.search(r"Pod:\n(\w+)\nContainer:\n(\w+)\n", said).groups()
            wait_until(self._is_ready, READY_SECONDS, "the pod to be ready")
        except Exception as error:
            log = self.log()
            self.remove()
            raise ChildFailed(f"{error}\n{log[-4000:]}") from error

    def _prepare(self, image, volumes):
        """Volumes become folders of this machine, and servers beside Gatepost stay outside."""
        self.workload["metadata"]["name"] = self.name
        pod = pod_of(self.workload)
        self.grace = pod["terminationGracePeriodSeconds"]
        ours = container(self.workload)
        pod["containers"] = [ours]
        pod["restartPolicy"] = "Never"  # the kubelet starts nothing again that it ends
        ours["image"] = image
        ours["imagePullPolicy"] = "Never"
        places = {mount["name"]: volumes[mount["mountPath"]] for mount in ours["volumeMounts"]}
        pod["volumes"] = [{"name": name, "hostPath": {"path": str(place), "type": "Directory"}}
                          for name, place in places.items()]
        # podman maps no ports on the host's network, and knows neither most probes nor names of ports:
        # we ask ourselves.
        self._ports = {port["name"]: port["containerPort"] for port in ours.pop("ports")}
        self._probes = {name: ours.pop(name)
                        for name in ("startupProbe", "readinessProbe", "livenessProbe")}

    def probe(self, name):
        """Whether the probe of that name of the manifest is content."""
        action = self._probes[name]["httpGet"]
        return self.get(action["path"], self._ports[action["port"]])[0] == 200

    def get(self, path, port=ADMIN):
        """(status, text) of a page of the admin listener; (None, "") when nobody answers."""
        connection = http.client.HTTPConnection(self.address, port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return None, ""
        finally:
            connection.close()

    def _is_ready(self):
        if self.probe("readinessProbe"):
            return True
        self._asked += 1
        if self._asked % 20 == 0 and not self.running:  # podman takes longer than a probe
            raise ChildFailed("the container ended")
        return False

    @property
    def running(self):
        return self.node.podman("inspect", "--type", "container", "--format", "{{.State.Running}}",
                                self._id).stdout.strip() == "true"

    def exec(self, *words, seconds=60):
        return self.node.podman("exec", self._id, *words, seconds=seconds, check=False)

    def pre_stop(self):
        """What the kubelet does first with a pod that is to go: waits for the manifest's command."""
        done = self.exec(*self.container["lifecycle"]["preStop"]["exec"]["command"])
        if done.returncode != 0:
            raise ChildFailed(f"preStop: {done.stderr}")

    def terminate(self):
        """SIGTERM; the pod drains."""
        self.node.podman("kill", "--signal", "TERM", self._id)

    def wait_for_end(self, seconds=None):
        """Its exit status. It must end by itself within the grace period, or within `seconds`."""
        try:
            done = self.node.podman("wait", self._id, seconds=seconds or self.grace)
        except subprocess.TimeoutExpired:
            raise ChildFailed(f"the pod still runs:\n{self.log()[-4000:]}") from None
        return int(done.stdout)

    def log(self):
        if not self._id:
            return self._last_log
        done = self.node.podman("logs", self._id, check=False)
        return done.stdout + done.stderr

    def remove(self):
        self._last_log = self.log()
        # What failed halfway has no id, but podman's own name.
        for pod in [self._pod] if self._pod else [f"{self.name}-pod", f"{self.name}-pod-0"]:
            self.node.podman("pod", "rm", "--force", "--time", "1", pod, check=False)
        self._id = None


def rename(text, names):
    """Puts what is in this network in the place of what a cluster has."""
    for old, new in names.items():
        if old not in text:
            raise ValueError(f"{old} is not in the configuration any more")
        text = text.replace(old, new)
    return text


def place_config(volumes, manifests, names):
    """The ConfigMap's file, with other names."""
    config = next(each for each in manifests if each["kind"] == "ConfigMap")
    text = rename(config["data"]["gatepost.json"], names)
    installed.place(volumes["/etc/gatepost"], {"gatepost.json": text.encode()})
