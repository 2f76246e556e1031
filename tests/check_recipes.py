#!/usr/bin/env python3
"""Checks that `gatepost check` takes every configuration that the documents show.

A configuration is a block marked ```jsonc in README.md or docs/; in docs/retention.md a block marked
```json is a policy, which a listener gets. Files that a configuration names are made up in a temporary
folder. The program is GATEPOST_BINARY. Warnings are no errors.
"""

import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("GATEPOST_BINARY", str(ROOT / "build/dev/gatepost"))
FOLDERS = "certificate_folders"
POLICIES = "docs/retention.md"
NAMES = f"certificate|key|ca_file|client_ca_file|ticket_key_file|{FOLDERS}"


def blocks(document):
    """(line, text) of each configuration in a document."""
    text = document.read_text(encoding="utf-8")
    for match in re.finditer(r"^```jsonc\n(.*?)^```", text, re.S | re.M):
        yield text.count("\n", 0, match.start()) + 1, match[1]


def parts(document):
    """(line, text) of a whole configuration for each policy or section in a document."""
    text = document.read_text(encoding="utf-8")
    for match in re.finditer(r"^```json\n(.*?)^```", text, re.S | re.M):
        part = json.loads(match[1])
        listener = {"address": ":110", "tls": "none"}
        if "type" in part:  # a policy
            listener["retention"] = part["name"]
            part = {"upstream": {"address": "127.0.0.1:1110"},
                    "retention": {"policies": [part], "store": {"file": "/var/lib/retention.sqlite"}}}
        yield text.count("\n", 0, match.start()) + 1, json.dumps({"listeners": [listener], **part})


def make_certificate(folder):
    """A certificate, its own authority, and its key in one file."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj", "/CN=example",
                    "-addext", "subjectAltName=DNS:pop.example.com", "-keyout", key,
                    "-out", certificate], check=True, capture_output=True, timeout=60)
    pem = folder / "both.pem"
    pem.write_bytes(certificate.read_bytes() + key.read_bytes())
    return pem


def make_up_files(text, folder, pem):
    """The configuration with all its files moved below `folder`, where they exist."""
    for key, value in re.findall(rf'"({NAMES})":\s*(\[[^]]*\]|"[^"]*")', text):
        for path in re.findall(r'"/([^"]+)"', value):
            file = folder / path
            if key == FOLDERS:
                file.mkdir(parents=True, exist_ok=True)
                shutil.copy(pem, file / "one.pem")
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            if key == "ticket_key_file":
                file.write_text(secrets.token_hex(80) + "\n", encoding="ascii")
            else:
                shutil.copy(pem, file)
    for path in re.findall(r'"(?:key|\w*password)_file":\s*"/([^"]+)"', text):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(secrets.token_hex(16) + "\n", encoding="ascii")
    for path in re.findall(r'"(?:audit_)?file":\s*"/([^"]+)"', text):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    for path in re.findall(r'"folder":\s*"/([^"]+)"', text):
        (folder / path).mkdir(parents=True, exist_ok=True)
    return re.sub(r'"/(etc|tls|var)\b', rf'"{folder}/\1', text)


def check(name, text, folder, pem):
    folder.mkdir()
    file = folder / "gatepost.jsonc"
    file.write_text(make_up_files(text, folder, pem), encoding="utf-8")
    env = {key: value for key, value in os.environ.items() if not key.startswith("GATEPOST_")}
    done = subprocess.run([BINARY, "check", "--config", file], capture_output=True, text=True,
                          env=env, timeout=60, check=False)
    if done.returncode == 0:
        return True
    print(f"error: {name}: " + (done.stderr or done.stdout).strip().replace(str(folder), ""))
    return False


def main():
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = [(f"{document.relative_to(ROOT)}:{line}", text)
             for document in documents for line, text in blocks(document)]
    found += [(f"{POLICIES}:{line}", text) for line, text in parts(ROOT / POLICIES)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        pem = make_certificate(folder)
        good = [check(name, text, folder / str(number), pem)
                for number, (name, text) in enumerate(found)]
    print(f"{len(good)} configurations, {good.count(False)} errors")
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
