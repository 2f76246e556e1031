"""Many certificates: chosen by name and by what a client can, picked up when their files change."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from support import clients, corpus
from support.case import Scenario
from support.certificates import Authority
from support.process import wait_until
from support.raw_client import RawClient

USER, PASSWORD = "joe", "s3cret-of-joe"
DOMAINS = [f"customer{number}.example" for number in range(1, 21)]


def s_client(port, *words, starttls=False, seconds=20):
    """What openssl s_client prints about a connection."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}",
                           *(["-starttls", "pop3"] if starttls else []), *words],
                          input="QUIT\r\n", text=True, capture_output=True, timeout=seconds,
                          errors="replace")
    return done.stdout + done.stderr


def put(source, target):
    """Copies a file so that it is there whole from one moment to the next, as certbot does."""
    shutil.copy(source, target + ".new")
    os.rename(target + ".new", target)


class Certificates(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.made = {}
        # One for all tests: its leaf has the CN that its file is called by.
        cls.one = Authority(tempfile.mkdtemp(dir=cls.folder), "Authority of customers")

    @classmethod
    def leaf(cls, name, names, **options):
        if name not in cls.made:
            cls.made[name] = cls.one.leaf(name, names, (), **options)
        return cls.made[name]

    def served(self, port, name=None, starttls=False, context=None):
        """The CN of the certificate that a client gets who asks for `name`."""
        context = context or ssl.create_default_context(cafile=self.one.certificate)
        context.check_hostname = False
        context.load_verify_locations(self.ca)
        with RawClient(port, ca=self.ca, server_name=name, greeting=starttls) as client:
            if starttls:
                client.ok("STLS")
            client.start_tls(context)
            subject = client.socket.getpeercert()["subject"]
            return dict(pair[0] for pair in subject)["commonName"]

    def write(self, folder, name, pair, form):
        """Puts a certificate into a folder in one of the forms that are known there."""
        if form == "kubernetes":
            place = os.path.join(folder, name)
            os.makedirs(place, exist_ok=True)
            put(pair[1], os.path.join(place, "tls.key"))
            put(pair[0], os.path.join(place, "tls.crt"))
        elif form == "two":
            put(pair[1], os.path.join(folder, f"{name}.key"))
            put(pair[0], os.path.join(folder, f"{name}.crt"))
        else:
            whole = os.path.join(folder, f".{name}")
            with open(whole, "wb") as file:
                for part in pair:
                    with open(part, "rb") as source:
                        file.write(source.read())
            os.rename(whole, os.path.join(folder, f"{name}.pem"))


class ByName(Certificates):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = tempfile.mkdtemp(dir=cls.folder)
        listed = []
        for number, domain in enumerate(DOMAINS):
            pair = cls.leaf(domain, (domain, f"*.{domain}"))
            if number < 2:
                listed.append({"certificate": pair[0], "key": pair[1]})
            else:
                form = ("one", "two", "kubernetes")[number % 3]
                cls.write(cls, cls.customers, domain, pair, form)
        both = ("both.example",)
        for kind in ("rsa", "ec"):
            pair = cls.leaf(f"both-{kind}", both, kind=kind)
            listed.append({"certificate": pair[0], "key": pair[1]})
        stapled = cls.leaf("stapled", ("stapled.example",))
        cls.staple = cls.one.ocsp_response(stapled[0], os.path.join(cls.folder, "stapled.ocsp"))
        listed.append({"certificate": stapled[0], "key": stapled[1], "ocsp": cls.staple})
        cls.server = cls.shared_dovecot({USER: (PASSWORD, corpus.few())})
        config, cls.ports = cls.config(cls.server.address)
        config["tls"].update(certificates=listed, certificate_folders=[cls.customers])
        cls.gateway_ = cls.shared_gateway(config)

    def test_each_of_20_names_gets_its_own(self):
        for domain in DOMAINS:
            for starttls, port in ((False, self.ports.pop3s), (True, self.ports.stls)):
                self.assertEqual(self.served(port, domain, starttls), domain)
                self.assertEqual(self.served(port, "pop." + domain.upper(), starttls), domain)

    def test_a_wildcard_is_for_one_label(self):
        domain = DOMAINS[3]
        self.assertEqual(self.served(self.ports.pop3s, f"a.b.{domain}"), "leaf")

    def test_others_get_the_first(self):
        for name in (None, "unknown.example", "localhost"):
            self.assertEqual(self.served(self.ports.pop3s, name), "leaf")

    def test_curl_verifies_each(self):
        for domain in (DOMAINS[0], DOMAINS[7], DOMAINS[19]):
            done = subprocess.run(
                ["curl", "--silent", "--show-error", "--disable", "--noproxy", "*", "--cacert",
                 self.one.certificate, "--user", f"{USER}:{PASSWORD}", "--resolve",
                 f"pop.{domain}:{self.ports.pop3s}:127.0.0.1",
                 f"pop3s://pop.{domain}:{self.ports.pop3s}/1"], capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(b"Message-ID", done.stdout)
        self.client_works("curl", "SNI")

    def test_ecdsa_for_who_can_and_rsa_for_who_cannot(self):
        for words, kind in (
                (["-tls1_3"], "both-ec"), (["-tls1_2"], "both-ec"),
                (["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"], "both-rsa"),
                (["-tls1_3", "-sigalgs", "ecdsa_secp256r1_sha256"], "both-ec"),
                (["-tls1_2", "-sigalgs", "RSA+SHA256:RSA-PSS+SHA256"], "both-rsa"),
                (["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], "both-rsa"),
                (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], "both-ec")):
            text = s_client(self.ports.pop3s, "-servername", "both.example", *words)
            self.assertRegex(text, rf"subject=CN ?= ?{kind}\b", words)

    def test_a_staple(self):
        text = s_client(self.ports.pop3s, "-servername", "stapled.example", "-status")
        self.assertIn("OCSP Response Status: successful", text)
        self.assertIn("Cert Status: good", text)
        text = s_client(self.ports.pop3s, "-servername", DOMAINS[0], "-status")
        self.assertIn("OCSP response: no response sent", text)

    def test_metrics_have_the_expiry_of_each(self):
        expiries = [name for name in self.gateway_.metrics()
                    if name.startswith("gatepost_certificate_expiry_timestamp_seconds")]
        self.assertEqual(len(expiries), 24)


class Changes(Certificates):
    """Files change while the gateway runs."""

    def start(self, watch="1s", **tls):
        self.place = tempfile.mkdtemp(dir=self.own_folder)
        self.file, self.key_file = (os.path.join(self.place, name) for name in ("c.pem", "k.pem"))
        self.put("first")
        config, self.ports = self.config(self.fake(corpus.few()).address)
        config["workers"] = 2
        config["tls"] = {"certificate": self.file, "key": self.key_file, "watch_every": watch, **tls}
        self.running = self.gateway(config)
        self.assertEqual(self.served(self.ports.pop3s), "first")

    def put(self, name):
        certificate, key = self.leaf(name, ("localhost",))
        put(key, self.key_file)
        put(certificate, self.file)

    def wait_for(self, name, server_name=None):
        wait_until(lambda: self.served(self.ports.pop3s, server_name) == name, 20,
                   f"certificate {name}")

    def session(self):
        client = RawClient(self.ports.pop3s, tls=True, ca=self.one.certificate)
        self.addCleanup(client.close)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        return client

    def test_files_renamed_over(self):
        self.start()
        client = self.session()
        self.put("second")
        self.wait_for("second")
        client.multi("RETR 1")
        client.quit()
        self.running.wait_for_log(" refreshed ")
        self.assertEqual(self.running.metrics()["gatepost_stale_files"], 0)

    def test_a_swapped_symlink_as_kubernetes_does_it(self):
        mounted = tempfile.mkdtemp(dir=self.own_folder)

        def version(number, name):
            folder = os.path.join(mounted, f"..2026_{number}")
            os.makedirs(folder)
            certificate, key = self.leaf(name, ("localhost",))
            shutil.copy(certificate, os.path.join(folder, "tls.crt"))
            shutil.copy(key, os.path.join(folder, "tls.key"))
            os.symlink(os.path.basename(folder), os.path.join(mounted, "..data_tmp"))
            os.rename(os.path.join(mounted, "..data_tmp"), os.path.join(mounted, "..data"))
        version(1, "first")
        for name in ("tls.crt", "tls.key"):
            os.symlink(f"..data/{name}", os.path.join(mounted, name))
        config, self.ports = self.config(self.fake(corpus.few()).address)
        config["tls"] = {"certificate": os.path.join(mounted, "tls.crt"),
                         "key": os.path.join(mounted, "tls.key"), "watch_every": "1s"}
        self.running = self.gateway(config)
        self.assertEqual(self.served(self.ports.pop3s), "first")
        client = self.session()
        version(2, "second")
        self.wait_for("second")
        client.multi("RETR 1")
        client.quit()

    def test_a_folder(self):
        customers = tempfile.mkdtemp(dir=self.own_folder)
        self.start(certificate_folders=[customers])
        for form in ("one", "two", "kubernetes"):
            name = f"{form}.example"
            self.assertEqual(self.served(self.ports.pop3s, name), "first")
            self.write(customers, name, self.leaf(name, (name,)), form)
            self.wait_for(name, name)
        os.remove(os.path.join(customers, "one.example.pem"))
        self.wait_for("first", "one.example")
        self.assertEqual(self.served(self.ports.pop3s, "two.example"), "two.example")

    def test_sighup(self):
        self.start(watch="0s")
        client = self.session()
        self.put("second")
        time.sleep(1.5)
        self.assertEqual(self.served(self.ports.pop3s), "first")
        self.running.reload()
        self.wait_for("second")
        client.multi("RETR 1")
        client.quit()
        self.assertEqual(self.running.metrics()["gatepost_config_last_reload_success"], 1)

    def test_a_refused_reload_hides_no_change(self):
        self.start(watch="3s")
        with open(self.running.config_path) as file:
            good = file.read()
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        self.put("second")  # not noticed yet when the reload is refused, because of a port
        with open(self.running.config_path, "w") as file:
            file.write(good.replace(str(self.ports.plain), str(taken.getsockname()[1])))
        self.running.reload()
        self.running.wait_for_log(" reload_refused ")
        self.wait_for("second")

    def test_a_broken_file_keeps_the_old(self):
        self.start()
        expiry = {name: value for name, value in self.running.metrics().items()
                  if "certificate_expiry" in name}
        with open(self.file, "w") as file:
            file.write("-----BEGIN CERTIFICATE-----\nnonsense\n")
        wait_until(lambda: self.running.metrics()["gatepost_stale_files"] == 1,
                   what="the file to be noticed")
        self.running.wait_for_log(" file_refused ")
        self.assertIn(self.file, self.running.log_lines("file_refused")[0])
        self.assertEqual(self.served(self.ports.pop3s), "first")
        self.assertEqual({name: value for name, value in self.running.metrics().items()
                          if "certificate_expiry" in name}, expiry)
        self.running.reload()  # as strict as at the start, and nothing changes
        self.running.wait_for_log(" reload_refused ")
        self.assertEqual(self.served(self.ports.pop3s), "first")
        # A key that does not belong to the certificate is no better.
        put(self.leaf("second", ("localhost",))[0], self.file)
        time.sleep(1.5)
        self.assertEqual(self.served(self.ports.pop3s), "first")
        self.put("second")
        self.wait_for("second")
        wait_until(lambda: self.running.metrics()["gatepost_stale_files"] == 0,
                   what="all to be well again")

    def test_500_sessions_see_nothing_of_it(self):
        self.start(watch="1s")
        sessions = [self.session() for _ in range(500)]
        expected = sessions[0].multi("RETR 1")
        stop, errors, rounds = threading.Event(), [], [0] * 4

        def work(part):
            while not stop.is_set():
                for client in sessions[part::4]:
                    try:
                        if client.multi("RETR 1") != expected:
                            errors.append("another message")
                    except Exception as error:
                        errors.append(error)
                rounds[part] += 1
        threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
        for thread in threads:
            thread.start()
        try:
            for name in ("second", "third", "fourth"):
                self.put(name)
                self.wait_for(name)
            self.running.reload()
            # Else it reads the files between the renewal of one and of the other.
            self.running.wait_for_log(" reloaded")
            self.put("fifth")
            self.wait_for("fifth")
            wait_until(lambda: min(rounds) > 0, 120, "a round of each")
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)
        self.assertEqual(errors, [])
        self.assertGreater(min(rounds), 0)
        for client in sessions:
            client.quit()
        ended = 'gatepost_sessions_ended_total{reason="%s"}'
        wait_until(lambda: self.running.metrics()[ended % "quit"] == 500, what="all to have ended")
        self.assertEqual(self.running.metrics()[ended % "upstream_lost"], 0)
        self.assertFalse([line for line in self.running.log().splitlines() if " error " in line])


class Tickets(Certificates):
    """Replicas resume each other's TLS sessions."""

    def resumed(self, context, port, session=None):
        sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=60),
                                   server_hostname="localhost", session=session)
        with sock:
            sock.recv(1000)
            sock.sendall(b"CAPA\r\n")
            sock.recv(1000)
            return sock.session_reused, sock.session

    def two(self, first, second):
        """Whether the second gateway resumes sessions of the first, over TLS 1.2 and 1.3."""
        ports = []
        for file in (first, second):
            config, port = self.config(self.fake().address)
            config["tls"].update({"ticket_key_file": file} if file else {})
            self.gateway(config)
            ports.append(port.pop3s)
        result = []
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=self.ca)
            context.maximum_version = version
            _, session = self.resumed(context, ports[0])
            self.assertTrue(self.resumed(context, ports[0], session)[0])
            result.append(self.resumed(context, ports[1], session)[0])
        return result

    def key_file(self, *keys):
        path = os.path.join(tempfile.mkdtemp(dir=self.own_folder), "ticket.keys")
        with open(path, "w") as file:
            file.writelines(f"{key.hex()}\n" for key in keys)
        os.chmod(path, 0o600)
        return path

    def test_with_a_file_in_common(self):
        new, old = os.urandom(80), os.urandom(80)
        self.assertEqual(self.two(self.key_file(old), self.key_file(new, old)), [True, True])

    def test_with_other_keys(self):
        self.assertEqual(self.two(self.key_file(os.urandom(80)), self.key_file(os.urandom(80))),
                         [False, False])
        self.assertEqual(self.two(None, None), [False, False])


class ClientCertificates(Certificates):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({USER: (PASSWORD, corpus.few())})
        cls.good = cls.leaf("joe", ("joe",), usage="clientAuth", subject="/O=Example/CN=joe")
        other = Authority(tempfile.mkdtemp(dir=cls.folder), "Another authority")
        cls.bad = other.leaf("eve", ("eve",), (), usage="clientAuth")

    def curl(self, port, form, pair=None):
        words = clients.curl_words(form, self.ca, USER, PASSWORD)
        if pair:
            words += ["--cert", pair[0], "--key", pair[1]]
        return subprocess.run([*words, clients.curl_url(form, port) + "1"], capture_output=True,
                              timeout=60).returncode == 0

    def start(self, mode):
        config, ports = self.config(self.server.address)
        config["tls"]["client_certificates"] = mode
        if mode != "off":
            config["tls"]["client_ca_file"] = self.one.certificate
        return self.gateway(config), ports

    def check(self, mode, none, good, bad):
        running, ports = self.start(mode)
        for form, port in ((clients.POP3S, ports.pop3s), (clients.STLS, ports.stls)):
            self.assertEqual([self.curl(port, form), self.curl(port, form, self.good),
                              self.curl(port, form, self.bad)], [none, good, bad], form)
        running.wait_for_log("joe")
        return running

    def test_optional(self):
        running = self.check("optional", True, True, False)
        wait_until(lambda: [line for line in running.log_lines("session")
                            if re.search(r'certificate="?CN=joe,O=Example', line)],
                   30, "the certificate in the log", running.child)
        self.client_works("curl", "client certificate")

    def test_required(self):
        self.check("required", False, True, False)

    def test_off(self):
        self.check("off", True, True, True)
