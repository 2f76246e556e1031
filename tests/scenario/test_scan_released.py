"""What an administrator releases out of quarantine comes to its user, under a name of its own; and
sizes that are true of what a chain gives."""

import os
import poplib
import ssl
import unittest

from support import clients, samples
from support.clamd import Clamd
from support.scanning import PASSWORD, Scanning

INFECTED = samples.infected()["forwarded"]
CLEAN = samples.text("clean", b"Hello.\r\n")


class Keeping:
    """A mail program that leaves mail on the server, and fetches each UIDL once."""

    def __init__(self, port, ca):
        self.port, self.ca = port, ca
        self.seen = {}

    def session(self):
        context = ssl.create_default_context(cafile=self.ca)
        box = poplib.POP3_SSL("localhost", self.port, timeout=60, context=context)
        box.user("joe")
        box.pass_(PASSWORD)
        return box

    def fetch(self):
        """{UIDL: message} of what is new."""
        box = self.session()
        count, octets = box.stat()
        listed = [int(line.split()[1]) for line in box.list()[1]]
        assert (len(listed), sum(listed)) == (count, octets), (count, octets, listed)
        new = {}
        for line in box.uidl()[1]:
            number, name = line.decode().split()
            if name not in self.seen:
                new[name] = b"\r\n".join(box.retr(int(number))[1]) + b"\r\n"
        box.quit()
        self.seen |= new
        return new


class Released(Scanning):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clamd = cls.shared_scanner(Clamd)

    def setUp(self):
        super().setUp()
        self.server = self.dovecot({"joe": (PASSWORD, [INFECTED, CLEAN])})
        self.kept = self.quarantine_folder()
        self.running, self.ports = self.scan(self.server.address, [self.clamd],
                                             {"sizes": "exact"},
                                             quarantine={"folder": self.kept})

    def test_a_client_that_keeps_its_mail_gets_it_once_more_unchanged(self):
        keeping = Keeping(self.ports.pop3s, self.ca)
        first = keeping.fetch()
        self.assertEqual(len(first), 2)
        notice, clean = first.values()
        self.assert_notice(notice, of=INFECTED)
        self.assertEqual(clean, CLEAN)
        self.assertEqual(keeping.fetch(), {})
        number = self.quarantine(self.running, "list", "--json")[0]["number"]
        self.quarantine(self.running, "release", str(number))
        self.assertEqual(keeping.fetch(), {f"gatepost-quarantine-{number}": INFECTED})
        self.assertEqual(keeping.fetch(), {})

        box = keeping.session()
        self.assertEqual(box.uidl(3).split()[2], f"gatepost-quarantine-{number}".encode())
        box.dele(3)
        box.quit()
        self.assertEqual(self.quarantine(self.running, "list", "--json")[0]["state"], "delivered")
        box = keeping.session()
        self.assertEqual(box.stat()[0], 2)
        box.quit()
        self.assertEqual(len(self.server.message_files("joe")), 2)

    def test_curl_gets_it(self):
        self.retrieve(self.ports, 1)
        self.quarantine(self.running, "release", "1")
        got = clients.curl(self.own_folder, clients.POP3S, self.ports.pop3s, self.ca, "joe",
                           PASSWORD, 3)
        self.assertEqual(got[-1], INFECTED)

    def test_a_file_that_is_gone_is_refused_and_stays(self):
        self.retrieve(self.ports, 1)
        self.quarantine(self.running, "release", "1")
        os.unlink(os.path.join(self.kept, "1.eml.zst"))
        client = self.logged_in(self.ports)
        self.assert_refused(*client.multi("RETR 3"))
        self.assertIn(b"Hello.", client.multi("RETR 2")[1])
        client.quit()

    def test_sizes_are_true_once_messages_were_fetched(self):
        keeping = Keeping(self.ports.pop3s, self.ca)
        box = keeping.session()
        self.assertEqual(box.stat(), (2, len(INFECTED) + len(CLEAN)))
        box.quit()
        notice, clean = keeping.fetch().values()
        box = keeping.session()
        self.assertEqual(box.stat(), (2, len(notice) + len(clean)))
        self.assertEqual(box.list()[1], [b"1 %d" % len(notice), b"2 %d" % len(clean)])
        self.assertEqual(box.list(1), b"+OK 1 %d" % len(notice))
        box.quit()


if __name__ == "__main__":
    unittest.main()
