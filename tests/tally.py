#!/usr/bin/env python3
"""Adds up a test run's results: tests/tally.py FOLDER

FOLDER holds a file `steps` (lines "ok NAME" or "failed NAME") and one folder for each ctest run:
junit.xml from ctest, <program>.xml from each GoogleTest program, <folder>-<module>.totals from each
module of tests/scenario or tests/security ("PASSED FAILED", then the names of what failed). Names what failed; the last line
is "N passed, N failed". Exit status 1 if any did.
"""

import glob
import os
import sys
import xml.etree.ElementTree as tree


def googletest(path, failed):
    """(passed, failed) of a GoogleTest program."""
    good = bad = 0
    for case in tree.parse(path).getroot().iter("testcase"):
        if case.get("status") == "notrun" or case.find("skipped") is not None:
            continue
        if case.find("failure") is not None:
            bad += 1
            failed.append(f"{case.get('classname')}.{case.get('name')}")
        else:
            good += 1
    return good, bad


def details(folder, name, failed):
    """What is known of one ctest test beyond passed or failed; None if nothing."""
    program = os.path.join(folder, f"{name}.xml")
    if os.path.exists(program):
        try:
            return googletest(program, failed)
        except tree.ParseError:
            return None
    kind, _, theme = name.partition("_")  # scenario_login is module test_login of tests/scenario
    written = "scenario-all-quick" if name == "quick" else f"{kind}-test_{theme}"
    totals = os.path.join(folder, f"{written}.totals")
    if os.path.exists(totals):
        with open(totals) as file:
            good, bad = file.readline().split()
            failed += [line.strip() for line in file]
        return int(good), int(bad)
    return None


def ctest_run(folder):
    """(passed, failed, names of what failed) of one ctest run."""
    good = bad = 0
    failed = []
    junit = os.path.join(folder, "junit.xml")
    if not os.path.exists(junit):
        return 0, 1, ["ctest left no results"]
    for case in tree.parse(junit).getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        if status in ("disabled", "notrun") and case.find("skipped") is not None:
            continue  # not a test of this configuration
        cases = details(folder, name, failed) or (0, 0)
        good += cases[0]
        bad += cases[1]
        if cases == (0, 0):
            good += status == "run"
        if status != "run" and cases[1] == 0:  # it crashed or ran out of time
            failed.append(name)
            bad += 1
    return good, bad, failed


def main(folder):
    passed = failures = 0
    with open(os.path.join(folder, "steps")) as steps:
        for line in steps:
            verdict, _, name = line.strip().partition(" ")
            passed += verdict == "ok"
            if verdict != "ok":
                failures += 1
                print(f"failed: {name}")
    for run in sorted(glob.glob(os.path.join(folder, "*", ""))):
        good, bad, names = ctest_run(run)
        passed += good
        failures += bad
        for name in names:
            print(f"failed: {name} ({os.path.basename(os.path.dirname(run))})")
    print(f"{passed} passed, {failures} failed")
    return 1 if failures or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
