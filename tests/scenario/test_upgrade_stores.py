"""Two processes at an upgrade, the one before and the one after, on the same mailboxes: what sessions
of either decide is kept, and neither is in the other's way."""

import http.client
import threading

from support import samples
from support.clamd import Clamd
from support.keeping import PASSWORD, Keeping, message
from support.raw_client import RawClient
from support.scanning import Scanning
from support.upgrades import Upgrades

MONTH = {"month": {"type": "keep_for", "view": "hide", "period": "30d", "count_from": "deleted"}}


class Records(Keeping, Upgrades):
    def begin_keeping(self, mailboxes):
        self.server = self.dovecot(mailboxes, settings="mail_max_userip_connections = 0")
        config, self.ports = self.keeping(self.server.address, MONTH, self.own_folder)
        return self.begin(config)

    def test_both_delete_from_one_mailbox(self):
        user = "month-joe"
        self.begin_keeping({user: (PASSWORD, [message(n) for n in range(1, 6)])})
        before = self.login(self.ports.plain, user)
        self.upgrade()
        after = self.login(self.ports.plain, user)
        for client, number in ((before, 1), (after, 2), (before, 3)):
            client.multi(f"RETR {number}")
            client.ok(f"DELE {number}")
        answers = []
        enders = [threading.Thread(target=lambda one=one: answers.append(one.command("QUIT")))
                  for one in (before, after)]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
        self.assertTrue(all(answer.startswith(b"+OK") for answer in answers), answers)
        self.assertEqual(self.seen(self.ports.plain, user), [4, 5])
        self.assertEqual(self.files(self.server, user), [1, 2, 3, 4, 5])

    def test_under_load_no_deletion_is_lost(self):
        """Two clients of each account, one with the even messages and one with the odd ones, delete
        one in a session while the gateway is upgraded twice, and is ready all the time."""
        count = 16
        users = [f"month-{name}" for name in ("ann", "bob", "cid")]
        self.begin_keeping({user: (PASSWORD, [message(n) for n in range(1, count + 1)])
                            for user in users})
        problems = []

        def delete_all(user, parity):
            try:
                for _ in range(count // 2):
                    with RawClient(self.ports.plain, seconds=60) as client:
                        assert client.login(user, PASSWORD).startswith(b"+OK")
                        for place in range(1, int(client.ok("STAT").split()[1]) + 1):
                            subject = client.multi(f"TOP {place} 0")[1]
                            if int(subject.split(b"message ")[1].split()[0]) % 2 == parity:
                                break
                        client.multi(f"RETR {place}")
                        client.ok(f"DELE {place}")
                        client.ok("QUIT")
            except Exception as error:
                problems.append((user, parity, repr(error)))

        over = threading.Event()

        def watch():
            while not over.wait(0.005):
                try:
                    answer = self.running.get("/readyz")
                    if answer[0] != 200:
                        problems.append(answer)
                except (OSError, http.client.HTTPException) as error:
                    problems.append(repr(error))

        watcher = threading.Thread(target=watch)
        clients = [threading.Thread(target=delete_all, args=(user, parity))
                   for user in users for parity in (0, 1)]
        for client in clients:
            client.start()
        watcher.start()
        before = [self.upgrade() for _ in range(2)]
        for client in clients:
            client.join()
        over.set()
        watcher.join()
        self.assertEqual(problems, [])
        for pid in before:
            self.wait_for_end(pid)
        for user in users:
            self.assertEqual(self.seen(self.ports.plain, user), [])
            self.assertEqual(self.files(self.server, user), list(range(1, count + 1)))


class Quarantine(Scanning, Upgrades):
    def test_both_put_messages_into_it(self):
        infected = list(samples.infected().values())[:2]
        server = self.dovecot({"joe": (PASSWORD, infected)})
        config, self.ports = self.chained(
            server.address, [self.scanner(Clamd)], folder=self.own_folder,
            quarantine={"folder": self.quarantine_folder()})
        self.begin(config)
        before = self.logged_in(self.ports)
        self.upgrade()
        after = self.logged_in(self.ports)
        for number, client in enumerate((before, after)):
            self.assert_notice(client.multi(f"RETR {number + 1}")[1], of=infected[number])
        for client in (before, after):
            client.quit()
        kept = self.quarantine(self.running, "list", "--json")
        texts = {self.quarantine(self.running, "show", str(one["number"]), "--raw") for one in kept}
        self.assertEqual(texts, {one.decode().replace("\r\n", "\n") for one in infected})
