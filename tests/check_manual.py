#!/usr/bin/env python3
"""Checks that docs/man/gatepost.1 has what `gatepost --help` has.

    tests/check_manual.py [--list]

- Every command stands in the synopsis, under a heading, and every flag of it under that heading;
  what stands there of flags and commands is also in the program. Environment variables follow the
  rule that the page gives.
- NOT_THERE_YET names commands and flags that the page has ahead of the program. Whoever adds one to
  the program removes it there: the check fails until then.
- mandoc finds nothing to complain about in either page.

--list prints commands and flags of the program. It is GATEPOST_BINARY.
"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("GATEPOST_BINARY", str(ROOT / "build/dev/gatepost"))
PAGE = ROOT / "docs/man/gatepost.1"
PAGES = [PAGE, ROOT / "docs/man/gatepost.json.5"]

#: Commands, and flags as "command --flag", with the first word of the command only.
NOT_THERE_YET = set()
problems = []


def help_of(words):
    return subprocess.run([BINARY, *words, "--help"], capture_output=True, text=True, check=True,
                          timeout=20).stdout


def part(text, heading):
    """The lines of one part of a help text, as CLI11 lays it out."""
    found = re.search(rf"^{heading}:\n(.*?)(?:\n\n|\Z)", text, re.S | re.M)
    return found[1].split("\n") if found else []


def commands(words=()):
    """{words of a command: its help}, those within it included."""
    text = help_of(words)
    found = {words: text} if words else {}
    for line in part(text, "Subcommands"):
        name = re.match(r"  ([a-z][a-z-]*)(?:\s|$)", line)
        if name:
            found |= commands((*words, name[1]))
    return found


def flags(text):
    """{flag: its environment variable or None}, without --help."""
    found = {}
    for flag, rest in re.findall(r"^  (?:-\w,)?(--[a-z0-9-]+)(.*)$", text, re.M):
        variable = re.search(r"\(Env:(\w+)\)", rest)
        found[flag] = variable[1] if variable else None
    found.pop("--help", None)
    return found


def plain(roff):
    """Text without macros and fonts; every sort of blank is one."""
    text = re.sub(r"^\.(?:BR|BI|RB|IR|RI|B|I|SS|SH|TP|PP|br|in|EX|EE)\b ?", "", roff, flags=re.M)
    text = re.sub(r"\\f[BIRP]", "", text).replace(r"\-", "-").replace(r"\~", " ").replace('"', "")
    return re.sub(r"\s+", " ", text)


def sections(page, macro):
    """{heading: text} of .SH or .SS."""
    pieces = re.split(rf"^\.{macro} (.*)$", page, flags=re.M)
    ends = r"^\.S[HS] " if macro == "SS" else r"^\.SH "
    return {heading: re.split(ends, text, flags=re.M)[0]
            for heading, text in zip(pieces[1::2], pieces[2::2])}


def in_synopsis(words, synopsis):
    """"quarantine show": the two words stand in one line of the synopsis, in this order."""
    for line in re.split(r"^\.br$", synopsis, flags=re.M):
        said = re.findall(r"[a-z][a-z-]*", plain(line))
        if said[:1] == ["gatepost"] and said[1:2] == [words[0]] and set(words) <= set(said):
            return True
    return False


def check_command(name, found, about, synopsis):
    """One command with those within it."""
    mine = {words: text for words, text in found.items() if words[0] == name}
    for words in mine:
        if not in_synopsis(words, synopsis):
            problems.append(f"gatepost {' '.join(words)} is not in the synopsis")
    if about is None:
        problems.append(f"no heading for gatepost {name}")
        return
    known = {}
    for text in mine.values():
        known |= flags(text)
    said = set(re.findall(r"(?<![\w-])--[a-z0-9][a-z0-9-]*", plain(about)))
    for flag, variable in known.items():
        if flag not in said:
            problems.append(f"{flag} of gatepost {name} is missing")
        if variable and variable != "GATEPOST_" + flag[2:].replace("-", "_").upper():
            problems.append(f"{flag} of gatepost {name}: {variable} is not named by the rule")
        if f"{name} {flag}" in NOT_THERE_YET:
            problems.append(f"{flag} of gatepost {name} is there: remove it from NOT_THERE_YET")


def check_headings(found, abouts, synopsis):
    tops = {words[0] for words in found}
    for name in sorted(tops):
        if name in NOT_THERE_YET:
            problems.append(f"gatepost {name} is there: remove it from NOT_THERE_YET")
        check_command(name, found, abouts.get(name), synopsis)
    for name in sorted(set(abouts) - tops - NOT_THERE_YET):
        problems.append(f"the program has no gatepost {name}")
    for name in sorted(NOT_THERE_YET):
        if " " not in name and name not in abouts:
            problems.append(f"no heading for gatepost {name}, which is to come")


def check_flags_said(found, page):
    """No heading speaks of a flag that none of its commands has."""
    for heading, text in sections(page, "SS").items():
        names = re.findall(r"gatepost ([a-z-]+)", heading)
        if set(names) & NOT_THERE_YET:
            continue
        known = {"--help", "--version"}
        for words, help_text in found.items():
            if words[0] in names:
                known |= set(flags(help_text))
        for flag in re.findall(r"^(--[a-z0-9-]+)", "\n".join(
                plain(line) for line in text.split("\n") if line.startswith((".B", ".I"))), re.M):
            ahead = any(f"{name} {flag}" in NOT_THERE_YET for name in names)
            if flag not in known and not ahead:
                problems.append(f"gatepost {' or '.join(names)} has no {flag}")


def check_lint():
    for path in PAGES:
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(path)],
                              capture_output=True, text=True, timeout=60)
        problems.extend(filter(None, done.stdout.split("\n")))


def main():
    found = commands()
    if sys.argv[1:] == ["--list"]:
        for words, text in found.items():
            print(" ".join(["gatepost", *words, *flags(text)]))
        return 0
    page = PAGE.read_text(encoding="utf-8")
    abouts = {name: text for heading, text in sections(page, "SS").items()
              for name in re.findall(r"gatepost ([a-z-]+)", heading)}
    check_headings(found, abouts, sections(page, "SH")["SYNOPSIS"])
    check_flags_said(found, page)
    check_lint()
    for text in problems:
        print(f"error: {text}")
    print(f"{len(found)} commands, {len(problems)} errors")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
