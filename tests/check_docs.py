#!/usr/bin/env python3
"""Checks that the documents say what the code says.

- Relative links in Markdown files lead to files, and their #anchors to headings.
- Files and folders named in backticks in docs/architecture.md and docs/life-of-a-retr.md exist,
  functions and constants named there stand somewhere in the code.
- The table of limits in docs/architecture.md has the values of the code.
- docs/log.md has every log line with its fields, every reason and result.
- docs/operations.md has every exit code, and says to clients what the code says.
"""

import pathlib
import re
import subprocess
import sys

import check_layers

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_THERE_YET = {"proxy/base/digest.cc", "proxy/store/", "filters/", "mailbox/", "store/"}
UNITS = {"KiB": 1024, "MiB": 1024 * 1024, "s": 1000}
problems = []


def problem(file, text):
    problems.append(f"{file}: {text}")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def markdown_files():
    try:
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT,
                                capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        listed = [str(path.relative_to(ROOT)) for path in ROOT.glob("*.md")]
        listed += [str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md")]
    return [name for name in listed if name and (ROOT / name).exists()]


def without_code_blocks(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


def anchors(text):
    """Headings as the common viewers name them."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", without_code_blocks(text), re.M):
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower())
        found.add(plain.strip().replace(" ", "-"))
    return found


def check_links(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code_blocks(read(name))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        if not file.exists():
            problem(name, f"link to {target}: no such file")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text("utf-8")):
            problem(name, f"link to {target}: no such heading")


def code():
    return "\n".join(path.read_text(encoding="utf-8")
                     for folder in ("proxy", "filters", "config", "tests", "cmake")
                     for path in sorted((ROOT / folder).rglob("*"))
                     if path.suffix in (".h", ".cc", ".cmake"))


def check_names(name, everything):
    known = NOT_THERE_YET.union(check_layers.LIBRARIES, *check_layers.LAYERS)
    for quoted in re.findall(r"`([^`\n]+)`", without_code_blocks(read(name))):
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)+/?|[\w-]+\.(h|cc|py)", quoted):
            if quoted not in known and not (ROOT / quoted).exists():
                problem(name, f"`{quoted}`: no such file")
        elif call := re.fullmatch(r"(?:[\w:]+(?:::|\.))?(\w+)\([^)]*\)", quoted):
            if not re.search(rf"\b{call[1]}\(", everything):
                problem(name, f"`{quoted}`: no such function")
        elif re.fullmatch(r"k[A-Z]\w+", quoted) and not re.search(rf"\b{quoted}\b", everything):
            problem(name, f"`{quoted}`: no such constant")


def number_in_code(text, constant):
    match = re.search(rf"\b{constant}\s*(?:=\s*([^;]+)|{{([^}}]+)}});", text)
    if not match:
        return None
    plain = re.sub(r"std::size_t{(\d+)}", r"\1", match[1] or match[2]).replace("'", "")
    return eval(plain) if re.fullmatch(r"[\d\s*+()]+", plain) else None  # digits and + * only


def check_limits():
    name = "docs/architecture.md"
    for row in check_layers.table("limits"):
        constant, file = check_layers.quoted(row["name"])[0], check_layers.quoted(row["where"])[0]
        number, _, unit = row["value"].partition(" ")
        said = int(number) * UNITS.get(unit, 1)
        found = number_in_code(read(file), constant) if (ROOT / file).exists() else None
        if said != found:
            problem(name, f"{constant} is {found} in {file}, not {row['value']}")


def section(text, heading):
    """The text under a heading `…`, up to the next heading."""
    match = re.search(rf"^#+ [^\n]*`{heading}`[^\n]*$(.*?)(?=^#|\Z)", text, re.S | re.M)
    return match[0] if match else None


def check_log_lines(name):
    text = without_code_blocks(read(name))
    calls = 0
    for path in sorted((ROOT / "proxy").rglob("*.cc")):
        source = path.read_text(encoding="utf-8")
        for call in re.findall(r"\blog_?\.(?:debug|info|warning|error|write)\((.*?)\);\n", source,
                               re.S):
            head = call.partition("{")[0]
            for event in re.findall(r'"(\w+)"', head):
                calls += 1
                about = section(text, event)
                if about is None:
                    problem(name, f"no heading for the log line `{event}`")
                    continue
                for field in re.findall(r'{\s*"(\w+)",', call):
                    if f"`{field}`" not in about:
                        problem(name, f"log line `{event}`: field `{field}` is missing")
    if calls < 10:
        problem(name, f"only {calls} log lines found in the code: has their form changed?")


def check_words(name):
    text = read(name)
    source = read("proxy/session/counters.cc")
    for enum in ("EndReason", "LoginResult"):
        words = re.findall(rf'case {enum}::(\w+):\s*return "(\w+)"', source)
        if not words:
            problem(name, f"no words of {enum} found in the code")
        for _, word in words:
            if f"`{word}`" not in text:
                problem(name, f"`{word}` of {enum} is missing")


def check_exit_codes(name):
    text = read(name)
    enum = re.search(r"enum class ExitCode[^{]*{(.*?)}", read("proxy/command/cli.h"), re.S)[1]
    for number in re.findall(r"\w+ = (\d+),", enum):
        if not re.search(rf"^\| {number} \|", text, re.M):
            problem(name, f"exit code {number} is missing")


def check_replies(name):
    """What `-ERR …` is said to clients in the document stands in the code."""
    source = "\n".join(path.read_text(encoding="utf-8")
                       for folder in ("proxy", "filters") for path in (ROOT / folder).rglob("*.cc"))
    for reply in re.findall(r"`-ERR (?:\[[A-Z/-]+\] )?([^`…]+)`", read(name)):
        if f'"{reply}"' not in source:
            problem(name, f"`{reply}` is said nowhere")


def main():
    for name in markdown_files():
        check_links(name)
    everything = code()
    for name in ("docs/architecture.md", "docs/life-of-a-retr.md"):
        check_names(name, everything)
    check_limits()
    operations = "docs/operations.md"
    check_log_lines("docs/log.md")
    check_words("docs/log.md")
    check_exit_codes(operations)
    check_replies(operations)
    for text in problems:
        print(f"error: {text}")
    print(f"{len(problems)} errors")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
