"""Each scanner, real and scripted, in good health and in trouble: nothing unscanned is delivered, the
gateway lives, others go on, and all is well again when the scanner is."""

import concurrent.futures
import os
import threading
import time
import unittest

from support import samples
from support.c_icap import CIcap
from support.clamd import Clamd
from support.command import Command
from support.fake_scanner import EARLY, RIGHT, TROUBLE, Behaviour, FakeScanner
from support.ports import free_port
from support.process import wait_until
from support.raw_client import RawClient, unstuff
from support.rspamd import Rspamd
from support.scanning import PASSWORD, Scanning, without_scores
from support.spamd import Spamd

FOR_VIRUSES = ("clamd", "unix", "fildes", "icap", "command", "all")
FOR_SPAM = ("rspamd", "spamd", "all")
CLEAN = [samples.clean()[what] for what in ("text", "dots", "attachment", "larger than memory")]
INFECTED = samples.infected()
PILLS = samples.text("very cheap pills", b"Buy them.\r\n")


class ManyChains(Scanning):
    """One gateway with a chain and a POP3S listener for each of several sets of scanners."""

    @classmethod
    def many(cls, upstream, sets, scanners, chain=None, **more):
        """`sets` maps the name of a chain to names of `scanners` (sections): (configuration, {name:
        port}). The listener `none` has no chain."""
        config, _ = cls.chained(upstream, scanners, **more)
        config["chains"] = [{"name": name, "scanners": names, **(chain or {})}
                            for name, names in sets.items()]
        ports = {name: free_port() for name in (*sets, "none")}
        config["listeners"] = [{"name": name, "address": f"127.0.0.1:{port}", "tls": "implicit",
                                "chain": "" if name == "none" else name}
                               for name, port in ports.items()]
        return config, ports

    def at(self, port, user="joe", **options):
        client = RawClient(port, tls=True, ca=self.ca, **options)
        self.addCleanup(client.close)
        reply = client.login(user, PASSWORD)
        self.assertTrue(reply.startswith(b"+OK"), reply)
        return client


class Kinds(ManyChains):
    """Every kind of scanner in good health, alone and all together."""

    PROGRAMS = {"clamd": "clamd", "icap": "c-icap", "rspamd": "rspamd", "spamd": "SpamAssassin"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        mail = [*CLEAN, *INFECTED.values(), samples.spam()["GTUBE"], PILLS,
                samples.attachment("both", samples.eicar()).replace(
                    b"See the file.", samples.gtube())]
        cls.server = cls.shared_dovecot({"joe": (PASSWORD, mail)})
        clamd = cls.shared_scanner(Clamd)
        command = Command(cls.folder)
        scanners = [
            clamd.section(),
            clamd.section(name="unix", address=clamd.unix_address),
            clamd.section(name="fildes", address=clamd.unix_address, descriptor=True),
            cls.shared_scanner(CIcap, clamd.socket).section(), command.section(),
            cls.shared_scanner(Rspamd).section(), cls.shared_scanner(Spamd).section()]
        names = [scanner["name"] for scanner in scanners]
        config, cls.ports = cls.many(cls.server.address, {
            **{name: [name] for name in names}, "all": names}, scanners, {"remember": False})
        cls.running = cls.shared_gateway(config)
        with RawClient(cls.server.port) as client:
            client.login("joe", PASSWORD)
            cls.direct = [unstuff(body) for _, body in client.fetch_all()]

    def test_each_finds_what_it_should(self):
        for name, port in self.ports.items():
            with self.subTest(name):
                client = self.at(port)
                got = [(status, unstuff(body)) for status, body in client.fetch_all()]
                client.quit()
                self.check(name, got)
                if name in self.PROGRAMS:
                    self.scanner_works(self.PROGRAMS[name], "judges")

    def check(self, name, got):
        for before, (status, after) in zip(self.direct, got):
            self.assertTrue(status.startswith(b"+OK"), status)
            first = len(CLEAN)
        for at in range(first):
            if name in FOR_SPAM:
                self.assertTrue(without_scores(got[at][1]) == self.direct[at], got[at][1][:500])
            else:
                self.assertTrue(got[at][1] == self.direct[at], got[at][1][:500])
        for at, what in enumerate(INFECTED, first):
            if name not in FOR_VIRUSES or name == "command" and what == "zip":
                self.assertTrue(without_scores(got[at][1]) == self.direct[at], got[at][1][:500])
            else:
                self.assert_notice(got[at][1], of=self.direct[at])
        gtube, pills, both = [message for _, message in got[-3:]]
        for message, original in ((gtube, self.direct[-3]), (pills, self.direct[-2])):
            if name in FOR_SPAM:
                self.assertRegex(message, rb"(?m)^X-Gatepost-Verdict: spam; ")
                self.assertRegex(message, rb"(?m)^Subject: .*\[spam\] ")
                self.assertTrue(message.endswith(original.partition(b"\r\n\r\n")[2]))
            else:
                self.assertEqual(message, original)
        if name in FOR_VIRUSES:  # what stops a message goes before what lets it pass
            self.assert_notice(both)
        elif name in FOR_SPAM:
            self.assertRegex(both, rb"(?m)^X-Gatepost-Verdict: spam; ")

    def test_the_log_has_every_opinion(self):
        client = self.at(self.ports["all"])
        client.multi(f"RETR {len(CLEAN) + 1}")
        client.quit()
        line = self.message_lines(self.running)[-1]
        for name in ("clamd", "unix", "fildes", "icap", "command"):
            self.assertIn(f"{name}=infected", line["trail"])
        for name in ("rspamd", "spamd"):
            self.assertIn(f"{name}=clean", line["trail"])


class Trouble(ManyChains):
    """Real scanners killed, started again, and frozen in the middle of scans."""

    def sections(self):
        self.clamd = self.scanner(Clamd)
        self.scanners = {"clamd": self.clamd, "icap": self.scanner(CIcap, self.clamd.socket),
                         "rspamd": self.scanner(Rspamd), "spamd": self.scanner(Spamd)}
        return [scanner.section(timeout="2s", self_test="500ms", breaker_pause="500ms")
                for scanner in self.scanners.values()]

    def test_killed_frozen_and_back(self):
        bad = {"clamd": INFECTED["plain"], "icap": INFECTED["plain"],
               "rspamd": samples.spam()["GTUBE"], "spamd": samples.spam()["GTUBE"]}
        server = self.dovecot({**{name: (PASSWORD, [CLEAN[0], message, CLEAN[2]])
                                  for name, message in bad.items()},
                               "none": (PASSWORD, [CLEAN[0], INFECTED["plain"], CLEAN[2]])})
        sections = self.sections()
        config, ports = self.many(server.address, {name: [name] for name in bad}, sections,
                                  {"remember": False, "policy": {"spam": "notice"}})
        self.running = self.gateway(config)
        self.outcomes = {name: {"whole": 0, "notice": 0, "refused": 0} for name in ports}
        self.wrong, self.stopping = [], threading.Event()
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            fetching = [pool.submit(self.fetch_on, name, port, bad.get(name))
                        for name, port in ports.items() for _ in range(2)]
            try:
                self.go_on("whole", "notice")
                for scanner in self.scanners.values():
                    scanner.kill()
                self.all_are(0)
                self.go_on("refused")
                self.clamd.start()  # c-icap looks for it when it starts, and never again
                for scanner in self.scanners.values():
                    if scanner is not self.clamd:
                        scanner.start(wait=False)
                self.all_are(1)
                self.go_on("whole", "notice")
                for scanner in self.scanners.values():
                    scanner.freeze()
                self.all_are(0)
                self.go_on("refused")
                for scanner in self.scanners.values():
                    scanner.thaw()
                self.all_are(1)
                self.go_on("whole", "notice")
            finally:
                self.stopping.set()
            for result in fetching:
                result.result()
        self.assertEqual(self.wrong, [])
        none = self.outcomes.pop("none")
        self.assertEqual(none["refused"] + none["notice"], 0)
        for name, outcome in self.outcomes.items():
            with self.subTest(name):
                self.assertGreater(min(outcome.values()), 0, outcome)
                for feature in ("killed, started again", "frozen"):
                    self.scanner_works(self.scanners[name].program, feature)
        self.wait_quiet(self.running)

    def go_on(self, *kinds):
        """Until each of the chains has had these outcomes once more, and those without a chain, who
        wait for no scanner, whole sessions."""
        before = {name: dict(outcome) for name, outcome in self.outcomes.items()}

        def grew(name, kind, by=1):
            return self.outcomes[name][kind] >= before[name][kind] + by
        wait_until(lambda: all(grew(name, kind) for name in self.scanners for kind in kinds)
                   and grew("none", "whole", 9), 90, f"{kinds} again", self.running.child)

    def all_are(self, value):
        for name in self.scanners:
            self.wait_effective(self.running, name, value, 60)
        wait_until(lambda: self.running.ready() == bool(value), 60, "readiness")

    def fetch_on(self, name, port, bad):
        """Fetches again and again; every outcome must be one that is allowed."""
        whole = [CLEAN[0], None if bad else INFECTED["plain"], CLEAN[2]]
        while not self.stopping.is_set():
            with RawClient(port, tls=True, ca=self.ca) as client:
                client.login(name, PASSWORD)
                for number, expected in enumerate(whole, 1):
                    status, body = client.multi(f"RETR {number}")
                    kind = self.outcome(status, body, expected)
                    self.outcomes[name][kind] = self.outcomes[name].get(kind, 0) + 1
                    if kind == "wrong":
                        self.wrong.append((name, number, status, body[:500]))
                client.quit()
            if name == "none":
                time.sleep(0.02)

    @staticmethod
    def outcome(status, body, expected):
        if status.startswith(b"-ERR [SYS/TEMP]"):
            return "refused"
        message = unstuff(body)
        if expected is not None and without_scores(message) == expected:
            return "whole"
        if expected is None and b"X-Gatepost-Notice: " in message:
            return "notice"
        return "wrong"


class Patience(ManyChains):
    """Who has no scanner waits for none, in the same worker."""

    def test_a_session_without_a_chain_goes_on_beside_one_that_waits(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        fake = self.fake_scanner(behaviour=Behaviour(gate=gate))
        server = self.dovecot({"joe": (PASSWORD, CLEAN)})
        config, ports = self.many(server.address, {"fake": ["fake"]},
                                  [fake.section(timeout="5m", self_test="0s")],
                                  {"waiting": {"quiet": "2m", "deadline": "10m"}})
        running = self.gateway({**config, "workers": 1})
        with RawClient(ports["fake"], tls=True, ca=self.ca) as waiting:
            waiting.login("joe", PASSWORD)
            waiting.send(b"RETR 1\r\n")
            wait_until(lambda: fake.begun == 1, 60, "the scan to begin", running.child)
            other = self.at(ports["none"])
            for number, message in enumerate(CLEAN, 1):
                status, body = other.multi(f"RETR {number}")
                self.assertTrue(status.startswith(b"+OK"), status)
                self.assertEqual(unstuff(body), message)
            other.quit()
            self.assertTrue(waiting.silent_for(0), "an answer before the scan was over")
            gate.set()
            self.assertTrue(waiting.line().startswith(b"+OK"))
            self.assertEqual(unstuff(waiting.body()), CLEAN[0])
            waiting.quit()
        self.wait_quiet(running)


class Nonsense(ManyChains):
    """Scripted scanners: whatever they do, a message is delivered only for a clear word."""

    KINDS = ("clamd", "icap", "rspamd", "spamd")
    LARGE = samples.long("large", 8 << 20)

    def start(self, chain=None, **section):
        message = samples.text("to be scanned", b"line after line\r\n" * 2000)
        self.message = message
        self.server = self.dovecot({kind: (PASSWORD, [message, self.LARGE])
                                    for kind in self.KINDS})
        self.fakes = {kind: self.fake_scanner(kind) for kind in self.KINDS}
        sections = [fake.section(**{"name": kind, "timeout": "8s", "breaker_failures": 1000,
                                    "self_test": "0s", **section})
                    for kind, fake in self.fakes.items()]
        config, self.ports = self.many(self.server.address, {kind: [kind] for kind in self.KINDS},
                                       sections, {"remember": False, "waiting": {"quiet": "2m"},
                                                  **(chain or {})})
        self.running = self.gateway(config)

    def each_kind(self, check):
        with concurrent.futures.ThreadPoolExecutor(len(self.KINDS)) as pool:
            results = {kind: pool.submit(check, kind) for kind in self.KINDS}
        for kind, result in results.items():
            with self.subTest(kind):
                result.result()

    def test_trouble_is_never_clean(self):
        self.start()

        def check(kind):
            with RawClient(self.ports[kind], tls=True, ca=self.ca) as client:
                self.assertTrue(client.login(kind, PASSWORD).startswith(b"+OK"))
                for what, behaviour in TROUBLE.items():
                    self.fakes[kind].behaviour = behaviour
                    status, body = client.multi("RETR 2" if what in EARLY else "RETR 1")
                    self.assertTrue(status.startswith(b"-ERR [SYS/TEMP]"),
                                    (what, status, body[:200]))
                    self.assertEqual(body, b"", what)
                    # The gateway's own test is passed meanwhile: it is as good as before.
                    self.fakes[kind].behaviour = None
                    status, body = client.multi("RETR 1")
                    self.assertTrue(status.startswith(b"+OK"), (what, status))
                    self.assertEqual(without_scores(unstuff(body)), self.message, what)
                client.quit()
        self.each_kind(check)
        self.wait_quiet(self.running)

    def test_clear_words_count_however_they_sound(self):
        self.start({"policy": {"spam": "notice"}}, timeout="20s")

        def check(kind):
            with RawClient(self.ports[kind], tls=True, ca=self.ca) as client:
                client.login(kind, PASSWORD)
                for what, behaviour in RIGHT.items():
                    self.fakes[kind].behaviour = behaviour
                    message = unstuff(client.multi("RETR 1")[1])
                    if "virus" in what:
                        self.assertIn(b"\r\nX-Gatepost-Notice: ", message, what)
                        self.assertNotIn(b"line after line", message)
                    else:
                        self.assertEqual(without_scores(message), self.message, what)
                client.quit()
        self.each_kind(check)

    def test_the_policy_has_the_last_word(self):
        self.start({"policy": {"not_understood": "tag", "unreachable": "tag",
                               "timeout": "notice"}})

        def check(kind):
            with RawClient(self.ports[kind], tls=True, ca=self.ca) as client:
                client.login(kind, PASSWORD)
                self.fakes[kind].behaviour = TROUBLE["garbage"]
                message = unstuff(client.multi("RETR 1")[1])
                self.assertRegex(message, rb"(?m)^X-Gatepost-Verdict: (not_understood|unreachable); ")
                self.assertTrue(message.endswith(b"line after line\r\n" * 2000))
                self.fakes[kind].behaviour = TROUBLE["hangs"]
                self.assertIn(b"\r\nX-Gatepost-Notice: timeout\r\n",
                              unstuff(client.multi("RETR 1")[1]))
                client.quit()
        self.each_kind(check)

    def test_a_command_in_trouble(self):
        command = Command(self.own_folder)
        server = self.dovecot({"joe": (PASSWORD, [CLEAN[0], CLEAN[3]])})
        running, ports = self.scan(server.address, [command.section(
            timeout="10s", breaker_failures=1000, self_test="0s", command_memory="256MiB")],
            {"remember": False, "waiting": {"quiet": "2m"}})
        client = self.logged_in(ports)
        for code in ("sys.exit(3)", "sys.exit(75)", "os.abort()", "time.sleep(60)",
                     "os.kill(os.getpid(), 9)",
                     "try: x = bytearray(1 << 30)\nexcept MemoryError: sys.exit(3)",
                     "os.fork() or time.sleep(60)\ntime.sleep(60)",
                     "print('x' * 10000000)\nsys.exit(3)"):
            with self.subTest(code):
                command.trouble(code)
                self.assert_refused(*client.multi("RETR 2"))
                command.trouble()
                self.assertEqual(unstuff(client.multi("RETR 1")[1]), CLEAN[0])
        client.quit()

        def left():
            with os.popen("ps -eo pid,args") as ps:
                return [line for line in ps if command.path in line]
        wait_until(lambda: not left(), 30, "its processes to be gone")
        self.wait_quiet(running)


class OverTls(ManyChains):
    """ICAP and rspamd over TLS, with the certificate verified."""

    def test_only_a_good_certificate_is_spoken_to(self):
        fakes = {kind: self.fake_scanner(kind, certificate=self.authority.good)
                 for kind in ("icap", "rspamd")}
        sections = []
        for kind, fake in fakes.items():
            port = fake.address.rpartition(":")[2]
            good = {"address": f"localhost:{port}", "tls": True, "ca_file": self.ca,
                    "self_test": "0s", "required": False}
            sections += [fake.section(**{"name": kind, **good}),
                         fake.section(**{"name": f"{kind}-other", **good, "server_name": "x.example"}),
                         fake.section(**{"name": f"{kind}-stranger", **good, "ca_file": ""}),
                         fake.section(**{"name": f"{kind}-any", **good, "ca_file": "",
                                         "verify": False})]
        names = [section["name"] for section in sections]
        server = self.dovecot({"joe": (PASSWORD, [CLEAN[0]])})
        config, ports = self.many(server.address, {name: [name] for name in names}, sections,
                                  {"remember": False})
        running = self.gateway(config)
        for name in names:
            with self.subTest(name):
                good = name in fakes or name.endswith("-any")
                status, _ = self.at(ports[name]).multi("RETR 1")
                self.assertTrue(status.startswith(b"+OK" if good else b"-ERR [SYS/TEMP]"), status)
                self.assertEqual(self.effective(running, name), good)


class Effective(Scanning):
    """A scanner that does not find what it must is not asked, and somebody is told."""

    def setUp(self):
        super().setUp()
        self.server = self.dovecot({"joe": (PASSWORD, [CLEAN[0], INFECTED["plain"]])})

    def start(self, scanner, **section):
        return self.scan(self.server.address, [scanner.section(**{
            "timeout": "5s", "breaker_pause": "500ms", "self_test": "500ms", **section})],
            wait=False)

    def check(self, scanner, running, ports, mend):
        name = scanner.section()["name"]
        wait_until(lambda: self.answers(running), 30, "the admin listener", running.child)
        self.wait_effective(running, name, 0)
        status, text = running.get("/readyz")
        self.assertEqual(status, 503)
        self.assertIn(name, text)
        client = self.logged_in(ports)
        for number in (1, 2):
            self.assert_refused(*client.multi(f"RETR {number}"))
        client.quit()
        mend()
        self.wait_effective(running, name)
        wait_until(running.ready, 60, "readiness")
        status, message = self.retrieve(ports, 1)
        self.assertEqual(message, CLEAN[0])
        self.assert_notice(self.retrieve(ports, 2)[1])

    @staticmethod
    def answers(running):
        try:
            return running.get("/healthz")[0] == 200
        except OSError:
            return False

    def test_a_clamd_without_its_database(self):
        clamd = self.scanner(Clamd, signatures={})
        running, ports = self.start(clamd)

        def mend():
            clamd.set_database()
            clamd.restart()
        self.check(clamd, running, ports, mend)
        self.scanner_works("clamd", "knows nothing")

    def test_one_that_finds_nothing(self):
        fake = self.fake_scanner(finds=False)
        fake.knows = [b"nothing"]
        running, ports = self.start(fake)

        def mend():
            fake.finds, fake.knows = True, [samples.base64_lines(samples.eicar())[:40]]
        self.check(fake, running, ports, mend)

    def test_one_that_finds_everything(self):
        fake = self.fake_scanner(knows=[b"Subject:"])
        running, ports = self.start(fake)

        def mend():
            fake.knows = [samples.base64_lines(samples.eicar())[:40]]
        self.check(fake, running, ports, mend)

    def test_one_that_was_good_before(self):
        fake = self.fake_scanner()
        running, ports = self.start(fake)
        wait_until(running.ready, 30, "readiness", running.child)
        self.assertEqual(self.retrieve(ports)[1], CLEAN[0])
        fake.finds = False
        self.wait_effective(running, "fake", 0)
        self.assert_refused(*self.retrieve(ports))
        self.assertTrue(running.log_lines("scanner_not_effective"), running.log())

    def test_readiness_may_do_without_it(self):
        fake = self.fake_scanner(finds=False)
        running, ports = self.start(fake, required=False)
        wait_until(running.ready, 30, "readiness", running.child)
        self.wait_effective(running, "fake", 0)
        self.assertTrue(running.ready())
        self.assert_refused(*self.retrieve(ports))


class Bounds(Scanning):
    """Not more at once than configured, not more waiting, and nobody is asked who never answers."""

    def start(self, users, fake, chain=None, **section):
        server = self.dovecot({f"u{n}": (PASSWORD, [samples.text(f"for {n}", b"x\r\n" * n)])
                               for n in range(users)})
        return self.scan(server.address, [fake.section(**section)], chain)

    def everybody(self, users, ports):
        with concurrent.futures.ThreadPoolExecutor(users) as pool:
            return list(pool.map(lambda n: self.retrieve(ports, user=f"u{n}"), range(users)))

    def test_concurrency_and_queue(self):
        gate = threading.Event()
        fake = self.fake_scanner(behaviour=Behaviour(gate=gate))
        running, ports = self.start(8, fake, concurrency=2, queue=3, self_test="0s")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = [pool.submit(self.retrieve, ports, 1, f"u{n}") for n in range(8)]
            wait_until(lambda: sum(result.done() for result in results) == 3, 20, "3 refusals")
            samples_now = running.metrics()
            self.assertEqual(samples_now['gatepost_scanner_running{scanner="fake"}'], 2)
            self.assertEqual(samples_now['gatepost_scanner_waiting{scanner="fake"}'], 3)
            gate.set()
        statuses = sorted(result.result()[0][:15] for result in results)
        self.assertEqual([status.split(b" ")[0] for status in statuses],
                         [b"+OK"] * 5 + [b"-ERR"] * 3)
        self.assertEqual(fake.most, 2)
        self.wait_quiet(running)

    def test_after_too_many_failures_it_is_left_alone_for_a_while(self):
        fake = self.fake_scanner(behaviour=TROUBLE["an error of its own"])
        running, ports = self.start(1, fake, breaker_failures=3, breaker_pause="15s", self_test="0s")
        for _ in range(3):
            self.assert_refused(*self.retrieve(ports, user="u0"))
        begun, tests = fake.begun, fake.tests
        self.assertEqual(running.metrics()['gatepost_scanner_pauses_total{scanner="fake"}'], 1)
        for _ in range(3):
            self.assert_refused(*self.retrieve(ports, user="u0"))
        self.assertEqual((fake.begun, fake.tests), (begun, tests), "asked during the pause")
        fake.behaviour = None
        wait_until(lambda: self.retrieve(ports, user="u0")[0].startswith(b"+OK"), 60, "the message")
        self.assertEqual(running.metrics()['gatepost_scanner_paused_workers{scanner="fake"}'], 0)


if __name__ == "__main__":
    unittest.main()
