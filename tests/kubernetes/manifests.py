"""Whether rendered manifests fit together: what they refer to exists, and pods end in time.

`problems()` gives a list of texts. What each manifest may say by itself stands in kinds.py.
"""

import json
import pathlib
import re

import yaml

import kinds

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

#: Who drains without a configuration file takes so long: timeouts.drain of config/schema.json.
DEFAULT_DRAIN_SECONDS = 30
#: A port's name, as Kubernetes allows it.
PORT_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
#: The user of the image, and its only places to write to.
USER = 995
WORKLOADS = ("Deployment", "StatefulSet")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def load(text):
    return [document for document in yaml.safe_load_all(text) if document]


def without_comments(text):
    """A configuration whose comments have lines of their own, as JSON."""
    return json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.M))


def seconds(duration):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", duration).groups()
    return int(number) * _SECONDS[unit]


def pod_of(workload):
    return workload["spec"]["template"]["spec"]


def container(workload, name="gatepost"):
    return next((each for each in pod_of(workload)["containers"] if each["name"] == name), None)


def environment_names():
    """The variables that Gatepost knows."""
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    return set(re.findall(r"`(GATEPOST_\w+)`", text))


class Manifests:
    """All documents of one rendering. `ours` are the names of containers that we answer for: others
    (a server that is there already) may be as they are. `secrets` exist already."""

    def __init__(self, documents, ours=("gatepost", "redis"), secrets=()):
        self.documents = documents
        self.ours, self.secrets = ours, set(secrets)
        self.found = []

    def all(self, kind):
        return [each for each in self.documents if each.get("kind") == kind]

    def one(self, kind, name=None):
        return next((each for each in self.all(kind)
                     if name is None or each["metadata"]["name"] == name), None)

    def workloads(self):
        return [each for each in self.documents if each.get("kind") in WORKLOADS]

    def problem(self, about, text):
        self.found.append(f"{about['kind']} {about['metadata'].get('name')}: {text}")

    def problems(self):
        for document in self.documents:
            document.setdefault("metadata", {})
            for text in kinds.problems(document):
                self.problem(document, text)
        if self.found:  # the rest goes by fields that are there
            return self.found
        self._check_names()
        for workload in self.workloads():
            self._check_workload(workload)
        for service in self.all("Service"):
            self._check_service(service)
        for policy in self.all("NetworkPolicy"):
            self._check_network_policy(policy)
        for budget in self.all("PodDisruptionBudget"):
            if not self._selected(budget["spec"]["selector"]["matchLabels"]):
                self.problem(budget, "selects no pod")
        for scaler in self.all("HorizontalPodAutoscaler"):
            self._check_scaler(scaler)
        for monitor in self.all("ServiceMonitor"):
            self._check_monitor(monitor)
        return self.found

    # Single kinds

    def _check_names(self):
        seen = set()
        for each in self.documents:
            name = each["metadata"].get("name") or ""
            if not NAME.fullmatch(name):
                self.problem(each, "not a name")
            if (each["kind"], name) in seen:
                self.problem(each, "stands there twice")
            seen.add((each["kind"], name))

    def _selected(self, labels):
        """The workloads whose pods have these labels."""
        return [each for each in self.workloads()
                if labels.items() <= each["spec"]["template"]["metadata"]["labels"].items()]

    def _check_workload(self, workload):
        labels = workload["spec"]["template"]["metadata"]["labels"]
        if not workload["spec"]["selector"]["matchLabels"].items() <= labels.items():
            self.problem(workload, "the selector does not fit the labels of its own pods")
        pod = pod_of(workload)
        for spread in pod.get("topologySpreadConstraints", []):
            if not spread["labelSelector"]["matchLabels"].items() <= labels.items():
                self.problem(workload, "spreads other pods than its own")
        for field in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
            if pod.get(field):
                self.problem(workload, f"{field} is set")
        if pod.get("automountServiceAccountToken") is not False:
            self.problem(workload, "gets a token for the cluster's API")
        if workload["kind"] == "StatefulSet":
            service = self.one("Service", workload["spec"]["serviceName"])
            if not service or service["spec"].get("clusterIP") != "None":
                self.problem(workload, "serviceName is no headless Service")
        self._check_volumes(workload, pod)
        for each in pod["containers"]:
            self._check_container(workload, pod, each)
        if container(workload):
            self._check_ending(workload, pod)

    def _check_volumes(self, workload, pod):
        volumes = {each["name"]: each for each in pod.get("volumes", [])}
        claims = [each["metadata"]["name"]
                  for each in workload["spec"].get("volumeClaimTemplates", [])]
        if len(volumes) != len(pod.get("volumes", [])):
            self.problem(workload, "two volumes have one name")
        mounted = set()
        for each in pod["containers"]:
            places = [mount["mountPath"] for mount in each.get("volumeMounts", [])]
            if len(set(places)) != len(places):
                self.problem(workload, f"{each['name']}: two volumes at one place")
            for mount in each.get("volumeMounts", []):
                mounted.add(mount["name"])
                if mount["name"] not in volumes and mount["name"] not in claims:
                    self.problem(workload, f"{each['name']}: no volume {mount['name']}")
                if mount.get("subPath"):
                    self.problem(workload, f"{mount['name']}: with subPath, changes are never seen")
        for name, volume in volumes.items():
            if name not in mounted:
                self.problem(workload, f"volume {name} is mounted nowhere")
            if "hostPath" in volume:
                self.problem(workload, f"volume {name} is a folder of the node")
            if "configMap" in volume and not self.one("ConfigMap", volume["configMap"]["name"]):
                self.problem(workload, f"no ConfigMap {volume['configMap']['name']}")
            if "secret" in volume:
                secret = volume["secret"]["secretName"]
                if secret not in self.secrets and not self.one("Secret", secret):
                    self.problem(workload, f"no Secret {secret}")

    def _check_container(self, workload, pod, each):
        def problem(text):
            self.problem(workload, f"{each['name']}: {text}")

        ports = {port["name"]: port["containerPort"] for port in each.get("ports", [])}
        for name in ports:
            if not PORT_NAME.fullmatch(name):
                problem(f"{name} is not the name of a port")
        if len(set(ports.values())) != len(each.get("ports", [])):
            problem("a port or its name stands there twice")
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            action = each.get(probe, {})
            action = action.get("httpGet") or action.get("tcpSocket")
            if action and action["port"] not in (*ports, *ports.values()):
                problem(f"{probe} asks port {action['port']}, which is not there")
        for variable in each.get("env", []):
            if variable["name"].startswith("GATEPOST_") \
                    and variable["name"] not in environment_names():
                problem(f"{variable['name']} is no variable of Gatepost")
        security = {**pod.get("securityContext", {}), **each.get("securityContext", {})}
        if security.get("privileged") or security.get("capabilities", {}).get("add"):
            problem("is privileged")
        if security.get("allowPrivilegeEscalation") is not False:
            problem("may gain privileges")
        if each["name"] not in self.ours:
            return
        if not re.search(r":[\w.-]+$", each["image"]):
            problem("the image has no tag")
        if each["name"] == "gatepost" and security.get("runAsUser") != USER:
            problem(f"is not user {USER}")
        if not security.get("runAsNonRoot") or security.get("runAsUser") in (None, 0):
            problem("may be root")
        if not security.get("readOnlyRootFilesystem"):
            problem("may write to its image")
        if security.get("capabilities", {}).get("drop") != ["ALL"]:
            problem("keeps capabilities")
        if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            problem("has no seccomp profile")
        for probe in ("readinessProbe", "livenessProbe"):
            if probe not in each:
                problem(f"has no {probe}")
        resources = each.get("resources", {})
        if not {"cpu", "memory"} <= resources.get("requests", {}).keys() \
                or "memory" not in resources.get("limits", {}):
            problem("does not say what it needs")

    # The end of a pod

    def drain_seconds(self, workload):
        for volume in pod_of(workload).get("volumes", []):
            config = "configMap" in volume and self.one("ConfigMap", volume["configMap"]["name"])
            if config and "gatepost.json" in config["data"]:
                timeouts = without_comments(config["data"]["gatepost.json"]).get("timeouts", {})
                return seconds(timeouts.get("drain", f"{DEFAULT_DRAIN_SECONDS}s"))
        return DEFAULT_DRAIN_SECONDS

    @staticmethod
    def pre_stop_seconds(each):
        command = each.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
        return int(command[1]) if command[:1] == ["/bin/sleep"] else 0

    def _check_ending(self, workload, pod):
        ours = container(workload)
        pre_stop = self.pre_stop_seconds(ours)
        if not pre_stop:
            self.problem(workload, "gatepost: no preStop: connections still come when it closes")
        needed = pre_stop + self.drain_seconds(workload)
        if pod.get("terminationGracePeriodSeconds", 30) <= needed:
            self.problem(workload, f"is killed after {pod.get('terminationGracePeriodSeconds', 30)} "
                                   f"s, but preStop and drain take up to {needed} s")
        for each in pod["containers"]:
            if each is not ours and self.pre_stop_seconds(each) < needed:
                self.problem(workload, f"{each['name']} ends before the sessions that it serves")

    # What refers to pods

    def _ports(self, workloads):
        return {(port["name"], port["containerPort"]) for workload in workloads
                for each in pod_of(workload)["containers"] for port in each.get("ports", [])}

    def _check_service(self, service):
        pods = self._selected(service["spec"]["selector"])
        if len(pods) != 1:
            self.problem(service, f"selects the pods of {len(pods)} workloads")
        targets = [port["targetPort"] for port in service["spec"]["ports"]]
        known = self._ports(pods)
        for target in targets:
            if target not in {part for port in known for part in port}:
                self.problem(service, f"no port {target} in its pods")
        if service["spec"].get("type", "ClusterIP") != "ClusterIP" and "admin" in targets:
            self.problem(service, "shows the admin listener to the world")

    def _check_network_policy(self, policy):
        spec = policy["spec"]
        pods = self._selected(spec["podSelector"]["matchLabels"])
        if len(pods) != 1:
            self.problem(policy, f"selects the pods of {len(pods)} workloads")
        if spec["policyTypes"] != ["Ingress", "Egress"]:
            self.problem(policy, "leaves one direction open")
        opened = {port["port"] for rule in spec["ingress"] for port in rule["ports"]}
        listening = {number for _, number in self._ports(pods)}
        if opened != listening:
            self.problem(policy, f"opens ports {opened}, where its pods listen on {listening}")
        for rule in spec["ingress"]:
            if any(port["port"] == 9110 for port in rule["ports"]) and not rule.get("from"):
                self.problem(policy, "anybody may ask the admin listener")
        for rule in [*spec["ingress"], *spec["egress"]]:
            for peer in [*rule.get("from", []), *rule.get("to", [])]:
                if "podSelector" in peer and not self._selected(peer["podSelector"]["matchLabels"]):
                    self.problem(policy, "names pods that are not there")

    def _check_scaler(self, scaler):
        spec = scaler["spec"]
        target = self.one(spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"])
        if not target:
            self.problem(scaler, "has nothing to scale")
            return
        if "replicas" in target["spec"]:
            self.problem(scaler, "every apply would set its number of replicas back")
        if spec["minReplicas"] > spec["maxReplicas"]:
            self.problem(scaler, "minReplicas is more than maxReplicas")
        documented = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
        for metric in spec["metrics"]:
            name = metric["pods"]["metric"]["name"] if metric["type"] == "Pods" else None
            if name and f"`{name}`" not in documented:
                self.problem(scaler, f"{name} is no metric of Gatepost")

    def _check_monitor(self, monitor):
        labels = monitor["spec"]["selector"]["matchLabels"]
        services = [each for each in self.all("Service")
                    if labels.items() <= each["metadata"]["labels"].items()]
        if len(services) != 1:
            self.problem(monitor, f"selects {len(services)} Services")
            return
        names = {port["name"] for port in services[0]["spec"]["ports"]}
        for endpoint in monitor["spec"]["endpoints"]:
            if endpoint["port"] not in names:
                self.problem(monitor, f"no port {endpoint['port']} in its Service")
