"""The rendered pods, really run with podman in front of a real Dovecot: a renewed certificate and a
rolling restart under load fail nobody who had the right to be served."""

import os
import pathlib
import socket
import ssl
import threading
import time

import installed
import play
import render
from manifests import Manifests, container, load, pod_of
from support import container as containers
from support import corpus
from support.case import Scenario
from support.gateway import wait_for_port
from support.ports import free_port
from support.process import Child, wait_until
from support.raw_client import RawClient, client_context

USERS = {f"user{number}": f"s3cret{number}" for number in range(12)}
ADDRESSES = ("127.0.0.2", "127.0.0.3")
POP3S, STLS = 1995, 1110
#: How late the cluster hears that a pod takes no more connections; preStop must cover it.
ENDPOINT_DELAY = 1.0
#: The manifest's preStop waits for clusters larger than this one.
PRE_STOP = "10"


class Played(Scenario):
    """A class plays one overlay: `overlay` is its name."""

    overlay = ""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.image = containers.image()  # before the network is ours alone
        cls.manifests = load(render.overlay(cls.overlay, cls.folder)) + installed.new_secrets() + [
            installed.certificate_secret("gatepost-tls", cls.certificate, cls.key)]
        cls.workload = Manifests(cls.manifests).one("Deployment")
        cls.node = play.Node(cls.folder)
        cls.addClassCleanup(cls.node.close)
        cls.messages = corpus.few()[:6]
        cls.server = cls.shared_dovecot({user: (password, cls.messages)
                                         for user, password in USERS.items()}, port=110)

    def volumes(self, name):
        return installed.volumes(self.workload, self.manifests, os.path.join(self.own_folder, name))

    def pod(self, volumes, **options):
        made = play.Pod(self.node, self.workload, self.image, volumes, **options)
        self.addCleanup(made.remove)
        self._logs.append((made.name, made.log))
        return made

    def connect(self, address="127.0.0.1", port=POP3S, ca=None):
        made = RawClient(address=(address, port), tls=True, ca=ca or self.ca)
        self.addCleanup(made.close)
        return made

    def assert_fetches_all(self, client):
        replies = client.fetch_all()
        self.assertEqual(len(replies), len(self.messages))
        for status, body in replies:
            self.assertTrue(status.startswith(b"+OK") and body.endswith(b".\r\n"), status)


class Sidecar(Played):
    overlay = "sidecar"

    def test_a_renewed_certificate_drops_nobody(self):
        volumes = self.volumes("pod")
        pod = self.pod(volumes)
        self.assertTrue(pod.probe("startupProbe") and pod.probe("livenessProbe"))

        session = self.connect()
        self.assertTrue(session.login("user0", USERS["user0"]).startswith(b"+OK"))
        old = session.socket.getpeercert(binary_form=True)

        certificate, key = self.authority.leaf("renewed")
        secret = installed.certificate_secret("gatepost-tls", certificate, key)
        new = ssl.PEM_cert_to_DER_cert(pathlib.Path(certificate).read_text())

        def served():
            with self.connect() as client:
                return client.socket.getpeercert(binary_form=True)
        self.assertEqual(served(), old)
        installed.place(volumes["/tls"], installed.content(secret))  # nobody tells it anything
        wait_until(lambda: served() == new, 60, "the new certificate")
        wait_until(lambda: "refreshed" in pod.log(), 30, "a word of it")

        self.assert_fetches_all(session)  # of before, and going on
        session.quit()
        with RawClient(STLS) as client:
            client.ca = self.ca
            client.stls()
            self.assertEqual(client.socket.getpeercert(binary_form=True), new)

        # A Secret that does not hold together changes nothing.
        broken = {**installed.content(secret), "tls.key": b"none\n"}
        installed.place(volumes["/tls"], broken)
        wait_until(lambda: "file_refused" in pod.log(), 30, "the broken key to be seen")
        self.assertEqual(served(), new)
        self.assertTrue(pod.probe("readinessProbe"))

        pod.pre_stop()
        pod.terminate()
        self.assertEqual(pod.wait_for_end(20), 0)

    def test_inside_the_pod(self):
        pod = self.pod(self.volumes("pod"))
        for words in (["ctl", "status"], ["healthcheck"], ["healthcheck", "--ready"]):
            done = pod.exec("gatepost", *words)
            self.assertEqual(done.returncode, 0, (words, done.stderr))
        for path in ("/", "/etc/gatepost", "/tls", "/usr/local/bin"):
            done = pod.exec("/bin/sh", "-c", f"echo x >{path}/x")
            self.assertNotEqual(done.returncode, 0, path)
        done = pod.exec("/usr/bin/id", "-u")
        self.assertEqual(done.stdout.strip(), "995")


class Gateway(Played):
    """Two replicas, Redis as the manifest starts it, and HAProxy for the Service."""

    overlay = "gateway"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_redis()
        cls.balancer = Balancer(cls.folder)
        cls.addClassCleanup(cls.balancer.stop)

    @classmethod
    def start_redis(cls):
        """The container's own words, with its volumes here."""
        redis = Manifests(cls.manifests).one("StatefulSet")
        places = {mount["mountPath"]: os.path.join(cls.folder, "redis", mount["name"])
                  for mount in pod_of(redis)["containers"][0]["volumeMounts"]}
        for folder in places.values():
            os.makedirs(folder)
        secret = next(each for each in cls.manifests if each["kind"] == "Secret"
                      and each["metadata"]["name"] == "gatepost-redis")
        installed.place(places["/secret"], installed.content(secret))
        words = container(redis, "redis")["command"] + container(redis, "redis")["args"]
        for mount, folder in places.items():
            words = [word.replace(mount, folder) for word in words]
        child = Child(words, os.path.join(cls.folder, "redis.log"))
        cls.addClassCleanup(child.stop)
        wait_for_port(6379, child=child)

    def replica(self, address):
        volumes = self.volumes(address)
        play.place_config(volumes, self.manifests, {
            '":1995"': f'"{address}:{POP3S}"', '":1110"': f'"{address}:{STLS}"',
            '":9110"': f'"{address}:{play.ADMIN}"',
            '"pop3-1.mail.svc.cluster.local", "pop3-2.mail.svc.cluster.local"': '"127.0.0.1"',
            '"gatepost-redis"': '"127.0.0.1"'})

        def wait_less(ours):
            ours["lifecycle"]["preStop"]["exec"]["command"][1] = PRE_STOP
        return self.pod(volumes, address=address, change=wait_less)

    def test_replicas_share_and_take_turns(self):
        pods = [self.replica(address) for address in ADDRESSES]

        # What is deleted at one is gone at the other, and still at the server.
        first = self.connect(ADDRESSES[0])
        self.assertTrue(first.login("user0", USERS["user0"]).startswith(b"+OK"))
        first.ok("DELE 1")
        first.quit()
        second = self.connect(ADDRESSES[1])
        self.assertTrue(second.login("user0", USERS["user0"]).startswith(b"+OK"))
        self.assertEqual(int(second.ok("STAT").split()[1]), len(self.messages) - 1)
        self.assertEqual(len(self.server.message_files("user0")), len(self.messages))

        # A TLS session that began at one goes on at the other. Python shows tickets of TLS 1.2 at once.
        context = client_context(self.ca)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        session = None
        for address in ADDRESSES:
            with RawClient(address=(address, STLS)) as client:
                client.ok("STLS")
                client.socket = context.wrap_socket(client.socket, server_hostname="localhost",
                                                    session=session)
                self.assertEqual(client.socket.session_reused, session is not None)
                session = client.socket.session

        # What the autoscaler goes by.
        def one_is_left():
            status, text = pods[1].get("/metrics")
            self.assertEqual(status, 200)
            return "\ngatepost_sessions_active 1\n" in text
        wait_until(one_is_left, 30, "the others to be gone")
        second.quit()

        self.restart_one_after_the_other(pods)

    def restart_one_after_the_other(self, pods):
        """A rolling restart while clients come and go, and some stay."""
        self.balancer.start()
        for address in ADDRESSES:
            self.balancer.enable(address)
        load_ = Load(self, self.balancer.port)
        staying = {}
        for user in ("user10", "user11"):  # one at each replica, because it takes turns
            client = self.connect(port=self.balancer.port)
            self.assertTrue(client.login(user, USERS[user]).startswith(b"+OK"))
            staying[ADDRESSES[len(staying)]] = client
        load_.start()
        before = load_.wait_for(10)

        for old in pods:
            # The cluster hears of it while the kubelet is in preStop.
            hearing = threading.Timer(ENDPOINT_DELAY, self.balancer.disable, [old.address])
            hearing.start()
            old.pre_stop()
            hearing.join()
            old.terminate()
            wait_until(lambda: not old.probe("readinessProbe"), 20, "the drain")
            load_.wait_for(10)  # the other one serves meanwhile
            for client in staying.values():  # whoever is logged in goes on, here and there
                client.ok("NOOP")
                self.assert_fetches_all(client)
            staying.pop(old.address).quit()
            self.assertEqual(old.wait_for_end(60), 0)
            old.remove()
            self.replica(old.address)
            self.balancer.enable(old.address)
            load_.wait_for(10)

        load_.stop()
        self.assertEqual(load_.failures, [])
        self.assertGreaterEqual(load_.done, before + 40)


class Load:
    """Clients that connect, log in, fetch everything and leave, one after the other."""

    THREADS = 4

    def __init__(self, case, port):
        self._ca, self._port, self._count = case.ca, port, len(case.messages)
        self.done, self.failures = 0, []
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._go_on, args=[f"user{number + 1}"], daemon=True)
                         for number in range(self.THREADS)]
        case.addCleanup(self._stopping.set)

    def start(self):
        for thread in self._threads:
            thread.start()

    def _go_on(self, user):
        while not self._stopping.is_set():
            try:
                self._fetch(user)
                self.done += 1
            except Exception as error:
                self.failures.append(f"{time.strftime('%H:%M:%S')} {error!r}")
            time.sleep(0.05)

    def _fetch(self, user):
        with RawClient(self._port, tls=True, ca=self._ca, seconds=30) as client:
            status = client.login(user, USERS[user])
            if not status.startswith(b"+OK"):
                raise ValueError(status)
            replies = client.fetch_all()
            if len(replies) != self._count or any(not one.startswith(b"+OK") for one, _ in replies):
                raise ValueError([one for one, _ in replies])
            client.quit()

    def wait_for(self, more):
        """Until so many more have been served; how many there were then."""
        goal = self.done + more
        wait_until(lambda: self.done >= goal or self.failures, 60, f"{more} more sessions")
        return self.done

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)


class Balancer:
    """The Service: HAProxy, which gives connections to those replicas that it was told of. Whom it
    has connected stays connected, as with a Service."""

    def __init__(self, folder):
        self.port = free_port()
        self._control = os.path.join(folder, "haproxy.sock")
        self._config = os.path.join(folder, "haproxy.cfg")
        self._log = os.path.join(folder, "haproxy.log")
        servers = "".join(f"  server {address} {address}:{POP3S} disabled\n" for address in ADDRESSES)
        with open(self._config, "w") as file:
            file.write(f"global\n  maxconn 200\n  stats socket {self._control} level admin\n"
                       "defaults\n  mode tcp\n  timeout connect 5s\n  retries 0\n"
                       "  timeout client 11m\n  timeout server 11m\n"
                       f"listen service\n  bind 127.0.0.1:{self.port}\n  balance roundrobin\n{servers}")
        self._child = None

    def start(self):
        self._child = Child(["/usr/sbin/haproxy", "-db", "-f", self._config], self._log)
        wait_until(lambda: os.path.exists(self._control), child=self._child)

    def enable(self, address):
        self._say(f"set server service/{address} state ready")

    def disable(self, address):
        self._say(f"set server service/{address} state drain")

    def _say(self, words):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(self._control)
            connection.sendall(words.encode() + b"\n")
            answer = connection.recv(1000).strip()
            assert not answer, answer

    def stop(self):
        if self._child:
            self._child.stop()
