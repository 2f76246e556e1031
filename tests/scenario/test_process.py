"""The program itself: command line, exit codes, what it loads, what `check` finds."""

import base64
import contextlib
import json
import os
import pwd
import re
import shutil
import socket
import tempfile

from support import corpus, gateway
from support.case import Scenario, quick
from support.ports import LOW, free_port
from support.process import memory_of, wait_until

USER, PASSWORD = "joe", "s3cret"
OK, RUNTIME, COMMAND_LINE, CONFIGURATION, CONNECT = 0, 1, 2, 3, 4


class CommandLine(Scenario):
    def test_version_names_the_boringssl_api(self):
        done = gateway.run("--version")
        self.assertEqual(done.returncode, OK)
        self.assertRegex(done.stdout, r"gatepost \d+\.\d+\.\d+")
        self.assertRegex(done.stdout, r"(?i)boringssl.*\d+")

    def test_help_names_the_subcommands(self):
        done = gateway.run("--help")
        self.assertEqual(done.returncode, OK)
        self.assertIn("run", done.stdout)
        self.assertIn("check", done.stdout)

    def test_a_wrong_command_line_is_exit_code_2(self):
        for words in ((), ("walk",), ("run", "--no-such-flag"), ("run", "--config")):
            with self.subTest(words=words):
                done = gateway.run(*words)
                self.assertEqual(done.returncode, COMMAND_LINE, done.stderr)
                self.assertTrue(done.stderr)

    def test_a_wrong_configuration_is_exit_code_3(self):
        for words in (("run",), ("check",), ("run", "--config", "/nonexistent/gatepost.json"),
                      ("run", "--pop3-plain", "nonsense", "--upstream", "127.0.0.1:1"),
                      ("run", "--pop3s", ":0", "--upstream", "127.0.0.1:1")):
            with self.subTest(words=words):
                done = gateway.run(*words)
                self.assertEqual(done.returncode, CONFIGURATION, done.stderr)
                self.assertTrue(done.stderr)

    @quick
    def test_a_sidecar_needs_no_file(self):
        server = self.dovecot({USER: (PASSWORD, corpus.few())})
        pop3s, stls = free_port(), free_port()
        self.gateway(flags=["--pop3s", f"127.0.0.1:{pop3s}", "--pop3", f"127.0.0.1:{stls}",
                            "--upstream", server.address, "--cert", self.certificate,
                            "--key", self.key])
        client = self.client(pop3s, tls=True)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        client = self.client(stls)
        client.stls()
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))

    def test_the_environment_does_what_flags_do(self):
        server = self.fake(corpus.few())
        port = free_port()
        self.gateway(env={"GATEPOST_POP3S": f"127.0.0.1:{port}", "GATEPOST_CERT": self.certificate,
                          "GATEPOST_KEY": self.key, "GATEPOST_UPSTREAM": server.address,
                          "GATEPOST_WORKERS": "1"})
        client = self.client(port, tls=True)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))

    def test_a_flag_goes_before_the_environment_and_that_before_the_file(self):
        by_flag, by_env, by_file = (self.fake(corpus.few()[:n]) for n in (1, 2, 3))
        config, ports = self.config(by_file.address)
        for expected, flags, env in (
                (b"3", [], {}), (b"2", [], {"GATEPOST_UPSTREAM": by_env.address}),
                (b"1", ["--upstream", by_flag.address], {"GATEPOST_UPSTREAM": by_env.address})):
            with self.subTest(expected=expected):
                running = self.gateway(config, flags=flags, env=env)
                client = self.client(ports.plain)
                client.login(USER, PASSWORD)
                self.assertEqual(client.ok("STAT").split()[1], expected)
                client.ok("QUIT")
                client.close()
                self.assertEqual(running.stop(), OK)

    def test_without_the_admin_listener_it_works_too(self):
        server = self.fake(corpus.few())
        port = free_port()
        running = self.gateway(admin=False, flags=["--pop3-plain", f"127.0.0.1:{port}",
                                                   "--upstream", server.address])
        gateway.wait_for_port(port, child=running.child)
        self.assertTrue(self.client(port).login(USER, PASSWORD).startswith(b"+OK"))


class Loaded(Scenario):
    @quick
    def test_no_openssl_library_is_in_the_process(self):
        running, ports = self.serve(self.fake(corpus.few()).address)
        client = self.client(ports.pop3s, tls=True)
        client.login(USER, PASSWORD)
        with open(f"/proc/{running.pid}/maps") as maps:
            files = {os.path.basename(line.split()[-1]) for line in maps if "/" in line}
        openssl = [name for name in files if re.match(r"lib(ssl|crypto)\.so\.(1|3)", name)]
        self.assertEqual(openssl, [])

    def test_it_needs_no_writable_folder_nor_any_file_but_its_own(self):
        running, _ = self.serve(self.fake().address)
        opened = []
        for fd in os.listdir(f"/proc/{running.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # closed by now, as that of a health check
                opened.append(os.readlink(f"/proc/{running.pid}/fd/{fd}"))
        files = [path for path in opened if path.startswith("/") and not path.startswith("/dev/")]
        self.assertEqual([path for path in files if not path.startswith(self.folder)], [])


def status_of(task):
    """/proc/TASK/status as a dict."""
    with open(f"/proc/{task}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


class Hardened(Scenario):
    """What the process may still do once it serves. Needs root, to give it up."""

    def setUp(self):
        super().setUp()
        self.assertEqual(os.geteuid(), 0, "these tests need root")
        self.server = self.fake(corpus.few())

    def start(self, process, **more):
        """As `nobody` would find it: every folder on the way may be entered."""
        folder = self.own_folder
        while folder != "/tmp" and folder != "/":
            os.chmod(folder, os.stat(folder).st_mode | 0o011)
            folder = os.path.dirname(folder)
        config, self.ports = self.config(self.server.address, process=process)
        config.update(more)
        copies = {}
        for what in ("certificate", "key"):
            copies[what] = shutil.copy(config["tls"][what], os.path.join(self.own_folder, what))
            os.chmod(copies[what], 0o640)
            shutil.chown(copies[what], "root", "nogroup")
        config["tls"] = copies
        return config

    def run_it(self, config, **more):
        running = self.gateway(config, **more)
        os.chmod(running.folder, 0o755)
        return running

    def test_it_can_gain_nothing_by_running_programs(self):
        running = self.run_it(self.start({}))
        for task in os.listdir(f"/proc/{running.pid}/task"):
            status = status_of(task)
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(status["Seccomp"], "0" if gateway.sanitized() else "2")
        self.assertIn("running_as_root", running.log())

    def test_the_filter_can_be_switched_off(self):
        running = self.run_it(self.start({"seccomp": "off"}))
        self.assertEqual(status_of(running.pid)["Seccomp"], "0")

    @quick
    def test_root_is_given_up_for_good(self):
        running = self.run_it(self.start({"user": "nobody"}))
        nobody = pwd.getpwnam("nobody")
        for task in os.listdir(f"/proc/{running.pid}/task"):
            status = status_of(task)
            self.assertEqual(set(status["Uid"].split()), {str(nobody.pw_uid)})
            self.assertEqual(set(status["Gid"].split()), {str(nobody.pw_gid)})
            self.assertEqual(status["Groups"].split(), [])
            for kind in ("CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(status[kind], 16), 0)
        client = self.client(self.ports.pop3s, tls=True)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))
        self.assertEqual(running.stop(), OK)

    def test_no_core_file_and_no_debugger_of_the_same_user(self):
        nobody = pwd.getpwnam("nobody").pw_uid
        for wanted in (False, True):
            with self.subTest(core_dumps=wanted):
                running = self.run_it(self.start({"user": "nobody", "core_dumps": wanted}))
                # What is not dumpable belongs to root, whoever runs it.
                owner = os.stat(f"/proc/{running.pid}/environ").st_uid
                self.assertEqual(owner, nobody if wanted else 0)
                with open(f"/proc/{running.pid}/limits") as file:
                    limit = next(line for line in file if line.startswith("Max core file size"))
                if not wanted:
                    self.assertEqual(limit.split()[4:6], ["0", "0"])

    def test_reload_reads_what_the_user_may_read(self):
        config = self.start({"user": "nobody"})
        running = self.run_it(config)
        running.reload()
        running.wait_for_log("reloaded")
        os.chmod(config["tls"]["key"], 0o600)
        running.reload()
        running.wait_for_log("reload_refused")
        self.assertIn("Permission denied", running.log())
        client = self.client(self.ports.pop3s, tls=True)
        self.assertTrue(client.login(USER, PASSWORD).startswith(b"+OK"))

    def test_what_is_out_of_reach_is_said_at_start_and_by_check(self):
        config = self.start({"user": "nobody"})
        os.chmod(config["tls"]["key"], 0o600)
        running = self.run_it(config)
        said = running.log_lines("file_out_of_reach")
        self.assertTrue(any(config["tls"]["key"] in line for line in said), running.log())
        done = gateway.run("check", "--config", running.config_path)
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        self.assertIn(f"{config['tls']['key']} is out of reach for nobody", done.stderr)

    def test_the_log_file_can_be_opened_again(self):
        os.chmod(self.own_folder, 0o777)
        log = os.path.join(self.own_folder, "gatepost.log")
        running = self.run_it(self.start({"user": "nobody"}, log={"file": log}))
        os.rename(log, log + ".1")
        running.reload()
        wait_until(lambda: os.path.exists(log) and "reloaded" in open(log).read(),
                   what="a new log file")

    def test_a_user_that_does_not_exist_is_a_wrong_configuration(self):
        for user in ("no-such-user", "root"):
            path = os.path.join(self.own_folder, "wrong.json")
            with open(path, "w") as file:
                json.dump(self.start({"user": user}), file)
            for word in ("run", "check"):
                done = gateway.run(word, "--config", path)
                self.assertEqual(done.returncode, CONFIGURATION, done.stderr)
                self.assertIn("/process/user", done.stderr)

    def test_a_unix_socket_belongs_to_the_user(self):
        path = os.path.join(self.own_folder, "pop3.sock")
        config = self.start({"user": "nobody"})
        config["listeners"].append({"address": f"unix:{path}", "tls": "none"})
        self.run_it(config)
        self.assertEqual(os.stat(path).st_uid, pwd.getpwnam("nobody").pw_uid)

    def test_low_ports_are_bound_before_and_not_later(self):
        config = self.start({"user": "nobody"})
        low = free_port(LOW)
        config["listeners"][2]["address"] = f"127.0.0.1:{low}"
        running = self.run_it(config)
        self.assertTrue(self.client(low).login(USER, PASSWORD).startswith(b"+OK"))
        config["listeners"].append({"address": f"127.0.0.1:{free_port(LOW)}", "tls": "none"})
        config["admin"] = {"address": f"127.0.0.1:{running.admin_port}"}
        running.write_config(config)
        running.reload()
        running.wait_for_log("reload_refused")
        self.assertIn("ports below 1024 are for root", running.log())
        self.assertTrue(self.client(low).login(USER, PASSWORD).startswith(b"+OK"))

    def test_a_capability_is_another_way_to_low_ports(self):
        config = self.start({})
        low = free_port(LOW)
        config["listeners"][2]["address"] = f"127.0.0.1:{low}"
        as_nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                     "--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service")
        folder = tempfile.mkdtemp(dir=self.own_folder)
        os.chmod(folder, 0o755)
        running = gateway.Gateway(folder, config, wrap=as_nobody)
        self.addCleanup(running.stop)
        self.assertTrue(self.client(low).login(USER, PASSWORD).startswith(b"+OK"))
        config["listeners"].append({"address": f"127.0.0.1:{free_port(LOW)}", "tls": "none"})
        config["admin"] = {"address": f"127.0.0.1:{running.admin_port}"}
        running.write_config(config)
        running.reload()
        running.wait_for_log("reloaded")

    def test_no_password_stays_in_memory(self):
        self.look_for_passwords(self.server.address)

    def test_no_password_stays_in_memory_when_upstream_speaks_tls(self):
        server = self.fake(corpus.few(), tls="implicit", certificate=self.authority.good)
        self.look_for_passwords({"address": server.address, "tls": "implicit", "ca_file": self.ca,
                                 "server_name": "localhost"})

    def look_for_passwords(self, upstream):
        upstream = upstream if isinstance(upstream, dict) else {"address": upstream}
        running = self.run_it(self.start({}, upstream=upstream))
        words = [f"wiped-{way}-{os.urandom(6).hex()}" for way in "abcdefg"]
        long = "wiped-" + os.urandom(600).hex()

        def b64(text):
            return base64.b64encode(text.encode()).decode()
        ways = [(self.ports.pop3s, True), (self.ports.plain, False)]
        if gateway.sanitized():  # keeps aside what TLS has freed, where nobody can wipe it
            ways = [ways[1], ways[1]]
        for port, tls in ways:
            for word in (words[0], long):
                self.client(port, tls=tls).login(USER, word)
            client = self.client(port, tls=tls)
            client.command(f"AUTH PLAIN {b64(chr(0) + USER + chr(0) + words[1])}")
            client = self.client(port, tls=tls)
            client.command("AUTH LOGIN")
            client.command(b64(USER))
            client.command(b64(words[2]))
            client = self.client(port, tls=tls)  # never a word beyond the password
            client.send(f"USER {USER}\r\nPASS {words[3]}\r\n".encode())
            client = self.client(port, tls=tls)  # gone before it was read
            client.send(f"QUIT\r\nUSER {USER}\r\nPASS {words[4]}\r\n".encode())
            client = self.client(port, tls=tls)  # after the login it is no password any more
            client.login(USER, words[5])
            client.command(f"PASS {words[6]}")
        def settled():
            samples = running.metrics()
            upstream = sum(value for name, value in samples.items()
                           if name.startswith("gatepost_upstream_sessions{"))
            # A session upstream begins before its login is done.
            logins = samples['gatepost_logins_total{result="ok"}']
            return samples["gatepost_sessions_active"] == upstream == logins == 12
        wait_until(settled, what="logins to be done and the gone to be forgotten")
        found = [word for piece in memory_of(running.pid) for word in [*words, long]
                 if word[:20].encode() in piece or word[-12:].encode() in piece
                 or b64(word)[4:-8].encode() in piece]
        self.assertEqual(found, [])


class Check(Scenario):
    """`gatepost check`: what is wrong, where, and with which exit code."""

    def check(self, config, *words):
        path = os.path.join(self.own_folder, "checked.json")
        with open(path, "w") as file:
            file.write(config if isinstance(config, str) else json.dumps(config, indent=2))
        return gateway.run("check", "--config", path, *words)

    def good(self, upstream="127.0.0.1:1110"):
        return self.config(upstream)[0]

    @quick
    def test_a_good_configuration_passes(self):
        done = self.check(self.good())
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)

    def test_comments_are_allowed(self):
        text = "// in front of everything\n" + json.dumps(self.good()) + "\n/* behind */\n"
        self.assertEqual(self.check(text).returncode, OK)

    @quick
    def test_each_mistake_is_named_with_its_path(self):
        def changed(**sections):
            return dict(self.good(), **sections)
        cases = {
            "/upstrem": changed(upstrem={}),
            "/upstream/tls": changed(upstream={"address": "127.0.0.1:1110", "tls": "maybe"}),
            "/timeouts/login": changed(timeouts={"login": "soon"}),
            "/listeners/0/address": changed(listeners=[{"name": "x", "address": "nonsense:port",
                                                        "tls": "none"}]),
            "/log/level": changed(log={"level": "chatty"}),
            "/limits/pipeline": changed(limits={"pipeline": -1}),
            "/workers": changed(workers="many"),
        }
        for path, config in cases.items():
            with self.subTest(path=path):
                done = self.check(config)
                self.assertEqual(done.returncode, CONFIGURATION, done.stdout + done.stderr)
                self.assertIn(path, done.stdout + done.stderr)

    def test_a_syntax_error_is_named_with_its_line(self):
        done = self.check('{\n  "workers": 1,\n  "listeners": [\n}\n')
        self.assertEqual(done.returncode, CONFIGURATION)
        self.assertRegex(done.stdout + done.stderr, r"checked\.json:4")

    def test_a_key_given_twice_is_an_error(self):
        text = json.dumps(self.good(), indent=2).replace("{", '{\n  "workers": 2,', 1)
        done = self.check(text)
        self.assertEqual(done.returncode, CONFIGURATION)
        self.assertIn("/workers", done.stdout + done.stderr)

    def test_certificate_and_key_are_looked_at(self):
        other = self.authority.leaf("unrelated")
        for what, tls in {
                "mismatch": {"certificate": self.certificate, "key": other[1]},
                "no certificate": {"certificate": "/nonexistent.pem", "key": self.key},
                "no key": {"certificate": self.certificate, "key": "/nonexistent.pem"},
                "not PEM": {"certificate": __file__, "key": self.key}}.items():
            with self.subTest(what=what):
                done = self.check(dict(self.good(), tls=tls))
                self.assertEqual(done.returncode, CONFIGURATION, done.stdout + done.stderr)
                self.assertTrue(any(path in done.stdout + done.stderr for path in tls.values()))

    def test_an_expired_certificate_is_named(self):
        certificate, key = self.authority.expired_leaf()
        done = self.check(dict(self.good(), tls={"certificate": certificate, "key": key}))
        self.assertIn("expired", (done.stdout + done.stderr).lower())

    def test_connect_reaches_the_upstream_or_says_why_not(self):
        server = self.fake(tls="implicit", certificate=self.authority.good)
        upstream = {"address": server.address, "tls": "implicit", "ca_file": self.ca}
        done = self.check(dict(self.good(), upstream=upstream), "--connect")
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        server = self.fake()
        self.assertEqual(self.check(self.good(server.address), "--connect").returncode, OK)
        self.assertNotIn("USER", b" ".join(server.all_commands()).decode())
        nobody = f"127.0.0.1:{free_port()}"
        done = self.check(self.good(nobody), "--connect")
        self.assertEqual(done.returncode, CONNECT, done.stdout + done.stderr)
        self.assertIn(nobody, done.stdout + done.stderr)
        server = self.fake(tls="implicit", certificate=self.authority.self_signed())
        upstream["address"] = server.address
        done = self.check(dict(self.good(), upstream=upstream), "--connect")
        self.assertEqual(done.returncode, CONNECT, done.stdout + done.stderr)

    def test_nothing_is_opened_or_listened_at(self):
        config = self.good()
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        config["listeners"][0]["address"] = f"127.0.0.1:{taken.getsockname()[1]}"
        self.assertEqual(self.check(config).returncode, OK)
