"""What the operator keeps of the objects it watches: frozen and small. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flinktf_operator.names import FIELD_MANAGER, JOB_LABEL, POOL_LABEL, RUN_LABEL

Body = Mapping[str, Any]
Key = tuple[str, str]
"""Namespace and name of a job."""

_MESSAGE_LIMIT: Final = 1024
# Waiting reasons of a container that is on its way; every other one is a problem.
_ON_ITS_WAY: Final = frozenset({"ContainerCreating", "PodInitializing"})


@dataclass(frozen=True, slots=True)
class JobView:
    """A FlinkTFJob; ``spec`` and ``status`` as the API server has them."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    created: datetime
    deleting: bool
    spec: Mapping[str, Any]
    status: Mapping[str, Any]

    @property
    def key(self) -> Key:
        return self.namespace, self.name


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """One of a job's Deployments. ``ours`` is a hash of the fields that this operator owns in it."""

    name: str
    uid: str
    job: str
    owners: tuple[str, ...]
    pool: str
    run: int
    ours: str
    deleting: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps a pod from running, in Kubernetes' own words."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PodView:
    """One of a job's pods.

    ``serving`` says whether its coordinator container is ready, ``ended`` how a container of it has failed last: that
    one runs again, perhaps, and nothing is wrong any more.
    """

    name: str
    uid: str
    job: str
    pool: str
    run: int
    node: str | None
    ip: str | None
    phase: str
    ready: bool
    serving: bool
    deleting: bool
    restarts: int
    problem: Problem | None
    ended: Problem | None = None

    @property
    def over(self) -> bool:
        """Whether it will not run again: a Deployment puts another one in its place."""
        return self.deleting or self.phase in ("Failed", "Succeeded")


def job_view(body: Body) -> JobView:
    metadata = body["metadata"]
    return JobView(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata["generation"],
        resource_version=metadata["resourceVersion"],
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        deleting="deletionTimestamp" in metadata,
        spec=dict(body.get("spec") or {}),
        status=dict(body.get("status") or {}),
    )


def workload_view(body: Body) -> WorkloadView:
    metadata = body["metadata"]
    labels = metadata.get("labels") or {}
    return WorkloadView(
        name=metadata["name"],
        uid=metadata["uid"],
        job=labels.get(JOB_LABEL, ""),
        owners=tuple(owner["uid"] for owner in metadata.get("ownerReferences") or ()),
        pool=labels.get(POOL_LABEL, ""),
        run=_number(labels.get(RUN_LABEL)),
        ours=owned_fields(body),
        deleting="deletionTimestamp" in metadata,
    )


def owned_fields(body: Body) -> str:
    """A hash of the fields that the operator owns; another one when someone else has changed, and so taken, a field."""
    for entry in body["metadata"].get("managedFields") or ():
        if entry.get("manager") == FIELD_MANAGER and not entry.get("subresource"):
            fields = json.dumps(entry.get("fieldsV1"), sort_keys=True)
            return hashlib.sha256(fields.encode()).hexdigest()[:16]
    return ""


def pod_view(body: Body) -> PodView:
    metadata, status = body["metadata"], body.get("status") or {}
    labels = metadata.get("labels") or {}
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return PodView(
        name=metadata["name"],
        uid=metadata["uid"],
        job=labels.get(JOB_LABEL, ""),
        pool=labels.get(POOL_LABEL, ""),
        run=_number(labels.get(RUN_LABEL)),
        node=(body.get("spec") or {}).get("nodeName"),
        ip=status.get("podIP"),
        phase=status.get("phase", "Pending"),
        ready=conditions.get("Ready", {}).get("status") == "True",
        serving=any(c["name"] == "coordinator" and c.get("ready") for c in containers),
        deleting="deletionTimestamp" in metadata,
        restarts=sum(container.get("restartCount", 0) for container in containers),
        problem=_problem(body, conditions, containers),
        ended=_last_end(containers),
    )


def _problem(body: Body, conditions: Mapping[str, Body], containers: list[Body]) -> Problem | None:
    if "deletionTimestamp" in body["metadata"]:
        return _taken(body, conditions)  # that its containers end with it is as it should be
    status, scheduled = body.get("status") or {}, conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return _found(scheduled.get("reason", "Unschedulable"), scheduled.get("message", ""))
    if status.get("phase") == "Failed":
        return _found(status.get("reason", "PodFailed"), status.get("message", ""))
    return _taken(body, conditions) or _problem_of_a_container(containers)


def _taken(body: Body, conditions: Mapping[str, Body]) -> Problem | None:
    """Whether it was taken away, or its node was."""
    node, disrupted = (body.get("spec") or {}).get("nodeName"), conditions.get("DisruptionTarget", {})
    if disrupted.get("status") == "True":
        return _found(disrupted.get("reason", "Disrupted"), f"{disrupted.get('message', '')} (node {node})")
    if _is_forsaken(body, conditions):
        return _found("NodeNotReady", f"its node {node} does not answer")
    return None


def _problem_of_a_container(containers: list[Body]) -> Problem | None:
    for container in containers:
        state = container.get("state") or {}
        waiting, ended = state.get("waiting"), state.get("terminated")
        before = (container.get("lastState") or {}).get("terminated")
        if waiting and waiting.get("reason") not in _ON_ITS_WAY:
            # A crash loop says nothing of its cause; the end before it does.
            cause = f"{_end(before)}; " if before else ""
            return _found(
                waiting.get("reason", "Waiting"), f"container {container['name']}: {cause}{waiting.get('message', '')}"
            )
        if ended and ended.get("exitCode"):
            return _found(ended.get("reason", "Error"), f"container {container['name']} {_end(ended)}")
    return None


def _is_forsaken(body: Body, conditions: Mapping[str, Body]) -> bool:
    """When a node does not answer, Kubernetes changes this one condition of its pods, and nothing else."""
    ready, containers = (conditions.get(kind, {}).get("status") for kind in ("Ready", "ContainersReady"))
    return ready == "False" and containers == "True" and not (body.get("spec") or {}).get("readinessGates")


def _last_end(containers: list[Body]) -> Problem | None:
    ends = [
        (end.get("finishedAt") or "", container["name"], end)
        for container in containers
        for state in ("state", "lastState")
        if (end := (container.get(state) or {}).get("terminated")) and end.get("exitCode")
    ]
    if not ends:
        return None
    _, name, end = max(ends, key=lambda found: found[:2])
    return _found(end.get("reason", "Error"), f"container {name} {_end(end)}")


def _end(terminated: Body) -> str:
    return f"ended with exit code {terminated.get('exitCode')} ({terminated.get('reason', 'Error')})"


def _found(reason: str, message: str) -> Problem:
    return Problem(reason, message[:_MESSAGE_LIMIT])


def _number(label: str | None) -> int:
    return int(label) if label and label.isdecimal() else 0
