"""A DNS server for one zone, over UDP, run inside a network namespace:

    dns_server.py ADDRESS PORT JSON

JSON maps a type and a name ("SRV _pop3._tcp.example.test", "A pop1.example.test") to a list: of
[priority, weight, port, target] for SRV, of addresses for A. What it does not know does not exist.
"""

import json
import socket
import struct
import sys

TYPES = {1: "A", 33: "SRV"}


def encoded(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    priority, weight, port, target = value
    return struct.pack("!HHH", priority, weight, port) + encoded(target)


def answer(query, zone):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    question = query[12:at + 5]
    number, = struct.unpack("!H", query[at + 1:at + 3])
    name, kind = ".".join(labels), TYPES.get(number, "?")
    found = zone.get(f"{kind} {name}", [])
    known = any(key.split(" ")[1] == name for key in zone)
    head = query[:2] + struct.pack("!HHHHH", 0x8580 | (0 if known else 3), 1, len(found), 0, 0)
    return head + question + b"".join(
        b"\xc0\x0c" + struct.pack("!HHIH", number, 1, 1, len(data)) + data
        for data in (record(kind, value) for value in found))


def main():
    address, port, zone = sys.argv[1:]
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, int(port)))
    print("ready", flush=True)
    while True:
        query, peer = server.recvfrom(4096)
        if len(query) > 16:
            server.sendto(answer(query, json.loads(zone)), peer)


if __name__ == "__main__":
    main()
