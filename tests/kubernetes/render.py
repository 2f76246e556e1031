"""Renders the overlays with kubectl and the chart with tests/tools/helm_template.

kubectl is Debian's, which is never installed: other packages bring a /usr/bin/kubectl, too. It is of
2021 and speaks an older Kustomize; `_older()` tells it in its own words what the newer ones say.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/scenario"))

from support import unpacked  # noqa: E402

KUSTOMIZE = ROOT / "deploy/kubernetes"
CHART = ROOT / "deploy/helm/gatepost"
#: What Helm says before it lists them.
BAD_VALUES = "values don't meet the specifications of the schema(s)"


class RenderError(Exception):
    """What the program said that refused."""


def _run(*words, input=None, env=None):
    done = subprocess.run([str(word) for word in words], input=input, capture_output=True, text=True,
                          timeout=240, env={**os.environ, **(env or {})}, check=False)
    if done.returncode != 0:
        raise RenderError(done.stderr.strip())
    return done.stdout


def kubectl(*words, input=None):
    return _run(unpacked.program("kubernetes-client", "/usr/bin/kubectl"), *words, input=input)


def newer_kubectl():
    """One on this machine that knows the Kustomize of today, or None."""
    found = shutil.which("kubectl")
    if not found:
        return None
    said = subprocess.run([found, "version", "--client"], capture_output=True, text=True, timeout=60,
                          check=False).stdout
    return found if "Kustomize Version: v5" in said else None


def overlay(name, scratch):
    """An overlay's manifests as text, rendered by Debian's kubectl in a copy below `scratch`."""
    copy = pathlib.Path(scratch) / f"kustomize-{name}"
    shutil.copytree(KUSTOMIZE, copy)
    for file in copy.rglob("kustomization.yaml"):
        file.write_text(yaml.safe_dump(_older(file)), encoding="utf-8")
    return kubectl("kustomize", copy / "overlays" / name)


def overlay_newer(name):
    return _run(newer_kubectl(), "kustomize", KUSTOMIZE / "overlays" / name)


def _older(file):
    """Folders were `bases` in those days, and files of patches `patchesStrategicMerge`."""
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    resources = said.pop("resources", [])
    bases = [each for each in resources if (file.parent / each).is_dir()]
    said["resources"] = [each for each in resources if each not in bases]
    if bases:
        said["bases"] = bases
    if patches := said.pop("patches", []):
        said["patchesStrategicMerge"] = [each["path"] for each in patches]
    return said


def _helm_template():
    """The program, built once for all: it takes longer than everything else here."""
    source = ROOT / "tests/tools/helm_template"
    folder = ROOT / "build/helm_template"
    program = folder / "helm_template"
    if not program.exists() or program.stat().st_mtime < (source / "main.go").stat().st_mtime:
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f"new-{os.getpid()}"  # renamed into place: two may build at once
        _run("/usr/bin/go", "build", "-o", new, source / "main.go",
             env={"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "",
                  "GOCACHE": str(folder / "cache")})
        new.rename(program)
    return program


def chart(values, scratch, release="gatepost"):
    """The chart's manifests as text. RenderError for values that the schema or a template refuses."""
    refuse_bad(values)
    file = pathlib.Path(scratch) / "values.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return _run(_helm_template(), CHART, release, "mail", file)


def refuse_bad(values):
    """What helm does with values.schema.json before it renders anything."""
    import jsonschema
    schema = yaml.safe_load((CHART / "values.schema.json").read_text(encoding="utf-8"))
    merged = merge(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8")), values)
    found = [f"- {error.json_path[2:] or '(root)'}: {error.message}"
             for error in jsonschema.Draft7Validator(schema).iter_errors(merged)]
    if found:
        raise RenderError("\n".join([BAD_VALUES, *found]))


def merge(under, over):
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = merge(below, value) if both else value
    return merged
