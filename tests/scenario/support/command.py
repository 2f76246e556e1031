"""A program that judges messages, as an administrator may write one."""

import os
import sys

from . import samples

_PROGRAM = """\
#!{python}
import email, os, sys, time
trouble = os.path.join(os.path.dirname(__file__), "trouble")
data = sys.stdin.buffer.read()
if os.path.exists(trouble) and b"self-test" not in data:
    exec(open(trouble).read())
known = bytes.fromhex("{known}")
parts = email.message_from_bytes(data).walk()
if any(known in (part.get_payload(decode=True) or b"") for part in parts):
    print("Eicar-Found-By-Command")
    sys.exit(1)
"""


class Command:
    """It finds EICAR where it is not packed. `trouble` is Python code that it runs first."""

    program = "a command"
    kind = "command"

    def __init__(self, folder):
        self.folder = str(folder)
        self.path = os.path.join(self.folder, "judge")
        with open(self.path, "w") as file:
            file.write(_PROGRAM.format(python=sys.executable, known=samples.eicar().hex()))
        os.chmod(self.path, 0o755)

    def section(self, **more):
        return {"name": "command", "type": "command", "command": [self.path, "--quietly"], **more}

    def trouble(self, code=None):
        path = os.path.join(self.folder, "trouble")
        if code is None:
            os.unlink(path)
            return
        with open(path + ".new", "w") as file:
            file.write(code)
        os.rename(path + ".new", path)

    def log(self):
        return ""

    def stop(self):
        pass
