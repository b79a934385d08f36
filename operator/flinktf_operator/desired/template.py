"""A pod with what its user wants of it: a pod template over ours, but not over what a pod lives on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from flinktf_operator.desired.availability import API_ACCESS
from flinktf_operator.desired.containers import NAMES
from flinktf_operator.desired.labels import Manifest
from flinktf_operator.desired.merge import merge
from flinktf_operator.desired.settings import RenderError

_FIELDS: Final = ("metadata", "spec")
# The other volumes of ours are room: a user may well want them larger, or in memory.
_VOLUMES: Final = frozenset({"flink", "config", "token", "agent", API_ACCESS})


def with_templates(pod: Manifest, templates: Iterable[tuple[str, Mapping[str, Any]]]) -> Manifest:
    """``pod`` under templates, each with where it stands in the job. Raises :class:`RenderError`."""
    ours = dict(_essentials(pod))
    absent = NAMES - {container["name"] for container in pod["spec"]["containers"]}
    merged = pod
    for path, template in templates:
        if not template:
            continue
        _check_shape(path, template)
        merged = merge(merged, _fitting(template, absent))
        metadata = merged.setdefault("metadata", {})
        metadata["labels"] = (metadata.get("labels") or {}) | pod["metadata"]["labels"]
        left = dict(_essentials(merged))
        for field, value in ours.items():
            if left.get(field) != value:
                remedy = "leave it out; what you need beside it may be added"
                raise RenderError(f"{path}.{field}", "is flinktf's", remedy)
    return merged


def _check_shape(path: str, template: Mapping[str, Any]) -> None:
    for field, value in template.items():
        if field not in _FIELDS:
            raise RenderError(f"{path}.{field}", "is no field of a pod template", "it has metadata and spec")
        if not isinstance(value, dict):
            raise RenderError(f"{path}.{field}", "is not an object", "write it as in a pod")
    labels = template.get("metadata", {}).get("labels")
    if labels is not None and not isinstance(labels, dict):
        raise RenderError(f"{path}.metadata.labels", "is not an object", "write it as in a pod")


def _essentials(pod: Manifest) -> Iterator[tuple[str, Any]]:
    """What a pod does not work without, by its path."""
    spec = pod["spec"]
    for volume in _named(spec.get("volumes")):
        if volume["name"] in _VOLUMES:
            yield f"spec.volumes[name={volume['name']}]", volume
    for container in _named(spec.get("containers")):
        if container["name"] not in NAMES:
            continue
        path = f"spec.containers[name={container['name']}]"
        yield path, container["name"]
        yield f"{path}.command", container.get("command")
        yield f"{path}.args", container.get("args")
        for variable in _named(container.get("env")):
            yield f"{path}.env[name={variable['name']}]", variable
        for mount in _named(container.get("volumeMounts")):
            if mount["name"] in _VOLUMES:
                yield f"{path}.volumeMounts[mountPath={mount.get('mountPath')}]", mount


def _fitting(template: Mapping[str, Any], absent: frozenset[str]) -> Manifest:
    """A template for all pods may speak of containers that only some of them have."""
    spec = template.get("spec", {})
    given = spec.get("containers")
    if not isinstance(given, list):
        return dict(template)
    kept = [c for c in given if not (isinstance(c, dict) and isinstance(c.get("name"), str) and c["name"] in absent)]
    return {**template, "spec": spec | {"containers": kept}}


def _named(items: Any) -> list[dict[str, Any]]:
    """Those of a list that are as they should be; of the others the API server says so."""
    listed = items if isinstance(items, list) else []
    return [item for item in listed if isinstance(item, dict) and isinstance(item.get("name"), str)]
