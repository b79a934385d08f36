"""What the status tells of a run under way: roles and their instances, Flink, checkpoint, model. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from flinktf.api.status import CheckpointStatus, FlinkStatus, InstanceStatus, ModelStatus, RoleStatus, Status
from flinktf_operator.look import Look
from flinktf_operator.observed import PodView
from flinktf_operator.problems import advised, foremost
from flinktf_operator.report import InstanceReport, Report

_NOT_READY: Final = frozenset({"Pending", "Registered", "Failed", "Cancelled"})
_ERROR_LIMIT: Final = 512
_SLOWEST: Final = 0.001
"""Steps a second that are worth a number."""
_FLUCTUATING: Final = ("last_heartbeat", "steps_per_second", "memory", "gpu")
_SILENT: Final = frozenset({"AgentLost", "HeartbeatLost", "ProcessKilled"})
"""Failures that the coordinator knows no cause of."""


def progressed(look: Look) -> Status:
    """The status with what is known now. What nobody tells at the moment stays as it was told last."""
    report = look.report
    if report is None:
        roles = tuple(_with_problem(look, role) for role in look.status.roles)
        return look.status if roles == look.status.roles else look.status.model_copy(update={"roles": roles})
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
    pods = {pod.name: pod for pod in look.seen.pods}
    known = {i.index: i for role in look.status.roles if role.name == name for i in role.instances}
    instances = tuple(
        _instance(instance, pods.get(instance.pod), known.get(instance.index), look.now)
        for instance in report.instances
        if instance.role == name
    )
    ready = sum(instance.state not in _NOT_READY for instance in instances)
    return _with_problem(look, RoleStatus(name=name, desired=replicas, ready=ready, instances=instances))


def _with_problem(look: Look, role: RoleStatus) -> RoleStatus:
    """The role with what keeps its pods from running."""
    found = foremost(pod for pod in look.troubled if pod.pool == role.name)
    reason, message = (found.reason, found.message) if found is not None else (None, None)
    return role.model_copy(update={"reason": reason, "message": message})


def _error(told: InstanceReport, pod: PodView | None) -> str | None:
    """Why it has failed last. Of a container that was killed, its agent can say nothing: Kubernetes does."""
    silent = told.error is None or told.error.split(":")[0] in _SILENT
    if pod is not None and pod.ended is not None and silent:
        return f"{pod.ended.reason}: {advised(pod.ended)}"[:_ERROR_LIMIT]
    return told.error[:_ERROR_LIMIT] if told.error else None


def _instance(told: InstanceReport, pod: PodView | None, known: InstanceStatus | None, now: datetime) -> InstanceStatus:
    node = pod.node if pod is not None else None
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
        memory=f"{told.memory >> 20}Mi" if told.memory else None,
        gpu=f"{told.gpu['use']:.0%}" if "use" in told.gpu else None,
        steps_per_second=f"{told.rate:.3g}" if told.rate >= _SLOWEST else None,
        restarts=told.restarts,
        last_heartbeat=(now - timedelta(seconds=told.heard)).replace(microsecond=0) if told.pod else None,
        last_error=_error(told, pod),
    )
    # A heartbeat or a figure alone is not worth a write: a thousand jobs have thousands of them a second.
    if known is not None:
        same = {name: getattr(known, name) for name in _FLUCTUATING}
        return known if made.model_copy(update=same) == known else made
    return made
