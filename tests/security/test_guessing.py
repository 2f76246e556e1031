"""Guessing: of passwords, and of who exists."""

import base64

from attack import Attack
from support import corpus
from support.process import wait_until


class Enumeration(Attack):
    """Nobody learns from us who has a mailbox: a real server stands behind."""

    rows = ("guessing",)

    def test_same_text_for_unknown_user_and_wrong_password(self):
        server = self.dovecot({"joe": (self.password, corpus.few())})
        running, ports = self.serve(server.address, limits={"free_failed_logins": 1000,
                                                            "login_attempts": 100})
        names = ("joe", "nobody", "joe@example.org", "j" * 400)
        replies = {}
        for name in names:
            client = self.client(ports.plain)
            self.assertEqual(client.command(f"USER {name}"), b"+OK Send PASS")
            replies[name, "USER"] = client.command("PASS wrong")
            plain = base64.b64encode(f"\0{name}\0wrong".encode()).decode()
            replies[name, "PLAIN"] = client.command(f"AUTH PLAIN {plain}")
            client.send(b"AUTH LOGIN\r\n" + base64.b64encode(name.encode()) + b"\r\n"
                        + base64.b64encode(b"wrong") + b"\r\n")
            client.line(), client.line()
            replies[name, "LOGIN"] = client.line()
        self.assertEqual(set(replies.values()), {replies["joe", "USER"]}, replies)
        self.assertTrue(replies["joe", "USER"].startswith(b"-ERR [AUTH] "), replies)

    def test_the_server_is_not_asked_before_the_password_is_there(self):
        self.start()
        client = self.client(self.ports.plain)
        for name in ("joe", "ann", "nobody"):
            client.ok(f"USER {name}")
        client.send(b"AUTH LOGIN\r\nam9l\r\n")
        client.line(), client.line()
        self.assertEqual(self.server.all_commands(), [])


class Guessing(Attack):
    rows = ("guessing", "try-again")

    def start_strict(self, **limits):
        self.start({"PASS": lambda connection, line: b"+OK\r\n" if line.endswith(b"s3cret-of-joe")
                    else b"-ERR [AUTH] no\r\n"},
                   limits={"free_failed_logins": 2, "failed_login_delay_max": "60s", **limits})

    def guesses_seen(self):
        return sum(line.startswith(b"PASS guess") for line in self.server.all_commands())

    def connect(self, address):
        return self.client(self.ports.plain, source=address)

    def test_many_connections_at_once_do_not_help(self):
        """After the free ones, all further guesses wait, however many connections they come by."""
        self.start_strict()
        for number in range(2):
            client = self.connect("127.0.11.1")
            self.assert_refused(client.login("joe", f"guess{number}"))
        clients = [self.connect("127.0.11.1") for _ in range(40)]
        for number, client in enumerate(clients):
            client.send(b"USER joe\r\nPASS guess-%d\r\n" % number)
            client.line()
        wait_until(lambda: self.guesses_seen() >= 3, what="the first of them")
        waiting = [client for client in clients if client.silent_for(0.02)]
        self.assertGreaterEqual(len(waiting), 30)
        self.assertLessEqual(self.guesses_seen(), 12)
        self.assertTrue(self.connect("127.0.12.1").login("ann", self.password).startswith(b"+OK"))

    def test_who_leaves_while_waiting_has_not_guessed(self):
        self.start_strict()
        for number in range(6):
            client = self.connect(f"127.0.13.{number + 1}")
            client.ok("USER joe")
            client.send(f"PASS guess{number}\r\n".encode())
            self.assertTrue(number > 2 or client.line().startswith(b"-ERR"))
            if number > 2:
                self.assertTrue(client.silent_for(0.2))
                client.abort()
        self.assertLessEqual(self.guesses_seen(), 4)

    def test_attempts_are_counted_whatever_the_way(self):
        self.start_strict(login_attempts=3, free_failed_logins=1000)
        plain = base64.b64encode(b"\0joe\0guess").decode()
        client = self.client(self.ports.plain)
        self.assert_refused(client.login("joe", "guess"))
        self.assert_refused(client.command(f"AUTH PLAIN {plain}"))
        client.send(b"AUTH LOGIN\r\nam9l\r\nZ3Vlc3M=\r\nUSER joe\r\nPASS guess-more\r\n")
        client.line(), client.line()
        self.assert_refused(client.line())
        self.assertEqual(client.at_end(), b"")
        self.assert_upstream_never_saw(b"guess-more")

    def test_attempts_go_on_counting_over_stls(self):
        self.start_strict(login_attempts=2, free_failed_logins=1000)
        client = self.client(self.ports.stls)
        client.stls()
        for _ in range(2):
            self.assert_refused(client.login("joe", "guess"))
        self.assertEqual(client.at_end(), b"")

    def test_an_account_in_use_is_no_guess(self):
        """[IN-USE] and [SYS/TEMP] say nothing of the password (RFC 2449 section 8.1.2, RFC 3206)."""
        for code in (b"[IN-USE]", b"[SYS/TEMP]"):
            self.start({"PASS": b"-ERR " + code + b" later\r\n"},
                       limits={"free_failed_logins": 1, "login_attempts": 100})
            for _ in range(6):  # four of them would wait if they counted
                client = self.client(self.ports.plain)
                client.socket.settimeout(20)
                self.assertIn(b"-ERR", client.login("joe", "x"))
            self.assertEqual(self.running.metrics().get("gatepost_guarded_users", 0), 0)
