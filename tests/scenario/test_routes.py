"""Routes: who goes to which servers, and under what name. The first that fits is taken."""

import base64
import ssl
import tempfile

from support import corpus
from support.case import Scenario
from support.certificates import Authority
from support.process import wait_until
from support.raw_client import RawClient

PASSWORD = "s3cret-of-all"


class Routes(Scenario):
    """Pools of fake servers that remember what they were told."""

    def setUp(self):
        super().setUp()
        self.servers = {name: self.fake(corpus.few()) for name in ("one", "two", "rest")}

    def start(self, *routes, rest=True, tls=None, **more):
        config, self.ports = self.config({"address": self.servers["rest"].address}, **more)
        if not rest:
            del config["upstream"]
        config["pools"] = {name: {"address": self.servers[name].address,
                                  "health_check": {"interval": "0s"}} for name in ("one", "two")}
        config["routes"] = list(routes)
        config["tls"].update(tls or {})
        if rest:
            config["upstream"]["health_check"] = {"interval": "0s"}
        self.running = self.gateway(config)

    def went(self, client, user, good=True):
        """The server that the user's login reached, and the name it was told: "one: joe"."""
        before = {name: len(server.all_commands()) for name, server in self.servers.items()}
        reply = client.login(user, PASSWORD)
        self.assertEqual(reply.startswith(b"+OK"), good, reply)
        client.close()
        for name, server in self.servers.items():
            for line in server.all_commands()[before[name]:]:
                if line.startswith(b"USER "):
                    return f"{name}: {line[5:].decode()}"
        return None

    def plain(self, user, **options):
        return self.went(self.client(self.ports.plain, **options), user)

    def secure(self, user, name="localhost", certificate=None, stls=False):
        context = ssl.create_default_context(cafile=self.ca)
        context.check_hostname = False
        if certificate:
            context.load_cert_chain(*certificate)
        client = RawClient(self.ports.stls if stls else self.ports.pop3s, server_name=name,
                           greeting=stls)
        self.addCleanup(client.close)
        if stls:
            client.ok("STLS")
        client.start_tls(context)
        if not stls:
            client.line()
        return self.went(client, user)

    def test_listeners(self):
        self.start({"listeners": ["pop3s"], "pool": "one"}, {"listeners": ["stls"], "pool": "two"})
        self.assertEqual(self.secure("joe"), "one: joe")
        self.assertEqual(self.secure("joe", stls=True), "two: joe")
        self.assertEqual(self.plain("joe"), "rest: joe")

    def test_server_names(self):
        self.start({"server_names": ["pop.a.example"], "pool": "one"},
                   {"server_names": ["*.a.example", "b.example"], "pool": "two"})
        for name, expected in (("pop.a.example", "one"), ("POP.A.example", "one"),
                               ("mail.a.example", "two"), ("b.example", "two"),
                               ("a.example", "rest"), (None, "rest")):
            for stls in (False, True):
                self.assertEqual(self.secure("joe", name, stls=stls), f"{expected}: joe", name)

    def test_networks(self):
        self.start({"networks": ["127.0.1.0/24", "127.0.2.7"], "pool": "one"},
                   {"networks": ["127.0.0.0/16"], "pool": "two"})
        for source, expected in (("127.0.1.9", "one"), ("127.0.2.7", "one"), ("127.0.2.8", "two"),
                                 ("127.1.0.1", "rest")):
            self.assertEqual(self.plain("joe", source=source), f"{expected}: joe", source)

    def test_domains(self):
        self.start({"domains": ["a.example"], "pool": "one"},
                   {"domains": ["b.example", "c.example"], "pool": "two"})
        for user, expected in (("joe@a.example", "one"), ("joe@A.Example", "one"),
                               ("joe@c.example", "two"), ("x@a.example@b.example", "two"),
                               ("joe@d.example", "rest"), ("joe", "rest"), ("a.example", "rest")):
            self.assertEqual(self.plain(user), f"{expected}: {user}")

    def test_patterns(self):
        self.start({"users": ["test-*", "?oe"], "pool": "one"},
                   {"users": ["*@a.example"], "pool": "two"})
        for user, expected in (("test-1", "one"), ("TEST-2@a.example", "one"), ("joe", "one"),
                               ("joe@a.example", "two"), ("xjoe", "rest")):
            self.assertEqual(self.plain(user), f"{expected}: {user}")

    def test_certificates(self):
        authority = Authority(tempfile.mkdtemp(dir=self.own_folder), "Authority of staff")

        def leaf(name, organisation):
            return authority.leaf(name, (name,), (), usage="clientAuth",
                                  subject=f"/O={organisation}/CN={name}")
        self.start({"certificates": ["*O=Staff*"], "pool": "one"},
                   {"certificates": ["*"], "pool": "two"},
                   tls={"client_certificates": "optional",
                        "client_ca_file": authority.certificate})
        for pair, expected in ((leaf("joe", "Staff"), "one"), (leaf("eve", "Guests"), "two"),
                               (None, "rest")):
            for stls in (False, True):
                self.assertEqual(self.secure("joe", certificate=pair, stls=stls),
                                 f"{expected}: joe")

    def test_all_conditions_hold_and_the_first_route_wins(self):
        self.start({"listeners": ["plain"], "domains": ["a.example"], "networks": ["127.0.1.0/24"],
                    "pool": "one"},
                   {"listeners": ["plain"], "domains": ["a.example"], "pool": "two"},
                   {"listeners": ["plain"], "networks": ["127.0.1.0/24"], "pool": "one"})
        self.assertEqual(self.plain("joe@a.example", source="127.0.1.1"), "one: joe@a.example")
        self.assertEqual(self.plain("joe@a.example"), "two: joe@a.example")
        self.assertEqual(self.plain("joe@b.example", source="127.0.1.1"), "one: joe@b.example")
        self.assertEqual(self.secure("joe@a.example"), "rest: joe@a.example")

    def test_who_is_wanted_by_no_route_is_refused(self):
        self.start({"domains": ["a.example"], "pool": "one"}, rest=False)
        self.assertEqual(self.plain("joe@a.example"), "one: joe@a.example")
        self.assertIsNone(self.went(self.client(self.ports.plain), "joe@b.example", good=False))
        self.running.wait_for_log("login_failed")

    def test_the_form_of_the_name(self):
        for form, more, given, expected in (
                ("{user}", {}, "Joe@A.example", "Joe@A.example"),
                ("{user}", {"lower_case": True}, "Joe@A.example", "joe@a.example"),
                ("{local}", {}, "joe@a.example", "joe"),
                ("{local}", {}, "joe", "joe"),
                ("{local}@{domain}", {"default_domain": "a.example"}, "joe", "joe@a.example"),
                ("{local}@{domain}", {"default_domain": "a.example"}, "joe@b.example",
                 "joe@b.example"),
                ("{local}@mail.example", {}, "joe@b.example", "joe@mail.example"),
                ("{domain}/{local}", {"default_domain": "d"}, "joe@b.example", "b.example/joe")):
            with self.subTest(form=form, given=given):
                self.start({"users": ["*"], "pool": "one", "user": form, **more})
                self.assertEqual(self.plain(given), f"one: {expected}")

    def test_a_form_that_needs_a_domain(self):
        self.start({"users": ["*"], "pool": "one", "user": "{local}@{domain}"})
        self.assertIsNone(self.went(self.client(self.ports.plain), "joe", good=False))


class RealNames(Scenario):
    """A user logs in as `user` and as `user@domain` on the same route, to the same mailbox."""

    def test_with_and_without_the_domain(self):
        for form, name, default in (("{local}", "joe", ""),
                                    ("{local}@{domain}", "joe@a.example", "a.example")):
            with self.subTest(form=form):
                server = self.dovecot({name: (PASSWORD, corpus.few())})
                route = {"domains": ["a.example"], "pool": "upstream", "user": form,
                         "lower_case": True, "default_domain": default or "a.example"}
                running, ports = self.serve(server.address, routes=[route])
                for given in ("joe", "joe@a.example", "Joe@A.Example"):
                    for login in (self.user_and_pass, self.plain):
                        client = self.client(ports.pop3s, tls=True)
                        login(client, given)
                        self.assertEqual(len(client.fetch_all()), 3)
                        client.quit()
                wait_until(lambda: len(server.logins()) == 6, what="six logins")
                self.assertTrue(all(f"user=<{name}>" in line for line in server.logins()))

    def user_and_pass(self, client, user):
        self.assertTrue(client.login(user, PASSWORD).startswith(b"+OK"))

    def plain(self, client, user):
        client.ok("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{PASSWORD}".encode()).decode())
