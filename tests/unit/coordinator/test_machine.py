"""The coordinator's decisions: tables for what is meant, random histories for what must never be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flinktf.coordinator.failover import Failure, Policy, Rule
from flinktf.coordinator.machine import Refused, begin, command, may_begin, step
from flinktf.coordinator.shape import JobShape, shape_from_json
from flinktf.coordinator.state import Event, Exited, Heartbeat, JobState, Key, Preempted, Registered, Tick

MIRRORED = JobShape("job", (("worker", 2), ("evaluator", 1)), "MultiWorkerMirrored", 60.0)
SERVERS = JobShape("job", (("chief", 1), ("ps", 1), ("worker", 2), ("evaluator", 1)), "ParameterServer", 60.0)
ALONE = JobShape("job", (("worker", 2),), "Independent", 60.0)
NEVER = {"worker": Policy("Job")}


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


def test_a_failure_of_code_that_has_never_worked_ends_the_job_and_everyone_is_told() -> None:
    failure = Failure("worker-1", "ValueError", "too sour", "Traceback", 1)
    state = after(MIRRORED, [*formed(MIRRORED), Exited(("worker", 1), 0, "failed", 0, 0, failure)])
    assert (state.phase, state.failure) == ("Failed", failure)
    assert command(state, ("evaluator", 0), 0, 1) == "fail"


@pytest.mark.parametrize(("rules", "phase"), [((), "Failed"), ((Rule("Count", (), ("NullValueError",)),), "Forming")])
def test_a_record_that_is_no_tensor_ends_the_job_after_a_hundred_steps_too(rules: tuple[Rule, ...], phase: str) -> None:
    """It comes again after each restart; who knows better, a source that forgets for example, has a rule."""
    shape = replace(MIRRORED, failover={"worker": Policy("Gang", rules=rules)})
    failure = Failure("worker-1", "NullValueError", "column 'x' is NULL in row 7", "Traceback", 1)
    echo = exited("worker", 0, "failed", Failure("worker-0", "UnavailableError", "peer is gone", exit_code=1))
    state = after(shape, [*formed(shape), beat("worker", 0), echo, exited("worker", 1, "failed", failure)])
    assert state.phase == phase
    assert state.failure == (failure if phase == "Failed" else None)


@pytest.mark.parametrize("echo_first", [True, False])
def test_the_echo_of_a_death_does_not_hide_its_cause(echo_first: bool) -> None:
    echo = exited("worker", 0, "failed", Failure("worker-0", "UnavailableError", "peer is gone", exit_code=1))
    cause = exited("worker", 1, "failed", Failure("worker-1", "ProcessKilled", "signal 9", exit_code=137))
    events = [echo, cause] if echo_first else [cause, echo]
    state = after(replace(MIRRORED, failover=NEVER), [*formed(MIRRORED), *events])
    assert state.failure is not None
    assert state.failure.instance == "worker-1"
    state = after(MIRRORED, [*formed(MIRRORED), *events])
    assert (state.phase, state.generation, state.spent["worker"].restarts) == ("Forming", 2, 1)
    assert state.blamed is not None
    assert state.blamed.instance == "worker-1"


def test_who_does_not_come_is_named() -> None:
    state = after(MIRRORED, formed(MIRRORED)[:1])
    state = later(state, beat("worker", 0), Tick(), at=61.0)
    assert state.phase == "Failed"
    assert state.failure is not None
    assert state.failure.type == "FormingTimeout"
    assert state.failure.message.startswith("worker-1, evaluator-0 did not come within 60 s (spec.formingTimeout)")


def test_a_chief_that_is_done_while_another_one_fails_has_done_all_there_was() -> None:
    """Flink does not begin its subtask again: it has finished."""
    shape = replace(SERVERS, failover=dict.fromkeys(["chief", "ps", "worker"], Policy("Gang")))
    killed = Failure("worker-1", "ProcessKilled", "m", exit_code=137)
    state = after(shape, [*formed(shape), beat("chief", 0), exited("worker", 1, "failed", killed), exited("chief", 0)])
    assert state.phase == "Stopping"
    state = later(state, registered("worker", 1, attempt=1), at=9.0)
    assert may_begin(state, ("worker", 1))
    assert command(state, ("worker", 1), 1, state.generation) == "stop"


def test_who_comes_back_when_all_is_done_has_nothing_to_do() -> None:
    """Flink has other work in the same region."""
    done = [Exited(("worker", index), 0, "done", 5, 50) for index in (0, 1)]
    state = after(ALONE, [*formed(ALONE), *done])
    assert state.phase == "Succeeded"
    state, _ = step(state, Registered(("worker", 1), 1, "h:9", "tm"), 9.0)
    assert (state.phase, state.instances["worker", 1].state) == ("Succeeded", "Done")
    assert may_begin(state, ("worker", 1))


def test_two_heartbeats_that_did_not_come_are_told_and_thirty_are_a_failure() -> None:
    state = later(after(ALONE, [*formed(ALONE), beat("worker", 0), beat("worker", 1)]), beat("worker", 1), at=3.5)

    def told(at: float) -> list[tuple[str, str]]:
        nonlocal state
        state, happened = step(state, Tick(), at)
        return [(what.type, what.who) for what in happened]

    assert told(at=3.5) == []
    assert told(at=3.6) == [("Silent", "worker-0")]
    assert told(at=3.7) == []
    assert (state.phase, state.instances["worker", 0].health.activity) == ("Running", "Silent")
    state = later(state, beat("worker", 0), at=5.0)
    assert state.instances["worker", 0].health.activity == ""
    assert told(at=8.1) == [("Silent", "worker-0"), ("Silent", "worker-1")]
    state = later(state, beat("worker", 1), at=34.0)
    assert told(at=35.1) == [("InstanceFailed", "worker-0"), ("Restarting", "worker-0")]


def test_nobody_is_blamed_for_the_time_that_the_coordinator_stood_still() -> None:
    shape = replace(ALONE, failover=NEVER)
    state, _ = step(after(shape, formed(shape)), Tick(late=40.0), 42.0)
    assert step(state, Tick(), 70.9)[0].phase == "Running"
    assert step(state, Tick(), 71.1)[0].phase == "Failed"


def test_a_silent_agent_has_failed() -> None:
    shape = replace(ALONE, failover=NEVER)
    state = after(shape, formed(shape))
    state, _ = step(state, beat("worker", 0), 25.0)
    assert step(state, Tick(), 30.9)[0].phase == "Running"
    state, _ = step(state, Tick(), 31.1)
    assert state.failure == Failure("worker-1", "HeartbeatLost", "its agent has said nothing for 30 s")


def killed(role: str, index: int, attempt: int = 0) -> Exited:
    return exited(role, index, "failed", Failure(f"{role}-{index}", "ProcessKilled", "signal 9", None, 137), attempt)


def later(state: JobState, *events: Event, at: float) -> JobState:
    for event in events:
        state, _ = step(state, event, at)
    return state


def test_synchronous_workers_begin_again_together_and_their_evaluator_goes_on() -> None:
    state = after(MIRRORED, [*formed(MIRRORED), beat("worker", 0), killed("worker", 1)])
    assert (state.phase, state.generation, state.missing) == ("Forming", 2, ("worker-0", "worker-1"))
    assert [command(state, key, 0, 1) for key in MIRRORED.instances] == ["abort", "abort", "continue"]
    came = [exited("worker", 0, "cancelled"), registered("worker", 0, 1), registered("worker", 1, 1)]
    state = later(state, *came, at=1.5)
    assert (state.phase, state.cluster) == ("Running", {"worker": ["worker-0:1", "worker-1:1"]})
    assert [state.instances["worker", index].restarts for index in (0, 1)] == [1, 1]
    assert state.spent["worker"].restarts == 1
    state = later(state, killed("worker", 1, 1), exited("worker", 0, "cancelled", attempt=1), at=4.0)
    state = later(state, registered("worker", 0, 2), registered("worker", 1, 2), at=4.5)
    assert (state.phase, may_begin(state, ("worker", 0))) == ("Forming", False)  # the backoff is not over
    state = later(state, Tick(), at=5.0)
    assert (state.phase, state.generation) == ("Running", 3)


@pytest.mark.parametrize(
    ("address", "phase", "generation"), [("worker-1:0", "Running", 1), ("elsewhere", "Forming", 2)]
)
def test_a_worker_of_parameter_servers_comes_back_alone_to_where_it_was(
    address: str, phase: str, generation: int
) -> None:
    state = after(SERVERS, [*formed(SERVERS), beat("chief", 0), killed("worker", 1)])
    assert [command(state, key, 0, 1) for key in SERVERS.instances if key != ("worker", 1)] == ["continue"] * 4
    state = later(state, replace(registered("worker", 1, 1), address=address), at=5.0)
    assert (state.phase, state.generation) == (phase, generation)
    assert may_begin(state, ("worker", 1)) == (phase == "Running")


@pytest.mark.parametrize("role", ["chief", "ps"])
def test_without_chief_or_parameter_server_the_whole_cluster_begins_again(role: str) -> None:
    state = after(SERVERS, [*formed(SERVERS), beat("chief", 0), killed(role, 0)])
    assert (state.phase, state.generation, len(state.missing)) == ("Forming", 2, 4)
    assert command(state, ("evaluator", 0), 0, 1) == "continue"


def test_independent_workers_wait_for_their_backoff_only() -> None:
    state = after(ALONE, [*formed(ALONE), beat("worker", 0), killed("worker", 1)])
    assert (state.phase, state.generation) == ("Running", 1)
    state = later(state, registered("worker", 1, 1), at=1.5)
    assert may_begin(state, ("worker", 1))
    for attempt, at, wait in ((1, 2.0, 1.0), (2, 4.0, 2.0), (3, 8.0, 4.0)):
        state = later(state, killed("worker", 1, attempt), registered("worker", 1, attempt + 1), at=at)
        assert not may_begin(later(state, Tick(), at=at + wait - 0.1), ("worker", 1))
        state = later(state, Tick(), at=at + wait)
        assert may_begin(state, ("worker", 1))


def test_restarts_that_are_used_up_end_the_job_with_the_last_failure() -> None:
    shape = replace(ALONE, failover={"worker": Policy("Role", max_restarts=2)})
    state, now = after(shape, [*formed(shape), beat("worker", 0)]), 2.0
    for attempt in (0, 1):
        state = later(state, killed("worker", 1, attempt), at=now)
        assert state.phase == "Running"
        now += 10
        state = later(state, beat("worker", 0), registered("worker", 1, attempt + 1), at=now)
    state = later(state, killed("worker", 1, 2), at=now)
    assert state.failure is not None
    assert (state.phase, state.failure.instance) == ("Failed", "worker-1")
    assert state.failure.message == "signal 9; failover.maxRestarts (2) is reached"


def test_an_agent_that_was_replaced_without_a_word_has_failed() -> None:
    state = after(MIRRORED, [*formed(MIRRORED), registered("worker", 1, attempt=1)])
    assert (state.phase, state.generation, state.missing) == ("Forming", 2, ("worker-0",))
    assert state.blamed is not None
    assert state.blamed.type == "AgentLost"


def test_a_taskmanager_that_is_gone_is_nobodys_fault() -> None:
    """Its agent tells that the subtask is gone, and Flink begins with another one."""
    state = after(MIRRORED, [*formed(MIRRORED), exited("worker", 1, "cancelled"), registered("worker", 1, attempt=1)])
    assert (state.phase, state.generation, state.spent) == ("Forming", 2, {})


def test_who_does_not_come_back_is_named() -> None:
    state = after(ALONE, [*formed(ALONE), beat("worker", 0), killed("worker", 1)])
    for at in (20.0, 40.0, 60.0):
        state = later(state, beat("worker", 0), Tick(), at=at)
    assert state.phase == "Running"
    state = later(state, beat("worker", 0), Tick(), at=62.1)
    assert state.failure is not None
    assert state.failure.message.startswith("worker-1 did not come within 60 s")


def test_a_role_that_dies_after_training_does_not_fail_the_job() -> None:
    state = after(MIRRORED, [*formed(MIRRORED), exited("worker", 0), exited("worker", 1), killed("evaluator", 0)])
    assert state.phase == "Stopping"
    state = later(state, registered("evaluator", 0, 1), at=2.0)
    assert may_begin(state, ("evaluator", 0))
    assert command(state, ("evaluator", 0), 1, 1) == "stop"
    assert later(state, exited("evaluator", 0, attempt=1), at=3.0).phase == "Succeeded"


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


def test_a_new_job_manager_begins_the_job_again_and_counts_attempts_from_zero() -> None:
    again = [registered("worker", 0, attempt=3), exited("worker", 0, "cancelled", attempt=3), registered("worker", 0)]
    state = after(ALONE, again)
    assert (state.instances["worker", 0].attempt, state.instances["worker", 0].state) == (0, "Registered")
    assert command(state, ("worker", 0), 0, 1) == "continue"


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
    ("events", "missing"),
    [
        # The last one is told the generation that begins with it; whoever came before begins again.
        ([back("worker", 0, 1), registered("worker", 1)], ("worker-0", "evaluator-0")),
        ([registered("worker", 1), back("worker", 0, 1)], ("worker-0", "worker-1", "evaluator-0")),
    ],
)
def test_who_runs_does_not_know_who_is_new(events: list[Event], missing: tuple[str, ...]) -> None:
    state = after(MIRRORED, events)
    assert (state.phase, state.generation, state.missing) == ("Forming", 2, missing)
    assert [command(state, key, 0, 1) for key in MIRRORED.instances] == ["abort", "abort", "continue"]
    for role, index in (name.rsplit("-", 1) for name in missing):
        state = later(state, exited(role, int(index), "cancelled"), registered(role, int(index), attempt=1), at=2.0)
    assert state.phase == "Running"
    assert after(ALONE, events).phase == "Running"  # here nobody needs to know


def test_an_older_generation_is_aborted() -> None:
    state = after(MIRRORED, [back("worker", 0, 2), back("worker", 1, 3)])
    assert (state.phase, state.missing) == ("Forming", ("worker-0", "evaluator-0"))
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
        st.builds(Preempted, keys, attempts),
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
            together = [
                key for key in shape.instances if shape.in_cluster(key[0]) and shape.policy(key[0]).scope == "Gang"
            ]
            assert all(state.present(key) for key in together)
            if before.phase == "Forming":
                assert not state.missing
                assert now >= state.forming_since
            addresses = [address for hosts in state.cluster.values() for address in hosts]
            assert all(addresses)
            assert len(addresses) == sum(shape.in_cluster(role) for role, _ in shape.instances)
