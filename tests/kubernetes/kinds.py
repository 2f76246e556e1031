"""Whether a manifest has only fields that Kubernetes knows, each of the right kind.

What a field is comes from the models of python3-kubernetes, which are made from the API's own
description. Kubernetes itself drops what it does not know: a misspelt `readinesProbe` is then no probe
at all, and nobody says so.
"""

import re

from kubernetes import client

#: The kinds that our manifests may have. autoscaling/v2 is younger than Debian's python3-kubernetes;
#: its fields are those of v2beta2, from which it was made without a change.
KINDS = {
    ("v1", "ConfigMap"): "V1ConfigMap",
    ("v1", "Secret"): "V1Secret",
    ("v1", "Service"): "V1Service",
    ("apps/v1", "Deployment"): "V1Deployment",
    ("apps/v1", "StatefulSet"): "V1StatefulSet",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "V2beta2HorizontalPodAutoscaler",
    ("policy/v1", "PodDisruptionBudget"): "V1PodDisruptionBudget",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
}

#: What is not Kubernetes' own, as far as we use it: {path: type}.
SERVICE_MONITOR = {
    "selector": {"matchLabels": dict},
    "endpoints": [{"port": str, "interval": str}],
}

_PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def problems(manifest):
    """List of texts; empty for a manifest that is as it should be."""
    found = []
    kind = (manifest.get("apiVersion"), manifest.get("kind"))
    if kind == ("monitoring.coreos.com/v1", "ServiceMonitor"):
        _custom(manifest.get("spec"), SERVICE_MONITOR, "spec", found)
        _value(manifest.get("metadata"), "V1ObjectMeta", "metadata", found)
    elif kind in KINDS:
        _value(manifest, KINDS[kind], "", found)
    else:
        found.append(f"{kind[1]} of {kind[0]}: not a kind that is used here")
    return found


def _value(value, kind, place, found):
    if match := re.fullmatch(r"list\[(.*)\]", kind):
        if _is(value, list, place, found):
            for number, item in enumerate(value):
                _value(item, match[1], f"{place}[{number}]", found)
    elif match := re.fullmatch(r"dict\(str, (.*)\)", kind):
        if _is(value, dict, place, found):
            for key, item in value.items():
                _is(key, str, f"{place}: key {key!r}", found)
                _value(item, match[1], f"{place}.{key}", found)
    elif kind == "object":  # a number or a text, as ports and maxUnavailable are
        _is(value, (int, str), place, found)
    elif kind in _PLAIN:
        _is(value, _PLAIN[kind], place, found)
    else:
        _model(value, getattr(client, kind), place, found)


def _model(value, model, place, found):
    if not _is(value, dict, place, found):
        return
    attributes = {name: attribute for attribute, name in model.attribute_map.items()}
    present = {}
    for name, item in value.items():
        where = f"{place}.{name}".lstrip(".")
        if name not in attributes:
            found.append(f"{where}: no such field")
            continue
        _value(item, model.openapi_types[attributes[name]], where, found)
        present[attributes[name]] = item
    try:  # the models know which fields are required
        model(**present)
    except ValueError as error:
        found.append(f"{place or model.__name__}: {error}")


def _custom(value, shape, place, found):
    if isinstance(shape, dict):
        if _is(value, dict, place, found):
            for name, item in value.items():
                if name in shape:
                    _custom(item, shape[name], f"{place}.{name}", found)
                else:
                    found.append(f"{place}.{name}: no such field")
    elif isinstance(shape, list):
        if _is(value, list, place, found):
            for number, item in enumerate(value):
                _custom(item, shape[0], f"{place}[{number}]", found)
    else:
        _is(value, shape, place, found)


def _is(value, kind, place, found):
    # In Python a bool is an int, and in Kubernetes it is not.
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return True
    names = [each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,))]
    found.append(f"{place}: {value!r} is not of type {' or '.join(names)}")
    return False
