"""The coordinator's decisions: tables for what is meant, random histories for what must never be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flinktf.coordinator.machine import Refused, begin, command, step
from flinktf.coordinator.shape import JobShape, shape_from_json
from flinktf.coordinator.state import Event, Exited, Failure, Heartbeat, JobState, Key, Registered, Tick

MIRRORED = JobShape("job", (("worker", 2), ("evaluator", 1)), "MultiWorkerMirrored", 60.0)
SERVERS = JobShape("job", (("chief", 1), ("ps", 1), ("worker", 2), ("evaluator", 1)), "ParameterServer", 60.0)
ALONE = JobShape("job", (("worker", 2),), "Independent", 60.0)


def registered(role: str, index: int, attempt: int = 0) -> Registered:
    return Registered((role, index), attempt, f"{role}-{index}:{attempt}", "tm")


def exited(role: str, index: int, outcome: Any = "done", failure: Failure | None = None, attempt: int = 0) -> Exited:
    return Exited((role, index), attempt, outcome, 10, 100, failure)


def beat(role: str, index: int, generation: int = 1, attempt: int = 0) -> Heartbeat:
    return Heartbeat((role, index), attempt, generation, "Training", 5, 50)


def after(shape: JobShape, events: Sequence[Event], at: float = 1.0) -> JobState:
    state = begin(shape, 0.0)
    for event in events:
        state, _ = step(state, event, at)
    return state


def formed(shape: JobShape) -> list[Event]:
    return [registered(role, index) for role, index in shape.instances]


def test_the_cluster_is_published_when_the_last_one_has_come() -> None:
    events = formed(SERVERS)
    before = after(SERVERS, events[:-1])
    assert (before.phase, before.missing) == ("Forming", ("evaluator-0",))
    state = after(SERVERS, events)
    assert state.phase == "Running"
    assert state.cluster == {"chief": ["chief-0:0"], "ps": ["ps-0:0"], "worker": ["worker-0:0", "worker-1:0"]}


def test_independent_instances_have_no_cluster() -> None:
    assert after(ALONE, formed(ALONE)).cluster == {}


@pytest.mark.parametrize(
    ("shape", "done", "phase", "told_to_stop"),
    [
        (MIRRORED, [("worker", 0)], "Running", []),
        (MIRRORED, [("worker", 0), ("worker", 1)], "Stopping", [("evaluator", 0)]),
        (MIRRORED, [("worker", 0), ("worker", 1), ("evaluator", 0)], "Succeeded", [("evaluator", 0)]),
        (SERVERS, [("worker", 0)], "Running", []),
        (SERVERS, [("chief", 0)], "Stopping", [("ps", 0), ("worker", 0), ("worker", 1), ("evaluator", 0)]),
        (ALONE, [("worker", 0), ("worker", 1)], "Succeeded", []),
    ],
)
def test_the_end(shape: JobShape, done: list[Key], phase: str, told_to_stop: list[Key]) -> None:
    state = after(shape, [*formed(shape), *(exited(*key) for key in done)])
    assert state.phase == phase
    assert [key for key in shape.instances if command(state, key, 0, 1) == "stop"] == told_to_stop
    assert "abort" not in [command(state, key, 0, 1) for key in shape.instances]


def test_a_failure_is_kept_and_everyone_is_told() -> None:
    failure = Failure("worker-1", "ValueError", "too sour", "Traceback")
    state = after(MIRRORED, [*formed(MIRRORED), exited("worker", 1, "failed", failure), exited("worker", 0)])
    assert (state.phase, state.failure) == ("Failed", failure)
    assert command(state, ("evaluator", 0), 0, 1) == "abort"


@pytest.mark.parametrize("echo_first", [True, False])
def test_the_echo_of_a_death_does_not_hide_its_cause(echo_first: bool) -> None:
    echo = exited("worker", 0, "failed", Failure("worker-0", "UnavailableError", "peer is gone"))
    cause = exited("worker", 1, "failed", Failure("worker-1", "ProcessKilled", "signal 9"))
    events = [echo, cause] if echo_first else [cause, echo]
    state = after(MIRRORED, [*formed(MIRRORED), *events])
    assert state.failure is not None
    assert state.failure.instance == "worker-1"


def test_who_does_not_come_is_named() -> None:
    state, _ = step(after(MIRRORED, formed(MIRRORED)[:1]), Tick(), 61.0)
    assert state.phase == "Failed"
    assert state.failure is not None
    assert state.failure.type == "FormingTimeout"
    assert state.failure.message.startswith("worker-1, evaluator-0 did not come within 60 s (spec.formingTimeout)")


def test_a_silent_agent_fails_the_job() -> None:
    state = after(ALONE, formed(ALONE))
    state, _ = step(state, beat("worker", 0), 25.0)
    assert step(state, Tick(), 30.9)[0].phase == "Running"
    state, _ = step(state, Tick(), 31.1)
    assert state.failure == Failure("worker-1", "HeartbeatLost", "its agent has said nothing for 30 s")


def test_a_cancelled_job_has_failed() -> None:
    state = after(ALONE, [*formed(ALONE), exited("worker", 0, "cancelled"), exited("worker", 1, "cancelled")])
    assert state.failure is not None
    assert (state.phase, state.failure.type) == ("Failed", "Cancelled")


def test_a_new_attempt_forms_the_next_generation() -> None:
    state = after(MIRRORED, [*formed(MIRRORED), registered("worker", 1, attempt=1)])
    assert (state.phase, state.generation, state.missing) == ("Forming", 2, ("worker-0", "evaluator-0"))
    assert command(state, ("worker", 0), 0, 1) == "abort"
    state, _ = step(state, registered("worker", 0, attempt=1), 2.0)
    state, _ = step(state, registered("evaluator", 0, attempt=1), 2.0)
    assert (state.phase, state.cluster) == ("Running", {"worker": ["worker-0:1", "worker-1:1"]})
    assert state.instances["worker", 1].restarts == 1


def test_a_registration_that_is_told_twice_is_one() -> None:
    state = after(ALONE, formed(ALONE))
    assert step(state, registered("worker", 1), 2.0) == (state, ())


def test_who_leaves_while_the_cluster_forms_is_missing_again() -> None:
    events = [registered("worker", 0), exited("worker", 0, "cancelled"), registered("worker", 1)]
    state = after(ALONE, events)
    assert (state.phase, state.missing) == ("Forming", ("worker-0",))
    state, _ = step(state, registered("worker", 0, attempt=1), 2.0)
    assert (state.phase, state.generation) == ("Running", 1)


def test_an_attempt_that_was_replaced_is_aborted() -> None:
    state = after(ALONE, [registered("worker", 0), registered("worker", 0, attempt=1)])
    assert command(state, ("worker", 0), 0, 1) == "abort"
    assert command(state, ("worker", 0), 1, 1) == "continue"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (registered("ps", 0), "ps-0 is not a role instance of this job; it has worker-0, worker-1"),
        (registered("worker", 2), "worker-2 is not a role instance"),
        (registered("worker", 0, attempt=-1), "attempt -1 is older than attempt 0"),
    ],
)
def test_what_has_no_place_is_refused(event: Event, message: str) -> None:
    with pytest.raises(Refused, match=message):
        step(after(ALONE, formed(ALONE)), event, 2.0)


def test_the_shape_survives_json() -> None:
    assert shape_from_json(SERVERS.to_json()) == SERVERS


def back(role: str, index: int, generation: int) -> Registered:
    return replace(registered(role, index), generation=generation)


def test_a_restarted_coordinator_takes_over_what_runs() -> None:
    events = [back("worker", 0, 3), exited("worker", 0), back("worker", 1, 3)]
    state = after(ALONE, events)
    assert (state.phase, state.generation) == ("Running", 3)
    assert command(state, ("worker", 1), 0, 3) == "continue"
    assert step(state, exited("worker", 1), 2.0)[0].phase == "Succeeded"


@pytest.mark.parametrize(
    "events", [[back("worker", 0, 1), registered("worker", 1)], [registered("worker", 1), back("worker", 0, 1)]]
)
def test_who_runs_does_not_know_who_is_new(events: list[Event]) -> None:
    state = after(ALONE, events)
    assert (state.phase, state.generation, len(state.missing)) == ("Forming", 2, 2)
    assert [command(state, key, 0, 1) for key in ALONE.instances] == ["abort", "abort"]
    state = after(ALONE, [*events, registered("worker", 0, attempt=1), registered("worker", 1, attempt=1)])
    assert (state.phase, state.generation) == ("Running", 2)


def test_an_older_generation_is_aborted() -> None:
    state = after(ALONE, [back("worker", 0, 2), back("worker", 1, 3)])
    assert (state.phase, state.missing) == ("Forming", ("worker-0",))
    assert command(state, ("worker", 0), 0, 2) == "abort"


def _events(shape: JobShape) -> st.SearchStrategy[Event]:
    keys, attempts = st.sampled_from(shape.instances), st.integers(0, 2)
    failures = st.sampled_from([Failure("x", "ValueError", "m"), Failure("x", "UnavailableError", "m"), None])
    return st.one_of(
        st.builds(Registered, keys, attempts, st.uuids().map(str), st.just("tm"), generation=st.integers(0, 2)),
        st.builds(Heartbeat, keys, attempts, st.integers(0, 3), st.just("Training"), st.integers(0, 9), st.just(0)),
        st.builds(
            Exited, keys, attempts, st.sampled_from(["done", "failed", "cancelled"]), st.just(1), st.just(1), failures
        ),
        st.builds(Tick),
    )


@settings(max_examples=400)
@given(st.data(), st.sampled_from([MIRRORED, SERVERS, ALONE]))
def test_whatever_happens(data: st.DataObject, shape: JobShape) -> None:
    state, now = begin(shape, 0.0), 0.0
    # A history that forms first reaches the phases that a purely random one seldom sees.
    events = formed(shape) if data.draw(st.booleans()) else []
    events += data.draw(st.lists(_events(shape), max_size=25))
    for event in events:
        now += data.draw(st.sampled_from([0.0, 0.5, 20.0]))
        before = state
        try:
            state, _ = step(state, event, now)
        except Refused:
            assert state is before
        assert state.generation >= before.generation
        if before.phase in ("Succeeded", "Failed"):
            assert state.phase == before.phase
        if before.failure is not None:
            assert state.failure is not None
        assert (state.failure is not None) == (state.phase == "Failed")
        trained = [i.state == "Done" for key, i in state.instances.items() if shape.trains(key[0])]
        if state.phase in ("Stopping", "Succeeded"):
            assert all(trained)
        if state.phase == "Succeeded":
            assert all(instance.ended for instance in state.instances.values())
        if state.phase == "Running":
            assert not state.missing
            if before.phase == "Forming":
                assert not any(instance.ended and not instance.resumed for instance in state.instances.values())
            addresses = [address for hosts in state.cluster.values() for address in hosts]
            assert all(addresses)
            assert len(addresses) == sum(shape.in_cluster(role) for role, _ in shape.instances)
