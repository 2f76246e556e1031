"""Commands after login: answered as the server answers them directly, in turn."""

import time

from support import corpus
from support.case import Scenario, quick
from support.fake_upstream import SILENT
from support.process import wait_until

PASSWORD = "s3cret"


class Commands(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        names = ("same", "delete", "cut", "reset", "drop", "joe")
        cls.server = cls.shared_dovecot({name: (PASSWORD, corpus.few()) for name in names})
        config, cls.ports = cls.config(cls.server.address)
        cls.shared_gateway(config)

    def logged_in(self, user="joe", direct=False):
        client = (self.client(self.server.port) if direct
                  else self.client(self.ports.pop3s, tls=True))
        self.assertTrue(client.login(user, PASSWORD).startswith(b"+OK"))
        return client

    @quick
    def test_every_transaction_command_is_answered_as_directly(self):
        single = ("STAT", "LIST 1", "LIST 99", "UIDL 2", "UIDL 99", "NOOP", "RETR 99", "DELE 99",
                  "TOP 99 1", "DELE 1", "DELE 1", "RETR 1", "LIST 1", "STAT", "RSET", "STAT",
                  "noop", "sTaT")
        multi = ("LIST", "UIDL", "RETR 1", "retr 2", "TOP 1 0", "TOP 1 3", "TOP 2 999999")
        replies = []
        for direct in (True, False):
            client = self.logged_in("same", direct)
            replies.append([client.command(line) for line in single]
                           + [client.multi(line) for line in multi])
            client.command("DELE 2")
            replies[-1] += [client.multi("LIST"), client.multi("UIDL"), client.command("RSET")]
            client.ok("QUIT")
        for line, direct, through in zip(single + multi + ("LIST",) * 3, *replies):
            self.assertEqual(through, direct, line)

    @quick
    def test_what_is_unknown_is_refused_and_the_session_stays_in_step(self):
        client = self.logged_in()
        for line in ("XYZZY", "LAST", "LANG", "UTF8", "XTND XMIT", "CLIENT x", "", " ", "RETR",
                     "RETR x", "RETR 1 2", "RETR -1", "RETR 99999999999999999999", "TOP 1",
                     "TOP 1 x", "DELE", "LIST x", "STAT 1", "QUIT now", "USER joe", "PASS x",
                     "AUTH PLAIN", "STLS", "\xff\xfe", "NOOP\tx", "RETR 1\0"):
            reply = client.command(line.encode("latin-1"))
            self.assertTrue(reply.startswith(b"-ERR"), (line, reply))
            if reply and line in ("RETR -1", "TOP 1 x"):
                self.assertTrue(client.ok("STAT").startswith(b"+OK 3 "))
            client.ok("NOOP")
        self.assertTrue(client.ok("STAT").startswith(b"+OK 3 "))

    @quick
    def test_pipelined_commands_are_answered_in_turn(self):
        direct = self.logged_in(direct=True)
        client = self.logged_in()
        lines = (b"STAT\r\nXYZZY\r\nRETR 1\r\nNOOP\r\nCAPA\r\nLIST 2\r\nFOO\r\nBAR\r\nTOP 3 1\r\n"
                 b"UIDL\r\nSTAT\r\nQUIT\r\n")
        client.send(lines)
        self.assertEqual(client.line(), direct.command("STAT"))
        self.assertTrue(client.line().startswith(b"-ERR"))
        self.assertEqual((client.line(), client.body()), direct.multi("RETR 1"))
        self.assertEqual(client.line(), direct.command("NOOP"))
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertIn(b"PIPELINING\r\n", client.body())
        self.assertEqual(client.line(), direct.command("LIST 2"))
        self.assertTrue(client.line().startswith(b"-ERR"))
        self.assertTrue(client.line().startswith(b"-ERR"))
        self.assertEqual((client.line(), client.body()), direct.multi("TOP 3 1"))
        self.assertEqual((client.line(), client.body()), direct.multi("UIDL"))
        self.assertEqual(client.line(), direct.command("STAT"))
        self.assertEqual(client.line(), direct.command("QUIT"))
        self.assertEqual(client.at_end(), b"")

    def test_the_whole_session_may_come_in_one_write(self):
        client = self.client(self.ports.pop3s, tls=True)
        client.send(b"CAPA\r\nUSER joe\r\nPASS s3cret\r\nSTAT\r\nRETR 1\r\nQUIT\r\n")
        self.assertTrue(client.line().startswith(b"+OK"))
        client.body()
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertTrue(client.line().startswith(b"+OK 3 "))
        self.assertTrue(client.line().startswith(b"+OK"))
        client.body()
        self.assertTrue(client.line().startswith(b"+OK"))

    def test_commands_may_come_octet_by_octet(self):
        client = self.logged_in()
        for octet in b"NOOP\r\nSTAT\r\n":
            client.send(bytes([octet]))
        self.assertTrue(client.line().startswith(b"+OK"))
        self.assertTrue(client.line().startswith(b"+OK 3 "))

    @quick
    def test_dele_then_quit_deletes(self):
        client = self.logged_in("delete")
        client.ok("DELE 2")
        client.ok("QUIT")
        self.assertEqual(len(self.server.message_files("delete")), 2)
        self.assertEqual(self.logged_in("delete").ok("STAT").split()[1], b"2")

    @quick
    def test_dele_then_a_cut_connection_deletes_nothing(self):
        for cut in ("abort", "close"):
            client = self.logged_in("cut")
            client.ok("DELE 1")
            getattr(client, cut)()
            wait_until(lambda: self.server.log().count("(cut)") and self.all_left("cut"),
                       what="Dovecot to see the end")
            self.assertEqual(len(self.server.message_files("cut")), 3)
        self.assertEqual(self.logged_in("cut").ok("STAT").split()[1], b"3")

    def all_left(self, user):
        log = self.server.log()
        return log.count(f"user=<{user}>") <= log.count(f"pop3({user})")

    def test_dele_then_quit_in_a_cut_connection_does_not_hang_the_server(self):
        """QUIT sent, then the connection cut: either outcome is right, a hang is not."""
        client = self.logged_in("drop")
        client.send(b"DELE 1\r\nQUIT\r\n")
        client.close()
        wait_until(lambda: self.all_left("drop"), what="Dovecot to see the end")
        self.assertIn(len(self.server.message_files("drop")), (2, 3))

    def test_rset_takes_deletions_back(self):
        client = self.logged_in("reset")
        client.ok("DELE 1")
        client.ok("DELE 2")
        client.ok("RSET")
        client.ok("QUIT")
        self.assertEqual(len(self.server.message_files("reset")), 3)

    def test_quit_before_login_is_answered(self):
        client = self.client(self.ports.pop3s, tls=True)
        self.assertTrue(client.command("QUIT").startswith(b"+OK"))
        self.assertEqual(client.at_end(), b"")


class Framing(Scenario):
    """Where a command ends is decided once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()

    def logged_in(self, **script):
        server = self.fake(corpus.few(), script)
        _, ports = self.serve(server.unwatched)
        client = self.client(ports.plain)
        self.assertTrue(client.login("joe", PASSWORD).startswith(b"+OK"))
        return server, client

    def test_a_bare_line_feed_carriage_return_or_nul_hides_no_command(self):
        server, client = self.logged_in()
        for line in (b"NOOP\rDELE 1", b"NOOP\0DELE 1", b"TOP 1 0\rDELE 1"):
            client.send(line + b"\r\nNOOP\r\n")
            self.assertTrue(client.line().startswith(b"-ERR"), line)
            self.assertTrue(client.line().startswith(b"+OK"), line)
        # After a bare LF nothing more is interpreted.
        client.send(b"RETR 1\nDELE 1\r\nNOOP\r\n")
        self.assertTrue(client.line().startswith(b"-ERR"))
        self.assertEqual(client.at_end(), b"")
        self.assertFalse([line for line in server.all_commands() if b"DELE" in line])

    def test_a_command_line_without_end_is_cut_off(self):
        server, client = self.logged_in()
        client.send(b"NOOP " + b"x" * 5000 + b"\r\n")
        reply = client.line()
        self.assertTrue(reply.startswith(b"-ERR"), reply)
        self.assertFalse([line for line in server.all_commands() if b"x" in line])
        self.assertIn("+OK", (client.command("NOOP") or b"").decode())

    def test_an_endless_line_takes_no_memory(self):
        _, ports = self.serve(self.fake().address)
        client = self.client(ports.plain)
        try:
            for _ in range(200):
                client.send(b"x" * 65536)
        except OSError:
            return  # hung up: right too
        client.send(b"\r\n")
        self.assertTrue(client.line().startswith(b"-ERR"))

    def test_an_upstream_without_pipelining_gets_one_command_at_a_time(self):
        def slowly(connection, line):
            time.sleep(0.1)
            return b"+OK\r\n"
        server = self.fake(corpus.few(), {"NOOP": slowly}, capabilities=[b"USER", b"TOP", b"UIDL"])
        _, ports = self.serve(server.unwatched)
        client = self.client(ports.plain)
        client.login("joe", PASSWORD)
        client.send(b"NOOP\r\n" * 5 + b"STAT\r\n")
        for _ in range(5):
            self.assertTrue(client.line().startswith(b"+OK"))
        self.assertTrue(client.line().startswith(b"+OK 3"))
        self.assertEqual(server.last().most_waiting, 1)

    def test_an_upstream_with_pipelining_gets_them_at_once(self):
        def slowly(connection, line):
            time.sleep(0.2)
            return b"+OK\r\n"
        server, client = self.logged_in(NOOP=slowly)
        client.send(b"NOOP\r\n" * 40 + b"STAT\r\n")
        self.assertTrue(client.line().startswith(b"+OK"))
        for _ in range(39):
            self.assertTrue(client.line().startswith(b"+OK"))
        self.assertTrue(client.line().startswith(b"+OK 3"))
        self.assertGreater(server.last().most_waiting, 1)
        self.assertLessEqual(server.last().most_waiting, 17)

    def test_the_reply_to_quit_is_the_servers(self):
        _, client = self.logged_in(QUIT=b"-ERR [SYS/TEMP] some messages were not deleted\r\n")
        self.assertEqual(client.command("QUIT"),
                         b"-ERR [SYS/TEMP] some messages were not deleted")

    def test_a_client_that_says_nothing_before_login_is_sent_away(self):
        _, ports = self.serve(self.fake().address, timeouts={"login": "1s"})
        client = self.client(ports.plain)
        started = time.monotonic()
        self.assertNotIn(b"+OK", client.at_end())
        self.assertLess(time.monotonic() - started, 60)

    def test_a_server_silent_after_login_is_given_up(self):
        server = self.fake(corpus.few(), {"NOOP": SILENT})
        _, ports = self.serve(server.unwatched, timeouts={"upstream_reply": "1s"})
        client = self.client(ports.plain)
        client.login("joe", PASSWORD)
        client.send(b"NOOP\r\n")
        self.assertNotIn(b"+OK", client.at_end())
        server.last().done.wait(30)
        self.assertNotIn("QUIT", server.last().verbs)
