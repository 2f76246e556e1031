"""Policies in front of Dovecots as people run them: Maildir, mdbox and mbox, with and without locks,
with all sorts of UIDLs, with a flag in place of deletion; and a server without UIDL."""

import os
import re
import tempfile
import threading
import unittest

from support.case import quick
from support.keeping import PASSWORD, Keeping, message, numbers, pairs
from support.process import wait_until
from support.raw_client import Truncated

POLICIES = {
    "keep": {"type": "keep", "view": "hide"},
    "week": {"type": "keep_for", "period": "7d", "view": "hide"},
    "fetch": {"type": "delete_after_retrieval"},
    "fixed": {"type": "read_only"},
}
EXPIRE = {"keep": b"EXPIRE NEVER", "week": b"EXPIRE 7", "fetch": b"EXPIRE 0",
          "fixed": b"EXPIRE NEVER"}
MAIL = [message(n) for n in range(1, 5)]
MDBOX = "mail_location = mdbox:~/mdbox"
MBOX = "mail_location = mbox:~/mbox:INBOX=~/inbox\nmbox_write_locks = fcntl"


class Servers(Keeping):
    def behind(self, settings="", policies=POLICIES, mail=None, **options):
        """Dovecot, and a gateway with a mailbox `POLICY-joe` for each policy."""
        mail = MAIL if mail is None else mail
        kept = "maildir" if "mail_location" not in settings else ""
        self.server = self.dovecot({f"{name}-joe": (PASSWORD, mail if kept else [])
                                    for name in policies}, settings=settings, **options)
        for name in policies if not kept else ():
            for one in mail:
                self.server.doveadm("save", "-u", f"{name}-joe", input=one)
        config, self.ports = self.keeping(self.server.address, policies,
                                          tempfile.mkdtemp(dir=self.own_folder))
        self.now = self.clock()
        self.running = self.gateway(config, clock=self.now)

    def there(self, user):
        """The numbers of the messages that the server has, flagged or not."""
        return numbers(self.server.doveadm("fetch", "-u", user, "hdr", "mailbox", "INBOX"))

    def direct(self, user):
        """UIDLs as the server gives them."""
        client = self.login(self.server.port, user)
        uidls = [uidl for _, uidl in pairs(client.multi("UIDL")[1])]
        client.quit()
        return uidls

    def session_ends(self):
        wait_until(lambda: self.server.sessions_under_way() == 0, 60, "Dovecot's sessions to end")

    def uidls(self, user):
        client = self.login(self.ports.plain, user)
        uidls = [uidl for uidl, _ in self.shown(client)]
        client.quit()
        return uidls

    # Settled with QUIT, and only then

    def check_keep(self, user="keep-joe"):
        before = self.direct(user)
        client = self.login(self.ports.plain, user)
        self.assertEqual([uidl for uidl, _ in self.shown(client)], before, "not the server's UIDLs")
        client.ok("DELE 1")
        client.ok("DELE 3")
        for command in ("LIST 1", "UIDL 3", "RETR 1", "TOP 3 0", "DELE 1"):
            self.assertTrue(client.command(command).startswith(b"-ERR"), command)
        self.assertEqual([n for n, _ in pairs(client.multi("UIDL")[1])], [2, 4])
        self.assertEqual([n for n, _ in pairs(client.multi("LIST")[1])], [2, 4])
        self.assertEqual(client.ok("STAT").split()[1], b"2")
        client.abort()
        self.session_ends()
        client = self.login(self.ports.plain, user)
        self.assertEqual(len(self.shown(client)), 4, "a lost connection deleted something")
        client.ok("DELE 2")
        client.ok("RSET")
        client.ok("DELE 4")
        client.quit()
        self.assertEqual(self.uidls(user), before[:3])
        self.assertEqual(self.there(user), [1, 2, 3, 4])
        self.assertEqual(self.direct(user), before)

    def check_fetch(self, user="fetch-joe"):
        before = self.direct(user)
        client = self.login(self.ports.plain, user)
        self.assertTrue(client.command("DELE 1").startswith(b"-ERR"), "never retrieved")
        client.multi("TOP 1 99")
        self.assertTrue(client.command("DELE 1").startswith(b"-ERR"), "never retrieved")
        for number in (1, 2, 3):
            self.assertEqual(numbers(client.multi(f"RETR {number}")[1]), [number])
        client.abort()
        self.session_ends()
        self.assertEqual(self.there(user), [1, 2, 3, 4], "a lost connection deleted something")
        client = self.login(self.ports.plain, user)
        for number in (1, 3):
            client.multi(f"RETR {number}")
        client.ok("DELE 3")
        client.ok("RSET")  # undoes the client's DELE, not the policy
        self.assertEqual(self.there(user), [1, 2, 3, 4], "not before QUIT")
        client.quit()
        self.session_ends()
        self.assertEqual(self.uidls(user), [before[1], before[3]])

    def check_fixed(self, user="fixed-joe"):
        client = self.login(self.ports.plain, user)
        client.multi("RETR 1")
        self.assertTrue(client.command("DELE 1").startswith(b"-ERR"))
        self.assertEqual(len(self.shown(client)), 4)
        client.quit()
        self.assertEqual(self.there(user), [1, 2, 3, 4])

    def check_week(self, user="week-joe"):
        before = self.direct(user)
        client = self.login(self.ports.plain, user)
        for number in (1, 2):
            client.multi(f"RETR {number}")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(self.uidls(user), [before[0], *before[2:]])
        self.assertEqual(self.there(user), [1, 2, 3, 4])
        self.now.advance(7.5)
        client = self.login(self.ports.plain, user)
        self.assertEqual(len(self.shown(client)), 3)
        client.abort()
        self.session_ends()
        self.assertEqual(self.there(user), [1, 2, 3, 4])
        self.assertEqual(self.uidls(user), [before[0], *before[2:]])  # and QUIT
        self.session_ends()
        self.assertEqual(self.direct(user), before[2:])  # which nobody has fetched

    def check_capa(self):
        for name, expire in EXPIRE.items():
            client = self.login(self.ports.plain, f"{name}-joe")
            self.assertIn(expire, client.multi("CAPA")[1].split(b"\r\n"))
            client.close()

    def check_all(self, flagged=False):
        self.check_capa()
        self.check_keep()
        self.check_fetch()
        if not flagged:
            self.assertEqual(self.there("fetch-joe"), [2, 4])
        self.check_fixed()
        self.check_week()
        if not flagged:
            self.assertEqual(self.there("week-joe"), [3, 4])

    @quick
    def test_maildir(self):
        self.behind()
        self.check_all()

    def test_mdbox(self):
        self.behind(MDBOX)
        self.check_all()

    def test_mbox(self):
        self.behind(MBOX)
        self.check_all()

    def test_locked_sessions(self):
        self.behind("pop3_lock_session = yes")
        self.check_all()

    def test_all_sorts_of_uidls(self):
        for form, settings in (("%v.%u", ""), ("%g", ""), ("%f", ""), ("%08Xu%08Xv", MDBOX),
                               ("%g", MDBOX), ("%Mf", "")):
            with self.subTest(form=form, settings=settings):
                self.behind(f"pop3_uidl_format = {form}\n{settings}",
                            {name: POLICIES[name] for name in ("keep", "fetch")})
                self.assertEqual(len(set(self.direct("keep-joe"))), 4)
                self.check_keep()
                self.check_fetch()

    def test_a_flag_in_place_of_deletion(self):
        for settings in ("", MDBOX):
            with self.subTest(settings=settings):
                self.behind(f"pop3_deleted_flag = \"$POP3Deleted\"\n{settings}")
                self.check_all(flagged=True)
                for user, gone in (("fetch-joe", [1, 3]), ("week-joe", [1, 2])):
                    # Dovecot shows them no more by POP3, and has them.
                    self.assertEqual(self.there(user), [1, 2, 3, 4])
                    flagged = self.server.doveadm("search", "-u", user, "mailbox", "INBOX",
                                                  "KEYWORD", "$POP3Deleted")
                    self.assertEqual(len(flagged.splitlines()), len(gone))

    # Messages that cannot be told apart

    def check_alike(self, alike):
        """The messages with these numbers have the UIDL of another."""
        before = self.direct("keep-joe")
        self.assertEqual([at for at, uidl in enumerate(before, 1) if before.count(uidl) > 1], alike)
        for name in ("keep", "week", "fetch"):
            user = f"{name}-joe"
            client = self.login(self.ports.plain, user)
            self.assertEqual(len(client.fetch_all()), 4)
            for number in (1, 2, 3, 4):
                self.assertEqual(client.command(f"DELE {number}").startswith(b"+OK"),
                                 number not in alike)
            client.quit()
            self.now.advance(8)
            self.assertEqual(len(self.uidls(user)), len(alike))
            self.session_ends()
            self.assertEqual(self.there(user), [1, 2, 3, 4] if name == "keep" else alike)

    def test_what_has_the_uidl_of_another_is_never_hidden_or_removed(self):
        self.behind("pop3_uidl_format = %v", {name: POLICIES[name]
                                              for name in ("keep", "week", "fetch")})
        self.check_alike([1, 2, 3, 4])

    def test_two_messages_of_four_with_one_uidl(self):
        self.behind("", {name: POLICIES[name] for name in ("keep", "week", "fetch")})
        for name in ("keep", "week", "fetch"):  # as a migration may leave it behind
            user = f"{name}-joe"
            self.direct(user)
            path = os.path.join(self.server.folder, "home", user, "Maildir", "dovecot-uidlist")
            with open(path) as file:
                text = file.read()
            changed = re.sub(r"(?m)^([23]) ", r"\1 Psame ", text)
            self.assertNotEqual(changed, text)
            with open(path, "w") as file:  # in place: it stays its owner's
                file.write(changed)
        self.check_alike([2, 3])

    # Two sessions at once

    def test_a_second_session_is_refused_where_the_server_locks(self):
        self.behind("pop3_lock_session = yes", {"keep": POLICIES["keep"]})
        first = self.login(self.ports.plain, "keep-joe")
        first.ok("DELE 1")
        second = self.client(self.ports.plain)
        self.assertRegex(second.login("keep-joe", PASSWORD), rb"^-ERR \[IN-USE\]")
        second.close()
        first.quit()
        self.session_ends()
        self.assertEqual(len(self.uidls("keep-joe")), 3)

    def test_two_sessions_at_once(self):
        self.behind("", {name: POLICIES[name] for name in ("keep", "fetch")})
        one, two = (self.login(self.ports.plain, "keep-joe") for _ in range(2))
        one.ok("DELE 1")
        one.ok("DELE 2")
        two.ok("DELE 2")
        two.ok("DELE 3")
        one.quit()
        # Numbers are fixed, and what another session deleted is still there to be fetched.
        self.assertEqual(numbers(two.multi("RETR 1")[1]), [1])
        self.assertEqual([n for n, _ in pairs(two.multi("LIST")[1])], [1, 4])
        two.quit()
        self.assertEqual(len(self.uidls("keep-joe")), 1)
        self.assertEqual(self.there("keep-joe"), [1, 2, 3, 4])

        one, two = (self.login(self.ports.plain, "fetch-joe") for _ in range(2))
        for client in (one, two):
            client.multi("RETR 1")
            client.ok("DELE 1")
        two.multi("RETR 2")
        one.quit()
        self.session_ends_but(1)
        reply = two.command("QUIT")
        self.session_ends()
        self.assertEqual(self.there("fetch-joe"), [3, 4], reply)

    def session_ends_but(self, left):
        wait_until(lambda: self.server.sessions_under_way() <= left, 60, "Dovecot's session to end")

    def test_many_sessions_at_once(self):
        mail = [message(n) for n in range(1, 17)]
        self.behind("mail_max_userip_connections = 0",
                    {name: POLICIES[name] for name in ("keep", "fetch")}, mail)
        told, wrong = {}, []

        def delete(user, number):
            try:
                client = self.login(self.ports.plain, user)
                client.multi(f"RETR {number}")
                client.ok(f"DELE {number}")
                together.wait(60)
                told[user, number] = client.command("QUIT").startswith(b"+OK")
            except (AssertionError, OSError, Truncated, threading.BrokenBarrierError) as error:
                wrong.append(error)
        for user in ("keep-joe", "fetch-joe"):
            together = threading.Barrier(8)
            threads = [threading.Thread(target=delete, args=(user, number))
                       for number in range(1, 16, 2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(120)
            self.assertEqual(wrong, [])
            self.session_ends()
        even = list(range(2, 17, 2))
        for user, there in (("keep-joe", list(range(1, 17))), ("fetch-joe", even)):
            gone = [number for (name, number), ok in told.items() if name == user and ok]
            seen = self.seen(self.ports.plain, user)
            self.assertFalse(set(gone) & set(seen), "what was acknowledged is shown again")
            self.assertFalse(set(even) - set(seen), "what nobody deleted is not shown")
            if len(gone) == 8:
                self.assertEqual(self.there(user), there)

    # A server without UIDL

    def test_without_uidl_a_login_is_refused_unless_headers_will_do(self):
        server = self.fake(MAIL, {"UIDL": b"-ERR what?\r\n"}, capabilities=[b"USER", b"TOP"])
        config, ports = self.keeping(server.address, {
            "keep": POLICIES["keep"], "hash": {**POLICIES["keep"], "header_hash": True},
            "fixed": POLICIES["fixed"], "client": {"type": "client"}}, self.own_folder)
        del config["routes"][-1]["retention"]
        config["retention"]["policies"].pop()
        self.gateway(config)
        refused = self.client(ports.plain)
        self.assertRegex(refused.login("keep-joe", PASSWORD), rb"^-ERR .*UIDL")
        refused.close()
        self.assertNotIn("DELE", server.last().verbs)
        free = self.login(ports.plain, "client-joe")
        free.ok("DELE 1")
        free.quit()

        client = self.login(ports.plain, "hash-joe")
        shown = self.shown(client)
        self.assertEqual(len({uidl for uidl, _ in shown}), 4)
        client.ok("DELE 2")
        client.quit()
        server.messages.insert(0, message(9))  # numbers change, names do not
        client = self.login(ports.plain, "hash-joe")
        after = self.shown(client)
        self.assertEqual(after[1:], [shown[0], *shown[2:]])
        self.assertEqual(numbers(client.multi("RETR 1")[1]), [9])
        client.quit()
        self.assertNotIn("DELE", server.last().verbs)


if __name__ == "__main__":
    unittest.main()
