"""The program itself: command line, exit codes, what it loads, what `check` finds."""

import json
import os
import re
import socket

from support import corpus, gateway
from support.case import Scenario, quick
from support.ports import free_port

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
        opened = [os.readlink(f"/proc/{running.pid}/fd/{fd}")
                  for fd in os.listdir(f"/proc/{running.pid}/fd")]
        files = [path for path in opened if path.startswith("/") and not path.startswith("/dev/")]
        self.assertEqual([path for path in files if not path.startswith(self.folder)], [])


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
