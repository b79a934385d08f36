"""The coordinator's decisions: an event and a state in, a state and what happened out. Pure and total.

``Forming → Running → Stopping → Succeeded | Failed``, and back to ``Forming`` with the next generation when an instance
comes with a new attempt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from flinktf.coordinator.shape import JobShape
from flinktf.coordinator.state import (
    FLINK_ENDED,
    TERMINAL,
    Command,
    Event,
    Exited,
    Failure,
    FlinkJob,
    FlinkTold,
    Happened,
    Heartbeat,
    Instance,
    JobState,
    Key,
    Registered,
    Submitted,
    name,
)

Step = tuple[JobState, tuple[Happened, ...]]

_PEER_ERRORS: Final = frozenset({"UnavailableError", "AbortedError", "CancelledError", "DeadlineExceededError"})
"""What TensorFlow raises in an instance when another one is gone: a consequence, seldom the cause."""


_SETTLING: Final = 10.0
"""Seconds that roles have to tell their end after Flink has told its own."""


class Refused(Exception):
    """An event that has no place in this job; the text says why."""


def begin(shape: JobShape, now: float) -> JobState:
    """The state before anyone has registered; ``now`` is in seconds of whatever clock the events will use."""
    return JobState(shape, forming_since=now, instances={key: Instance(seen=now) for key in shape.instances})


def step(state: JobState, event: Event, now: float) -> Step:
    """What follows from ``event``. Raises :class:`Refused` for an unknown instance or an attempt of the past."""
    if isinstance(event, Registered):
        return _registered(state, event, now)
    if isinstance(event, Heartbeat):
        return _heartbeat(state, event, now)
    if isinstance(event, Exited):
        return _exited(state, event, now)
    if isinstance(event, Submitted):
        return _submitted(state, event, now)
    if isinstance(event, FlinkTold):
        return _flink(state, event, now)
    return _tick(state, now)


def command(state: JobState, key: Key, attempt: int, generation: int) -> Command:
    """What ``attempt`` of an instance shall do now; ``generation`` is the one that it runs in, 0 before it knows."""
    replaced = attempt < state.instances[key].attempt
    if state.phase == "Failed" or replaced or (generation and generation != state.generation):
        return "abort"
    if state.phase in ("Stopping", "Succeeded") and not state.shape.trains(key[0]):
        return "stop"
    return "continue"


def _registered(state: JobState, event: Registered, now: float) -> Step:
    instance = _known(state, event.key)
    if event.attempt < instance.attempt:
        raise Refused(f"{name(event.key)}: attempt {event.attempt} is older than attempt {instance.attempt}")
    if state.phase in TERMINAL:
        raise Refused(f"the job has {state.phase.lower()}; {name(event.key)} comes too late")
    happened: list[Happened] = []
    present = instance.generation == state.generation
    if present and not instance.ended and (event.attempt, event.address) == (instance.attempt, instance.address):
        return state, ()  # told twice: the first answer was lost on its way
    if present and state.phase != "Forming":
        generation = state.generation + 1
        state = replace(state, phase="Forming", generation=generation, forming_since=now)
        happened.append(
            Happened("Forming", state.shape.job, f"{name(event.key)} is back; generation {generation} forms")
        )
    # Only an instance of which nothing is known is taken over; any other has been told what to do.
    resumed = event.generation >= 1 and instance.attempt < 0
    if resumed:
        state = replace(state, generation=max(state.generation, event.generation))
    registered = replace(
        instance,
        state="Registered",
        attempt=event.attempt,
        resumed=resumed,
        generation=event.generation if resumed else state.generation,
        address=event.address,
        task_manager=event.task_manager,
        mode=event.mode,
        seen=now,
        restarts=instance.restarts + (instance.attempt >= 0 and event.attempt > instance.attempt),
    )
    state = _with(state, event.key, registered)
    happened.append(Happened("Registered", name(event.key), f"at {event.address} in {event.task_manager}"))
    members = [one.resumed for one in state.instances.values() if one.generation == state.generation]
    if state.phase == "Forming" and any(members) and not all(members):
        # Who runs already does not know the address of who is new: all of them begin again.
        state = replace(state, generation=state.generation + 1, forming_since=now)
        message = f"not every instance was running; generation {state.generation} forms"
        return state, (*happened, Happened("Forming", state.shape.job, message))
    if state.phase == "Forming" and not state.missing:
        state = replace(state, phase="Running")
        happened.append(
            Happened("Running", state.shape.job, f"generation {state.generation}: {state.cluster or 'no cluster'}")
        )
        return _settled(state, tuple(happened))  # a resumed one may have ended before the last one came
    return state, tuple(happened)


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
        metrics=event.metrics,
        timings=event.timings,
    )
    happened: tuple[Happened, ...] = ()
    if event.state != instance.state:
        happened += (Happened("State", name(event.key), event.state),)
    if event.step > 0 and not any(other.step for other in state.instances.values()):
        happened += (Happened("FirstStep", name(event.key), f"step {event.step}"),)
    if event.model is not None and event.model not in state.models:
        state = replace(state, models=(*state.models, event.model))
        happened += (Happened("Model", name(event.key), event.model),)
    return _with(state, event.key, alive), happened


def _exited(state: JobState, event: Exited, now: float) -> Step:
    instance = _known(state, event.key)
    if event.attempt != instance.attempt or instance.ended:
        return state, ()
    ended = {"done": "Done", "failed": "Failed", "cancelled": "Cancelled"}[event.outcome]
    # Who leaves while the cluster forms is missing again: nobody has been told of its address yet.
    left = state.phase == "Forming" and not (instance.resumed and event.outcome == "done")
    generation = 0 if left else instance.generation
    error = f"{event.failure.type}: {event.failure.message}" if event.failure else instance.error
    instance = replace(
        instance, state=ended, generation=generation, seen=now, step=event.step, rows=event.rows, error=error
    )
    state = _with(state, event.key, instance)
    happened = (Happened(ended, name(event.key), event.failure.message if event.failure else ""),)
    if event.outcome == "failed":
        unknown = Failure(name(event.key), "Unknown", "failed without saying why")
        return _failed(state, event.failure or unknown, happened)
    return _settled(state, happened)


def _tick(state: JobState, now: float) -> Step:
    if state.phase in TERMINAL:
        return state, ()
    shape = state.shape
    waits = shape.submitted_here and state.submission != "Submitted"
    if state.phase == "Forming" and not waits and now - state.forming_since > shape.forming_timeout_seconds:
        message = (
            f"{', '.join(state.missing)} did not come within {shape.forming_timeout_seconds:g} s "
            "(spec.formingTimeout): look at the Flink job and at the TaskManagers of these roles"
        )
        return _failed(state, Failure(shape.job, "FormingTimeout", message), ())
    for key, instance in state.instances.items():
        silent = now - instance.seen
        if instance.attempt >= 0 and not instance.ended and silent > shape.heartbeat_timeout_seconds:
            message = f"its agent has said nothing for {silent:.0f} s"
            state = _with(state, key, replace(instance, state="Failed", error=f"HeartbeatLost: {message}"))
            return _failed(state, Failure(name(key), "HeartbeatLost", message), ())
    if state.flink is not None and state.flink_ended is not None and now - state.flink_ended > _SETTLING:
        return _failed(state, _flink_failure(state, state.flink), ())
    return state, ()


def _submitted(state: JobState, event: Submitted, now: float) -> Step:
    if event.state == state.submission or state.phase in TERMINAL:
        return state, ()
    state = replace(state, submission=event.state)
    happened = (Happened(event.state, state.shape.job, event.error or "the Flink job"),)
    if event.state == "Failed":
        return _failed(state, Failure("driver", "NotSubmitted", event.error or "", event.detail), happened)
    if event.state == "Submitted" and state.phase == "Forming":
        state = replace(state, forming_since=now)
    return state, happened


def _flink(state: JobState, event: FlinkTold, now: float) -> Step:
    """Roles and Flink end within a moment of each other: who has failed may tell why before the other's end counts."""
    before, job = state.flink, event.job
    if job == before:
        return state, ()
    ended = now if job.state in FLINK_ENDED else None
    if ended is not None and before is not None and before.state == job.state:
        ended = state.flink_ended
    failure = state.failure
    if state.phase == "Succeeded" and job.state in ("FAILED", "CANCELED"):
        failure = _flink_failure(state, job)
    state = replace(state, flink=job, flink_ended=ended, failure=failure)
    if before is not None and before.state == job.state:
        return state, ()
    return state, (Happened("Flink", state.shape.job, job.state),)


def _flink_failure(state: JobState, job: FlinkJob) -> Failure:
    """Flink's own story, where no role has told one: a source that cannot be read, for example."""
    trace = job.exception or ""
    if not trace:
        return Failure("Flink", job.state, f"Flink's job is {job.state}, the roles are {state.phase}")
    causes = [line for line in trace.splitlines() if line.startswith("Caused by: ")]
    root = causes[-1].removeprefix("Caused by: ") if causes else trace.splitlines()[0]
    kind, _, message = root.partition(": ")
    return Failure("Flink", kind.rsplit(".", 1)[-1], message or root, trace)


def _settled(state: JobState, happened: tuple[Happened, ...]) -> Step:
    """Goes on to Stopping when all that train are done, and to an end when all have ended."""
    shape, instances = state.shape, state.instances
    if state.phase in TERMINAL:
        return state, happened
    trained = all(instance.state == "Done" for key, instance in instances.items() if shape.trains(key[0]))
    if trained and state.phase == "Running":
        state = replace(state, phase="Stopping")
        happened += (Happened("Stopping", shape.job, "training is done"),)
    if all(instance.ended for instance in instances.values()):
        flink = state.flink
        if trained:
            state = replace(state, phase="Succeeded")
            if flink is not None and flink.state in ("FAILED", "CANCELED"):
                state = replace(state, failure=_flink_failure(state, flink))
            return state, (*happened, Happened("Succeeded", shape.job, "every role has ended"))
        if flink is not None and flink.exception:
            return _failed(state, _flink_failure(state, flink), happened)
        cancelled = [name(key) for key, instance in instances.items() if instance.state == "Cancelled"]
        return _failed(
            state, Failure(", ".join(cancelled), "Cancelled", "the Flink job ended before the roles"), happened
        )
    return state, happened


def _failed(state: JobState, failure: Failure, happened: tuple[Happened, ...]) -> Step:
    """The first failure stands, unless it was only the echo of this one."""
    happened += (Happened("Failed", failure.instance, f"{failure.type}: {failure.message}"),)
    before = state.failure
    echo = before is not None and before.type in _PEER_ERRORS and failure.type not in _PEER_ERRORS
    if state.phase != "Failed" or echo:
        state = replace(state, phase="Failed", failure=failure) if state.phase != "Succeeded" else state
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
