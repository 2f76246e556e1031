"""TOP shows nothing that was not looked at, however it is asked; nor does RETR, whatever an upstream
makes of numbers and UIDLs."""

import unittest

from support import samples
from support.case import quick
from support.clamd import Clamd
from support.fake_scanner import Behaviour
from support.raw_client import stuff, unstuff
from support.scanning import PASSWORD, Scanning

BODY = [b"line %d of the body, which nobody may see before it was scanned" % n for n in range(12)]
CLEAN = samples.text("clean", b"".join(line + b"\r\n" for line in BODY) + b".dot\r\n..\r\n.\r\n")
INFECTED = samples.infected()["7bit"].replace(
    samples.eicar(), b"\r\n".join([samples.eicar(), *BODY]))


def cut(message, lines):
    """What TOP shows of it."""
    head, blank, body = message.partition(b"\r\n\r\n")
    return head + blank + b"".join(line + b"\r\n" for line in body.split(b"\r\n")[:-1][:lines])


class Top(Scanning):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({"joe": (PASSWORD, [CLEAN, INFECTED]), "ann": (
            PASSWORD, [samples.long("long", 400000), samples.infected()["zip"]])})
        cls.clamd = cls.shared_scanner(Clamd)
        config, cls.ports = cls.chained(cls.server.address, [cls.clamd])
        lines = {"name": "lines", "scanners": ["clamd"], "top_lines": 5}
        config["chains"].append(lines)
        config["listeners"][2]["chain"] = "lines"
        cls.running = cls.shared_gateway(config)

    @quick
    def test_of_a_clean_message_it_is_as_always(self):
        client = self.logged_in(self.ports)
        for lines in (0, 1, 2, 11, 12, 13, 14, 15, 16, 100, 999999, 4294967295):
            with self.subTest(lines):
                status, body = client.multi(f"TOP 1 {lines}")
                self.assertTrue(status.startswith(b"+OK"), status)
                self.assertEqual(unstuff(body), cut(CLEAN, lines))
        client.quit()

    def test_slices_of_an_infected_one_never_add_up_to_it(self):
        seen = b""
        client = self.logged_in(self.ports)
        for lines in (*range(1, 30), 999, 999999):
            status, body = client.multi(f"TOP 2 {lines}")
            self.assertTrue(status.startswith(b"+OK"), status)
            self.assertIn(b"X-Gatepost-Notice: infected", body)
            seen += body
        for lines in range(30, 0, -1):  # pipelined and backwards
            client.send(b"TOP 2 %d\r\n" % lines)
        for _ in range(30):
            client.line()
            seen += client.body()
        for line in (samples.eicar(), *BODY):
            self.assertNotIn(line, seen)
        status, body = client.multi("TOP 2 0")  # of the header everybody may know
        self.assertEqual(unstuff(body), cut(INFECTED, 0))
        client.quit()

    def test_a_long_message_is_cut_after_it_was_scanned_whole(self):
        client = self.logged_in(self.ports, "ann")
        self.assertEqual(unstuff(client.multi("TOP 1 3")[1]), cut(samples.long("long", 400000), 3))
        notice = unstuff(client.multi("RETR 2")[1])
        self.assertEqual(unstuff(client.multi("TOP 2 2")[1]), cut(notice, 2))
        client.quit()

    def test_so_many_lines_may_be_shown_unscanned_as_configured(self):
        client = self.client(self.ports.plain)
        client.login("joe", PASSWORD)
        status, body = client.multi("TOP 2 5")
        self.assertEqual(unstuff(body), cut(INFECTED, 5))
        status, body = client.multi("TOP 2 6")
        self.assertIn(b"X-Gatepost-Notice: infected", body)
        client.quit()


class OddUpstreams(Scanning):
    """Servers that answer otherwise than they should."""

    def start(self, script, messages=(INFECTED,), chain=None):
        self.server = self.fake(list(messages), script)
        self.scanner_ = self.fake_scanner()
        return self.scan(self.server.address, [self.scanner_.section(self_test="0s")], chain)

    def test_a_server_that_sends_more_than_top_asked_for(self):
        whole = b"+OK\r\n" + stuff(INFECTED)
        _, ports = self.start({"TOP": whole}, chain={"top_lines": 2})
        client = self.logged_in(ports)
        for lines in (0, 1, 2):
            status, body = client.multi(f"TOP 1 {lines}")
            if status.startswith(b"+OK"):
                self.assertEqual(unstuff(body), cut(INFECTED, lines))
        client.ok("NOOP")

    def test_a_text_without_a_body_is_no_header(self):
        """TOP with 0 lines of what has no blank line would be all of it."""
        message = samples.header("no blank line") + b"".join(line + b"\r\n" for line in BODY) \
            + samples.eicar() + b"\r\n"
        _, ports = self.start({}, [message, b"\r\n" + samples.eicar() + b"\r\n"])
        client = self.logged_in(ports)
        for number in (1, 2):
            for lines in (0, 1, 3, 100):
                _, body = client.multi(f"TOP {number} {lines}")
                self.assertNotIn(samples.eicar(), body, (number, lines))
        client.quit()

    def test_the_same_uidl_with_new_content(self):
        turns = iter([CLEAN, INFECTED, CLEAN, INFECTED])
        _, ports = self.start({"RETR": lambda connection, line: b"+OK\r\n" + stuff(next(turns)),
                               "UIDL": b"+OK\r\n1 always-the-same\r\n.\r\n"})
        for infected in (False, True, False, True):
            client = self.logged_in(ports)
            client.multi("UIDL")
            message = unstuff(client.multi("RETR 1")[1])
            client.quit()
            if infected:
                self.assert_notice(message, of=INFECTED)
            else:
                self.assertEqual(message, CLEAN)

    def test_the_same_content_under_another_name_is_judged_alike(self):
        copy = CLEAN.replace(b"line 1 ", b"LINE 1 ")  # the same Message-ID, not the same message
        _, ports = self.start({}, [CLEAN, copy, CLEAN])
        client = self.logged_in(ports)
        for message in (CLEAN, copy, CLEAN):
            number = (CLEAN, copy).index(message) + 1
            self.assertEqual(unstuff(client.multi(f"RETR {number}")[1]), message)
        client.quit()
        self.assertEqual(self.scanner_.messages, [CLEAN, copy])

    def test_leaving_in_the_middle_and_coming_back_shows_nothing_more(self):
        _, ports = self.start({})
        self.scanner_.behaviour = Behaviour(wait=0.6)
        seen = b""
        for wait in (0.0, 0.1, 0.3):
            for command in (b"RETR 1\r\n", b"TOP 1 5\r\n", b"TOP 1 5\r\nRETR 1\r\n"):
                client = self.logged_in(ports)
                client.send(command)
                client.silent_for(wait)
                seen += bytes(client.buffer)
                client.abort()
        self.scanner_.behaviour = None
        client = self.logged_in(ports)
        for command in ("TOP 1 5", "RETR 1"):
            seen += client.multi(command)[1]
        client.quit()
        for line in (samples.eicar(), *BODY):
            self.assertNotIn(line, seen)


if __name__ == "__main__":
    unittest.main()
