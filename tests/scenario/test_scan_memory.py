"""What is known of messages seen before is not asked again, unless the question is another one."""

import unittest

from support import samples
from support.fake_scanner import TROUBLE
from support.scanning import PASSWORD, Scanning

CLEAN = samples.text("clean", b"harmless\r\n" * 100)
INFECTED = samples.infected()["7bit"]


class Remembered(Scanning):
    def start(self, chain=None, **more):
        self.server = self.dovecot({user: (PASSWORD, [CLEAN, INFECTED]) for user in ("joe", "ann")})
        self.fake_ = self.fake_scanner()
        self.running, self.ports = self.scan(self.server.address, [
            self.fake_.section(self_test="0s")], chain, **more)

    def fetch(self, user="joe"):
        self.assertEqual(self.retrieve(self.ports, 1, user)[1], CLEAN)
        self.assert_notice(self.retrieve(self.ports, 2, user)[1])

    def test_other_devices_and_tomorrow_need_no_scan(self):
        self.start(quarantine={"folder": self.quarantine_folder()}, workers=2)
        for user in ("joe", "joe", "ann"):
            self.fetch(user)
        self.assertEqual(self.fake_.begun, 2)
        entries = self.quarantine(self.running, "list", "--json")
        self.assertEqual(sorted(entry["user"] for entry in entries), ["ann", "joe"])
        now = self.running.metrics()
        self.assertEqual(now['gatepost_verdict_memory_lookups_total{result="hit"}'], 4)
        self.assertEqual(now["gatepost_verdict_memory_entries"], 2)

    def test_another_configuration_is_another_question(self):
        self.start()
        self.fetch()
        with open(self.running.config_path) as file:
            text = file.read()
        changed = text.replace('"name": "scan",', '"name": "scan", "filters": [{"type": '
                               '"add_header", "options": {"lines": ["X-Through: Gatepost"]}}],')
        with open(self.running.config_path, "w") as file:
            file.write(changed)
        self.running.reload()
        self.running.wait_for_log("reload")
        status, message = self.retrieve(self.ports)
        self.assertEqual(message, b"X-Through: Gatepost\r\n" + CLEAN)
        self.assertEqual(self.fake_.begun, 3)

    def test_trouble_is_not_remembered(self):
        self.start()
        self.fake_.behaviour = TROUBLE["an error of its own"]
        self.assert_refused(*self.retrieve(self.ports))
        self.fake_.behaviour = None
        self.fetch()

    def test_it_can_be_off(self):
        self.start({"remember": False})
        self.fetch()
        self.fetch()
        self.assertEqual(self.fake_.begun, 4)


if __name__ == "__main__":
    unittest.main()
