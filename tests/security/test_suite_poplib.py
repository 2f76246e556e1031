"""CPython's own tests of poplib: its server behind us, its client in front, its assertions.

Its server lets everybody do everything without a login and answers what POP3 does not know; where a
test depends on that, DIFFERENT says what a gateway does instead. All others pass unchanged, and none
of DIFFERENT passes without being noticed.
"""

import poplib
import types
import unittest

from attack import Attack
from support.unpacked import program

PACKAGE = "libpython3.11-testsuite"

#: Those that are about messages, which are there after the login.
AFTER_LOGIN = {"test_stat", "test_list", "test_retr", "test_dele", "test_noop", "test_top",
               "test_uidl", "test_too_long_lines", "test_rpop", "test_quit"}

DIFFERENT = {
    "test_getwelcome": "the greeting is ours",
    "test_user": "who exists is not told before the password",
    "test_pass_": "PASS needs USER",
    "test_rpop": "RPOP is not passed on",
    "test_apop_normal": "its timestamp is none by RFC 1939, so APOP is not offered",
    "test_utf8": "its CAPA does not name UTF8",
    "test_capa": "IMPLEMENTATION is not shown to everybody",
}
DIFFERENT_STLS_TEXT = {"test_stls": "another text behind +OK",
                       "test_stls_context": "another text behind +OK"}
DIFFERENT_POP3S = {"test_context": "NOOP needs a login"}


class Numbered:
    """The suite asks for message "foo"; RFC 1939 wants a number."""

    def retr(self, which):
        return super().retr(1 if which == "foo" else which)

    def dele(self, which):
        return super().dele(1 if which == "foo" else which)

    def uidl(self, which=None):
        return super().uidl(1 if which == "foo" else which)


class Plain(Numbered, poplib.POP3):
    pass


class Secure(Numbered, poplib.POP3_SSL):
    pass


def load():
    """The module test_poplib of the package."""
    import test  # noqa: PLC0415 (the interpreter's package, which Debian splits)
    folder = program(PACKAGE, "/usr/lib/python3.11/test")
    if folder not in test.__path__:
        test.__path__.append(folder)
    from test import test_poplib  # noqa: PLC0415
    return test_poplib


class PythonsPoplibTests(Attack):
    rows = ("reply-shapes", "suites")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.suite = load()
        cls.suite.DummyPOP3Handler.CAPAS["USER"] = []  # as a server says that takes passwords

    def setUp(self):
        super().setUp()
        server = self.suite.DummyPOP3Server(("127.0.0.1", 0))
        server.start()
        self.addCleanup(server.stop)
        pem = self.suite.CERTFILE  # certificate and key
        config, self.ports = self.config(f"127.0.0.1:{server.port}",
                                         tls={"certificate": pem, "key": pem})
        config["listeners"][1]["cleartext_login_networks"] = ["127.0.0.0/8"]  # STLS may come
        self.running = self.gateway(config)
        self.handler = server.handler

    def run_suite(self, base, port, connect, different):
        """All tests of `base` with the connection of `connect()`."""
        there = types.SimpleNamespace(host="127.0.0.1", port=port, handler=self.handler)

        class Through(base):
            def setUp(self):
                self.server = there
                self.client = connect()
                if self._testMethodName in AFTER_LOGIN:
                    self.client.user("guido")
                    self.client.pass_("python")

            def tearDown(self):
                self.client.close()

        tests = unittest.defaultTestLoader.loadTestsFromTestCase(Through)
        count = tests.countTestCases()
        result = unittest.TestResult()
        tests.run(result)
        self.assertGreater(count, 20)
        self.assertEqual(result.testsRun, count)
        self.assertEqual(result.skipped, [])
        failed = {test._testMethodName: text for test, text in result.failures + result.errors}
        self.assertEqual(set(failed), set(different),
                         "\n".join(text for name, text in failed.items() if name not in different))

    def test_plain(self):
        port = self.ports.stls
        self.run_suite(self.suite.TestPOP3Class, port,
                       lambda: Plain("127.0.0.1", port, timeout=30),
                       {**DIFFERENT, **DIFFERENT_STLS_TEXT})

    def test_stls(self):
        port = self.ports.stls

        def connect():
            client = Plain("127.0.0.1", port, timeout=30)
            client.stls()
            return client
        self.run_suite(self.suite.TestPOP3_TLSClass, port, connect, DIFFERENT)

    def test_pop3s(self):
        port = self.ports.pop3s
        self.run_suite(self.suite.TestPOP3_SSLClass, port,
                       lambda: Secure("127.0.0.1", port, timeout=30),
                       {**DIFFERENT, **DIFFERENT_POP3S})
