"""A pod that is taken away: its instance leaves after a checkpoint, and that is no failure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flinktf.coordinator.failover import PREEMPTED, Failure, Policy
from flinktf.coordinator.machine import begin, command, step
from flinktf.coordinator.shape import JobShape
from flinktf.coordinator.state import (
    Event,
    Exited,
    FlinkJob,
    FlinkTold,
    Heartbeat,
    JobState,
    Preempted,
    Registered,
)

SHAPE = JobShape("job", (("worker", 2),), "MultiWorkerMirrored", 60.0, checkpoints=True)
KEY = ("worker", 1)
LEFT = Exited(KEY, 0, "failed", 9, 90, Failure("worker-1", PREEMPTED, "its pod was taken away"))


def flink(granted: int, state: str = "RUNNING") -> FlinkTold:
    return FlinkTold(FlinkJob(state, completed=7, granted=granted))


def running(shape: JobShape = SHAPE) -> JobState:
    events: list[Event] = [Registered(key, 0, f"{key[1]}", "tm") for key in shape.instances]
    events += [Heartbeat(key, 0, 1, "Training", 5, 50) for key in shape.instances]
    return after(begin(shape, 0.0), *events, flink(0))


def after(state: JobState, *events: Event) -> JobState:
    for event in events:
        state, _ = step(state, event, 1.0)
    return state


def test_it_stays_until_there_is_a_newer_checkpoint() -> None:
    state = after(running(), Preempted(KEY, 0))
    assert [command(state, key, 0, 1) for key in SHAPE.instances] == ["continue", "continue"]
    assert state.checkpoint_wanted == 1
    state = after(state, flink(1))
    assert [command(state, key, 0, 1) for key in SHAPE.instances] == ["continue", "leave"]
    assert state.checkpoint_wanted == 0


@pytest.mark.parametrize(
    "state",
    [
        after(running(replace(SHAPE, checkpoints=False)), Preempted(KEY, 0)),
        after(running(), Preempted(KEY, 0), flink(0, "RESTARTING")),
        after(begin(SHAPE, 0.0), Registered(KEY, 0, "a", "tm"), Preempted(KEY, 0)),
    ],
)
def test_it_does_not_wait_for_what_will_not_come(state: JobState) -> None:
    assert command(state, KEY, 0, 1) == "leave"
    assert state.checkpoint_wanted == 0


def test_each_one_that_leaves_wants_a_checkpoint_of_its_own() -> None:
    state = after(running(), Preempted(KEY, 0), Preempted(KEY, 0))
    assert state.checkpoint_wanted == 1
    state = after(state, flink(1), Preempted(("worker", 0), 0))
    assert state.checkpoint_wanted == 2
    assert [command(state, key, 0, 1) for key in SHAPE.instances] == ["continue", "leave"]


@pytest.mark.parametrize("policy", [Policy("Gang", max_restarts=0), Policy("Job")])
def test_it_costs_its_role_nothing(policy: Policy) -> None:
    shape = replace(SHAPE, failover={"worker": policy})
    state = after(running(shape), Preempted(KEY, 0), flink(1), LEFT)
    assert (state.phase, state.generation, state.failure) == ("Forming", 2, None)
    assert state.spent["worker"].restarts == 0
    assert state.checkpoint_wanted == 0
    # Its peers' echoes are nothing new, and its successor is not told to leave.
    echo = Failure("worker-0", "UnavailableError", "its peer is gone", exit_code=1)
    state = after(state, Exited(("worker", 0), 0, "failed", 9, 90, echo), Registered(KEY, 1, "b", "tm-2"))
    assert (state.phase, command(state, KEY, 1, 2)) == ("Forming", "continue")


def test_an_attempt_of_the_past_does_not_leave_for_its_successor() -> None:
    state = after(running(), LEFT, Registered(KEY, 1, "b", "tm"), Preempted(KEY, 0))
    assert command(state, KEY, 1, 2) == "continue"
