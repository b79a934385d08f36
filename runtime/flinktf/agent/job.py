"""What an agent must know of a job, from its manifest; where it runs adds the paths and addresses. Pure.

Not a part of :mod:`flinktf.agent.spec`: an agent reads its specification, and has no use of the manifest's types.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from flinktf.agent.spec import AgentSpec
from flinktf.api import FlinkTFJob
from flinktf.api.job import ModelLocation
from flinktf.api.kubernetes import duration_value
from flinktf.api.roles import Role
from flinktf.protocol.task import Publish


def agent_spec(job: FlinkTFJob, role: Role, **place: Any) -> AgentSpec:
    """``place`` has the fields of :class:`AgentSpec` that are no matter of the manifest's alone."""
    spec = job.spec
    return AgentSpec(
        job=job.metadata.name,
        role=role.name,
        replicas=role.replicas,
        strategy=spec.tensorflow.strategy,
        entrypoint=spec.resolved_entrypoint(role),
        parameters=dict(spec.tensorflow.parameters),
        env=dict(spec.tensorflow.env),
        forming_timeout_seconds=spec.forming_timeout_seconds,
        stall_timeout_seconds=role.failover.stall_timeout_seconds,
        publish=_publish(spec.model),
        requirements=_below(place["code_path"], spec.tensorflow.requirements),
        archive=_below(place["code_path"], spec.tensorflow.packed_environment),
        **place,
    )


def _below(folder: str, file: str | None) -> str | None:
    return str(PurePosixPath(folder, file)) if file is not None else None


def _publish(model: ModelLocation) -> Publish | None:
    if model.versions is None:
        return None
    return Publish(duration_value(model.versions.every).total_seconds(), model.versions.keep)
