"""Messages with something in them. What scanners know is put together when it is called, so that no
file here is taken for a virus or for spam itself."""

import base64
import binascii
import io
import random
import re
import struct
import zipfile
import zlib

CRLF = b"\r\n"
BOUNDARY = b"=_a_boundary"


def eicar():
    """The EICAR test file: 68 octets."""
    return rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS" + b"-TEST-FILE!$H+H*"


def gtube():
    """The line that every scanner for spam knows."""
    return b"XJS*C4JDBQADN1.NSBN3*2IDNEN*" + b"GTUBE-STANDARD-ANTI-UBE" + b"-TEST-EMAIL*C.34X"


def as_expression(text):
    """For Perl and others that escape alike."""
    return re.sub(r"([^A-Za-z0-9_-])", r"\\\1", text.decode())


def header(subject, extra=b""):
    name = binascii.hexlify(subject.encode())[:40]
    return (b"Return-Path: <ada@example.org>\r\n"
            b"Received: from mail.example.org (mail.example.org [192.0.2.7])\r\n"
            b"\tby mx.example.net (Postfix) with ESMTPS id 4XyZ00001\r\n"
            b"\tfor <joe@example.net>; Sat, 31 Jan 2026 12:00:00 +0000 (UTC)\r\n"
            b"Date: Sat, 31 Jan 2026 12:00:00 +0000\r\n"
            b"From: Ada Example <ada@example.org>\r\n"
            b"To: Joe Example <joe@example.net>\r\n"
            b"Subject: " + subject.encode() + CRLF +
            b"Message-ID: <sample." + name + b"@example.org>\r\n"
            b"MIME-Version: 1.0\r\n" + extra)


def text(subject, body):
    return header(subject, b"Content-Type: text/plain; charset=utf-8\r\n"
                  b"Content-Transfer-Encoding: 8bit\r\n") + CRLF + body


def base64_lines(data):
    encoded = base64.b64encode(data)
    return b"".join(encoded[at:at + 76] + CRLF for at in range(0, len(encoded), 76))


def attachment(subject, data, name="data.bin", kind="application/octet-stream"):
    return header(subject, b"Content-Type: multipart/mixed; boundary=\"" + BOUNDARY + b"\"\r\n") \
        + CRLF + b"--" + BOUNDARY + b"\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n--" \
        + BOUNDARY + f"\r\nContent-Type: {kind}; name=\"{name}\"\r\n".encode() \
        + b"Content-Transfer-Encoding: base64\r\n" \
        + f"Content-Disposition: attachment; filename=\"{name}\"\r\n".encode() \
        + CRLF + base64_lines(data) + b"--" + BOUNDARY + b"--\r\n"


def forwarded(subject, message):
    """The message as message/rfc822 in another."""
    return header(subject, b"Content-Type: multipart/mixed; boundary=\"=_outer\"\r\n") + CRLF \
        + b"--=_outer\r\nContent-Type: text/plain\r\n\r\nFor your information.\r\n" \
        + b"--=_outer\r\nContent-Type: message/rfc822\r\n\r\n" + message + b"\r\n--=_outer--\r\n"


def zipped(name, data):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 31, 12, 0, 0)), data,
                         zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def encrypted_zip(name, data, password=b"secret"):
    """A ZIP file with the encryption that every program knows, which Python cannot write."""
    table = [_crc_of(n) for n in range(256)]
    keys = [0x12345678, 0x23456789, 0x34567890]

    def turn(octet):
        keys[0] = keys[0] >> 8 ^ table[(keys[0] ^ octet) & 255]
        keys[1] = ((keys[1] + (keys[0] & 255)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = keys[2] >> 8 ^ table[(keys[2] ^ keys[1] >> 24) & 255]
    for octet in password:
        turn(octet)

    def encrypt(plain):
        for octet in plain:
            mask = keys[2] | 2
            yield octet ^ (mask * (mask ^ 1) >> 8 & 255)
            turn(octet)
    crc = zlib.crc32(data)
    body = bytes(encrypt(bytes(11) + bytes([crc >> 24]) + data))
    name = name.encode()
    common = struct.pack("<HHHHHIIIHH", 20, 1, 0, 0, 0x5C3F, crc, len(body), len(data), len(name), 0)
    local = b"PK\3\4" + common + name + body
    central = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    return local + central + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central),
                                                    len(local), 0)


def _crc_of(octet):
    for _ in range(8):
        octet = octet >> 1 ^ (0xEDB88320 if octet & 1 else 0)
    return octet


def partial(subject, number=1, total=2):
    """A piece of a message that was cut in several."""
    return header(subject, b"Content-Type: message/partial; id=\"pieces@example.org\";\r\n\t"
                  b"number=%d; total=%d\r\n" % (number, total)) + CRLF \
        + b"Subject: the whole\r\nContent-Type: text/plain\r\n\r\nthe first half of it\r\n"


def long(subject, octets):
    line = b"f" * 78 + CRLF
    return text(subject, line * (octets // len(line) + 1))


def canonical(message):
    """The form in which a chain scans and delivers: CRLF ends every line, and stands nowhere else
    in pieces."""
    lines = re.sub(rb"\r*\n", b"\n", message).replace(b"\r", b"\n")
    if lines and not lines.endswith(b"\n"):
        lines += b"\n"
    return lines.replace(b"\n", CRLF)


# What mailboxes are made of: {what: message}, the same in every run

def clean():
    """Ordinary messages that every client stores as it gets them."""
    rng = random.Random(20260131)
    dots = b".\r\n..\r\n...\r\n.x\r\n..x\r\nx.\r\n \r\n.\r\n"
    return {
        "text": text("a text", b"Hello Joe,\r\n\r\nas discussed.\r\n" * 20),
        "8-bit": text("8-bit", "Grüße aus Köln, 你好.\r\n".encode() * 10),
        "dots": text("leading dots", b"before\r\n" + dots * 5 + b"after\r\n"),
        "attachment": attachment("an attachment", rng.randbytes(50000)),
        "larger than memory": attachment("a large attachment", rng.randbytes(300000)),
        "zip": attachment("a harmless archive", zipped("notes.txt", b"Nothing to see.\n" * 50),
                          "notes.zip", "application/zip"),
        "forwarded": forwarded("a forwarded one", text("inner", b"Harmless.\r\n")),
        "one line": text("one line", b"Hello.\r\n"),
    }


def odd():
    """Clean messages as no mail program writes them: only octet for octet clients may compare."""
    return {
        "no body": header("no body") + CRLF,
        "no header": b"\r\nOnly a body.\r\n",
        "no blank line": header("no blank line"),
        "no final line end": text("no final line end", b"Hello."),
        "long lines": text("long lines", (b"b" * 99998 + CRLF) * 3),
        "NUL": text("NUL", b"a\0b\r\n\0\r\n\0.\r\n" * 10),
        "bare LF": text("bare LF", b"one\ntwo\n.\nthree\n..\n").replace(CRLF, b"\n"),
        "mixed": text("mixed", b"one\ntwo\r\n\n.\n\r\n.\r\nthree\n"),
        "bare CR": text("bare CR", b"one\rtwo\r\r\n\r.\r\r\n.\rthree\r\n"),
        "every octet": text("every octet", bytes(n for n in range(256) if n not in (10, 13)) + CRLF),
        "empty lines": text("empty lines", CRLF * 3000),
        "only dots": text("only dots", b".\r\n" * 3000),
        "replies": text("replies", b"+OK\r\n-ERR no\r\n.\r\n+OK 1\r\n"),
        "dots near 16 KiB": text("near a border", (b"c" * 78 + CRLF) * 200 + b"." * 300 + dots_near()),
    }


def dots_near():
    return b"".join(b"d" * n + b"\r\n.\r\n" for n in range(40))


def infected():
    """Each has EICAR in it, and scanners for viruses find it."""
    return {
        "plain": attachment("infected, plain", eicar(), "eicar.com"),
        "7bit": header("infected, 7bit", b"Content-Type: multipart/mixed; boundary=\"" + BOUNDARY
                       + b"\"\r\n") + CRLF + b"--" + BOUNDARY
        + b"\r\nContent-Type: application/octet-stream\r\n\r\n" + eicar() + b"\r\n--" + BOUNDARY
        + b"--\r\n",
        "forwarded": forwarded("infected, forwarded",
                               attachment("inner", eicar(), "eicar.com")),
        "zip": attachment("infected, in an archive", zipped("eicar.com", eicar()), "eicar.zip",
                          "application/zip"),
    }


def spam():
    return {"GTUBE": text("spam", gtube() + CRLF)}


def unscannable():
    return {"encrypted zip": attachment("an encrypted archive", encrypted_zip("eicar.com", eicar()),
                                        "secret.zip", "application/zip")}


def pieces():
    return {"partial": partial("a piece")}
