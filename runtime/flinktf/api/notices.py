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
    ("spec.roles[]", ("resources", "gpu", "failover", *_POD)),
    ("spec", ("suspend", "ttlSecondsAfterFinished", "backoffLimit", "cleanPodPolicy")),
)


@dataclass(frozen=True)
class Notice:
    path: str
    message: str


def notices(job: FlinkTFJob) -> tuple[Notice, ...]:
    """One for each field of the table that the manifest sets."""
    document = job.model_dump(by_alias=True, exclude_unset=True)
    message = "is for Kubernetes, the local mode does without it"
    return tuple(
        Notice(f"{path}.{field}", message)
        for place, fields in _TABLE
        for path, value in _find(document, place.split("."), "")
        for field in fields
        if field in value
    )


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
