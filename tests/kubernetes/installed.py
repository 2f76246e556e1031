"""A pod's volumes as folders, with what its Secrets and ConfigMaps would hold."""

import base64
import os
import pathlib
import re
import shutil
import subprocess

from manifests import container, load, pod_of
from render import KUSTOMIZE

#: What docs/kubernetes.md has people make, beside what new-secrets prints.
CERTIFICATE_SECRETS = ("gatepost-tls", "customer-tls")


def new_secrets():
    """What new-secrets prints, as manifests."""
    done = subprocess.run([KUSTOMIZE / "new-secrets"], capture_output=True, text=True, timeout=60,
                          check=True)
    return load(done.stdout)


def certificate_secret(name, certificate, key):
    def encoded(path):
        return base64.b64encode(pathlib.Path(path).read_bytes()).decode()
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": name},
            "data": {"tls.crt": encoded(certificate), "tls.key": encoded(key)}}


def content(manifest):
    """The files of a Secret or a ConfigMap: {name: octets}."""
    plain = manifest.get("stringData") or \
        (manifest.get("data", {}) if manifest["kind"] == "ConfigMap" else {})
    files = {name: text.encode() for name, text in plain.items()}
    if manifest["kind"] == "Secret":
        files.update({name: base64.b64decode(text)
                      for name, text in manifest.get("data", {}).items()})
    return files


def place(folder, files):
    """Makes `folder` what the kubelet would make of these files, or replaces what it holds in the
    kubelet's way: a new folder, and one link that is renamed over the old one. Readers see all of the
    old or all of the new."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "..data"
    old = os.readlink(link) if link.is_symlink() else None
    new = folder / f"..{os.urandom(6).hex()}"
    new.mkdir(mode=0o755)
    for name, data in files.items():
        (new / name).write_bytes(data)
        (new / name).chmod(0o444)
    (folder / "..data_tmp").symlink_to(new.name)
    os.rename(folder / "..data_tmp", link)
    for name in files:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(pathlib.Path("..data") / name)
    if old:
        shutil.rmtree(folder / old)


def volumes(workload, manifests, folder):
    """Places all volumes of Gatepost's container below `folder`: {mount path: folder}."""
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in manifests}
    sources = {each["name"]: each for each in pod_of(workload)["volumes"]}
    places = {}
    for mount in container(workload)["volumeMounts"]:
        source, there = sources[mount["name"]], pathlib.Path(folder) / mount["mountPath"].strip("/")
        if "configMap" in source:
            place(there, content(by_name["ConfigMap", source["configMap"]["name"]]))
        elif "secret" in source:
            place(there, content(by_name["Secret", source["secret"]["secretName"]]))
        else:
            there.mkdir(parents=True, exist_ok=True)
            there.chmod(0o777)
        places[mount["mountPath"]] = there
    return places


def moved(text, root, places):
    """The text with each path that is a volume, or a folder of volumes, led to where it is here."""
    tops = "|".join(sorted({re.escape(mount.split("/")[1]) for mount in places}))
    return re.sub(rf"(?<![\w./-])/({tops})(?=[/\"]|$)", rf"{root}/\1", text)
