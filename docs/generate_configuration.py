#!/usr/bin/env python3
"""Writes docs/configuration.md and docs/man/gatepost.json.5 from config/schema.json.

Without an argument the two are written; with --check they are only compared, and the exit status
says whether they are up to date.
"""

import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True
import manual_page  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "config" / "schema.json"
EXAMPLES = ROOT / "config" / "examples"
DOCUMENT = ROOT / "docs" / "configuration.md"
MANUAL_PAGE = ROOT / "docs" / "man" / "gatepost.json.5"

INTRODUCTION = """\
# Configuration

<!-- Made by docs/generate_configuration.py from config/schema.json: change those. -->

Gatepost reads one file, or none: every setting that a sidecar needs is also a flag and an
environment variable.

```
gatepost check --config /etc/gatepost/gatepost.jsonc             # is the file right?
gatepost check --config /etc/gatepost/gatepost.jsonc --connect   # does the upstream answer, too?
gatepost run   --config /etc/gatepost/gatepost.jsonc
gatepost run   --pop3s :995 --pop3 :110 --upstream 127.0.0.1:1110 --cert FILE --key FILE
```

## The file

JSON with comments, `// to the end of the line` and `/* anywhere */`. No comma after the last
item. The name is free; the examples end in `.jsonc`, so that editors expect the comments. At most
1 MiB, 32 levels, 20,000 values, 4,096 bytes in one text.

The smallest useful file:

```jsonc
{
  "listeners": [{"address": ":995"}],
  "tls": {"certificate": "/etc/gatepost/pop.pem", "key": "/etc/gatepost/pop.key"},
  "upstream": {"address": "127.0.0.1:1110"}
}
```

Everything is checked when the file is read: at start, on SIGHUP and by `gatepost check`. All
problems are reported at once, each with its line and its place as a JSON pointer:

```
gatepost.jsonc:12: /upstream/tsl: unknown key (did you mean "tls"?)
gatepost.jsonc:15: /timeouts/inactivity: found "5m", must be a duration from 10m to 24h, as a number with the unit ms, s, m or h
gatepost.jsonc:19: warning: /admin/address: metrics are readable from other machines at :9110, without a password
--upstream-tls: found "ssl", must be "none", "starttls" or "implicit"
```

SIGHUP reads the file again; flags and environment stay what they were. Sessions go on with the settings that
they began with. Where it says so below, a change takes effect at a restart only.

Unknown keys, keys that stand twice in one object, and values out of range are errors: Gatepost
does not start with them, and after SIGHUP it goes on with what it had. Warnings stop nothing.

### Several servers, many customers

`upstream` is all that one server needs, or several that know the same users. Where different users
live on different servers, each kind of server is a **pool** with a name, and **routes** say who goes
where and under what name:

```jsonc
{
  "listeners": [{"address": ":995"}],
  "tls": {"certificate_folders": ["/etc/gatepost/certificates"]},
  "upstream": {"servers": ["192.0.2.21", "192.0.2.22"], "tls": "starttls", "server_name": "pop.example.com"},
  "pools": {"old": {"address": "127.0.0.1:1110"}},
  "routes": [
    {"domains": ["example.net", "example.org"], "pool": "old", "user": "{local}"}
  ]
}
```

A login goes through the routes from the first to the last. All conditions of a route must hold, and
the first such route decides. Here, `joe@example.net` becomes `joe` on the old server, and everybody
else goes to one of the two servers of `upstream`, under the name that the mail program sent. To let
people log in as `joe` and as `joe@example.com` alike, send upstream what the server knows:
`"user": "{local}"`, or `"user": "{local}@{domain}"` with a `default_domain`.

Without `upstream`, whom no route wants is refused at login.

[hosting.jsonc](#hostingjsonc) is such a file for twenty domains, with certificates of the customers
and a load balancer in front.

`config/schema.json` is the JSON Schema (draft 07) that the file is checked against. Editors can use
it: write its path into the key `$schema`.

## What comes first

A **flag** comes before its **environment variable**, which comes before the **file**, which comes
before the **default**. An empty environment variable counts as not set. Any of `--pop3s`, `--pop3`
and `--pop3-plain` replaces the whole list of listeners of the file. No flag carries a secret: the
key is a path.

## Units and addresses

- **Durations** are texts: a whole number and `ms`, `s`, `m` or `h`, as in `"500ms"`, `"15s"`,
  `"10m"`, `"1h"`; ages of what is kept also take `d`, as in `"30d"`.
- **Sizes** are numbers of bytes, or texts with `KiB`, `MiB` or `GiB`, as in `"256MiB"`.
- **Addresses** are `host:port`, `[IPv6]:port`, `:port` (every address of the machine, IPv4 and
  IPv6) or `unix:/path` (at most 107 bytes of path).
- **Networks** are `192.0.2.0/24`, `2001:db8::/32`, or one address. The address must be the first
  of its network: `192.0.2.1/24` is refused, because it is mostly a slip.
- **Files** are paths; a relative one starts from the directory in which Gatepost was started.
"""

EXIT_CODES = """\
## Exit codes

| code | meaning |
| --- | --- |
| 0 | fine |
| 1 | failed at run time, for instance because a port is taken |
| 2 | the command line is wrong |
| 3 | the configuration or a certificate is wrong |
| 4 | `check --connect`: the upstream could not be reached, or a scanner is not effective |
"""

FLAGS_WITHOUT_KEY = [("--config", "", "The configuration file.")]
FLAG_MEANINGS = {
    "--pop3s": "A listener with `tls` = `implicit`.",
    "--pop3": "A listener with `tls` = `starttls`.",
    "--pop3-plain": "A listener with `tls` = `none`.",
    "--cert": "PEM file: certificate and chain.",
    "--key": "PEM file: private key of the certificate.",
    "--cert-folder": "One folder of certificates, in place of the file's.",
    "--proxy-protocol": "Sets it to `true` in every listener; the variable takes `true` or `false`.",
    "--trusted-network": "Who may send PROXY headers; several with commas. Of every TCP listener.",
    "--upstream": "Address of the server, or of several, with commas. In place of every `address`, `servers` and `srv` there.",
    "--upstream-tls": "How the upstream is spoken to: `none`, `starttls` or `implicit`.",
    "--scan": "Adds a scanner, `TYPE@ADDRESS`, and a chain `scan` for every listener; may be given several times, the variable takes several with commas.",
    "--quarantine": "Folder of the quarantine.",
    "--retention": "Adds a policy, `TYPE` or `TYPE:PERIOD`, for every listener; `client`: no listener has one.",
    "--retention-file": "File of the store.",
    "--upstream-insecure": "Sets `verify` to `false`; the variable takes `true` or `false`.",
}


def variable(flag):
    return "GATEPOST_" + flag[2:].replace("-", "_").upper()


def code(value):
    return "`" + json.dumps(value, ensure_ascii=False) + "`"


def has_objects(node):
    """Whether what stands in an object, each under a name of its own, are objects."""
    return any(child["type"] == "object" for child in node["patternProperties"].values())


def allowed(node):
    """What may stand there, in a few words."""
    if "enum" in node:
        return ", ".join(code(value) for value in node["enum"])
    unit = node.get("x-unit")
    if unit:
        kind = {"duration": "duration", "size": "size"}[unit]
        return f"{kind}, {node['x-minimum']} to {node['x-maximum']}"
    kind = node["type"]
    if kind == ["string", "object"]:
        return "text or object"
    if kind == "object" and not has_objects(node):
        return f"object of {node['minProperties']} to {node['maxProperties']} options"
    if kind == "object":
        return f"{node['minProperties']} to {node['maxProperties']} objects, each under its name"
    if isinstance(kind, list):
        return f"`{node['x-pattern-text']}` or a number, {node['minimum']:,} to {node['maximum']:,}"
    if kind == "integer":
        return f"number, {node['minimum']:,} to {node['maximum']:,}"
    if kind == "boolean":
        return "`true` or `false`"
    if kind == "array":
        kind = node["items"]["type"]
        item = "texts or objects" if isinstance(kind, list) else {"object": "objects"}.get(kind, "texts")
        return f"list of {item}, {node.get('minItems', 0)} to {node['maxItems']}"
    if "x-pattern-text" in node:
        return "text: " + node["x-pattern-text"].replace('"', "`")
    return "text"


def has_own_section(node):
    return node["type"] == "object" and "properties" in node


def default(key, node, required):
    if key in required:
        return "**required**"
    if "default" not in node:
        return "–"
    return code(node["default"])


def examples(node):
    return ", ".join(code(value) for value in node.get("examples", []))


def table(node):
    required = node.get("required", [])
    lines = ["| key | value | default |", "| --- | --- | --- |"]
    for key, child in node["properties"].items():
        if has_own_section(child) or key == "$schema":
            continue
        lines.append(f"| `{key}` | {allowed(child)} | {default(key, child, required)} |")
    return "\n".join(lines)


def definitions(node):
    """One paragraph for each key of an object that is not an object itself."""
    parts = []
    for key, child in node["properties"].items():
        if has_own_section(child):
            continue
        text = f"**`{key}`** – {child['title']}. {child['description']}"
        if examples(child):
            text += f" Examples: {examples(child)}."
        flags = child.get("x-flags", [])
        if flags:
            text += " Flag: " + ", ".join(f"`{flag}`" for flag in flags) + "."
        parts.append(text)
    return "\n\n".join(parts)


def section(name, node):
    """What stands in an object, then in the objects within it."""
    parts = [f"### `{name}`: {node['title']}", node["description"], table(node), definitions(node)]
    return "\n\n".join(parts + sections(name + ".", node))


def sections(prefix, node):
    parts = []
    for key, child in node["properties"].items():
        if child["type"] == "array" and "properties" in child["items"]:
            parts.append(section(f"{prefix}{key}[]", child["items"]))
        elif has_own_section(child):
            parts.append(section(prefix + key, child))
        elif child["type"] == "object" and has_objects(child):
            parts.append(f"### `{prefix}{key}.NAME`: {child['title']}\n\nThe keys of each are those of `upstream`.")
    return parts


def keys(schema):
    parts = ["## Keys", "### At the top", table(schema), definitions(schema)]
    return "\n\n".join(parts + sections("", schema))


def flags(schema):
    rows = list(FLAGS_WITHOUT_KEY)

    def walk(node, path, above):
        for flag in node.get("x-flags", []):
            title = f"{above}: {node['title'].lower()}." if above else node["title"] + "."
            rows.append((flag, path, FLAG_MEANINGS.get(flag, title)))
        inside = node
        if "items" in node:
            inside = node["items"]
            path += "[]"
        for key, child in inside.get("properties", {}).items():
            walk(child, f"{path}.{key}" if path else key, node["title"] if path else "")

    walk(schema, "", "")
    lines = [
        "## Flags and environment",
        "",
        "For `gatepost run` and `gatepost check`; `gatepost run --help` has them too.",
        "",
        "| flag | environment | key | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for flag, path, meaning in rows:
        key = f"`{path}`" if path else "–"
        lines.append(f"| `{flag}` | `{variable(flag)}` | {key} | {meaning} |")
    lines += [
        "",
        "Of `check` alone: `--connect` connects to the upstream as a session would, and shows each scanner",
        "the samples of its self-test; `--json` prints",
        "the result as JSON. `gatepost version` and `gatepost --version` print version and libraries.",
    ]
    return "\n".join(lines)


def whole_examples():
    parts = ["## Whole files", "From `config/examples/`; a test loads each of them."]
    for path in sorted(EXAMPLES.glob("*.jsonc")):
        parts.append(f"### {path.name}\n\n```jsonc\n{path.read_text(encoding='utf-8').rstrip()}\n```")
    return "\n\n".join(parts)


def followed(node, definitions_by_name):
    """The schema without references: what stands beside one goes before what it refers to."""
    if isinstance(node, list):
        return [followed(item, definitions_by_name) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        beside = {key: value for key, value in node.items() if key != "$ref"}
        node = definitions_by_name[node["$ref"].rsplit("/", 1)[1]] | beside
    return {key: followed(value, definitions_by_name) for key, value in node.items()}


def the_schema():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return followed(schema, schema["definitions"])


def document(schema):
    parts = [INTRODUCTION.rstrip(), keys(schema), flags(schema), EXIT_CODES.rstrip(), whole_examples()]
    text = "\n\n".join(parts) + "\n"
    return re.sub(r"\n{3,}", "\n\n", text)


def main():
    schema = the_schema()
    made = {DOCUMENT: document(schema),
            MANUAL_PAGE: manual_page.page(schema, sys.modules[__name__])}
    if sys.argv[1:] == ["--check"]:
        status = 0
        for path, text in made.items():
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"{path.relative_to(ROOT)} is out of date: run docs/generate_configuration.py")
                status = 1
        return status
    if sys.argv[1:]:
        print(__doc__)
        return 2
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
