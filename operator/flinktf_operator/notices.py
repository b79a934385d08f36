"""What a person should know of a job before its first run, although nothing is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from flinktf.api.job import Spec
from flinktf_operator.desired.storage import lasts
from flinktf_operator.transitions import Transition


def notices(spec: Spec) -> Iterator[Transition]:
    """To be told as Events, once."""
    results = {"spec.model.path": spec.model.path}
    if spec.checkpoint is not None:
        results["spec.checkpoint.path"] = spec.checkpoint.path
    templates = [role.pod_template for role in spec.roles]
    lost = [field for field, path in results.items() if not lasts(spec, path, *templates)]
    if lost:
        note = f"what is written to {' and '.join(lost)} goes with the job's pods; set spec.storage.claimName"
        yield Transition("Warning", "StorageMissing", note)
