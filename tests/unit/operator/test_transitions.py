"""The Events that tell a job's story."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from flinktf.api.status import Condition, InstanceStatus, ModelStatus, RoleStatus, RunStatus, Status
from flinktf_operator.observed import job_view
from flinktf_operator.transitions import Transition, event, transitions
from support import bodies

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = RunStatus(number=1, job_id="ab", spec="f1")


def condition(kind: str, status: str, reason: str, message: str = "why") -> Condition:
    return Condition.model_validate(
        {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": NOW}
    )


def status(*conditions: Condition, **more: Any) -> Status:
    return Status(conditions=conditions, run=RUN, phase="Starting").model_copy(update=more)


def worker(restarts: int, error: str | None) -> tuple[RoleStatus, ...]:
    one = InstanceStatus(index=0, state="Training", restarts=restarts, last_error=error)
    return (RoleStatus(name="worker", desired=1, ready=1, instances=(one,)),)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (Status(), Status(), []),
        (Status(), status(), [("Normal", "Starting")]),
        (status(), status(condition("Ready", "True", "Running"), phase="Running"), [("Normal", "Running")]),
        (
            status(phase="Running", generation=1),
            status(condition("Ready", "True", "Running"), phase="Running", generation=2),
            [("Normal", "ClusterFormed")],
        ),
        (status(step=3), status(step=900), []),
        (status(), status(model=ModelStatus(path="/data/model")), [("Normal", "ModelSaved")]),
        (status(), status(condition("Succeeded", "True", "Succeeded"), phase="Succeeded"), [("Normal", "Succeeded")]),
        (
            status(),
            status(condition("Failed", "True", "ValueError"), condition("Stalled", "True", "ValueError")),
            [("Warning", "ValueError")],
        ),
        (status(), status(condition("Stalled", "True", "InvalidSpec")), [("Warning", "InvalidSpec")]),
        (
            status(condition("Stalled", "True", "InvalidSpec", "one")),
            status(condition("Stalled", "True", "InvalidSpec", "two")),
            [],
        ),
        (
            status(condition("RolesHealthy", "Unknown", "Starting")),
            status(condition("RolesHealthy", "False", "Unschedulable")),
            [("Warning", "Unschedulable")],
        ),
        (
            status(condition("RolesHealthy", "False", "Unschedulable")),
            status(condition("RolesHealthy", "False", "ImagePullBackOff")),
            [("Warning", "ImagePullBackOff")],
        ),
        (
            status(condition("RolesHealthy", "False", "Unschedulable")),
            status(condition("RolesHealthy", "True", "Healthy")),
            [("Normal", "Healthy")],
        ),
        (
            status(condition("RolesHealthy", "Unknown", "Starting")),
            status(condition("RolesHealthy", "True", "Healthy")),
            [],
        ),
        (status(roles=worker(0, None)), status(roles=worker(1, "OOMKilled: …")), [("Warning", "InstanceFailed")]),
        (
            status(roles=worker(1, "OOMKilled: …")),
            status(roles=worker(2, "OOMKilled: …")),
            [("Warning", "InstanceFailed")],
        ),
        (status(roles=worker(1, "OOMKilled: …")), status(roles=worker(1, "OOMKilled: …"), step=5), []),
        (
            status(),
            status(condition("Reconciling", "True", "Suspending"), run=RUN.model_copy(update={"stopping": "Suspend"})),
            [("Normal", "Suspending")],
        ),
    ],
)
def test_what_is_told(before: Status, after: Status, told: list[tuple[str, str]]) -> None:
    assert [(what.type, what.reason) for what in transitions(before, after)] == told


def test_a_run_that_goes_on_says_from_where() -> None:
    run = RUN.model_copy(update={"number": 2, "restore": "file:///data/checkpoints/12"})
    (told,) = transitions(status(), status(run=run))
    assert told.note == "run 2 begins, from file:///data/checkpoints/12; Flink job ab"


def test_an_event_is_about_the_job_and_told_once() -> None:
    job = job_view(bodies.job())
    what = Transition("Warning", "Unschedulable", "ä" * 5000)
    made = event(job, what, "operator-0", NOW)
    assert made["metadata"]["name"] == event(job, what, "operator-1", NOW)["metadata"]["name"]
    assert made["metadata"]["namespace"] == made["regarding"]["namespace"] == "ns"
    assert (made["regarding"]["kind"], made["regarding"]["uid"]) == ("FlinkTFJob", "u1")
    assert made["eventTime"] == "2026-01-01T00:00:00.000000Z"
    assert 1000 < len(made["note"].encode()) <= 1024
    assert event(job, Transition("Normal", "Running", "x"), "o", NOW)["metadata"]["name"] != made["metadata"]["name"]
