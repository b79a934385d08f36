"""What the status tells of a run under way: roles and their instances, Flink, checkpoint, model. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from flinktf.api.status import CheckpointStatus, FlinkStatus, InstanceStatus, ModelStatus, RoleStatus, Status
from flinktf_operator.look import Look
from flinktf_operator.report import InstanceReport, Report

_NOT_READY: Final = frozenset({"Pending", "Registered", "Failed", "Cancelled"})
_ERROR_LIMIT: Final = 512
_SLOWEST: Final = 0.001
"""Steps a second that are worth a number."""


def progressed(look: Look) -> Status:
    """The status with what is known now. What nobody tells at the moment stays as it was told last."""
    report = look.report
    if report is None:
        return look.status
    roles = tuple(_role(look, report, role.name, role.replicas) for role in look.spec.roles)
    update: dict[str, Any] = {
        "roles": roles,
        "roles_ready": _ready(roles),
        "step": report.step,
        "generation": report.generation,
        "flink": FlinkStatus(state=report.flink_state, restarts=report.flink_restarts) if report.flink_state else None,
    }
    if report.checkpoint is not None:
        update["checkpoint"] = CheckpointStatus(id=report.checkpoint.id, location=report.checkpoint.location)
    if report.models:
        update["model"] = ModelStatus(path=report.models[-1])
    return look.status.model_copy(update=update)


def unheard(look: Look) -> dict[str, Any]:
    """The part of a new run's status that nobody has told anything of yet."""
    roles = tuple(RoleStatus(name=role.name, desired=role.replicas, ready=0) for role in look.spec.roles)
    return {"roles": roles, "roles_ready": _ready(roles), "flink": None, "generation": None}


def _ready(roles: tuple[RoleStatus, ...]) -> str:
    return f"{sum(role.ready for role in roles)}/{sum(role.desired for role in roles)}"


def _role(look: Look, report: Report, name: str, replicas: int) -> RoleStatus:
    nodes = {pod.name: pod.node for pod in look.seen.pods}
    known = {i.index: i for role in look.status.roles if role.name == name for i in role.instances}
    instances = tuple(
        _instance(instance, nodes.get(instance.pod), known.get(instance.index), look.now)
        for instance in report.instances
        if instance.role == name
    )
    ready = sum(instance.state not in _NOT_READY for instance in instances)
    return RoleStatus(name=name, desired=replicas, ready=ready, instances=instances)


def _instance(told: InstanceReport, node: str | None, known: InstanceStatus | None, now: datetime) -> InstanceStatus:
    # A pod that is gone has no node any more: where it was is still worth to be known.
    if node is None and known is not None and known.pod == told.pod:
        node = known.node
    made = InstanceStatus(
        index=told.index,
        pod=told.pod or None,
        node=node,
        state=told.state,
        activity=told.activity or None,
        step=told.step,
        steps_per_second=f"{told.rate:.3g}" if told.rate >= _SLOWEST else None,
        restarts=told.restarts,
        last_heartbeat=(now - timedelta(seconds=told.heard)).replace(microsecond=0) if told.pod else None,
        last_error=told.error[:_ERROR_LIMIT] if told.error else None,
    )
    # A heartbeat or a rate alone is not worth a write: a thousand jobs have thousands of them a second.
    if known is not None:
        same = {"last_heartbeat": known.last_heartbeat, "steps_per_second": known.steps_per_second}
        return known if made.model_copy(update=same) == known else made
    return made
