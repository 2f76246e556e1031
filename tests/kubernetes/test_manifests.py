"""Overlays and chart, rendered and looked at: fields, references, rights, endings, and whether
Gatepost itself takes the configuration that they give to it."""

import copy
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

import installed
import render
from manifests import Manifests, container, load, pod_of, without_comments
from support.case import authority
from support.gateway import binary, environment

#: What users make themselves; docs/kubernetes.md says how.
SECRETS = ("gatepost-tls", "gatepost-ticket-keys", "gatepost-retention-key", "gatepost-redis")
SERVERS = ["pop3-1.mail.svc.cluster.local", "pop3-2.mail.svc.cluster.local"]
EVERYTHING = {
    "upstream": {"servers": [{"address": "10.0.0.7:1110", "weight": 2}], "tls": "starttls"},
    "config": {"limits": {"connections": 100}, "admin": {"control": ""}},
    "imagePullSecrets": [{"name": "registry"}],
    "tls": {"extraSecretNames": ["customer-tls"]},
    "retention": {"type": "delete_after_retrieval", "period": "7d"},
    "service": {"annotations": {"example.com/pool": "mail"}},
    "proxyProtocol": {"enabled": True, "trustedNetworks": ["10.0.0.0/8"]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "spool": {"enabled": True},
    "podAnnotations": {"example.com/a": "b"}, "podLabels": {"team": "mail"},
    "nodeSelector": {"kubernetes.io/os": "linux"}, "priorityClassName": "high",
    "tolerations": [{"key": "mail", "operator": "Exists", "effect": "NoSchedule"}],
    "extraEnv": [{"name": "GATEPOST_LOG_LEVEL", "value": "debug"}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
}
NOTHING = {
    "upstream": {"servers": ["pop3"]}, "replicaCount": 3, "retention": {"type": "client"},
    "ticketKeys": {"secretName": ""}, "service": {"type": "ClusterIP", "pop3": {"enabled": False}},
    "autoscaling": {"enabled": False}, "disruptionBudget": {"enabled": False},
    "networkPolicy": {"enabled": False},
}


class Case(unittest.TestCase):
    maxDiff = 3000
    _rendered = {}

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="gp-kubernetes-")
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name

    def once(self, name, make):
        """A copy of what `make` gave the first time, as manifests."""
        if name not in self._rendered:
            self._rendered[name] = make()
        return load(self._rendered[name])

    def overlay(self, name):
        return self.once(name, lambda: render.overlay(name, self.scratch))

    def chart(self, values=None, name="chart"):
        values = values or {"upstream": {"servers": SERVERS}}
        return self.once(name, lambda: render.chart(values, self.scratch))

    def assert_good(self, documents, secrets=SECRETS):
        self.assertEqual(Manifests(documents, secrets=secrets).problems(), [])

    def gatepost_check(self, documents):
        """What `gatepost check` says in a pod of these manifests: (exit status, text)."""
        certificate, key = authority().good
        have = documents + installed.new_secrets() + [
            installed.certificate_secret(name, certificate, key)
            for name in installed.CERTIFICATE_SECRETS]
        workload = Manifests(documents).one("Deployment")
        places = installed.volumes(workload, have, self.scratch)
        if "/etc/gatepost" in places:
            file = places["/etc/gatepost"] / "gatepost.json"
            text = installed.moved(file.read_text(encoding="utf-8"), self.scratch, places)
            installed.place(places["/etc/gatepost"], {"gatepost.json": text.encode()})
        # The image has a file of its own; variables come before it.
        variables = {"GATEPOST_CONFIG": str(render.ROOT / "deploy/container/gatepost.json")}
        variables.update({each["name"]: installed.moved(each["value"], self.scratch, places)
                          for each in container(workload)["env"]})
        done = subprocess.run([binary(), "check"], env={**environment(), **variables}, text=True,
                              capture_output=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr


class Overlays(Case):
    def test_sidecar_is_right(self):
        self.assert_good(self.overlay("sidecar"), secrets=["gatepost-tls"])

    def test_sidecar_needs_one_secret_and_no_file(self):
        documents = self.overlay("sidecar")
        self.assertEqual({each["kind"] for each in documents}, {"Deployment", "Service"})
        volumes = pod_of(Manifests(documents).one("Deployment"))["volumes"]
        self.assertEqual([each["secret"]["secretName"] for each in volumes if "secret" in each],
                         ["gatepost-tls"])

    def test_gateway_is_right(self):
        self.assert_good(self.overlay("gateway"))

    def test_what_is_added_to_a_deployment_is_what_the_overlay_has(self):
        patch = yaml.safe_load((render.KUSTOMIZE / "overlays/sidecar/add-to-deployment.yaml")
                               .read_text(encoding="utf-8"))
        added = patch["spec"]["template"]["spec"]
        pod = pod_of(Manifests(self.overlay("sidecar")).one("Deployment"))
        ours = next(each for each in pod["containers"] if each["name"] == "gatepost")

        def by_name(each):  # the order of variables means nothing
            return {**each, "env": sorted(each["env"], key=lambda one: one["name"])}

        self.assertEqual(by_name(added["containers"][0]), by_name(ours))
        self.assertEqual(added["volumes"], pod["volumes"])
        self.assertEqual(added["terminationGracePeriodSeconds"],
                         pod["terminationGracePeriodSeconds"])

    def test_kubectl_adds_it_to_a_deployment(self):
        server = {"name": "pop3", "image": "server:1", "volumeMounts": [
            {"name": "mail", "mountPath": "/var/mail"}]}
        mail = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "mail"}, "spec": {
            "selector": {"matchLabels": {"app": "mail"}}, "template": {
                "metadata": {"labels": {"app": "mail"}},
                "spec": {"containers": [server], "volumes": [{"name": "mail", "emptyDir": {}}]}}}}
        patch = render.KUSTOMIZE / "overlays/sidecar/add-to-deployment.yaml"
        text = render.kubectl("patch", "--local", "-f", "-", "--patch", patch.read_text("utf-8"),
                              "-o", "json", input=json.dumps(mail))
        pod = pod_of(json.loads(text))
        self.assertEqual({each["name"] for each in pod["containers"]}, {"pop3", "gatepost"})
        self.assertIn(server, pod["containers"])
        self.assertEqual(len(pod["volumes"]), 3)

    def test_gatepost_takes_the_configurations(self):
        for name in ("sidecar", "gateway"):
            with self.subTest(name):
                status, text = self.gatepost_check(self.overlay(name))
                self.assertEqual(status, 0, text)

    def test_gatepost_would_refuse_a_wrong_one(self):
        documents = self.overlay("gateway")
        config = Manifests(documents).one("ConfigMap")["data"]
        config["gatepost.json"] = config["gatepost.json"].replace('"drain"', '"dran"')
        status, text = self.gatepost_check(documents)
        self.assertEqual(status, 3, text)
        self.assertIn("/timeouts/dran: unknown key", text)

    def test_kustomize_of_today_renders_the_same(self):
        """On machines that have one; the difference is then only the hash in a name."""
        if not render.newer_kubectl():
            return
        for name in ("sidecar", "gateway"):
            documents = load(render.overlay_newer(name))
            self.assert_good(copy.deepcopy(documents))

            def plain(each):
                text = json.dumps(each, sort_keys=True)
                return re.sub(r"gatepost-config-\w+", "gatepost-config", text)

            self.assertEqual(sorted(map(plain, documents)),
                             sorted(map(plain, self.overlay(name))))

    def test_kubectl_reads_every_field_of_the_pods(self):
        """A second opinion on fields: what kubectl does not know it drops."""
        workloads = [workload
                     for documents in (self.overlay("sidecar"), self.overlay("gateway"),
                                       self.chart(EVERYTHING, "everything"))
                     for workload in Manifests(documents).workloads()]
        # Setting a variable has kubectl read a Deployment into its own types, and write it again.
        text = render.kubectl("set", "env", "--local", "-f", "-", "-o", "json", "CHECKED=1", input=
                              json.dumps({"apiVersion": "v1", "kind": "List", "items": workloads}))
        for workload in workloads:
            read, end = json.JSONDecoder().raw_decode(text)
            text = text[end:].lstrip()
            self.assertEqual(read["metadata"]["name"], workload["metadata"]["name"])
            self.assertEqual(list(not_in(workload, read)), [])
        self.assertEqual(text, "")


class Chart(Case):
    def test_the_gateway_is_right(self):
        self.assert_good(self.chart())

    def test_everything_switched_on(self):
        documents = self.chart(EVERYTHING, "everything")
        self.assert_good(documents, secrets=[*SECRETS, "customer-tls"])
        status, text = self.gatepost_check(documents)
        self.assertEqual(status, 0, text)
        config = self.config_of(documents)
        self.assertEqual(config["limits"], {"connections": 100, "memory": "64MiB"})
        self.assertEqual(config["admin"]["control"], "")
        self.assertEqual(config["listeners"][0]["trusted_networks"], ["10.0.0.0/8"])
        self.assertIn("certificate_folders", config["tls"])

    def test_everything_switched_off(self):
        documents = self.chart(NOTHING, "nothing")
        self.assert_good(documents, secrets=["gatepost-tls"])
        self.assertEqual({each["kind"] for each in documents},
                         {"Deployment", "Service", "ConfigMap"})
        self.assertEqual(Manifests(documents).one("Deployment")["spec"]["replicas"], 3)
        status, text = self.gatepost_check(documents)
        self.assertEqual(status, 0, text)

    def test_a_redis_of_ones_own(self):
        values = {"upstream": {"servers": SERVERS},
                  "redis": {"enabled": False, "address": "redis.databases:6390", "tls": True}}
        documents = self.chart(values, "own-redis")
        self.assert_good(documents)
        self.assertEqual(Manifests(documents).all("StatefulSet"), [])
        self.assertEqual(self.config_of(documents)["retention"]["store"]["address"],
                         "redis.databases:6390")
        egress = Manifests(documents).one("NetworkPolicy")["spec"]["egress"]
        self.assertIn({"ports": [{"protocol": "TCP", "port": 6390}]}, egress)

    def test_another_name(self):
        documents = load(render.chart({"upstream": {"servers": SERVERS}}, self.scratch, "mail"))
        self.assert_good(documents)
        self.assertIsNotNone(Manifests(documents).one("Deployment", "mail-gatepost"))

    def test_gatepost_takes_the_configuration(self):
        status, text = self.gatepost_check(self.chart())
        self.assertEqual(status, 0, text)

    def test_it_ends_in_time_whatever_the_drain(self):
        for seconds in (0, 1, 3600):
            values = {"upstream": {"servers": SERVERS}, "drain": {"drainSeconds": seconds}}
            self.assert_good(load(render.chart(values, self.scratch)))

    @staticmethod
    def config_of(documents):
        return without_comments(Manifests(documents).one("ConfigMap")["data"]["gatepost.json"])


class ChartIsTheOverlay(Case):
    """Who takes the chart gets what the overlay describes."""

    def both(self, kind, name="gatepost"):
        return [Manifests(documents).one(kind, name)
                for documents in (self.overlay("gateway"), self.chart())]

    def assert_same(self, kind, look, name="gatepost"):
        overlay, chart = self.both(kind, name)
        self.assertEqual(look(chart), look(overlay))

    def test_configuration(self):
        first, second = [without_comments(Manifests(documents).one("ConfigMap")["data"]
                                          ["gatepost.json"])
                         for documents in (self.overlay("gateway"), self.chart())]
        self.assertEqual(second, first)

    def test_pods(self):
        for kind, name in (("Deployment", "gatepost"), ("StatefulSet", "gatepost-redis")):
            overlay, chart = [copy.deepcopy(each) for each in self.both(kind, name)]
            for each in (overlay, chart):
                pod = pod_of(each)
                pod.pop("topologySpreadConstraints", None)  # labels; checked by themselves
                pod["containers"][0].pop("imagePullPolicy", None)
                pod["containers"][0]["volumeMounts"].sort(key=lambda mount: mount["name"])
                pod["volumes"].sort(key=lambda volume: volume["name"])
                for volume in pod["volumes"]:
                    volume.pop("configMap", None)  # its name has a hash
            self.assertEqual(pod_of(chart), pod_of(overlay))
            for field in ("strategy", "minReadySeconds", "serviceName", "replicas"):
                self.assertEqual(chart["spec"].get(field), overlay["spec"].get(field))
            claims = [each["spec"].get("volumeClaimTemplates") for each in (overlay, chart)]
            self.assertEqual(claims[1], claims[0])

    def test_the_rest(self):
        def without_selector(each):
            return {key: value for key, value in each["spec"].items() if key != "selector"}
        for name in ("gatepost", "gatepost-admin", "gatepost-redis"):
            self.assert_same("Service", without_selector, name)
        self.assert_same("PodDisruptionBudget", without_selector)
        self.assert_same("HorizontalPodAutoscaler", lambda each: each["spec"])
        for name in ("gatepost", "gatepost-redis"):
            self.assert_same("NetworkPolicy", lambda each: [
                [rule.get("ports") for rule in each["spec"][way]] for way in ("ingress", "egress")],
                name)


class BadValues(Case):
    """Helm checks values against the schema before it renders; then templates have their say."""

    def assert_refused(self, values, words):
        with self.assertRaises(render.RenderError) as refused:
            render.chart({"upstream": {"servers": SERVERS}, **values}, self.scratch)
        for word in words:
            self.assertIn(word, str(refused.exception))

    def test_the_wrong_kind(self):
        for values, place, words in (
                ({"workers": "two"}, "workers", "'two' is not of type 'integer'"),
                ({"autoscaling": {"minReplicas": 1.5}}, "autoscaling.minReplicas", "1.5"),
                ({"service": {"pop3s": {"port": 70000}}}, "service.pop3s.port", "70000"),
                ({"service": {"type": "External"}}, "service.type", "'External' is not one of"),
                ({"upstream": {"servers": "pop3:110"}}, "upstream.servers", "'array'"),
                ({"upstream": {"tls": True}}, "upstream.tls", "True is not one of"),
                ({"tls": {"secretName": ""}}, "tls.secretName", ""),
                ({"tls": {"secretName": "Not A Name"}}, "tls.secretName", "does not match"),
                ({"drain": {"drainSeconds": "5m"}}, "drain.drainSeconds", "'integer'"),
                ({"retention": {"period": "30 days"}}, "retention.period", "'30 days'"),
                ({"config": "gatepost.json"}, "config", "'object'"),
                ({"resources": {"limits": {"memory": "lots"}}}, "resources.limits.memory", ""),
                ({"imagePullSecrets": ["registry"]}, "imagePullSecrets[0]", "'registry'")):
            with self.subTest(place):
                self.assert_refused(values, [render.BAD_VALUES, f"- {place}: ", words])

    def test_a_key_that_nobody_knows(self):
        self.assert_refused({"replicas": 3}, ["'replicas' was unexpected"])
        self.assert_refused({"redis": {"pasword": "x"}}, ["redis", "'pasword' was unexpected"])

    def test_what_the_templates_say(self):
        for values, words in (
                ({"upstream": {"servers": []}}, "upstream.servers: name the POP3 servers"),
                ({"redis": {"enabled": False}}, "redis.address: say where your Redis is"),
                ({"redis": {"passwordSecretName": ""}}, "redis.passwordSecretName: "),
                ({"proxyProtocol": {"enabled": True}}, "proxyProtocol.trustedNetworks: say where"),
                ({"config": {"timeouts": {"drain": "1h"}}}, "set drain.drainSeconds"),
                ({"autoscaling": {"minReplicas": 20}}, "minReplicas is more than maxReplicas"),
                ({"autoscaling": {"targetSessions": 0, "targetCPU": 0}}, "set targetSessions")):
            with self.subTest(words):
                self.assert_refused(values, [words])


class WhatIsFound(Case):
    """The checks find what they are for: one thing made wrong, one problem named."""

    def assert_found(self, words, change, kind="Deployment", name="gatepost", overlay="gateway"):
        documents = self.overlay(overlay)
        change(Manifests(documents).one(kind, name))
        found = Manifests(documents, secrets=SECRETS).problems()
        self.assertTrue(any(words in each for each in found), f"{words!r} is not in {found}")

    def test_fields(self):
        def misspelt(deployment):
            ours = container(deployment)
            ours["readinesProbe"] = ours.pop("readinessProbe")
        self.assert_found("readinesProbe: no such field", misspelt)
        self.assert_found("'5' is not of type int", lambda each: each["spec"].update(
            minReadySeconds="5"))
        self.assert_found("True is not of type int", lambda each: each["spec"].update(
            minReadySeconds=True))
        self.assert_found("Invalid value for `template`", lambda each: each["spec"].pop("template"))
        self.assert_found("not a kind that is used here", lambda each: each.update(
            apiVersion="extensions/v1beta1"))

    def test_references(self):
        def pod(deployment):
            return deployment["spec"]["template"]["spec"]
        self.assert_found("no Secret other", lambda each: pod(each)["volumes"].append(
            {"name": "x", "secret": {"secretName": "other"}}))
        self.assert_found("is mounted nowhere", lambda each: pod(each)["volumes"].append(
            {"name": "x", "emptyDir": {}}))
        self.assert_found("no volume x", lambda each: container(each)["volumeMounts"].append(
            {"name": "x", "mountPath": "/x"}))
        self.assert_found("changes are never seen", lambda each: container(each)["volumeMounts"][0]
                          .update(subPath="tls.crt"))
        self.assert_found("asks port web", lambda each: container(each)["livenessProbe"]["httpGet"]
                          .update(port="web"))
        self.assert_found("does not fit the labels", lambda each: each["spec"]["selector"]
                          ["matchLabels"].update(x="y"))
        self.assert_found("GATEPOST_UPSTREEM is no variable", lambda each: container(each)["env"]
                          .append({"name": "GATEPOST_UPSTREEM", "value": "x"}))
        self.assert_found("no port smtp", lambda each: each["spec"]["ports"][0].update(
            targetPort="smtp"), "Service")
        self.assert_found("shows the admin listener", lambda each: each["spec"]["ports"].append(
            {"name": "admin", "port": 9110, "targetPort": "admin"}), "Service")
        self.assert_found("has nothing to scale", lambda each: each["spec"]["scaleTargetRef"].update(
            kind="StatefulSet"), "HorizontalPodAutoscaler")
        self.assert_found("set its number of replicas back", lambda each: each["spec"].update(
            replicas=2))
        self.assert_found("selects no pod", lambda each: each["spec"]["selector"].update(
            matchLabels={"x": "y"}), "PodDisruptionBudget")
        self.assert_found("anybody may ask the admin listener", lambda each: each["spec"]["ingress"]
                          [1].pop("from"), "NetworkPolicy")

    def test_rights(self):
        def set_security(**more):
            return lambda each: container(each)["securityContext"].update(more)
        self.assert_found("is privileged", set_security(privileged=True))
        self.assert_found("is privileged", set_security(capabilities={"add": ["NET_ADMIN"]}))
        self.assert_found("may be root", set_security(runAsUser=0))
        self.assert_found("may write to its image", set_security(readOnlyRootFilesystem=False))
        self.assert_found("may gain privileges", set_security(allowPrivilegeEscalation=True))
        self.assert_found("a token for the cluster", lambda each: pod_of(each).pop(
            "automountServiceAccountToken"))
        self.assert_found("hostNetwork is set", lambda each: pod_of(each).update(hostNetwork=True))
        self.assert_found("is a folder of the node", lambda each: pod_of(each)["volumes"].append(
            {"name": "x", "hostPath": {"path": "/"}}))

    def test_endings(self):
        self.assert_found("preStop and drain take up to 310 s", lambda each: pod_of(each).update(
            terminationGracePeriodSeconds=300))
        self.assert_found("no preStop", lambda each: container(each).pop("lifecycle"))
        self.assert_found("pop3-server ends before the sessions", lambda each: container(
            each, "pop3-server").pop("lifecycle"), overlay="sidecar")


class Secrets(Case):
    def test_new_secrets_are_new_and_right(self):
        first, second = installed.new_secrets(), installed.new_secrets()
        self.assertEqual([each["metadata"]["name"] for each in first], list(SECRETS[1:]))
        for one, other in zip(first, second):
            self.assertEqual(Manifests([one]).problems(), [])
            self.assertNotEqual(installed.content(one), installed.content(other))
        self.assertRegex(installed.content(first[0])["ticket.keys"], rb"\A[0-9a-f]{160}\n\Z")

    def test_ticket_keys_turn(self):
        keys = "".join(f"{number:0160x}\n" for number in range(3))
        done = subprocess.run([render.KUSTOMIZE / "new-secrets", "ticket-keys"], input=keys,
                              capture_output=True, text=True, timeout=60, check=True)
        lines = done.stdout.split("\n")
        self.assertRegex(lines[0], r"\A[0-9a-f]{160}\Z")
        self.assertEqual(lines[1:], [f"{0:0160x}", f"{1:0160x}", ""])

    def test_files_are_replaced_as_the_kubelet_does(self):
        folder = pathlib.Path(self.scratch) / "volume"
        installed.place(folder, {"a": b"1"})
        installed.place(folder, {"a": b"2"})
        self.assertEqual((folder / "a").read_bytes(), b"2")
        self.assertEqual(os.readlink(folder / "a"), "..data/a")
        self.assertEqual(len(list(folder.iterdir())), 3)


def not_in(part, whole, place=""):
    """The places of `part` that `whole` does not have, whatever their values."""
    if isinstance(part, dict) and isinstance(whole, dict):
        for key, value in part.items():
            if key not in whole:
                if value not in (None, {}, [], False):
                    yield f"{place}.{key}"
            else:
                yield from not_in(value, whole[key], f"{place}.{key}")
    elif isinstance(part, list) and isinstance(whole, list):
        if len(part) > len(whole):
            yield place
        for number, (value, other) in enumerate(zip(part, whole)):
            yield from not_in(value, other, f"{place}[{number}]")
