"""A user's pod template over ours: strategic merge, as ``kubectl patch`` does it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

# The lists of a pod whose elements are merged by a key; all others are replaced as a whole, but for _APPENDED.
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "protocol"),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "resourceClaims": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
_DEFAULTS: Final = {"protocol": "TCP"}
# Kubernetes would replace tolerations; but whoever tolerates one taint more does not mean to lose the GPU nodes'.
_APPENDED: Final = frozenset({"tolerations"})
# Their elements are one thing beside a name. Kubernetes would keep both, and then refuse the pod.
_ONE_OF: Final = frozenset({"env", "volumes"})


def merge(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """``theirs`` over ``ours``: null deletes, ``$patch: replace`` and ``$patch: delete`` are understood."""
    if theirs.get("$patch") == "delete":
        return {}
    if theirs.get("$patch") == "replace":
        return {key: deepcopy(value) for key, value in theirs.items() if key != "$patch"}
    merged = {key: deepcopy(value) for key, value in ours.items()}
    for key, value in theirs.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            before = merged.get(key)
            merged[key] = merge(before if isinstance(before, Mapping) else {}, value)
        elif isinstance(value, list):
            before = merged.get(key)
            merged[key] = _merge_list(key, before if isinstance(before, list) else [], value)
        elif key != "$patch":
            merged[key] = value
    return merged


def _merge_list(name: str, ours: list[Any], theirs: list[Any]) -> list[Any]:
    if name in _APPENDED:
        return ours + [deepcopy(item) for item in theirs if item not in ours]
    keys = _KEYS.get(name)
    if keys is None or not all(isinstance(item, Mapping) for item in [*ours, *theirs]):
        return deepcopy(theirs)
    if any(item.get("$patch") == "replace" for item in theirs):
        return [merge({}, item) for item in theirs if item.get("$patch") != "replace"]
    merged = {_identity(item, keys): item for item in ours}
    for item in theirs:
        identity = _identity(item, keys)
        if item.get("$patch") == "delete":
            merged.pop(identity, None)
        else:
            before = merged.get(identity, {})
            merged[identity] = merge(_without_others(before, item) if name in _ONE_OF else before, item)
    return list(merged.values())


def _without_others(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Mapping[str, Any]:
    named = {key for key, value in theirs.items() if value is not None} - {"name"}
    return {key: value for key, value in ours.items() if key in theirs} if named else ours


def _identity(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """As text: whatever someone has written there, it is the API server that refuses it."""
    return json.dumps([item.get(key, _DEFAULTS.get(key)) for key in keys], sort_keys=True, default=str)
