"""How instances and jobs end: what restarts, what is over, and whose fault it was. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from flinktf.coordinator.failover import Failure, Spent, Verdict, judge
from flinktf.coordinator.shape import JobShape
from flinktf.coordinator.state import (
    FLINK_ENDED,
    TERMINAL,
    Exited,
    FlinkJob,
    FlinkTold,
    Happened,
    JobState,
    Key,
    name,
)

Step = tuple[JobState, tuple[Happened, ...]]

_ECHOES: Final = frozenset(
    {"UnavailableError", "AbortedError", "CancelledError", "DeadlineExceededError", "ClusterError", "StreamLostError"}
)
"""What is raised in an instance when another one, or its subtask, is gone: a consequence, seldom the cause."""

_INCURABLE: Final = frozenset({"ColumnError", "NullValueError", "StreamConsumedError"})
"""What records, or a role's own code, bring about again however often they are tried."""

_SIGNALLED: Final = 128
"""Exit codes from here on are those of processes that others have ended."""

_CONNECTOR: Final = "dev.flinktf.connector."
_FLINKS_OWN: Final = ("org.apache.flink.runtime.", "org.apache.pekko.", "java.util.concurrent.", "java.net.")
"""What is thrown when a TaskManager is lost, or a slot missing: it may be there the next time."""

_SETTLING: Final = 10.0
"""Seconds that roles have to tell their end after Flink has told its own."""


def exited(state: JobState, event: Exited, now: float) -> Step:
    """A role process has ended."""
    instance = state.instances[event.key]
    if event.attempt != instance.attempt or instance.ended:
        return state, ()
    state = replace(state, stepped=state.stepped or event.step > 0)
    if event.outcome == "failed":
        state = _with(state, event.key, step=event.step, rows=event.rows)
        unknown = Failure(name(event.key), "Unknown", "failed without saying why")
        return failed(state, event.key, event.failure or unknown, now)
    ended = "Done" if event.outcome == "done" else "Cancelled"
    # Who leaves while the cluster forms is missing again: nobody has been told of its address yet.
    left = state.phase == "Forming" and not (instance.resumed and event.outcome == "done")
    generation = 0 if left else instance.generation
    state = _with(state, event.key, state=ended, generation=generation, seen=now, step=event.step, rows=event.rows)
    return settled(state, (Happened(ended, name(event.key), ""),))


def failed(state: JobState, key: Key, failure: Failure, now: float) -> Step:
    """An instance has failed: its role's policy says what follows."""
    role, instance = key[0], state.instances[key]
    told = f"{failure.type}: {failure.message}"
    superseded = state.shape.in_cluster(role) and 0 < instance.generation < state.generation
    state = _with(state, key, state="Failed", seen=now, error=told, generation=0)
    happened: tuple[Happened, ...] = (Happened("InstanceFailed", name(key), told),)
    if state.phase in TERMINAL:
        return _blame_cause(state, failure, happened)
    if _flink_is_over(state):
        return job_failed(state, failure, happened)  # nobody would begin anything again
    if state.phase == "Stopping" and not state.shape.trains(role):
        return state, happened  # training is done; its next attempt is told to stop
    if superseded:
        if failure.type in _ECHOES or (state.blamed is not None and state.blamed.type not in _ECHOES):
            return state, happened  # the cluster forms anew already, and knows why
        state = _forgiven(state)
    state, what = _restart(state, key, failure, now)
    return state, happened + what


def _restart(state: JobState, key: Key, failure: Failure, now: float) -> Step:
    """Of the instance, or of its whole cluster, unless the job is over with it."""
    role = key[0]
    state, verdict = _judged(state, role, failure, now)
    if verdict.scope == "Job":
        why = f"{failure.message}; {verdict.reason}" if verdict.reason else failure.message
        return job_failed(state, replace(failure, message=why), ())
    state = _with(state, key, joins_at=now + verdict.delay)
    if state.phase == "Forming":  # nobody of this generation has begun: it only forms later
        return replace(state, blamed=failure, forming_since=max(state.forming_since, now + verdict.delay)), ()
    if state.shape.in_cluster(role) and verdict.scope == "Gang":
        return regroup(replace(state, blamed=failure), f"{name(key)} has failed", now, verdict.delay)
    restart = f"restarts alone{_after(verdict.delay)}"
    return state, (Happened("Restarting", name(key), restart),)


def _judged(state: JobState, role: str, failure: Failure, now: float) -> tuple[JobState, Verdict]:
    policy = state.shape.policy(role)
    code = failure.exit_code
    its_own = code is not None and code < _SIGNALLED and failure.type not in _ECHOES
    if its_own and (not state.stepped or failure.type in _INCURABLE) and policy.rule(failure) is None:
        # Code that has never worked is seldom cured by running it again, a record that is no tensor never.
        return state, Verdict("Job")
    verdict, spent = judge(policy, state.spent.get(role, Spent()), failure, now)
    return replace(state, spent={**state.spent, role: spent}), verdict


def regroup(state: JobState, why: str, now: float, delay: float = 0.0) -> Step:
    """The cluster forms anew, with the next generation, unless it is about to anyway; not before ``delay`` is over."""
    generation = state.generation + 1
    state = replace(state, phase="Forming", generation=generation, forming_since=max(now + delay, state.forming_since))
    return state, (Happened("Forming", state.shape.job, f"{why}; generation {generation} forms{_after(delay)}"),)


def _after(delay: float) -> str:
    return f", in {delay:g} s at the earliest" if delay else ""


def settled(state: JobState, happened: tuple[Happened, ...]) -> Step:
    """Goes on to Stopping when all that train are done, and to an end when all have ended."""
    shape, instances = state.shape, state.instances
    if state.phase in TERMINAL:
        return state, happened
    finished = trained(state) and (_pipeline_is_over(state) or _needs_no_pipeline(shape))
    if finished and state.phase in ("Running", "Forming"):
        state = replace(state, phase="Stopping")
        happened += (Happened("Stopping", shape.job, "training is done"),)
    flink, over = state.flink, _flink_is_over(state)
    if finished and (over or all(instance.state == "Done" for instance in instances.values())):
        if not all(instance.ended for instance in instances.values()):
            return state, happened
        state = replace(state, phase="Succeeded")
        if flink is not None and flink.state in ("FAILED", "CANCELED"):
            state = replace(state, failure=flink_failure(state, flink))
        return state, (*happened, Happened("Succeeded", shape.job, "every role has ended"))
    if flink is not None and over and all(instance.ended for instance in instances.values()):
        return job_failed(state, flink_failure(state, flink), happened)
    return state, happened


def overdue(state: JobState, now: float) -> Step:
    """Fails a job that has waited for too long."""
    shape = state.shape
    if state.phase in TERMINAL:
        return state, ()
    waits = shape.submitted_here and state.submission != "Submitted"
    late: tuple[str, ...] = ()
    if state.phase == "Forming" and not waits and now - state.forming_since > shape.forming_timeout_seconds:
        late = state.missing
    if state.phase == "Running":
        late = tuple(
            name(key)
            for key, instance in state.instances.items()
            if instance.state in ("Failed", "Cancelled")
            and now - max(instance.seen, instance.joins_at) > shape.forming_timeout_seconds
        )
    if late:
        message = (
            f"{', '.join(late)} did not come within {shape.forming_timeout_seconds:g} s "
            "(spec.formingTimeout): look at the Flink job and at the TaskManagers of these roles"
        )
        if state.blamed is not None:
            message += f"; {state.blamed.instance} had failed: {state.blamed.type}: {state.blamed.message}"
        return job_failed(state, Failure(shape.job, "FormingTimeout", message), ())
    flink, since = state.flink, state.flink_ended
    if flink is not None and since is not None and now - since > _SETTLING:
        state, happened = _taken_as_done(state, flink, since)
        return (
            (state, happened) if state.phase in TERMINAL else job_failed(state, flink_failure(state, flink), happened)
        )
    return state, ()


def _taken_as_done(state: JobState, flink: FlinkJob, since: float) -> Step:
    """Flink's job finishes when each role has told its subtask that it is done, also one whose agent has not been heard
    of ``since``: it needs not be waited for, as nobody needs to be restarted."""
    unheard = {key: one for key, one in state.instances.items() if not one.ended and one.seen <= since}
    if flink.state != "FINISHED" or not unheard:
        return state, ()
    text = "as its subtask says; its agent says nothing"
    done = {key: replace(one, state="Done") for key, one in unheard.items()}
    return settled(
        replace(state, instances={**state.instances, **done}),
        tuple(Happened("Done", name(key), text) for key in unheard),
    )


def flink_told(state: JobState, event: FlinkTold, now: float) -> Step:
    """Roles and Flink end within a moment of each other: who has failed may tell why before the other's end counts."""
    before, job = state.flink, event.job
    if job == before:
        return state, ()
    ended = now if job.state in FLINK_ENDED else None
    if ended is not None and before is not None and before.state == job.state:
        ended = state.flink_ended
    failure = state.failure
    if state.phase == "Succeeded" and job.state in ("FAILED", "CANCELED"):
        failure = flink_failure(state, job)
    state = replace(state, flink=job, flink_ended=ended, failure=failure)
    same = before is not None and before.state == job.state
    happened = () if same else (Happened("Flink", state.shape.job, job.state),)
    if job.exception and not state.stepped and state.phase not in TERMINAL and _is_the_pipelines(job.exception):
        # As with roles: a pipeline that has never brought a record to anyone is seldom cured by beginning again.
        return job_failed(state, flink_failure(state, job), happened)
    return settled(state, happened)


def _is_the_pipelines(trace: str) -> bool:
    """Whether it was the user's pipeline that failed: no role, and nothing of Flink's own."""
    kind = _root(trace).partition(":")[0]
    return not trace.count(_CONNECTOR) and not kind.startswith(_FLINKS_OWN)


def trained(state: JobState) -> bool:
    """Whether all who train are done."""
    return all(one.state == "Done" for key, one in state.instances.items() if state.shape.trains(key[0]))


def _needs_no_pipeline(shape: JobShape) -> bool:
    """Whether the roles alone say when the job is done; not so where some serve the pipeline, or there are none."""
    return bool(shape.roles) and not shape.servers


def _pipeline_is_over(state: JobState) -> bool:
    return state.flink is not None and (state.flink.state == "FINISHED" or state.flink.pipeline_over)


def _flink_is_over(state: JobState) -> bool:
    return state.flink is not None and state.flink.state in FLINK_ENDED


def flink_failure(state: JobState, job: FlinkJob) -> Failure:
    """Flink's own story, where no role has told one: a source that cannot be read, for example."""
    trace = job.exception or ""
    if not trace:
        return Failure("Flink", job.state, f"Flink's job is {job.state}, the roles are {state.phase}")
    root = _root(trace)
    kind, _, message = root.partition(": ")
    return Failure("Flink", kind.rsplit(".", 1)[-1], message or root, trace)


def _root(trace: str) -> str:
    causes = [line for line in trace.splitlines() if line.startswith("Caused by: ")]
    return causes[-1].removeprefix("Caused by: ") if causes else trace.splitlines()[0]


def job_failed(state: JobState, failure: Failure, happened: tuple[Happened, ...]) -> Step:
    """The end of the job. An echo does not hide the failure that the cluster formed anew for."""
    if state.phase in TERMINAL:
        return _blame_cause(state, failure, happened)
    happened += (Happened("Failed", failure.instance, f"{failure.type}: {failure.message}"),)
    return replace(state, phase="Failed", failure=failure), happened


def _blame_cause(state: JobState, failure: Failure, happened: tuple[Happened, ...]) -> Step:
    """The first failure of a job stands, unless it was only the echo of this one."""
    before = state.failure
    if state.phase == "Failed" and before and before.type in _ECHOES and failure.type not in _ECHOES:
        state = replace(state, failure=failure)
    return state, happened


def _forgiven(state: JobState) -> JobState:
    """What an echo has cost its role is given back: its cause has come."""
    if state.blamed is None:
        return state
    role = state.blamed.instance.rsplit("-", 1)[0]
    spent = state.spent.get(role, Spent())
    return replace(state, spent={**state.spent, role: replace(spent, restarts=max(0, spent.restarts - 1))})


def _with(job: JobState, key: Key, **changes: Any) -> JobState:
    return replace(job, instances={**job.instances, key: replace(job.instances[key], **changes)})
