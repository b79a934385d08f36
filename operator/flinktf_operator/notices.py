"""What a person should know of a job before its first run, although nothing is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from flinktf.api.job import Spec
from flinktf.pods import DATA
from flinktf_operator.transitions import Transition


def notices(spec: Spec) -> Iterator[Transition]:
    """To be told as Events, once."""
    templates = (spec.pod_template, *(role.pod_template for role in spec.roles))
    if spec.storage is None and not any(map(_brings_data, templates)):
        results = {"spec.model.path": spec.model.path}
        if spec.checkpoint is not None:
            results["spec.checkpoint.path"] = spec.checkpoint.path
        lost = [field for field, path in results.items() if _is_on_data(path)]
        if lost:
            note = f"what is written to {' and '.join(lost)} goes with the job's pods; set spec.storage.claimName"
            yield Transition("Warning", "StorageMissing", note)


def _is_on_data(path: str) -> bool:
    return "://" not in path and PurePosixPath(DATA, path).is_relative_to(DATA)


def _brings_data(template: Mapping[str, Any]) -> bool:
    """Whether a pod template puts another volume there."""
    pod = template.get("spec")
    volumes = pod.get("volumes") if isinstance(pod, dict) else None
    listed = volumes if isinstance(volumes, list) else []
    return any(isinstance(volume, dict) and volume.get("name") == "data" for volume in listed)
