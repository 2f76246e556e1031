"""What the tests found to work, for docs/compatibility.md: one JSON object a line, in the file that
GATEPOST_COMPATIBILITY names. tests/scenario/compatibility makes the tables from it."""

import json
import os

#: Name of a table: its columns in order. A test may name no others.
TABLES = {
    "connections": ("POP3S", "STLS", "SNI", "pipelining", "client certificate", "TLS 1.0, 1.1"),
    "logins": ("USER", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2",
               "OAUTHBEARER", "APOP", "chooses itself"),
    "servers": ("plain text", "STLS", "TLS", "no CAPA", "DELE, RSET, QUIT", "refused login",
                "pipelining"),
    "relays": ("in a pool", "pinned key", "our certificate", "PROXY v1", "PROXY v2", "XCLIENT",
               "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER", "APOP"),
    "front": ("PROXY v1", "PROXY v2", "PROXY v2, TLS ended there", "XCLIENT"),
    "scanners": ("POP3S", "STLS"),
    "chains": ("scanned mailbox", "30 s time-out"),
    "judges": ("judges", "killed, started again", "frozen", "knows nothing"),
}


def cell(tables, row, column):
    """(table, row, column) with the first of `tables` that has the column."""
    for table in tables:
        if column in TABLES[table]:
            return table, row, column
    raise AssertionError(f"no column {column!r} in the tables {tables}")


def write(cells, test):
    """Notes that `test` (module.Class.method) passed, and showed these cells."""
    path = os.environ.get("GATEPOST_COMPATIBILITY")
    if not path or not cells:
        return
    lines = "".join(json.dumps({"table": table, "row": row, "column": column, "test": test}) + "\n"
                    for table, row, column in cells)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, lines.encode())  # whole, also when modules run side by side
    finally:
        os.close(file)
