"""The coordinator's decisions: an event and a state in, a state and what happened out. Pure and total.

``Forming → Running → Stopping → Succeeded | Failed``. From Running back to Forming, with the next generation, when an
instance of the cluster fails, or comes with a new attempt; an instance that its peers can do without comes back alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from flinktf.coordinator import endings
from flinktf.coordinator.failover import Failure
from flinktf.coordinator.shape import JobShape
from flinktf.coordinator.state import (
    SILENT,
    TERMINAL,
    UNWELL,
    Command,
    Event,
    Exited,
    FlinkTold,
    Happened,
    Heartbeat,
    Instance,
    JobState,
    Key,
    Phase,
    Preempted,
    Registered,
    Submitted,
    Tick,
    name,
)

Step = tuple[JobState, tuple[Happened, ...]]

_ACTIVE: Final = ("Running", "Stopping")
_SILENCE: Final = 2.5
"""Seconds, in which two heartbeats did not come: the instance is said to be silent. It has not failed yet."""


class Refused(Exception):
    """An event that has no place in this job; the text says why."""


def begin(shape: JobShape, now: float) -> JobState:
    """The state before anyone has registered; ``now`` is in seconds of whatever clock the events will use."""
    instances = {key: Instance(seen=now) for key in shape.instances}
    # Wishes are numbered from the clock: those of a coordinator before this one may have been granted.
    # Without roles there is nothing to wait for: such a job is Flink's alone.
    phase: Phase = "Forming" if instances else "Running"
    return JobState(shape, phase=phase, forming_since=now, instances=instances, wishes=int(now * 1000))


def step(state: JobState, event: Event, now: float) -> Step:
    """What follows from ``event``. Raises :class:`Refused` for an unknown instance or an attempt of the past."""
    return _STEPS[type(event)](state, event, now)


def command(state: JobState, key: Key, attempt: int, generation: int) -> Command:
    """What ``attempt`` of an instance shall do now; ``generation`` is the one that it runs in, 0 before it knows."""
    instance = state.instances[key]
    if state.phase == "Failed":
        return "fail"
    old = state.shape.in_cluster(key[0]) and generation and generation != state.generation
    if attempt < instance.attempt or instance.state == "Failed" or old:
        return "abort"
    if instance.leaving is not None and not state.waits_for_checkpoint(key):
        return "leave"
    if state.phase in ("Stopping", "Succeeded") and not state.shape.trains(key[0]):
        return "stop"
    return "continue"


def may_begin(state: JobState, key: Key) -> bool:
    """Whether an instance that has registered need wait no longer: for its peers, or for its backoff."""
    return state.phase in TERMINAL or (state.phase in _ACTIVE and state.present(key))


def _registered(state: JobState, event: Registered, now: float) -> Step:
    before = _known(state, event.key)
    # Of a job that a new JobManager has begun again, the attempts are counted from 0 again.
    if event.attempt < before.attempt and not before.ended:
        raise Refused(f"{name(event.key)}: attempt {event.attempt} is older than attempt {before.attempt}")
    if state.phase == "Succeeded" or (state.phase == "Stopping" and before.state == "Done"):
        # Flink has other work in the same region, and begins its subtask again for that.
        done = replace(before, state="Done", attempt=event.attempt, generation=state.generation, seen=now)
        return _with(state, event.key, done), (Happened("Done", name(event.key), "nothing is left to do"),)
    happened: tuple[Happened, ...] = ()
    if before.attempt >= 0 and event.attempt > before.attempt and not before.ended:
        # An agent tells the end of each attempt before it begins the next one. This one could not.
        lost = Failure(name(event.key), "AgentLost", "its agent has ended without a word, and another one has come")
        state, happened = endings.failed(state, event.key, lost, now)
    if state.phase in TERMINAL:
        raise Refused(f"the job has {state.phase.lower()}; {name(event.key)} comes too late")
    instance = state.instances[event.key]
    same = (event.attempt, event.address) == (instance.attempt, instance.address)
    if same and not instance.ended and instance.state != "Pending":
        return state, happened  # told twice: the first answer was lost on its way
    if state.phase == "Running" and not _comes_back_alone(state, event, instance):
        state, formed = endings.regroup(state, f"{name(event.key)} is back", now)
        happened += formed
    state, joined = _join(state, event, instance, now)
    return state, happened + joined


def _comes_back_alone(state: JobState, event: Registered, instance: Instance) -> bool:
    """Whether the others need not begin again for it: they do not know it, or find it where it was."""
    role = event.key[0]
    if not state.shape.in_cluster(role):
        return True
    return state.shape.policy(role).scope == "Role" and event.address == instance.address


def _join(state: JobState, event: Registered, before: Instance, now: float) -> Step:
    # Only an instance of which nothing is known is taken over; any other has been told what to do.
    resumed = event.generation >= 1 and before.attempt < 0
    if resumed:
        state = replace(state, generation=max(state.generation, event.generation))
    waits = not resumed and now < before.joins_at
    registered = replace(
        before,
        state="Registered",
        attempt=event.attempt,
        resumed=resumed,
        generation=0 if waits else event.generation if resumed else state.generation,
        address=event.address,
        task_manager=event.task_manager,
        mode=event.mode,
        seen=now,
        leaving=None,
        restarts=before.restarts + (before.attempt >= 0 and event.attempt > before.attempt),
    )
    state = _with(state, event.key, registered)
    happened = (Happened("Registered", name(event.key), f"at {event.address} in {event.task_manager}"),)
    members = [
        one.resumed for key, one in state.instances.items() if state.present(key) and state.shape.in_cluster(key[0])
    ]
    if state.phase == "Forming" and any(members) and not all(members):
        # Who runs already does not know the address of who is new: all of them begin again.
        state, formed = endings.regroup(state, "not every instance was running", now)
        if registered.generation and not resumed:  # its agent is told the generation that there is now
            state = _with(state, event.key, replace(registered, generation=state.generation))
        return state, happened + formed
    state, formed = _form(state, now)
    return state, happened + formed


def _form(state: JobState, now: float) -> Step:
    if state.phase != "Forming" or state.missing or now < state.forming_since:
        return state, ()
    state = replace(state, phase="Running", blamed=None)
    running = Happened("Running", state.shape.job, f"generation {state.generation}: {state.cluster or 'no cluster'}")
    return endings.settled(state, (running,))  # a resumed one may have ended before the last one came


def _heartbeat(state: JobState, event: Heartbeat, now: float) -> Step:
    instance = _known(state, event.key)
    if event.attempt != instance.attempt or instance.ended:
        return state, ()
    alive = replace(
        instance,
        state=event.state,
        seen=now,
        step=event.step,
        rows=event.rows,
        rss=event.rss,
        gpu=event.gpu,
        metrics=event.metrics,
        timings=event.timings,
        health=event.health,
    )
    happened: tuple[Happened, ...] = ()
    if event.state != instance.state:
        happened += (Happened("State", name(event.key), event.state),)
    if event.health.activity in UNWELL and event.health.activity != instance.health.activity:
        happened += (Happened(event.health.activity, name(event.key), f"for {event.health.stuck:.0f} s"),)
    if event.step > 0 and not any(other.step for other in state.instances.values()):
        happened += (Happened("FirstStep", name(event.key), f"step {event.step}"),)
    if event.model is not None and event.model not in state.models:
        state = replace(state, models=(*state.models, event.model))
        happened += (Happened("Model", name(event.key), event.model),)
    state = replace(state, stepped=state.stepped or event.step > 0)
    return _with(state, event.key, alive), happened


def _preempted(state: JobState, event: Preempted, _: float) -> Step:
    instance = _known(state, event.key)
    if event.attempt != instance.attempt or instance.ended or instance.leaving is not None:
        return state, ()
    state = replace(state, wishes=state.wishes + 1)
    state = _with(state, event.key, replace(instance, leaving=state.wishes))
    after = "after a checkpoint" if state.waits_for_checkpoint(event.key) else "at once"
    return state, (Happened("Leaving", name(event.key), f"its pod is being taken away: it leaves {after}"),)


def _exited(state: JobState, event: Exited, now: float) -> Step:
    before = _known(state, event.key)
    if before.attempt >= 0 or event.outcome != "done" or state.phase in TERMINAL:
        return endings.exited(state, event, now)
    # This coordinator has restarted, or the end came while there was none: the agent goes on telling it.
    done = replace(
        before,
        state="Done",
        attempt=event.attempt,
        generation=event.generation,
        resumed=True,
        seen=now,
        step=event.step,
        rows=event.rows,
    )
    known = _with(state, event.key, done)
    if event.generation < state.generation and not endings.trained(known):
        return state, ()  # the cluster has formed anew since: it will have to begin again with the others
    state = replace(known, generation=max(event.generation, state.generation), stepped=state.stepped or event.step > 0)
    state, formed = _form(state, now)
    # Its cluster may never form again: when training is done with it, the others only have to be told.
    return endings.settled(state, (Happened("Done", name(event.key), "before this coordinator began"), *formed))


def _tick(state: JobState, tick: Tick, now: float) -> Step:
    if state.phase in TERMINAL:
        return state, ()
    if tick.late > 0:
        heard = {key: replace(one, seen=one.seen + tick.late) for key, one in state.instances.items()}
        state = replace(state, instances=heard)
    happened: tuple[Happened, ...] = ()
    for key, instance in state.instances.items():
        silent, timeout = now - instance.seen, state.shape.heartbeat_timeout_seconds
        if instance.attempt < 0 or instance.ended or silent <= _SILENCE:
            continue
        if silent > timeout:
            lost = Failure(name(key), "HeartbeatLost", f"its agent has said nothing for {silent:.0f} s")
            state, restarting = endings.failed(state, key, lost, now)
            happened += restarting
        elif instance.health.activity != SILENT:
            state = _with(state, key, replace(instance, health=replace(instance.health, activity=SILENT)))
            text = f"its agent has said nothing for {silent:.0f} s; after {timeout:g} s it has failed"
            happened += (Happened(SILENT, name(key), text),)
    for key, instance in state.instances.items():
        waiting = instance.attempt >= 0 and not instance.generation and not instance.ended
        if waiting and now >= instance.joins_at:
            state = _with(state, key, replace(instance, generation=state.generation))
            happened += (Happened("Joined", name(key), f"generation {state.generation}"),)
    state, formed = _form(state, now)
    happened += formed
    state, ended = endings.overdue(state, now)
    return state, happened + ended


def _submitted(state: JobState, event: Submitted, now: float) -> Step:
    if event.state == state.submission or state.phase in TERMINAL:
        return state, ()
    state = replace(state, submission=event.state)
    happened = (Happened(event.state, state.shape.job, event.error or "the Flink job"),)
    if event.state == "Failed":
        return endings.job_failed(state, Failure("driver", "NotSubmitted", event.error or "", event.detail), happened)
    if event.state == "Submitted" and state.phase == "Forming":
        state = replace(state, forming_since=max(now, state.forming_since))
    return state, happened


def require_known(state: JobState, key: Key, attempt: int) -> None:
    """Raises :class:`Refused` when nobody has registered yet: this coordinator has restarted."""
    if _known(state, key).attempt < 0:
        require_current(state, key, attempt)


def require_current(state: JobState, key: Key, attempt: int) -> None:
    """Raises :class:`Refused` unless ``attempt`` is the one that holds its instance's place."""
    holder = _known(state, key).attempt
    if attempt != holder:
        found = f"attempt {holder} holds the place" if holder >= 0 else "it has not registered"
        raise Refused(f"{name(key)}: attempt {attempt} is not in this job: {found}")


def _known(state: JobState, key: Key) -> Instance:
    if key not in state.instances:
        raise Refused(f"{name(key)} is not a role instance of this job; it has {', '.join(map(name, state.instances))}")
    return state.instances[key]


def _with(state: JobState, key: Key, instance: Instance) -> JobState:
    return replace(state, instances={**state.instances, key: instance})


_STEPS: Final[Mapping[type, Callable[[JobState, Any, float], Step]]] = {
    Registered: _registered,
    Heartbeat: _heartbeat,
    Preempted: _preempted,
    Exited: _exited,
    Submitted: _submitted,
    FlinkTold: endings.flink_told,
    Tick: _tick,
}
