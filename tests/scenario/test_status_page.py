"""The status page in a real browser: what it shows, live, and what it does for who has the token.
With GATEPOST_SCREENSHOTS=FOLDER pictures of all pages are left there."""

import http.client
import os
import urllib.parse

from support import samples
from support.browser import Browser
from support.clamd import Clamd
from support.ports import free_port
from support.process import wait_until
from support.raw_client import unstuff
from support.scanning import PASSWORD, Scanning

TOKEN = "a-token-that-nobody-guesses"
HOSTILE_USER = "<img src=x onerror=alert(1)>\u202ejoe\u2066@example.com"
HOSTILE_SUBJECT = "<script>alert(2)</script>\u202eexe.gpj\u2066"
PAGES = ("/", "/sessions", "/upstreams", "/scanning", "/quarantine", "/quarantine?number=1",
         "/retention", "/retention?user=joe&pool=upstream", "/certificates", "/configuration",
         "/login")
LOOKS = [(1280, False), (1280, True), (360, False), (360, True)]


class StatusPage(Scanning):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clamd = cls.shared_scanner(Clamd)
        infected = samples.attachment(HOSTILE_SUBJECT, samples.eicar(), "eicar.com")
        cls.infected = infected
        cls.server = cls.shared_dovecot({"joe": (PASSWORD, [infected, samples.text(
            "large", b"0123456789abcdef\r\n" * 20_000)])})
        cls.token_file = os.path.join(cls.folder, "token")
        with open(cls.token_file, "w") as file:
            file.write(TOKEN + "\n")
        os.chmod(cls.token_file, 0o600)
        quarantine = os.path.join(cls.folder, "quarantine")
        os.makedirs(quarantine, mode=0o700)
        config, cls.ports = cls.chained(cls.server.address, [cls.clamd],
                                        quarantine={"folder": quarantine})
        config["retention"] = {
            "policies": [{"name": "month", "type": "keep_for", "period": "30d"}],
            "store": {"file": os.path.join(cls.folder, "state", "retention.sqlite")},
            "hold": ["<b>boss</b>*"]}
        for listener in config["listeners"]:
            listener["retention"] = "month"
        cls.port = free_port()
        config["admin"] = {"address": f"127.0.0.1:{cls.port}", "token_file": cls.token_file}
        cls.running = cls.shared_gateway(config, wait=False)
        cls.running.admin_port = cls.port
        wait_until(cls.running.ready, 60, "the gateway to be ready", cls.running.child)
        cls.browser = Browser(cls.folder)
        cls.addClassCleanup(cls.browser.stop)

    def setUp(self):
        super().setUp()
        self.browser.driver.delete_all_cookies()
        self.browser.look(1280, False)
        self.browser.faults()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def log_in(self):
        self.browser.open(self.url("/login"))
        self.browser.find("#token")[0].send_keys(TOKEN)
        self.browser.press("Log in")

    def post(self, path, headers=None, **fields):
        """(status, Location) of a form sent by something that is no browser."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", path, urllib.parse.urlencode(fields), {
                "Content-Type": "application/x-www-form-urlencoded", **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def keep_something(self):
        """A message in quarantine, and a record of retention."""
        status, body = self.retrieve(self.ports, 1)
        self.assertTrue(status.startswith(b"+OK"), status)
        self.assert_notice(body)

    def test_all_pages_in_all_looks(self):
        self.keep_something()
        hostile = self.client(self.ports.plain)
        hostile.login(HOSTILE_USER, "wrong")
        joe = self.logged_in(self.ports)
        pictures = os.environ.get("GATEPOST_SCREENSHOTS") or self.own_folder
        self.log_in()
        for width, dark in LOOKS:
            self.browser.look(width, dark)
            for path in PAGES:
                with self.subTest(path=path, width=width, dark=dark):
                    self.browser.open(self.url(path))
                    self.assertLessEqual(self.browser.too_wide(), 0)
                    self.assertEqual(self.browser.contrasts(), [])
                    self.assertEqual(self.browser.faults(), [])
                    self.assertEqual(len(self.browser.find("h1")), 1)
                    self.assertEqual(self.browser.find("script:not([src]), img, b"), [])
                    name = path.strip("/").translate(str.maketrans("/?=&", "____")) or "overview"
                    self.browser.screenshot(os.path.join(
                        pictures, f"{name}-{width}-{'dark' if dark else 'light'}.png"))
        self.browser.open(self.url("/sessions"))
        self.assertIn(r"<img src=x onerror=alert(1)>\u202ejoe\u2066@example.com",
                      self.browser.text())
        self.browser.open(self.url("/quarantine?number=1"))
        text = self.browser.text()
        self.assertIn("<script>alert(2)</script>", text)
        self.assertIn("ada@example.org", text)
        self.assertIn("1 station", text)
        self.assertNotIn("\u202e", text)
        self.assertNotIn("EICAR-STANDARD", self.browser.driver.page_source)
        self.browser.open(self.url("/retention?user=joe&pool=upstream"))
        self.assertIn("judged by policy month", self.browser.text())
        self.browser.open(self.url("/configuration"))
        self.assertIn(self.token_file, self.browser.text())
        self.assertNotIn(TOKEN, self.browser.driver.page_source)
        joe.quit()

    def test_figures_are_live(self):
        self.browser.open(self.url("/"))
        self.browser.wait(lambda: self.browser.by_id("live-state").startswith("Live"), "the stream")
        before = self.browser.by_id("messages-total")
        joe = self.logged_in(self.ports)
        for _ in range(3):
            joe.multi("RETR 2")
        self.browser.wait(lambda: self.browser.by_id("messages-total") != before, "new figures")
        self.browser.wait(lambda: self.browser.by_id("sessions-now") == "1", "the session")
        joe.quit()
        self.browser.wait(lambda: self.browser.by_id("sessions-now") == "0", "its end")
        line = self.browser.find("#line-octets")[0].get_attribute("points").split()
        self.assertGreater(len(line), 2)
        self.assertEqual(self.browser.faults(), [])

    def test_ending_a_session(self):
        joe = self.logged_in(self.ports)
        self.browser.open(self.url("/sessions?user=j*"))
        self.assertIn("joe", self.browser.text())
        self.assertEqual(self.browser.find("td button"), [], "not without the token")
        self.log_in()
        self.browser.open(self.url("/sessions?user=j*"))
        self.browser.press("End", within="td")
        self.assertIn("1 session ended.", self.browser.text())
        joe.at_end()
        self.running.wait_for_log("status page 127.0.0.1:")
        other = self.logged_in(self.ports)
        self.browser.open(self.url("/sessions?user=joe"))
        self.browser.press("End all of these …")
        self.assertIn("End all sessions of joe now?", self.browser.text())
        self.browser.press("End them")
        self.assertIn("1 session ended.", self.browser.text())
        other.at_end()
        self.assertEqual(self.browser.faults(), [])

    def test_releasing_a_message(self):
        self.keep_something()
        self.log_in()
        self.browser.open(self.url("/quarantine"))
        self.browser.leave(self.browser.find("tbody th a")[0].click)
        self.browser.press("Release")
        self.assertIn("is released", self.browser.text())
        self.assertIn("released", self.quarantine(self.running, "list"))
        joe = self.logged_in(self.ports)
        self.assertEqual(unstuff(joe.multi("RETR 3")[1]), self.infected)
        joe.quit()
        self.browser.press("Delete …")
        self.browser.press("Delete it")
        self.assertIn("is deleted", self.browser.text())
        self.assertEqual(self.quarantine(self.running, "list", "--json"), [])

    def test_a_reload(self):
        self.log_in()
        self.browser.open(self.url("/"))
        self.browser.press("Read the configuration again")
        self.assertIn("is in force", self.browser.text())
        self.running.wait_for_log("reloaded")

    def test_nothing_without_token_or_from_elsewhere(self):
        self.assertEqual(self.post("/reload")[0], 403)
        self.assertEqual(self.post("/drain", confirmed="yes")[0], 403)
        self.assertEqual(self.post("/reload", {"Authorization": "Bearer wrong"})[0], 401)
        self.log_in()
        cookie = self.browser.driver.get_cookie("gatepost")
        self.assertTrue(cookie["httpOnly"])
        self.assertEqual(cookie["sameSite"], "Strict")
        mine = {"Cookie": f"gatepost={cookie['value']}", "Sec-Fetch-Site": "same-origin"}
        self.assertEqual(self.post("/reload", mine)[0], 403, "no secret of the form")
        secret = self.browser.find("input[name=secret]")[0].get_attribute("value")
        self.assertEqual(self.post("/reload", {**mine, "Sec-Fetch-Site": "cross-site"},
                                   secret=secret)[0], 403)
        self.assertEqual(self.post("/reload", mine, secret=secret)[0], 303)
        self.assertEqual(self.post("/reload", {"Authorization": f"Bearer {TOKEN}"})[0], 200)
        # A page of another site: its form comes without the cookie.
        elsewhere = os.path.join(self.own_folder, "elsewhere.html")
        with open(elsewhere, "w") as file:
            file.write(f'<form method="post" action="{self.url("/drain")}"><input name="confirmed" '
                       f'value="yes"><input name="secret" value="{secret}"><button>Win</button></form>')
        self.browser.open("file://" + elsewhere)
        self.browser.press("Win")
        self.assertIn("403", self.browser.text())
        self.assertEqual(self.running.get("/readyz")[0], 200)
        self.assertNotIn(TOKEN, self.running.log())

    def test_the_token_is_read_again(self):
        self.log_in()
        with open(self.token_file, "w") as file:
            file.write("short\n")
        self.running.reload()
        self.running.wait_for_log("/admin/token_file")
        self.assertEqual(self.post("/reload", {"Authorization": f"Bearer {TOKEN}"})[0], 409)
        with open(self.token_file, "w") as file:
            file.write(TOKEN + "\n")
        self.assertEqual(self.post("/reload", {"Authorization": f"Bearer {TOKEN}"})[0], 200)
