"""Flink's part in how a job goes: what the driver tells the coordinator."""

from __future__ import annotations

import pytest

from flinktf.coordinator.failover import Failure
from flinktf.coordinator.machine import begin, command, step
from flinktf.coordinator.shape import JobShape
from flinktf.coordinator.state import (
    Checkpoint,
    Event,
    Exited,
    FlinkJob,
    FlinkTold,
    Heartbeat,
    JobState,
    Outcome,
    Registered,
    Submitted,
    Tick,
)

SHAPE = JobShape("wine", (("worker", 1),), "MultiWorkerMirrored", 60.0, submitted_here=True)
KEY = ("worker", 0)
TRACE = (
    "org.apache.flink.JobException: failed\n\tat x\nCaused by: java.io.FileNotFoundException: /data/none.csv\n\tat y"
)


def play(*events: tuple[float, Event], state: JobState | None = None) -> JobState:
    state = state or begin(SHAPE, 0.0)
    for at, event in events:
        state, _ = step(state, event, at)
    return state


def told(state: str, **more: object) -> FlinkTold:
    return FlinkTold(FlinkJob(state, **more))  # type: ignore[arg-type]


RUNNING = play(
    (0, Submitted("Submitted")),
    (1, told("RUNNING")),
    (2, Registered(KEY, 0, "10.0.0.1:2222", "pod-0")),
    (3, Heartbeat(KEY, 0, 1, "training", 5, 100)),
)
DONE = Exited(KEY, 0, "done", 10, 200)


def test_nobody_is_late_before_the_job_is_submitted() -> None:
    state = play((0, Submitted("Submitting")), (10_000, Tick()))
    assert state.phase == "Forming"
    state = play((10_001, Submitted("Submitted")), (10_060, Tick()), state=state)
    assert state.phase == "Forming"
    assert play((10_062, Tick()), state=state).phase == "Failed"


def test_a_submission_that_failed_fails_the_job_in_its_own_words() -> None:
    state = play((0, Submitted("Failed", "job.sql, line 3: no such table", "Traceback …")))
    assert state.outcome == "Failed"
    assert state.failure == Failure("driver", "NotSubmitted", "job.sql, line 3: no such table", "Traceback …")


def test_success_needs_both_sides() -> None:
    roles = play((4, DONE), state=RUNNING)
    assert (roles.phase, roles.outcome) == ("Succeeded", None)
    assert play((5, told("FINISHED")), state=roles).outcome == "Succeeded"


def test_flink_may_end_first() -> None:
    flink = play((4, told("FINISHED")), (5, Tick()), state=RUNNING)
    assert (flink.phase, flink.outcome) == ("Running", None)
    assert play((6, DONE), (60, Heartbeat(KEY, 0, 1, "x", 0, 0)), (61, Tick()), state=flink).outcome == "Succeeded"


def test_a_role_whose_agent_is_silent_is_done_when_flink_has_finished() -> None:
    flink = play((4, told("FINISHED")), (14, Tick()), state=RUNNING)
    assert flink.outcome is None
    silent = play((15, Tick()), state=flink)
    assert (silent.outcome, silent.instances[KEY].state) == ("Succeeded", "Done")
    heard = play((13, Heartbeat(KEY, 0, 1, "training", 6, 120)), (15, Tick()), state=flink)
    assert heard.outcome == "Failed"
    assert heard.failure == Failure("Flink", "FINISHED", "Flink's job is FINISHED, the roles are Running")


@pytest.mark.parametrize("end", ["FAILED", "CANCELED"])
def test_flinks_failure_counts_when_no_role_has_told_one(end: str) -> None:
    state = play((4, told(end, exception=TRACE)), (10, Tick()), state=RUNNING)
    assert state.outcome is None
    state = play((15, Tick()), state=state)
    assert state.outcome == "Failed"
    assert state.failure == Failure("Flink", "FileNotFoundException", "/data/none.csv", TRACE)


def test_a_roles_own_failure_comes_before_flinks() -> None:
    own = Failure("worker-0", "ValueError", "no such column")
    state = play((4, told("FAILED", exception=TRACE)), (6, Exited(KEY, 0, "failed", 5, 9, own)), state=RUNNING)
    assert (state.outcome, state.failure) == ("Failed", own)
    assert state.instances[KEY].error == "ValueError: no such column"


def test_flink_may_fail_after_the_roles_were_done() -> None:
    state = play((4, DONE), (5, told("FAILED", exception=TRACE)), state=RUNNING)
    assert state.outcome == "Failed"
    assert state.failure is not None
    assert state.failure.instance == "Flink"


def test_the_same_told_twice_is_no_change() -> None:
    checkpoint = Checkpoint(3, "file:///data/3")
    once = play((4, told("RUNNING", checkpoint=checkpoint)), state=RUNNING)
    assert once.flink is not None
    assert once.flink.checkpoint == checkpoint
    assert play((5, told("RUNNING", checkpoint=checkpoint)), state=once) is once


@pytest.mark.parametrize("outcome", ["done", "cancelled"])
def test_flinks_failure_before_the_roles_end(outcome: Outcome) -> None:
    shape = JobShape("job", (("worker", 1),), "Independent", 60.0)
    state = begin(shape, 0.0)
    failed = FlinkTold(FlinkJob("FAILED", exception="x.JobException: y\nCaused by: java.io.IOException: disk full"))
    registered = Registered(("worker", 0), 0, "a:1", "tm")
    for event in (registered, failed, Exited(("worker", 0), 0, outcome, 1, 1)):
        state, _ = step(state, event, 1.0)
    assert state.outcome == "Failed"
    assert state.failure is not None
    assert (state.failure.type, state.failure.message) == ("IOException", "disk full")


FRESH = play((0, Submitted("Submitted")), (1, told("RUNNING")), (2, Registered(KEY, 0, "10.0.0.1:2222", "pod-0")))
LOST = "org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager pod-0 is lost"
ROLE = "dev.flinktf.connector.role.RoleFailedException: Role worker-0 failed"


@pytest.mark.parametrize(
    ("state", "trace", "phase"),
    [
        (FRESH, TRACE, "Failed"),
        (FRESH, LOST, "Running"),
        (FRESH, f"{ROLE}\nCaused by: java.io.IOException: gone", "Running"),
        (RUNNING, TRACE, "Running"),
    ],
)
def test_a_pipeline_that_has_never_worked_is_not_begun_again(state: JobState, trace: str, phase: str) -> None:
    assert play((4, told("RESTARTING", restarts=1, exception=trace)), state=state).phase == phase


NO_ROLES = JobShape("wine", (), "Independent", 60.0, submitted_here=True)
SERVING = JobShape(
    "wine",
    (("predictor", 1), ("worker", 1)),
    "Independent",
    60.0,
    submitted_here=True,
    servers=frozenset({"predictor"}),
)
PREDICTOR = ("predictor", 0)


@pytest.mark.parametrize(("end", "outcome"), [("FINISHED", "Succeeded"), ("FAILED", "Failed"), ("CANCELED", "Failed")])
def test_a_job_without_roles_is_flinks_alone(end: str, outcome: str) -> None:
    running = play((0, Submitted("Submitted")), (1, told("RUNNING")), (1000, Tick()), state=begin(NO_ROLES, 0.0))
    assert (running.phase, running.outcome) == ("Running", None)
    ended = play((1001, told(end)), (1002, Tick()), state=running)
    assert ended.outcome == outcome


def test_a_role_that_serves_goes_on_until_all_else_is_over() -> None:
    state = play(
        (0, Submitted("Submitted")),
        (1, told("RUNNING")),
        (2, Registered(PREDICTOR, 0, "10.0.0.1:2222", "pod-0")),
        (2, Registered(KEY, 0, "10.0.0.2:2222", "pod-1")),
        (3, Heartbeat(PREDICTOR, 0, 1, "serving", 5, 100)),
        state=begin(SERVING, 0.0),
    )
    trained = play((4, DONE), state=state)
    assert (trained.phase, command(trained, PREDICTOR, 0, 1)) == ("Running", "continue")
    over = play((5, told("RUNNING", pipeline_over=True)), state=trained)
    assert (over.phase, command(over, PREDICTOR, 0, 1)) == ("Stopping", "stop")
    done = play((6, Exited(PREDICTOR, 0, "done", 7, 100)), (7, told("FINISHED", pipeline_over=True)), state=over)
    assert done.outcome == "Succeeded"


def test_a_pipeline_that_is_over_waits_for_those_who_train() -> None:
    state = play(
        (2, Registered(PREDICTOR, 0, "10.0.0.1:2222", "pod-0")),
        (2, Registered(KEY, 0, "10.0.0.2:2222", "pod-1")),
        (5, told("RUNNING", pipeline_over=True)),
        state=begin(SERVING, 0.0),
    )
    assert command(state, PREDICTOR, 0, 1) == "continue"
    assert command(play((6, DONE), state=state), PREDICTOR, 0, 1) == "stop"
