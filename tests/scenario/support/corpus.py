"""The messages the tests fetch, the same in every run: a seed decides.

Each is the file as it lies in the Maildir (CRLF line ends unless it is about line ends). What a
client must receive is what the server sends for it directly; the tests compare the two ways.
"""

import base64
import random

SEED = 20260131
BIG = 25 * 1024 * 1024
CRLF = b"\r\n"


def _header(number, subject, extra=b""):
    return (b"Return-Path: <ada@example.org>\r\n"
            b"Received: from mail.example.org (mail.example.org [192.0.2.7])\r\n"
            b"\tby mx.example.net (Postfix) with ESMTPS id 4XyZ%05d\r\n"
            b"\tfor <joe@example.net>; Sat, 31 Jan 2026 12:%02d:%02d +0000 (UTC)\r\n"
            b"Date: Sat, 31 Jan 2026 12:%02d:%02d +0000\r\n"
            b"From: Ada Example <ada@example.org>\r\n"
            b"To: Joe Example <joe@example.net>\r\n"
            b"Subject: %s\r\n"
            b"Message-ID: <corpus.%05d@example.org>\r\n" % (
                number, number // 60 % 60, number % 60, number // 60 % 60, number % 60,
                subject.encode(), number) + extra)


def _plain(number, subject, body):
    return _header(number, subject, b"MIME-Version: 1.0\r\n"
                   b"Content-Type: text/plain; charset=utf-8\r\n"
                   b"Content-Transfer-Encoding: 8bit\r\n") + CRLF + body


_WORDS = ("meeting budget report table figure tomorrow please attached thanks regards invoice "
          "number project version customer garden weather lunch train ticket update").split()


def _prose(rng, lines):
    return b"".join(" ".join(rng.choice(_WORDS) for _ in range(rng.randint(0, 12))).encode() + CRLF
                    for _ in range(lines))


def _attachment(rng, octets):
    encoded = base64.b64encode(rng.randbytes(octets))
    return b"".join(encoded[at:at + 76] + CRLF for at in range(0, len(encoded), 76))


def _multipart(number, rng, octets):
    boundary = b"=_part_%08x" % rng.getrandbits(32)
    parts = [
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + _prose(rng, rng.randint(1, 20)),
        b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"
        b"\r\n\r\n<html><body><p>" + _prose(rng, 4) + b"caf=C3=A9=\r\n</p></body></html>\r\n",
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename=\"data-%d.bin\"\r\n\r\n" % number
        + _attachment(rng, octets),
    ]
    body = b"This is a message in MIME format.\r\n"
    for part in parts:
        body += b"--" + boundary + CRLF + part
    body += b"--" + boundary + b"--\r\n"
    return _header(number, f"Message {number} with an attachment",
                   b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n\tboundary=\""
                   + boundary + b"\"\r\n") + CRLF + body


def _special(rng):
    """Messages that each are about one thing; (what, bytes of the file)."""
    dots = b".\r\n..\r\n...\r\n.x\r\n..x\r\nx.\r\n \r\n.\r\n"
    yield "no body at all", _header(1, "no body") + CRLF
    yield "one line", _plain(2, "one line", b"Hello.\r\n")
    yield "one line without an end", _plain(3, "no final line end", b"Hello.")
    yield "header without a blank line", _header(4, "no blank line")
    yield "no header", b"\r\nOnly a body.\r\n"
    yield "lines of 1,000 octets", _plain(6, "1,000", (b"a" * 998 + CRLF) * 50)
    yield "lines of 100,000 octets", _plain(7, "100,000", (b"b" * 99998 + CRLF) * 3)
    yield "a line of 100,000 dots", _plain(8, "dots in a row", b"." * 100000 + CRLF)
    yield "leading dots", _plain(9, "leading dots", dots * 20)
    yield "first body line is a dot", _plain(10, "dot first", b".\r\nafter\r\n")
    yield "last line is a dot", _plain(11, "dot last", b"before\r\n.\r\n")
    yield "last line is a dot without an end", _plain(12, "dot at the end", b"before\r\n.")
    yield "8-bit", _plain(13, "8-bit", bytes(range(128, 256)) * 30 + CRLF)
    yield "NUL", _plain(14, "NUL", b"a\0b\r\n\0\r\n\0.\r\n" * 10)
    yield "bare LF", _plain(15, "bare LF", b"one\ntwo\n.\nthree\n..\n").replace(CRLF, b"\n")
    yield "mixed line ends", _plain(16, "mixed", b"one\ntwo\r\n\n.\n\r\n.\r\nthree\n")
    yield "bare CR", _plain(17, "bare CR", b"one\rtwo\r\r\n\r.\r\r\n.\rthree\r\n")
    yield "only line ends", _plain(18, "empty lines", CRLF * 3000)
    yield "only dots", _plain(19, "dots", b".\r\n" * 3000)
    yield "looks like an end of a reply", _plain(20, "replies", b"+OK\r\n-ERR no\r\n.\r\n+OK 1\r\n")
    # Line ends and dots at every place around the boundaries of 16 KiB blocks and TLS records.
    for octets in (16384, 32768, 65536):
        for offset in range(-3, 4):
            message = _plain(21, "boundary", b"")
            fill = octets + offset - len(message)
            lines, rest = divmod(fill, 80)
            message += (b"c" * 78 + CRLF) * lines
            message += (b"d" * rest + CRLF if rest else b"") + dots
            yield f"dots near {octets}", message
    yield "25 MB", _plain(42, "25 MB", (b"e" * 70 + rng.randbytes(4).hex().encode() + CRLF)
                          * (BIG // 80 + 1))


def messages(count=200, big=True):
    """`count` messages; without `big` a short one stands for the 25 MB."""
    rng = random.Random(SEED)
    result = []
    for what, message in _special(rng):
        if what == "25 MB" and not big:
            message = message[:20000]
        result.append(message)
    number = len(result)
    while len(result) < count:
        number += 1
        if number % 3 == 0:
            result.append(_plain(number, f"Message {number}", _prose(rng, rng.randint(1, 60))))
        else:
            result.append(_multipart(number, rng, rng.randint(100, 40000)))
    return result[:count]


def few():
    """Three short messages for tests that are not about bytes."""
    rng = random.Random(SEED)
    return [_plain(n, f"Message {n}", b"".join(b"line %d\r\n.dot %d\r\n" % (k, k)
                                              for k in range(5)) + _prose(rng, n))
            for n in (1, 2, 3)]


def of_size(octets):
    """One message of about `octets`."""
    line = b"f" * 78 + CRLF
    return _plain(1, "long", line * (octets // len(line) + 1))
