"""What a job should consist of: its children as manifests, ready to be applied. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from flinktf.api import FlinkTFJob
from flinktf_operator.desired import availability
from flinktf_operator.desired.config import config_map
from flinktf_operator.desired.labels import Manifest, child, job_labels
from flinktf_operator.desired.network import network_policy, service
from flinktf_operator.desired.settings import Owner, RenderError, Run, Settings
from flinktf_operator.desired.workloads import workloads
from flinktf_operator.names import token_name

__all__ = ["Children", "Manifest", "Owner", "RenderError", "Run", "Settings", "children", "run_fingerprint"]

_LIVE = {"suspend", "ttl_seconds_after_finished", "active_deadline_seconds", "backoff_limit", "clean_pod_policy"}
"""Fields of the spec that a running job heeds without a restart."""


@dataclass(frozen=True, slots=True)
class Children:
    """In the order in which they are made.

    ``secret`` has no value: whoever applies it puts the token in. ``leader`` are made once, and then Flink's to write.
    """

    secret: Manifest
    leader: tuple[Manifest, ...]
    config: tuple[Manifest, ...]
    workloads: tuple[Manifest, ...]

    def __iter__(self) -> Iterator[Manifest]:
        return iter((self.secret, *self.leader, *self.config, *self.workloads))


def children(job: FlinkTFJob, owner: Owner, run: Run, settings: Settings) -> Children:
    """The same for the same input, byte for byte. Raises :class:`RenderError`."""
    made = tuple(workloads(job, owner, run, settings))
    leader: tuple[Manifest, ...] = ()
    config: tuple[Manifest, ...] = (config_map(job, owner, run), service(owner), network_policy(owner, settings))
    if availability.is_on(job.spec):
        pods = (workload["spec"]["template"]["spec"] for workload in made)
        leader = availability.leader(owner, run)
        config += availability.rights(owner, run, (pod.get("serviceAccountName") or "default" for pod in pods))
    return Children(
        secret=child("v1", "Secret", token_name(owner.name), owner, job_labels(owner), type="Opaque"),
        leader=leader,
        config=config,
        workloads=made,
    )


def run_fingerprint(job: FlinkTFJob) -> str:
    """A hash of all that a run is made from: when it changes, the job is restarted.

    Of the spec, not of the children: those also follow the operator's version and settings, and its upgrade restarts
    nothing. Fields at their defaults do not count, so that a new field with a default restarts nothing either.
    """
    spec = job.spec.model_dump(mode="json", by_alias=True, exclude=_LIVE, exclude_defaults=True)
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
