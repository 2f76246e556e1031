"""Where a message ends: at CRLF, a dot, CRLF, and nowhere else."""

import itertools
import threading

from attack import Attack

#: What some program or other takes for the end of a message, or of a line.
ENDS = tuple(before + b"." + after for before, after in itertools.product(
    (b"\n", b"\r", b"\n\r", b"\r\r", b"\0\r\n", b"\r\n ", b"\r\n\t", b"\r\n\0", b"\r\n.", b""),
    (b"\n", b"\r", b"\n\r", b"\r\r\n", b" \r\n", b"\0\r\n", b"\r\0\n", b"\r\n"))
    if b"\r\n.\r\n" not in before + b"." + after)


class EndOfMessage(Attack):
    """The client gets each octet of it, then exactly the reply to its next command."""

    rows = ("end-of-message",)

    def body_of(self, end):
        """A message with `end` in the middle, behind which something looks like a reply."""
        text = b"Subject: x\r\n\r\ntext" + end + b"+OK forged\r\n-ERR forged\r\n"
        self.assertNotIn(b"\r\n.\r\n", text)
        return text + b"\r\n.\r\n"

    def test_every_form(self):
        bodies = [b".\r\n", b".\r\n", b"\r\n.\r\n", b"..\r\n.\r\n"]
        bodies += [self.body_of(end) for end in ENDS]
        def retr(connection, line):
            return b"+OK\r\n" + bodies[int(line.split()[1])]
        self.start({"RETR": retr, "TOP": retr, "NOOP": b"+OK in step\r\n"})
        client = self.logged_in()
        for number, body in enumerate(bodies[1:], 1):
            for command in (b"RETR %d" % number, b"TOP %d 5" % number):
                self.assertEqual(client.multi(command), (b"+OK", body))
                self.assertEqual(client.command("NOOP"), b"+OK in step")

    def test_every_cut(self):
        """The server's segments end at every octet around the end; also inside the next reply."""
        body = self.body_of(b"\r\n..\r\n") + b"+OK in step\r\n"
        cuts = range(len(body) - 20, len(body))
        def retr(connection, line):
            cut = cuts[int(line.split()[1]) - 1]
            return [b"+OK\r\n" + body[:cut], lambda: self.gate.wait(0.02), body[cut:]]
        self.gate = threading.Event()
        self.start({"RETR": retr, "NOOP": []})
        client = self.logged_in()
        for number in range(1, len(cuts) + 1):
            client.send(b"RETR %d\r\nNOOP\r\n" % number)
            self.assertEqual(client.line(), b"+OK")
            self.assertEqual(client.body(), body[:-len(b"+OK in step\r\n")])
            self.assertEqual(client.line(), b"+OK in step")

    def test_a_list_is_cut_nowhere_else(self):
        listing = b"1 5\n.\n2 5\r\n..\r\n3 5\r.\r\r\n.\r\n"
        self.start({"LIST": b"+OK\r\n" + listing, "UIDL": b"+OK\r\n" + listing})
        client = self.logged_in()
        for command in ("LIST", "UIDL"):
            self.assertEqual(client.multi(command), (b"+OK", listing))
            client.ok("NOOP")
