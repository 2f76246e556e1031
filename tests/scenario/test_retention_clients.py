"""Policies over several days, as mail programs live them: which messages the server has after each
day, and what each program has got. Every program is a device of its own."""

import unittest

from support import devices
from support.case import quick
from support.clock import Clock
from support.keeping import PASSWORD, Keeping, message, numbers

WEEK = {"type": "keep_for", "period": "7d", "view": "hide"}
POLICIES = {
    "apart": {"type": "keep", "view": "hide_for_device", "devices": ["suffix"]},
    "hidden": {"type": "keep", "view": "hide"},
    "shown": {"type": "keep", "view": "show"},
    "seen": {**WEEK, "count_from": "seen"},
    "retrieved": {**WEEK, "count_from": "retrieved"},
    "deleted": {**WEEK, "count_from": "deleted"},
    "atonce": {"type": "delete_after_retrieval"},
    "top": {"type": "delete_after_retrieval"},
    "later": {"type": "delete_after_retrieval", "period": "2d"},
    "fixed": {"type": "read_only"},
}
FIRST = [1, 2, 3]
MAIL = [message(n) for n in FIRST]


class Days(Keeping):
    """One server, one gateway, one clock; each test has mailboxes of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_dovecot({f"{policy}-{name}": (PASSWORD, MAIL)
                                         for policy in POLICIES for name in ("a", "b", "c", "d")})
        config, cls.ports = cls.keeping(cls.server.address, POLICIES, cls.folder)
        cls.now = Clock(cls.folder)
        cls.running = cls.shared_gateway(config, clock=cls.now)

    def setUp(self):
        super().setUp()
        self.began = self.now.days + 1
        self.now.set(self.began)

    def day(self, day):
        """So many days after the test began."""
        self.now.set(self.began + day)

    def program(self, kind, user, device, **options):
        return kind(self.own_folder, self.ports.plain, f"{user}+{device}", PASSWORD, self.now,
                    **options)

    def gets(self, program, *expected, status=0):
        """One visit of a program."""
        self.assertEqual(numbers(program.fetch()), list(expected), program.said)
        if isinstance(program, devices.Fetchmail) and not expected and status == 0:
            status = devices.Fetchmail.NOTHING_NEW
        self.assertEqual(program.status, status, program.said)

    def has(self, user, *expected):
        """The server."""
        self.assertEqual(self.files(self.server, user), list(expected))

    def is_shown(self, user, *expected):
        self.assertEqual(self.seen(self.ports.plain, user), list(expected))

    # keep

    @quick
    def test_keep_with_devices_that_delete_each_in_its_way(self):
        user = "apart-a"
        phone = self.program(devices.Fetchmail, user, "phone", mode="nokeep")
        laptop = self.program(devices.Getmail, user, "laptop", delete_after=3)
        self.gets(phone, 1, 2, 3)
        self.gets(laptop, 1, 2, 3)
        self.day(1)
        self.server.deliver(user, message(4))
        self.is_shown(f"{user}+phone", 4)
        self.gets(laptop, 4)
        self.is_shown(f"{user}+laptop", 1, 2, 3, 4)
        self.gets(phone, 4)
        self.gets(phone)
        self.day(3.5)
        self.gets(laptop)  # deletes what it saw on the first day
        self.is_shown(f"{user}+laptop", 4)
        self.day(5)
        self.gets(laptop)
        self.is_shown(f"{user}+laptop")
        tablet = self.program(devices.Mpop, user, "tablet", keep=False)
        self.gets(tablet, 1, 2, 3, 4)
        self.is_shown(f"{user}+tablet")
        self.is_shown(f"{user}+another", 1, 2, 3, 4)
        self.has(user, 1, 2, 3, 4)

    def test_keep_and_flush(self):
        user = "hidden-a"
        flushes = self.program(devices.Fetchmail, user, "phone", mode="flush")
        other = self.program(devices.Mpop, user, "laptop")
        self.gets(flushes, 1, 2, 3)
        self.gets(other, 1, 2, 3)
        self.day(1)
        self.server.deliver(user, message(4))
        self.gets(flushes, 4)  # and flushes the others
        self.is_shown(user, 4)
        self.gets(other, 4)
        self.day(2)
        self.gets(flushes)
        self.is_shown(user)
        self.has(user, 1, 2, 3, 4)
        self.gets(other)

    def test_what_is_brought_back_is_as_it_was(self):
        user = "hidden-b"
        deletes = self.program(devices.Getmail, user, "phone", delete=True)
        other = self.program(devices.Mpop, user, "laptop")
        self.gets(other, 1, 2, 3)
        self.gets(deletes, 1, 2, 3)
        self.day(60)
        self.gets(other)
        self.is_shown(user)
        self.retention(self.running, "undelete", "--account", user, "--all")
        self.is_shown(user, 1, 2, 3)
        self.gets(other)  # remembers the UIDLs, which are as before
        curl = self.program(devices.Curl, user, "curl")
        self.assertEqual(curl.fetch().replace(b"\r\n", b"\n"),
                         b"".join(MAIL).replace(b"\r\n", b"\n"))
        self.has(user, 1, 2, 3)

    def test_keep_and_show(self):
        user = "shown-a"
        phone = self.program(devices.Fetchmail, user, "phone", mode="nokeep")
        curl = self.program(devices.Curl, user, "laptop")
        self.gets(phone, 1, 2, 3)
        self.is_shown(user, 1, 2, 3)
        self.gets(phone, 1, 2, 3)  # it does not remember what it has deleted
        curl.delete(2)
        self.assertEqual(curl.listed(), [1, 2, 3])
        self.gets(curl, 1, 2, 3)
        self.has(user, 1, 2, 3)

    # keep_for

    def test_a_week_from_first_sight(self):
        user = "seen-a"
        self.assertEqual(self.program(devices.Curl, user, "curl").listed(), [1, 2, 3])
        self.day(3)
        phone = self.program(devices.Mpop, user, "phone")
        self.gets(phone, 1, 2, 3)
        self.server.deliver(user, message(4))
        self.day(6.5)
        self.gets(phone, 4)
        self.has(user, 1, 2, 3, 4)
        self.day(7.5)
        laptop = self.program(devices.Getmail, user, "laptop", delete_after=3)
        self.gets(laptop, 1, 2, 3, 4)  # a last time
        self.has(user, 4)
        self.gets(phone)
        self.day(14)
        self.gets(laptop)
        self.has(user)

    def test_what_nobody_fetched_outlives_its_week(self):
        user = "seen-b"
        curl = self.program(devices.Curl, user, "curl")
        curl.listed()
        self.day(100)
        curl.listed()
        self.has(user, 1, 2, 3)
        self.gets(self.program(devices.Mpop, user, "laptop"), 1, 2, 3)
        self.has(user)

    def test_a_week_from_first_retrieval(self):
        user = "retrieved-a"
        curl = self.program(devices.Curl, user, "curl")
        curl.listed()
        self.day(3)
        phone = self.program(devices.Getmail, user, "phone", delete=True)
        self.gets(phone, 1, 2, 3)
        self.is_shown(user)
        self.day(9.5)
        self.gets(phone)
        self.has(user, 1, 2, 3)
        self.day(10.5)
        self.gets(phone)
        self.has(user)

    def test_a_week_from_deletion(self):
        user = "deleted-a"
        phone = self.program(devices.Fetchmail, user, "phone", mode="nokeep", fetchall=True)
        laptop = self.program(devices.Mpop, user, "laptop")
        self.gets(phone, 1, 2, 3)
        self.day(2)
        self.server.deliver(user, message(4))
        self.gets(laptop, 4)
        self.is_shown(user, 4)
        self.day(6.5)
        self.gets(laptop)
        self.has(user, 1, 2, 3, 4)
        self.day(7.5)
        self.is_shown(user, 4)  # no QUIT
        self.has(user, 1, 2, 3, 4)
        self.gets(laptop)
        self.has(user, 4)
        self.day(100)
        self.gets(laptop)
        self.has(user, 4)

    # delete_after_retrieval

    def test_what_was_fetched_is_gone_though_programs_keep(self):
        for user, kind, options in (("atonce-a", devices.Fetchmail, {"fetchall": True}),
                                    ("atonce-b", devices.Getmail, {"delete_after": 3}),
                                    ("atonce-c", devices.Mpop, {}),
                                    ("atonce-d", devices.Curl, {})):
            with self.subTest(kind.__name__):
                phone = self.program(kind, user, "phone", **options)
                self.gets(phone, 1, 2, 3)
                self.has(user)
                self.server.deliver(user, message(4))
                self.gets(self.program(devices.Mpop, user, "laptop"), 4)
                self.gets(phone)
                self.has(user)

    def test_fetchmail_fetches_with_top(self):
        # TOP n 99999999 is a retrieval, too; else nothing of it could be deleted.
        for user, mode in (("top-a", "nokeep"), ("top-b", "keep")):
            with self.subTest(mode=mode):
                phone = self.program(devices.Fetchmail, user, "phone", mode=mode)
                self.gets(phone, 1, 2, 3)
                self.has(user)
        user = "deleted-b"
        phone = self.program(devices.Fetchmail, user, "phone", mode="nokeep")
        self.gets(phone, 1, 2, 3)
        self.day(7.5)
        self.gets(phone)
        self.has(user)

    def test_two_days_for_the_other_device(self):
        user = "later-a"
        phone = self.program(devices.Mpop, user, "phone")
        laptop = self.program(devices.Fetchmail, user, "laptop", mode="flush")
        self.gets(phone, 1, 2, 3)
        self.has(user, 1, 2, 3)
        self.day(1)
        self.server.deliver(user, message(4))
        self.gets(laptop, 1, 2, 3, 4)
        self.has(user, 1, 2, 3, 4)
        self.day(2.5)
        self.gets(phone, 4)
        self.has(user, 4)
        self.gets(laptop)  # flushes: what was retrieved may be deleted at any time
        self.has(user)

    def test_programs_that_delete_do_so_at_once(self):
        for user, kind, options in (("later-b", devices.Fetchmail, {"mode": "nokeep", "fetchall": True}),
                                    ("later-c", devices.Getmail, {"delete": True}),
                                    ("later-d", devices.Mpop, {"keep": False})):
            with self.subTest(kind.__name__):
                self.gets(self.program(kind, user, "phone", **options), 1, 2, 3)
                self.has(user)

    # read_only

    def test_nothing_goes_where_nothing_may_be_deleted(self):
        # fetchmail and getmail stop at the first refusal, mpop deletes when it has everything.
        for user, kind, options, got in (("fixed-a", devices.Fetchmail, {"mode": "nokeep"}, [1]),
                                         ("fixed-b", devices.Getmail, {"delete": True}, [1]),
                                         ("fixed-c", devices.Mpop, {"keep": False}, FIRST)):
            with self.subTest(kind.__name__):
                phone = self.program(kind, user, "phone", **options)
                self.assertEqual(numbers(phone.fetch()), got, phone.said)
                self.assertNotEqual(phone.status, 0, "it does not say that nothing was deleted")
                if kind is not devices.Fetchmail:  # which says no more than its status
                    self.assertIn("this mailbox is read-only", phone.said)
                self.has(user, *FIRST)
                self.gets(self.program(devices.Fetchmail, user, "laptop"), 1, 2, 3)
                self.has(user, *FIRST)
                self.is_shown(user, *FIRST)

    def test_programs_that_keep_see_nothing_of_it(self):
        user = "fixed-d"
        for kind, options in ((devices.Fetchmail, {}), (devices.Getmail, {}), (devices.Mpop, {}),
                              (devices.Curl, {})):
            self.gets(self.program(kind, user, kind.__name__, **options), 1, 2, 3)
        self.has(user, *FIRST)


if __name__ == "__main__":
    unittest.main()
