#!/usr/bin/env python3
"""Checks the includes of proxy/, filters/ and config/ against the tables of docs/architecture.md.

Errors: a layer that includes what does not stand before it; a library outside the rooms it is
kept in. Warnings (never a failure): headers over 180 lines, sources over 450.

    check_layers.py [--root DIR]     check the tree (default: the one this file is in)
    check_layers.py --self-test      prove on small trees that violations are found
"""

import argparse
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "architecture.md"


def table(name, document=DOCUMENT):
    """The rows of the table that follows <!-- name -->, as dictionaries by the header's words."""
    text = document.read_text(encoding="utf-8")
    text = text.partition(f"<!-- {name} -->")[2].partition("<!-- end -->")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(rows[0], row)) for row in rows[2:]]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def read_layers():
    """(layers rank by rank, pairs of one rank of which the first may include the second)"""
    ranks, pairs = {}, set()
    for row in table("layers"):
        layer = quoted(row["layer"])[0]
        ranks.setdefault(int(row["rank"]), []).append(layer)
        pairs.update((layer, other) for other in quoted(row["also includes"]))
    return [ranks[rank] for rank in sorted(ranks)], pairs


LAYERS, NEIGHBOURS = read_layers()

# What of config/ other layers may see; its loader is for the composition root.
PLAIN_DATA = {"config/config.h"}

# Libraries, by what an include of them starts with, and the only places where they may stand
# (a folder with its slash, or a file).
LIBRARIES = {quoted(row["include"])[0]: quoted(row["only in"]) for row in table("libraries")}

MAX_LINES = {".h": 180, ".cc": 450}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def layer_of(path):
    """The layer that a path relative to the root belongs to, None for none."""
    parts = path.split("/")
    if parts[0] == "config":
        return "config"
    if parts[0] == "filters":
        return "filters/message" if parts[1:2] == ["message"] else "filters"
    if parts[0] == "proxy" and len(parts) > 2:
        return parts[1]
    return None


def rank_of(layer):
    for rank, names in enumerate(LAYERS):
        if layer in names:
            return rank
    return None


def may_include(user, used, path):
    """Whether layer `user` may include `path`, which is of layer `used`."""
    if user == used or (user, used) in NEIGHBOURS:
        return True
    if rank_of(used) >= rank_of(user):
        return False
    if used == "config" and user not in ("server", "command"):
        return path in PLAIN_DATA
    return True


def check_include(file, kind, target):
    """What is wrong with one include, "" for nothing."""
    for prefix, places in LIBRARIES.items():
        if target.startswith(prefix):
            allowed = any(file == p or (p.endswith("/") and file.startswith(p)) for p in places)
            return "" if allowed else f"<{target}> belongs only in {', '.join(places)}"
    if kind == "<":
        return ""
    if target.startswith("../") or "/" not in target:
        return f'"{target}" is not named from the root of the repository'
    user, used = layer_of(file), layer_of(target)
    if used is None:
        return f'"{target}" is of no layer'
    if rank_of(user) is None:
        return f"layer {user} is not in the table"
    if rank_of(used) is None:
        return f"layer {used} is not in the table"
    if not may_include(user, used, target):
        return f'{user} must not include "{target}"'
    return ""


def check_tree(root):
    """Returns (errors, warnings, number of files)."""
    errors, warnings = [], []
    files = sorted(
        path
        for folder in ("proxy", "filters", "config")
        for path in (root / folder).rglob("*")
        if path.suffix in MAX_LINES and path.is_file()
    )
    for path in files:
        name = path.relative_to(root).as_posix()
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > MAX_LINES[path.suffix]:
            warnings.append(f"{name}: {len(lines)} lines; better {MAX_LINES[path.suffix]} at most")
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            problem = check_include(name, *match.groups()) if match else ""
            if problem:
                errors.append(f"{name}:{number}: {problem}")
    return errors, warnings, len(files)


# (file, its text, whether that is an error)
SELF_TEST = [
    ("proxy/pop3/reply.h", '#include "proxy/base/error.h"', False),
    ("proxy/session/session.h", '#include "proxy/net/transport.h"', False),
    ("proxy/tls/layer.cc", '#include "proxy/net/transport.h"', False),
    ("proxy/session/session.h", '#include "config/config.h"', False),
    ("proxy/command/main.cc", '#include "config/load.h"', False),
    ("proxy/net/loop.cc", "#include <uv.h>", False),
    ("proxy/base/digest.cc", "#include <openssl/sha.h>", False),
    ("config/load.cc", "#include <nlohmann/json.hpp>", False),
    ("proxy/command/cli.cc", "#include <CLI/CLI.hpp>", False),
    ("filters/chain.h", '#include "filters/message/scanner.h"', False),
    ("proxy/session/session.cc", "// #include <uv.h>", False),
    ("proxy/session/session.cc", "#include <unordered_map>", False),
    ("proxy/base/error.h", '#include "proxy/pop3/reply.h"', True),
    ("proxy/pop3/reply.h", '#include "proxy/net/transport.h"', True),
    ("proxy/pop3/reply.h", '#include "filters/message/scanner.h"', True),
    ("proxy/net/loop.cc", '#include "proxy/tls/layer.h"', True),
    ("proxy/net/loop.cc", '#include "proxy/session/session.h"', True),
    ("proxy/session/session.h", '#include "config/load.h"', True),
    ("proxy/session/session.h", '#include "proxy/server/worker.h"', True),
    ("proxy/metrics/text.cc", '#include "proxy/admin/pages.h"', True),
    ("proxy/base/error.h", '#include "config/config.h"', True),
    ("config/load.cc", '#include "proxy/net/transport.h"', True),
    ("filters/message/scanner.h", '#include "filters/chain.h"', True),
    ("proxy/session/session.cc", "#include <uv.h>", True),
    ("proxy/session/session.cc", '#  include "uv.h"', True),
    ("proxy/net/loop.cc", "#include <openssl/ssl.h>", True),
    ("proxy/admin/pages.cc", "#include <nlohmann/json.hpp>", True),
    ("proxy/admin/pages.cc", "#include <prometheus/registry.h>", True),
    ("proxy/command/main.cc", "#include <CLI/CLI.hpp>", True),
    ("proxy/admin/pages.cc", "#include <boost/beast/http.hpp>", True),
    ("proxy/net/loop.cc", '#include "loop.h"', True),
    ("proxy/net/loop.cc", '#include "../base/error.h"', True),
    ("proxy/net/loop.cc", '#include "tests/support/chop.h"', True),
    ("proxy/cellar/wine.cc", '#include "proxy/base/error.h"', True),
]


def self_test():
    wrong = 0
    for file, text, is_error in SELF_TEST:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / file
            path.parent.mkdir(parents=True)
            path.write_text(text + "\n", encoding="utf-8")
            errors, _, count = check_tree(pathlib.Path(folder))
            if bool(errors) != is_error or count != 1:
                print(f"self-test: {file} with {text}: {errors or 'nothing found'}")
                wrong += 1
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "proxy/base/long.h"
        path.parent.mkdir(parents=True)
        path.write_text("\n" * 181, encoding="utf-8")
        errors, warnings, _ = check_tree(pathlib.Path(folder))
        if errors or len(warnings) != 1:
            print(f"self-test: a long header: {errors} {warnings}")
            wrong += 1
    print(f"self-test: {len(SELF_TEST) + 1} cases, {wrong} wrong")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path,
                        default=ROOT)
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return 1 if self_test() else 0
    errors, warnings, count = check_tree(arguments.root)
    for warning in warnings:
        print(f"warning: {warning}")
    for error in errors:
        print(f"error: {error}")
    print(f"{count} files, {len(errors)} errors, {len(warnings)} warnings")
    return 1 if errors or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
