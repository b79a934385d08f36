"""Fields that only Kubernetes can honour: the local mode names them, so that nobody waits for their effect. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from flinktf.api.job import FlinkTFJob

_POD: Final = (
    "nodeSelector",
    "tolerations",
    "affinity",
    "priorityClassName",
    "topologySpreadConstraints",
    "podTemplate",
)
_TABLE: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("spec.flink", ("image",)),
    ("spec.flink.jobManager", ("resources", *_POD)),
    ("spec.flink.pipeline", _POD),
    ("spec.code", ("configMap",)),
    ("spec.tensorflow", ("image",)),
    ("spec.roles[]", ("resources", "gpu", *_POD)),
    # Not storage: without a volume, results are kept all the same.
    ("spec", ("podTemplate", "suspend", "ttlSecondsAfterFinished", "backoffLimit", "cleanPodPolicy")),
)
_TASK_MANAGERS: Final = ("spec.flink.pipeline.resources", "spec.roles[].taskManager.resources")


@dataclass(frozen=True)
class Notice:
    """One field, its ``path`` like ``spec.roles[1].gpu``."""

    path: str
    message: str


def notices(job: FlinkTFJob) -> tuple[Notice, ...]:
    """One for each field of the table that the manifest sets."""
    document = job.model_dump(by_alias=True, exclude_unset=True)
    found = [
        f"{path}.{field}"
        for place, fields in _TABLE
        for path, value in _find(document, place.split("."), "")
        for field in fields
        if field in value
    ]
    # A TaskManager's memory is its size on a laptop too; nothing else of its resources means anything there.
    found += [
        f"{path}.{resource}"
        for place in _TASK_MANAGERS
        for kind in ("requests", "limits")
        for path, value in _find(document, [*place.split("."), kind], "")
        for resource in value
        if resource != "memory"
    ]
    return tuple(Notice(path, "is for Kubernetes, the local mode does without it") for path in found)


def _find(value: Any, parts: list[str], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not parts:
        yield path, value
        return
    part, *rest = parts
    name = part.removesuffix("[]")
    if name not in value:
        return
    here = f"{path}.{name}".removeprefix(".")
    if part.endswith("[]"):
        for index, item in enumerate(value[name]):
            yield from _find(item, rest, f"{here}[{index}]")
    elif value[name] is not None:
        yield from _find(value[name], rest, here)
