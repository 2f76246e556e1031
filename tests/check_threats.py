#!/usr/bin/env python3
"""Compares the tables of docs/security.md (threats, duties) with the tests that they name.

- Every row names at least one test that exists.
- Every class of tests in tests/security/ says with `rows = ("name", …)` which rows it belongs to,
  and each of these rows names the class or a test of it.
"""

import ast
import pathlib
import sys

import check_layers

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "security.md"


class TestClass:
    """A class of tests in a module: `module.Class`, its test_… methods (its own and those of bases
    in the same module), and the rows it says it belongs to."""

    def __init__(self, module, node, known):
        self.name = f"{module}.{node.name}"
        bases = [known[base.id] for base in node.bases
                 if isinstance(base, ast.Name) and base.id in known]
        self.tests = {item.name for item in node.body
                      if isinstance(item, ast.FunctionDef) and item.name.startswith("test_")}
        self.rows = ()
        for base in bases:
            self.tests |= base.tests
            self.rows = self.rows or base.rows
        for item in node.body:
            if isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) == "rows":
                self.rows = ast.literal_eval(item.value)


def classes(folder):
    """{"module.Class": TestClass} of all classes with tests in a folder's modules."""
    found = {}
    for path in sorted((ROOT / "tests" / folder).glob("test_*.py")):
        known = {}
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                known[node.name] = TestClass(path.stem, node, known)
        found.update((item.name, item) for item in known.values() if item.tests)
    return found


def exists(name, known):
    """Whether a test that a row names is there: `module.Class`, `module.Class.test`, or a file."""
    if "/" in name:
        return (ROOT / name).is_file()
    if name in known:
        return True
    owner, _, test = name.rpartition(".")
    return owner in known and test in known[owner].tests


def check(rows, ours, others):
    """The problems, as lines."""
    known = {**others, **ours}
    problems = []
    for row, names in rows.items():
        if not names:
            problems.append(f"row `{row}` names no test")
        problems += [f"row `{row}`: there is no test `{name}`"
                     for name in names if not exists(name, known)]
    for item in ours.values():
        if not item.rows:
            problems.append(f"{item.name} belongs to no row")
        for row in item.rows:
            if row not in rows:
                problems.append(f"{item.name}: there is no row `{row}`")
            elif not any(name == item.name or name.startswith(f"{item.name}.")
                         for name in rows[row]):
                problems.append(f"row `{row}` does not name {item.name}")
    return problems


def read_rows():
    rows, problems = {}, []
    for name in ("threats", "duties"):
        table = check_layers.table(name, DOCUMENT)
        if len(table) < 10:
            problems.append(f"table of {name}: only {len(table)} rows found")
        for row in table:
            names = check_layers.quoted(row["shown by"])
            key = check_layers.quoted(row["row"])[0]
            if key in rows:
                problems.append(f"row `{key}` stands there twice")
            rows[key] = names
    return rows, problems


def main():
    rows, problems = read_rows()
    problems += check(rows, classes("security"), classes("scenario"))
    for text in problems:
        print(f"error: docs/security.md: {text}")
    print(f"{len(problems)} errors")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
