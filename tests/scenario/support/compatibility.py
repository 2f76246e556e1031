"""What the tests found to work, for docs/compatibility.md: one JSON object a line, in the file that
GATEPOST_COMPATIBILITY names. tests/scenario/compatibility makes the tables from it."""

import json
import os

TABLES = {
    "clients": "Clients",
    "servers": "Servers",
}


def write(cells, test):
    """Notes that `test` (module.Class.method) passed, and showed these (table, row, column)."""
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
