"""UTF8 (RFC 6856) towards the server for clients that lack it, and the downgrade (RFC 6857).

Dovecot 2.3 has no UTF8 for POP3, so the server is a fake one that sends raw UTF-8 only to those
who said UTF8, and refuses such messages to others, as section 3.1 of RFC 6856 wants it.
"""

import email
import email.policy
import poplib

from support import clients
from support.case import Scenario, quick
from support.raw_client import stuff

PLAIN = b"From: joe@example.org\r\nSubject: plain\r\n\r\nb\xc3\xb6dy\r\n"
MESSAGE = """\
Return-Path: <jörg@bücher.example>
Received: from mail.bücher.example (Grüße [192.0.2.1]) by mx.example.org with UTF8SMTP id x1
 for <jörg@example.org>; Thu, 1 Jan 2026 00:00:00 +0000
From: Jörg Müller <jörg@bücher.example>
To: Größe <joe@bücher.example>, plain@example.org, Gruppe: ann@example.org, ärger@example.org;
Subject: Grüße aus
 Köln
Message-ID: <ü1@bücher.example>
Date: Thu, 1 Jan 2026 00:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_x"

Vorwort
--=_x
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Größe: 1
.Punkt
--=_x
Content-Type: application/octet-stream; name="größe.bin"
Content-Disposition: attachment; filename="größe.bin"
Content-Transfer-Encoding: base64

AAEC
--=_x
Content-Type: message/global

From: ärger@example.org
Subject: Innen größer

drin: ö
--=_x--
""".replace("\n", "\r\n").encode()
MESSAGES = [PLAIN, MESSAGE]


class Utf8(Scenario):
    def start(self, mode="downgrade", refuse=False, capabilities=(b"USER", b"TOP", b"UTF8")):
        asked = set()

        def utf8(connection, _):
            if refuse:
                return b"-ERR [SYS/TEMP] not now\r\n"
            asked.add(connection)
            return b"+OK UTF8 enabled\r\n"

        def message(connection, line):
            text = MESSAGES[int(line.split()[1]) - 1]
            if connection not in asked and text is MESSAGE:
                return b"-ERR [UTF8] message needs UTF8\r\n"
            return b"+OK %d octets\r\n" % len(text) + stuff(text)

        self.server = self.fake(MESSAGES, script={"UTF8": utf8, "RETR": message, "TOP": message},
                                capabilities=capabilities)
        self.gate, self.ports = self.serve({**self.server.unwatched, "utf8": mode})

    def fetch(self, utf8=False):
        connection = poplib.POP3("localhost", self.ports.plain, timeout=30)
        self.addCleanup(connection.close)
        if utf8:
            connection.utf8()
        connection.user("joe")
        connection.pass_("secret")
        return [b"\r\n".join([*connection.retr(number)[1], b""])
                for number in range(1, len(MESSAGES) + 1)]

    @quick
    def test_an_old_client_gets_what_it_can_read(self):
        self.start()
        plain, text = self.fetch()
        self.assertEqual(plain, PLAIN)
        self.assertEqual(self.server.last().commands[:2], [b"CAPA", b"UTF8"])
        header, _, body = text.partition(b"\r\n\r\n")
        self.assertTrue(header.isascii())
        self.assertIn("Vorwort\r\n".encode(), body)

        message = email.message_from_bytes(text, policy=email.policy.default)
        for part in message.walk():
            self.assertEqual(part.defects, [])
            for name, value in part.items():
                self.assertEqual(list(getattr(value, "defects", ())), [], name)
                self.assertTrue(part.as_bytes()[:part.as_bytes().find(b"\n\n")].isascii())
        self.assertEqual(message["Subject"], "Grüße aus Köln")
        self.assertEqual(message["Downgraded-Message-ID"], "<ü1@bücher.example>")
        self.assertIn("Jörg Müller jörg@bücher.example", str(message["From"]))
        self.assertEqual(message["From"].addresses, ())
        self.assertEqual([address.addr_spec for address in message["To"].addresses],
                         ["joe@xn--bcher-kva.example", "plain@example.org"])
        self.assertEqual(message["To"].addresses[0].display_name, "Größe")
        first, attached, inner = message.iter_parts()
        self.assertEqual(first.get_content(), "Größe: 1\r\n.Punkt")
        self.assertEqual(attached.get_filename(), "größe.bin")
        self.assertEqual(attached.get_content(), b"\0\1\2")
        self.assertEqual(inner.get_content_type(), "message/rfc822")
        self.assertEqual(inner.get_content()["Subject"], "Innen größer")

    def test_top_and_curl_get_it_too(self):
        self.start()
        connection = poplib.POP3("localhost", self.ports.plain, timeout=30)
        self.addCleanup(connection.close)
        connection.user("joe")
        connection.pass_("secret")
        top = b"\r\n".join(connection.top(2, 0)[1])
        self.assertTrue(top.isascii())
        self.assertIn(b"Message-ID: =?UTF-8?B?", top)
        self.assertNotIn(b"Vorwort", top)
        _, plain, text = clients.curl(self.own_folder, clients.PLAIN, self.ports.plain, self.ca,
                                      "joe", "secret", 2)
        self.assertEqual(plain, PLAIN)
        self.assertEqual(text, self.fetch()[1])

    def test_a_client_that_says_utf8_gets_the_message_as_it_is(self):
        self.start()
        self.fetch()  # the gateway has learned what the server announces
        self.assertEqual(self.fetch(utf8=True), MESSAGES)

    def test_without_the_option_nothing_is_said(self):
        self.start(mode="client")
        with self.assertRaisesRegex(poplib.error_proto, "UTF8"):
            self.fetch()
        self.assertNotIn(b"UTF8", self.server.all_commands())

    def test_a_server_that_refuses_utf8_is_used_without(self):
        self.start(refuse=True)
        for _ in range(2):
            with self.assertRaisesRegex(poplib.error_proto, "message needs UTF8"):
                self.fetch()
        self.assertEqual(len(self.gate.log_lines("utf8_refused")), 1)

    def test_a_server_without_utf8_is_not_asked(self):
        self.start(capabilities=(b"USER", b"TOP"))
        with self.assertRaises(poplib.error_proto):
            self.fetch()
        self.assertNotIn(b"UTF8", self.server.all_commands())
