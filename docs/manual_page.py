"""gatepost.json(5), made from config/schema.json: docs/generate_configuration.py writes it.

The same words as in docs/configuration.md, in the macros of man(7).
"""

import json
import re

HEADER = r""".\" Made by docs/generate_configuration.py from config/schema.json: change those.
.TH GATEPOST.JSON 5 2026-11-30 Gatepost "File formats"
.SH NAME
gatepost.json \- configuration of the POP3 gateway Gatepost
.SH DESCRIPTION
.BR gatepost (1)
reads one file, named with
.BR \-\-config ,
or none.
The file is JSON with comments,
.I // to the end of the line
and
.IR "/* anywhere */" .
No comma after the last item.
At most 1 MiB, 32 levels, 20,000 values, 4,096 bytes in one text.
.PP
Unknown keys, keys that stand twice in one object, and values out of range are errors:
.B gatepost run
does not start with them, and after SIGHUP it goes on with what it had.
.B gatepost check
says everything that is wrong, each with its line and its place.
.PP
A flag comes before its environment variable, which comes before the file, which comes before the
default.
.SH EXAMPLES
The smallest useful file:
.PP
.in +4n
.EX
{
  "listeners": [{"address": ":995"}],
  "tls": {"certificate": "/etc/gatepost/pop.pem", "key": "/etc/gatepost/pop.key"},
  "upstream": {"address": "127.0.0.1:1110"}
}
.EE
.in
.PP
Whole files for common networks are in
.IR /usr/share/doc/gatepost/examples .
.SH VALUES
.TP
.B Durations
A whole number and
.BR ms ", " s ", " m " or " h ,
as in "500ms", "15s", "10m"; ages of what is kept also take
.BR d .
.TP
.B Sizes
Numbers of bytes, or texts with
.BR KiB ", " MiB " or " GiB ,
as in "256MiB".
.TP
.B Addresses
.IR host : port ,
.RI [ IPv6 ]: port ,
.RI : port
(every address of the machine) or
.RI unix: /path .
.TP
.B Networks
192.0.2.0/24, 2001:db8::/32, or one address.
The address must be the first of its network.
.TP
.B Files
Paths; a relative one starts from the directory in which Gatepost was started.
.SH KEYS
A name with a dot is a key of an object within an object;
.B []
stands for each item of a list,
.B NAME
for a name of your choice.
"""

FOOTER = r""".SH FILES
.TP
.I /etc/gatepost/gatepost.json
The file that the systemd unit reads.
.TP
.I /usr/share/gatepost/schema.json
The JSON Schema of the file.
Editors can use it: write its path into the key
.BR $schema .
.SH SEE ALSO
.BR gatepost (1)
.PP
.I /usr/share/doc/gatepost/configuration.md
is a longer form of this page,
.I /usr/share/doc/gatepost/recipes.md
and
.I /usr/share/doc/gatepost/filters.md
explain what belongs together.
"""


def plain(text):
    """Text of the schema as roff takes it: nothing in it is a request, links lose their targets."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = text.replace("\\", r"\e").replace("-", r"\-")
    text = text.replace("…", "...").replace("–", r"\(en").replace("→", "\\(->")
    text = text.replace("'", r"\(aq").replace("^", r"\(ha").replace("~", r"\(ti")
    text = re.sub(r"\*\*([^*]+)\*\*|`([^`]+)`", lambda found: rf"\fB{found[1] or found[2]}\fR", text)
    return text.replace("`", r"\(ga")


def lines(text):
    """One sentence a line, as man pages are written; none begins like a request."""
    sentences = re.sub(r"(?<=[a-zA-Z)\"}][.?!]) (?=[A-Z\\\"])", "\n", plain(text).replace("\n", " "))
    return "\n".join(r"\&" + line if line.startswith((".", "'")) else line
                     for line in sentences.split("\n"))


class Page:
    """Collects the page. `words` are the functions that docs/configuration.md is made with, too."""

    def __init__(self, words):
        self._words = words
        self._parts = [HEADER.rstrip("\n")]

    def object(self, name, title, node):
        """A section for an object, then for those within it."""
        self._parts.append(f'.SS "{plain(name)}"\n{lines(title + ".")}')
        if node.get("description"):
            self._parts.append(lines(node["description"]))
        required = node.get("required", [])
        for key, child in node["properties"].items():
            if not self._words.has_own_section(child):
                self._key(key, child, self._words.default(key, child, required))
        self.within("" if name == "(top)" else name + ".", node)

    def within(self, prefix, node):
        for key, child in node["properties"].items():
            if child["type"] == "array" and "properties" in child["items"]:
                self.object(f"{prefix}{key}[]", child["items"]["title"], child["items"])
            elif self._words.has_own_section(child):
                self.object(prefix + key, child["title"], child)
            elif child["type"] == "object" and self._words.has_objects(child):
                self._parts.append(f'.SS "{plain(prefix + key)}.NAME"\n{lines(child["title"] + ".")}\n'
                                   "The keys of each are those of\n.BR upstream .")

    def _key(self, key, node, default):
        facts = [self._words.allowed(node)]
        facts += ["required"] if default == "**required**" else [f"default {default}"] if default != "–" else []
        self._parts.append(f".TP\n.BR {plain(key)}\n({plain('; '.join(facts))})\n.br\n"
                           f"{lines(node['title'] + '. ' + node['description'])}")
        examples = [json.dumps(value, ensure_ascii=False) for value in node.get("examples", [])]
        if examples:
            self._parts.append("Examples:\n" + lines(", ".join(examples) + "."))
        flags = node.get("x-flags", [])
        if flags:
            self._parts.append("Flag: " + ", ".join(rf"\fB{plain(flag)}\fR" for flag in flags) + ".")

    def text(self):
        return "\n".join(self._parts + [FOOTER])


def page(schema, words):
    made = Page(words)
    made.object("(top)", "The whole file", schema)
    return made.text().rstrip("\n") + "\n"
