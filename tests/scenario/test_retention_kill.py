"""The gateway killed (SIGKILL) at random points of sessions under policies, in front of a real Dovecot.

A model knows of every message whether it may be gone or hidden, and whether it must be. No message
leaves unless a client got it whole, and the policy and a QUIT allow it. What the client was told is
deleted is not shown again; what only may have been is deleted all together or not at all.
GATEPOST_KILL_SECONDS sets how long, GATEPOST_KILL_SEED repeats a run (as far as threads and processes
can be repeated).
"""

import os
import random
import threading
import time
import unittest

from support.keeping import PASSWORD, Keeping, message, numbers, pairs
from support.process import wait_until
from support.raw_client import RawClient, Truncated, unstuff

SECONDS = float(os.environ.get("GATEPOST_KILL_SECONDS", "35"))
MESSAGES = 6
PERIOD = 2     # days
STEP = 0.75    # days; no number of these is a period
POLICIES = {
    "keep": {"type": "keep", "view": "hide"},
    "month": {"type": "keep_for", "view": "hide", "period": f"{PERIOD}d", "count_from": "deleted"},
    "fetch": {"type": "delete_after_retrieval"},
    "later": {"type": "delete_after_retrieval", "period": f"{PERIOD}d"},
}
NO, MAYBE, YES = range(3)


class Model:
    """What may have become of one message. Times are days of the gateway's clock."""

    def __init__(self, number):
        self.number = number
        self.gone = NO
        self.hidden = NO
        self.retrieved = self.deleted = None            # when it may have been noted first
        self.surely_retrieved = self.surely_deleted = None  # when it has been at the latest


class Account:
    """The messages of one user, and what sessions did to them."""

    def __init__(self, policy):
        self.policy = policy
        self.user = f"{policy}-joe"
        self.messages = {}
        self.groups = []  # of messages that one QUIT may have hidden or removed, all or none
        self.uidls = {}   # {UIDL: number}
        self.sessions = self.quits = self.unanswered = 0

    def period_over(self, retrieved, deleted, day):
        """Whether it goes without a DELE of this session."""
        if retrieved is None or self.policy == "keep":
            return False
        if self.policy == "fetch":
            return True
        since = deleted if self.policy == "month" else retrieved
        return since is not None and day - since > PERIOD

    def settle(self, retrieved, deleted, answered, day):
        """A QUIT went out after these were retrieved whole, and these acknowledged as deleted."""
        certainty = YES if answered else MAYBE
        for number in retrieved:
            one = self.messages[number]
            one.retrieved = day if one.retrieved is None else one.retrieved
            if answered and one.surely_retrieved is None:
                one.surely_retrieved = day
        hides = self.policy in ("keep", "month")
        group = []
        for number in deleted:
            one = self.messages[number]
            one.deleted = day if one.deleted is None else one.deleted
            if answered and one.surely_deleted is None:
                one.surely_deleted = day
            if hides:
                one.hidden = max(one.hidden, certainty)
            else:
                one.gone = max(one.gone, certainty)
            group.append(number)
        for number, one in self.messages.items():
            if self.period_over(one.retrieved, one.deleted, day):
                one.gone = max(one.gone, MAYBE)
            if answered and self.period_over(one.surely_retrieved, one.surely_deleted, day):
                one.gone = YES
        if not answered:
            self.groups.append(group)

    def look(self, present, day, what, is_shown):
        """What there is against what the model says. `is_shown`: to a client; otherwise it is what
        the server has. From then on the model is certain."""
        def lacks(one):
            return max(one.gone, one.hidden) if is_shown else one.gone
        for number, one in self.messages.items():
            here = number in present
            assert here or lacks(one) != NO, f"{self.user}: {what} lacks message {number}"
            assert not here or lacks(one) != YES, f"{self.user}: {what} has message {number} again"
        assert not present - set(self.messages), present
        for group in self.groups:
            lost = {number for number in group if number not in present}
            if is_shown or self.policy in ("fetch", "later"):
                assert not lost or lost == set(group), \
                    f"{self.user}: of {group} {what} lacks only {lost}"
        for number, one in self.messages.items():
            if not is_shown:
                one.gone = NO if number in present else YES
            elif number in present:
                one.gone = one.hidden = NO
                one.deleted = None if self.policy in ("keep", "month") else one.deleted
            elif one.hidden == MAYBE and one.gone == NO:
                one.hidden = YES
                one.surely_deleted = day
        if is_shown:
            self.groups.clear()


class Kill(Keeping):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("GATEPOST_KILL_SEED") or random.randrange(1 << 32))
        self.random = random.Random(self.seed)
        self.accounts = [Account(policy) for policy in POLICIES]
        self.server = self.dovecot({account.user: (PASSWORD, []) for account in self.accounts},
                                   settings="mail_max_userip_connections = 0")
        self.config, self.ports = self.keeping(self.server.address, POLICIES, self.own_folder)
        self.now = self.clock()
        self.wrong = []
        self.next_number = 1

    def tick(self, weight=1):
        """Something happens in a session. At the chosen one of these the gateway is killed."""
        self.left -= weight
        if self.left <= 0:
            self.hit.set()

    # One session

    def session(self, account, chance, day):
        """Whether there was one."""
        retrieved, deleted, quits, answered = set(), [], False, False
        try:
            with RawClient(self.ports.plain, seconds=60) as client:
                if not client.login(account.user, PASSWORD).startswith(b"+OK"):
                    return False
                account.sessions += 1
                shown = [account.uidls[uidl] for _, uidl in pairs(client.multi("UIDL")[1])]
                account.look(set(shown), day, "the listing", True)
                assert int(client.ok("STAT").split()[1]) == len(shown), shown
                self.act(client, chance, shown, retrieved, deleted)
                if chance.random() < 0.75:
                    quits = True
                    self.tick(5)
                    client.send(b"QUIT\r\n")
                    answered = client.line().startswith(b"+OK")
        except (OSError, Truncated):
            pass  # openly broken
        account.quits += quits
        account.unanswered += quits and not answered
        if quits:
            account.settle(retrieved, deleted, answered, day)
        return True

    def act(self, client, chance, shown, retrieved, deleted):
        for _ in range(chance.randrange(8)):
            self.tick()
            if not shown:
                return
            at = chance.randrange(len(shown))
            number, verb = shown[at], chance.choice(("RETR", "RETR", "DELE", "DELE", "TOP", "RSET"))
            if verb == "RSET":
                if chance.random() < 0.3:
                    client.ok("RSET")
                    deleted.clear()
            elif verb == "DELE":
                # Several at once, so that a kill may come between them.
                some = [at, *(n for n in range(len(shown)) if n != at and chance.random() < 0.2)]
                client.send(b"".join(b"DELE %d\r\n" % (n + 1) for n in some))
                for one in some:
                    if client.line().startswith(b"+OK"):
                        deleted.append(shown[one])
            elif number not in deleted:
                status, body = client.multi(f"{verb} {at + 1}" + (" 0" if verb == "TOP" else ""))
                assert status.startswith(b"+OK"), (status, number, deleted)
                assert numbers(body) == [number], (body[:400], number)
                if verb == "RETR":
                    assert unstuff(body) == message(number)
                    retrieved.add(number)

    def sessions(self, account, seed, day):
        chance = random.Random(seed)
        try:
            while not self.over.is_set():
                if not self.session(account, chance, day):
                    return
        except Exception as error:  # for the main thread
            self.wrong.append(f"{type(error).__name__}: {error}")

    # One life of the gateway

    def one_round(self):
        self.deliver()
        self.now.advance(STEP * self.random.choice((0, 0, 1, 2)))
        running = self.gateway(self.config, clock=self.now)
        self.over, self.hit = threading.Event(), threading.Event()
        self.left = self.random.randrange(1, 60)
        threads = [threading.Thread(target=self.sessions, args=(
            account, self.random.randrange(1 << 32), self.now.days)) for account in self.accounts]
        for thread in threads:
            thread.start()
        self.hit.wait(10)
        time.sleep(self.random.random() ** 3 * 0.02)
        running.child.kill()
        self.over.set()
        for thread in threads:
            thread.join(90)
            self.assertFalse(thread.is_alive())
        self.assertEqual(self.wrong, [])
        wait_until(lambda: self.server.sessions_under_way() == 0, 60, "Dovecot's sessions to end")
        for account in self.accounts:
            account.look(set(self.files(self.server, account.user)), self.now.days, "the server",
                         False)

    def deliver(self):
        """Fills the mailboxes up, and finds out what UIDLs the server gives."""
        for account in self.accounts:
            there = [one for one in account.messages.values() if one.gone == NO and one.hidden == NO]
            for _ in range(MESSAGES - len(there)):
                account.messages[self.next_number] = Model(self.next_number)
                self.server.deliver(account.user, message(self.next_number))
                self.next_number += 1
            with RawClient(self.server.port) as client:
                client.login(account.user, PASSWORD)
                for at, uidl in pairs(client.multi("UIDL")[1]):
                    if uidl not in account.uidls:
                        account.uidls[uidl] = numbers(client.multi(f"TOP {at} 0")[1])[0]
                client.quit()

    def test_at_random_points(self):
        began, rounds = time.monotonic(), 0
        try:
            while time.monotonic() - began < SECONDS:
                self.one_round()
                rounds += 1
        finally:
            print(f"seed {self.seed}, {rounds} rounds, {self.now.days:.0f} days;", "; ".join(
                f"{account.policy}: {account.sessions} sessions, {account.unanswered} of "
                f"{account.quits} QUITs unanswered, "
                f"{sum(one.gone == YES for one in account.messages.values())} of "
                f"{len(account.messages)} messages gone" for account in self.accounts),
                end=" ", flush=True)
        self.assertGreaterEqual(rounds, 1)


if __name__ == "__main__":
    unittest.main()
