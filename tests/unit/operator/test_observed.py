"""What is kept of the objects that are watched."""

from __future__ import annotations

from typing import Any

import pytest

from flinktf_operator.names import FIELD_MANAGER
from flinktf_operator.observed import Problem, job_view, pod_view, workload_view
from support import bodies

_UNSCHEDULABLE = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."


def _waiting(reason: str, message: str = "", before: dict[str, Any] | None = None) -> dict[str, Any]:
    last = {"lastState": {"terminated": before}} if before else {}
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [{"name": "tensorflow", "state": state, **last}]}


def _is(kind: str, status: str, **more: str) -> dict[str, str]:
    return {"type": kind, "status": status, **more}


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ({}, None),
        ({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}, None),
        (_waiting("ContainerCreating"), None),
        (_waiting("PodInitializing"), None),
        (
            {
                "phase": "Pending",
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": _UNSCHEDULABLE}
                ],
            },
            Problem("Unschedulable", _UNSCHEDULABLE),
        ),
        (
            _waiting("ImagePullBackOff", 'Back-off pulling image "nope"'),
            Problem("ImagePullBackOff", 'container tensorflow: Back-off pulling image "nope"'),
        ),
        (
            _waiting("CrashLoopBackOff", "back-off 10s", {"exitCode": 1, "reason": "Error"}),
            Problem("CrashLoopBackOff", "container tensorflow: ended with exit code 1 (Error); back-off 10s"),
        ),
        (
            {
                "phase": "Running",
                "containerStatuses": [
                    {"name": "tensorflow", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
                ],
            },
            Problem("OOMKilled", "container tensorflow ended with exit code 137 (OOMKilled)"),
        ),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."},
            Problem("Evicted", "The node was low on resource: memory."),
        ),
        (
            {"phase": "Running", "conditions": [_is("Ready", "False"), _is("ContainersReady", "True")]},
            Problem("NodeNotReady", "its node node-1 does not answer"),
        ),
        ({"phase": "Running", "conditions": [_is("Ready", "False"), _is("ContainersReady", "False")]}, None),
        (
            {
                "phase": "Running",
                "conditions": [
                    _is("DisruptionTarget", "True", reason="EvictionByEvictionAPI", message="Eviction API: evicting")
                ],
            },
            Problem("EvictionByEvictionAPI", "Eviction API: evicting (node node-1)"),
        ),
    ],
    ids=lambda value: value.reason if isinstance(value, Problem) else None,
)
def test_what_keeps_a_pod_from_running(status: dict[str, Any], problem: Problem | None) -> None:
    assert pod_view(bodies.pod(status=status or {"phase": "Pending"})).problem == problem


def test_a_pod() -> None:
    status = {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [
            {"name": "jobmanager", "ready": False, "restartCount": 2, "state": {"running": {}}},
            {"name": "coordinator", "ready": True, "restartCount": 1, "state": {"running": {}}},
        ],
    }
    pod = pod_view(bodies.pod("wine-jobmanager-x", "jobmanager", 3, status, deletionTimestamp="2026-01-01T00:00:00Z"))
    assert (pod.pool, pod.run, pod.ip, pod.node) == ("jobmanager", 3, "10.0.0.7", "node-1")
    assert (pod.ready, pod.serving, pod.deleting, pod.restarts) == (False, True, True, 3)


def test_that_containers_end_with_a_pod_that_is_deleted_is_no_problem() -> None:
    ended = {"name": "driver", "state": {"terminated": {"exitCode": 143, "reason": "Error"}}}
    lost = {"phase": "Running", "conditions": [_is("Ready", "False"), _is("ContainersReady", "True")]}
    for status, reason in (({"phase": "Failed", "containerStatuses": [ended]}, None), (lost, "NodeNotReady")):
        problem = pod_view(bodies.pod(status=status, deletionTimestamp="2026-01-01T00:00:00Z")).problem
        assert (problem.reason if problem is not None else None) == reason


def test_how_a_container_has_ended_is_known_when_it_runs_again() -> None:
    def ended(name: str, at: str, reason: str, code: int) -> dict[str, Any]:
        return {
            "name": name,
            "state": {"running": {}},
            "lastState": {"terminated": {"exitCode": code, "reason": reason, "finishedAt": at}},
        }

    containers = [
        ended("taskmanager", "2026-01-01T00:00:01Z", "Error", 1),
        ended("tensorflow", "2026-01-01T00:00:02Z", "OOMKilled", 137),
    ]
    pod = pod_view(bodies.pod(status={"phase": "Running", "containerStatuses": containers}))
    assert pod.problem is None
    assert pod.ended == Problem("OOMKilled", "container tensorflow ended with exit code 137 (OOMKilled)")
    fine = [ended("tensorflow", "2026-01-01T00:00:02Z", "Completed", 0)]
    assert pod_view(bodies.pod(status={"phase": "Running", "containerStatuses": fine})).ended is None


def test_a_message_has_a_bound() -> None:
    problem = pod_view(bodies.pod(status=_waiting("ErrImagePull", "x" * 100_000))).problem
    assert problem is not None
    assert len(problem.message) == 1024


def test_labels_that_someone_has_broken() -> None:
    assert pod_view(bodies.pod(labels={"flinktf.dev/run": "none"})).run == 0
    assert pod_view(bodies.pod(labels=None)).job == ""


def _managed(fields: dict[str, Any], **entry: Any) -> dict[str, Any]:
    return {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields, **entry}


def test_a_field_that_someone_else_has_changed_is_told_by_the_managed_fields() -> None:
    ours = _managed({"f:spec": {"f:replicas": {}, "f:template": {}}})
    status = _managed({"f:status": {}}, subresource="status")
    controller = {"manager": "kube-controller-manager", "fieldsV1": {"f:status": {}}, "subresource": "status"}
    first = workload_view(bodies.deployment(managedFields=[status, ours, controller]))
    scaled = (
        _managed({"f:spec": {"f:template": {}}}),
        {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    )
    assert workload_view(bodies.deployment(managedFields=[ours])).ours == first.ours != ""
    assert workload_view(bodies.deployment(managedFields=[*scaled, status])).ours not in (first.ours, "")
    assert workload_view(bodies.deployment()).ours == ""


def test_a_deployment() -> None:
    workload = workload_view(bodies.deployment("pipeline", 2, "u7"))
    assert (workload.name, workload.pool, workload.run, workload.owners) == ("wine-pipeline", "pipeline", 2, ("u7",))
    assert not workload.deleting


def test_a_job() -> None:
    job = job_view(bodies.job(spec={"roles": []}, deletionTimestamp="2026-01-01T00:00:00Z"))
    assert (job.key, job.generation, job.deleting, job.spec, job.status) == (("ns", "wine"), 1, True, {"roles": []}, {})
