"""What goes wrong around a scan, and what senders do on purpose."""

import concurrent.futures
import errno
import io
import os
import resource
import shutil
import threading
import unittest
import zipfile

from support import samples
from support.case import quick
from support.clamd import Clamd
from support.fake_scanner import Behaviour
from support.process import wait_until
from support.raw_client import RawClient, stuff, unstuff
from support.scanning import PASSWORD, Scanning

SMALL = samples.text("small", b"fits into memory\r\n")
LARGE = samples.long("large", 3 << 20)


class NoRoom(Scanning):
    """The spool's place is full or gone: a named action, a metric, and recovery without restart."""

    def start(self, chain=None, wrap=(), **more):
        self.server = self.dovecot({"joe": (PASSWORD, [SMALL, LARGE])})
        config, self.ports = self.chained(self.server.address, [
            self.fake_scanner().section(self_test="0s")], {"remember": False, **(chain or {})},
            **more)
        self.running = self.gateway(config, wrap=wrap)
        self.spool = config["spool"]["folder"]

    def fails_until(self, mend):
        client = self.logged_in(self.ports)
        for _ in range(2):
            self.assert_refused(*client.multi("RETR 2"))
            self.assertEqual(unstuff(client.multi("RETR 1")[1]), SMALL)
        line = [line for line in self.message_lines(self.running) if line["number"] == "2"][-1]
        self.assertEqual((line["cause"], line["action"]), ("spool_full", "refuse"))
        self.assertEqual(self.running.metrics()["gatepost_spool_failures_total"], 2)
        mend()
        self.assertTrue(unstuff(client.multi("RETR 2")[1]) == LARGE)
        client.quit()
        self.wait_quiet(self.running)

    def test_a_full_disk(self):
        self.start(folder="/mnt", wrap=(
            "unshare", "--mount", "sh", "-c",
            'mount -t tmpfs -o size=8m gatepost-test /mnt && exec "$@"', "sh"))
        filler = f"/proc/{self.running.pid}/root/mnt/filler"
        with open(filler, "wb", 0) as file:
            try:
                while file.write(b"x" * 65536):
                    pass
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)
        self.fails_until(lambda: os.unlink(filler))

    def test_a_limit_on_files(self):
        self.start()
        before = resource.prlimit(self.running.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.running.pid, resource.RLIMIT_FSIZE, (1 << 20, before[1]))
        self.fails_until(lambda: resource.prlimit(self.running.pid, resource.RLIMIT_FSIZE, before))

    def test_a_folder_that_is_gone(self):
        self.start()
        shutil.rmtree(self.spool)
        self.fails_until(lambda: os.mkdir(self.spool))

    def test_a_message_larger_than_allowed(self):
        self.start(folder=None, spool={"folder": self.own_folder, "max_message": "1MiB"})
        client = self.logged_in(self.ports)
        self.assert_refused(*client.multi("RETR 2"))
        self.assertEqual(unstuff(client.multi("RETR 1")[1]), SMALL)
        client.quit()
        self.wait_quiet(self.running)

    def test_all_together_larger_than_allowed(self):
        gate = threading.Event()
        fake = self.fake_scanner(behaviour=Behaviour(gate=gate))
        server = self.dovecot({"joe": (PASSWORD, [SMALL, LARGE])})
        running, ports = self.scan(server.address, [fake.section(self_test="0s")],
                                   {"remember": False, "waiting": {"quiet": "4m"}},
                                   spool={"folder": self.own_folder, "max_total": "8MiB"})
        inside = [self.logged_in(ports) for _ in range(2)]
        for client in inside:
            client.send(b"RETR 2\r\n")
        running_now = 'gatepost_scanner_running{scanner="fake"}'
        wait_until(lambda: running.metrics()[running_now] == 2, 20, "both to be scanned")
        late = self.logged_in(ports)
        self.assert_refused(*late.multi("RETR 2"))
        self.assertEqual(running.metrics()["gatepost_spool_failures_total"], 1)
        gate.set()
        for client in inside:
            self.assertTrue(client.line().startswith(b"+OK"))
            self.assertTrue(unstuff(client.body()) == LARGE)
        self.assertTrue(unstuff(late.multi("RETR 2")[1]) == LARGE)
        for client in (*inside, late):
            client.quit()
        self.wait_quiet(running)

    def test_what_is_lost_is_not_delivered_by_policy(self):
        self.start({"policy": {"spool_full": "deliver"}})
        shutil.rmtree(self.spool)
        client = self.logged_in(self.ports)
        status, body = client.multi("RETR 2")
        if status.startswith(b"+OK"):
            self.assertTrue(unstuff(body) == LARGE)
        else:
            self.assert_refused(status)
        client.quit()

    def test_a_notice_instead(self):
        self.start({"policy": {"spool_full": "notice"}})
        shutil.rmtree(self.spool)
        client = self.logged_in(self.ports)
        self.assert_notice(unstuff(client.multi("RETR 2")[1]), "spool_full", of=LARGE)
        client.quit()


class Bombs(Scanning):
    """Messages that are to cost much, or that two readers read in two ways."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clamd = cls.shared_scanner(Clamd)

    @staticmethod
    def zip_in_zip(depth, octets):
        data = bytes(octets)
        for _ in range(depth):
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("inner.zip", data)
            data = packed.getvalue()
        return data

    def messages(self):
        nested = samples.attachment("inner", samples.eicar(), "eicar.com")
        for depth in range(30):
            nested = samples.forwarded(f"nested {depth}", nested)
        parts = samples.header("parts", b"Content-Type: multipart/mixed; boundary=x\r\n") + b"\r\n" \
            + b"--x\r\n\r\npart\r\n" * 30000 + b"--x--\r\n"
        return {
            "header of 3 MiB": (samples.header("long header", b"X-Long: " + b"a" * (3 << 20)
                                               + b"\r\n") + b"\r\nbody\r\n", "unscannable"),
            "20,000 fields": (samples.header("many fields", b"X-Many: y\r\n" * 20000)
                              + b"\r\nbody\r\n", "unscannable"),
            "folded to no end": (samples.header("folds", b"X-Folded: y\r\n" + b" z\r\n" * 400000)
                                 + b"\r\nbody\r\n", "unscannable"),
            "nested 30 deep": (nested, "(infected|unscannable)"),
            "30,000 parts": (parts, None),
            "archive bomb": (samples.attachment("bomb", self.zip_in_zip(3, 50 << 20), "bomb.zip"),
                             "unscannable"),
        }

    def memory(self, running):
        with open(f"/proc/{running.pid}/status") as status:
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) << 10

    def test_time_and_memory_are_bounded(self):
        messages = self.messages()
        server = self.dovecot({"joe": (PASSWORD, [message for message, _ in messages.values()])})
        running, ports = self.scan(server.address, [self.clamd.section()],
                                   {"policy": {"unscannable": "notice"},
                                    "waiting": {"quiet": "4m"}})
        client = self.logged_in(ports)
        before = self.memory(running)
        for number, (what, (message, cause)) in enumerate(messages.items(), 1):
            with self.subTest(what):
                status, body = client.multi(f"RETR {number}")
                self.assertTrue(status.startswith(b"+OK"), status)
                if cause:
                    self.assert_notice(unstuff(body), cause)
                else:
                    self.assertTrue(unstuff(body) == message)
        client.quit()
        self.assertLess(self.memory(running) - before, 64 << 20)
        self.wait_quiet(running)

    def test_the_more_dangerous_reading(self):
        """Whatever a mail program may make of it, a piece of a message is one."""
        piece = samples.partial("a piece").partition(b"\r\n\r\n")[2]
        heads = [b"Content-Type: message/partial; id=x; number=1; total=2\r\n",
                 b"content-TYPE : Message/Partial;id=x\r\n",
                 b"Content-Type:\r\n\tmessage/\r\n\tpartial; id=x\r\n",
                 b"Content-Type: (comment) message (a) / (b) partial; id=x\r\n",
                 b"Content-Type: text/plain\r\nContent-Type: message/partial; id=x\r\n",
                 b"Content-Type: message/partial; id=x\r\nContent-Type: text/plain\r\n",
                 b"Content-Type: \"message\"/\"partial\"; id=x\r\n"]
        messages = [samples.header(f"reading {n}", head) + b"\r\n" + piece
                    for n, head in enumerate(heads)]
        server = self.fake(messages)
        running, ports = self.scan(server.address, [self.clamd.section()])
        client = self.logged_in(ports)
        for number, head in enumerate(heads, 1):
            with self.subTest(head):
                self.assert_notice(unstuff(client.multi(f"RETR {number}")[1]), "partial")
        client.quit()


class OneText(Scanning):
    """What is scanned is what is delivered, however a message is written and cut."""

    BODIES = {
        "NUL": b"a\0b\r\n\0\r\n\0\0.\r\n",
        "LF.LF": b"one\n.\ntwo\n",
        "LF.CRLF": b"one\n.\r\ntwo\r\n",
        "CR.CR": b"one\r.\rtwo\r",
        "CRLF.CR": b"one\r\n.\rtwo\r\n",
        "CRLF.LF": b"one\r\n.\ntwo\r\n",
        "NUL beside the dot": b"one\r\n\0.\r\n.\0\r\ntwo\r\n",
        "blank beside the dot": b"one\r\n .\r\n. \r\ntwo\r\n",
        "CRCRLF": b"one\r\r\n.\r\r\n\r\r\r\n.\r\r\ntwo\r\n",
        "dots": b".\r\n..\r\n...\r\n",
        "no line end": b"one\r\n.two",
        "nothing": b"",
        "every octet": bytes(range(256)) * 2,
    }

    @quick
    def test_however_it_is_cut(self):
        messages, cuts = [], []
        for body in self.BODIES.values():
            for size in (1, 2, 3, 100000):
                for head in (samples.header(f"cut {len(messages)}") + b"\r\n", b""):
                    messages.append(head + body)
                    cuts.append(size)

        def retr(connection, line):
            number = int(line.split()[1]) - 1
            whole = b"+OK\r\n" + stuff(messages[number])
            return [whole[at:at + cuts[number]] for at in range(0, len(whole), cuts[number])]
        server = self.fake(messages, {"RETR": retr})
        scanner = self.fake_scanner()
        _, ports = self.scan(server.address, [scanner.section(self_test="0s")],
                             {"remember": False})
        client = self.logged_in(ports)
        delivered = [unstuff(body) for _, body in client.fetch_all(pipelined=True)]
        client.quit()
        self.assertEqual(len(delivered), len(messages))
        for number, (message, after) in enumerate(zip(messages, delivered)):
            self.assertEqual(after, samples.canonical(unstuff(stuff(message))), number)
        self.assertEqual(scanner.messages, delivered)

    def test_an_end_that_is_none_hides_nothing(self):
        tricks = [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\r\n.\r\r\n",
                  b"\0\r\n.\0\r\n"]
        messages = [samples.header(f"hidden {n}", b"Content-Type: text/plain\r\n")
                    + b"\r\nharmless" + trick + samples.eicar() + b"\r\n"
                    for n, trick in enumerate(tricks)]
        server = self.fake(messages)
        scanner = self.fake_scanner()
        _, ports = self.scan(server.address, [scanner.section(self_test="0s")])
        client = self.logged_in(ports)
        for number in range(1, len(messages) + 1):
            self.assert_notice(unstuff(client.multi(f"RETR {number}")[1]))
        client.quit()


class Crowd(Scanning):
    """Many at once."""

    def test_each_who_fetches_an_infected_message_is_blocked(self):
        clamd = self.scanner(Clamd)
        mail = [samples.text("clean", b"harmless\r\n"), samples.infected()["plain"]]
        server = self.dovecot({"joe": (PASSWORD, mail)})
        running, ports = self.scan(server.address, [clamd.section(concurrency=4)], workers=2,
                                   quarantine={"folder": self.quarantine_folder()})

        def fetch(number):
            with RawClient(ports.pop3s, tls=True, ca=self.ca) as client:
                client.login("joe", PASSWORD)
                replies = client.fetch_all(pipelined=number % 2)
                client.quit()
                return [unstuff(body) for _, body in replies]
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            for clean, infected in pool.map(fetch, range(40)):
                self.assertEqual(clean, mail[0])
                self.assert_notice(infected)
        self.assertEqual(len(self.quarantine(running, "list", "--json")), 1)
        self.wait_quiet(running)

    def test_who_leaves_at_any_time_leaves_nothing_behind(self):
        server = self.dovecot({"joe": (PASSWORD, [LARGE])})
        fake = self.fake_scanner()
        spool = os.path.join(self.own_folder, "spool")
        os.mkdir(spool)
        running, ports = self.scan(server.address, [fake.section(self_test="0s", concurrency=4)],
                                   {"remember": False}, folder=spool)

        def leave(number):
            with RawClient(ports.pop3s, tls=True, ca=self.ca, receive_buffer=4096) as client:
                client.login("joe", PASSWORD)
                client.send(b"DELE 1\r\nRSET\r\nRETR 1\r\nQUIT\r\n")
                for _ in range(number % 8):
                    client.socket.recv(1 + 3000 * number)
                client.abort() if number % 2 else client.close()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(leave, range(64)))
        self.wait_quiet(running)
        self.assertEqual(os.listdir(spool), [])
        self.assertTrue(self.retrieve(ports)[1] == LARGE)


class Changes(Scanning):
    """Configurations and databases change while sessions go on."""

    def test_a_reload_changes_the_chain_of_the_next_session(self):
        mail = [samples.text("clean", b"harmless\r\n"), samples.infected()["plain"]]
        server = self.dovecot({"joe": (PASSWORD, mail)})
        clamd = self.scanner(Clamd)
        running, ports = self.scan(server.address, [clamd])
        before = self.logged_in(ports)
        with open(running.config_path) as file:
            text = file.read()

        def reload(old, new, result):
            assert old in text
            with open(running.config_path, "w") as file:
                file.write(text.replace(old, new))
            name = f'gatepost_config_reloads_total{{result="{result}"}}'
            count = running.metrics()[name]
            running.reload()
            wait_until(lambda: running.metrics()[name] > count, 20, "the reload")
        reload('"chain": "scan"', '"chain": "unknown"', "failed")
        reload('"chain": "scan"', '"chain": ""', "ok")
        self.assert_notice(unstuff(before.multi("RETR 2")[1]))
        after = self.logged_in(ports)
        self.assertEqual(unstuff(after.multi("RETR 2")[1]), mail[1], "there is no chain any more")
        reload(f'"{clamd.address}"', f'"{clamd.unix_address}"', "ok")
        self.wait_effective(running, "clamd")
        self.assert_notice(self.retrieve(ports, 2)[1])
        self.assertEqual(unstuff(after.multi("RETR 2")[1]), mail[1])
        self.assert_notice(unstuff(before.multi("RETR 2")[1]))
        reload(f'"scanners": [\n        "clamd"', '"scanners": [', "ok")
        self.assertEqual(self.retrieve(ports, 2)[1], mail[1], "a chain without scanners")
        for client in (before, after):
            client.quit()
        self.wait_quiet(running)

    def test_what_a_new_database_knows_was_not_remembered_as_clean(self):
        message = samples.text("for the database", b"harmless until yesterday\r\n")
        server = self.dovecot({user: (PASSWORD, [message]) for user in ("joe", "ann")})
        clamd = self.scanner(Clamd, database_version=7)
        running, ports = self.scan(server.address, [clamd.section(self_test="1s")])
        for user in ("joe", "ann", "joe"):  # other devices, and the same
            self.assertEqual(self.retrieve(ports, user=user)[1], message)
        lines = self.message_lines(running)
        self.assertEqual([line["remembered"] for line in lines], ["false", "true", "true"])
        clamd.set_database({"Eicar-Test-Signature": samples.eicar(),
                            "Known-Today": b"harmless until yesterday"}, 8)
        clamd.reload()
        wait_until(lambda: self.retrieve(ports)[1] != message, 20, "the new database to count")
        self.assert_notice(self.retrieve(ports, user="ann")[1])
        clamd.set_database(None, 9)  # a mistake of yesterday's is mended as well
        clamd.reload()
        wait_until(lambda: self.retrieve(ports)[1] == message, 20, "the new database to count")


if __name__ == "__main__":
    unittest.main()
