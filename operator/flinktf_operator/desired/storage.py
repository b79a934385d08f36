"""Which paths of a job outlive its pods. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from flinktf.api.job import Spec
from flinktf.pods import DATA, WORK

_OF_THE_POD: Final = (WORK, "/tmp")


def lasts(spec: Spec, path: str, *templates: Mapping[str, Any]) -> bool:
    """Whether what is written to ``path`` (relative ones are below /data) is there for the pods that come after.

    ``templates`` are those of pods that may bring a volume for /data, beside the template for all of them.
    """
    if "://" in path and not path.startswith("file://"):
        return True
    place = PurePosixPath(DATA, path.removeprefix("file://"))
    if any(place.is_relative_to(folder) for folder in _OF_THE_POD):
        return False
    return (
        not place.is_relative_to(DATA) or spec.storage is not None or any(map(_brings, (spec.pod_template, *templates)))
    )


def _brings(template: Mapping[str, Any]) -> bool:
    """Whether a pod template puts another volume there."""
    pod = template.get("spec")
    volumes = pod.get("volumes") if isinstance(pod, dict) else None
    listed = volumes if isinstance(volumes, list) else []
    return any(isinstance(volume, dict) and volume.get("name") == "data" for volume in listed)
