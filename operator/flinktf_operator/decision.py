"""What is to be done about a job: its observation in, the next status and the next acts out. Pure.

A run is one submission of the job. What ends a run early (suspend, a changed spec, a failure that may be retried) is
written into ``status.run.stopping`` before anything of the run is touched, and the next run's number before anything of
it is made: whoever comes after a crash does the same again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from flinktf.api.status import RunStatus, Status, Stopping
from flinktf_operator import claims
from flinktf_operator.conditions import merge
from flinktf_operator.look import FLINKS, Look
from flinktf_operator.notices import notices
from flinktf_operator.observed import WorkloadView
from flinktf_operator.progress import progressed, unheard
from flinktf_operator.transitions import Transition

TERMINAL: Final = ("Succeeded", "Failed")
_FIRST_BACKOFF: Final = 10
_LONGEST_BACKOFF: Final = 360


@dataclass(frozen=True, slots=True)
class Decision:
    """To be done in this order: write ``status``, delete ``stop``, make what ``run`` lacks, delete the job.

    ``look_again`` is in seconds, for what no watch will tell. ``notices`` are told beside what the status tells.
    """

    status: Status
    stop: tuple[WorkloadView, ...] = ()
    run: RunStatus | None = None
    delete_job: bool = False
    look_again: float | None = None
    notices: tuple[Transition, ...] = ()


def decide(look: Look) -> Decision:
    """The whole life of a job, case by case."""
    status, spec, run = look.status, look.spec, look.status.run
    if run is None:
        return _suspended(look) if spec.suspend else _begin(look)
    if run.stopping is not None:
        return _stopping(look)
    ended = status.phase in TERMINAL
    if run.spec != look.fingerprint:
        return _stop(look, "SpecChange")
    if ended:
        return _after_the_end(look)
    if spec.suspend:
        return _stop(look, "Suspend")
    return _running(look)


def job_id(uid: str, run: int) -> str:
    """The Flink job id of a run: the same for whoever submits it, so that Flink recognises a second submission."""
    return hashlib.md5(f"{uid}/{run}".encode(), usedforsecurity=False).hexdigest()


def _begin(look: Look) -> Decision:
    before = look.status.run
    if look.seen.namesakes or look.seen.pods:
        status = look.status.model_copy(update={"phase": "Pending"})
        return _decision(look, status, claims.waiting_for_deletion(look), look_again=1)
    number = before.number + 1 if before is not None else 1
    checkpoint = look.status.checkpoint
    run = RunStatus(
        number=number,
        job_id=job_id(look.job.uid, number),
        spec=look.fingerprint,
        restore=checkpoint.location if checkpoint is not None else None,
    )
    status = look.status.model_copy(
        update={
            "phase": "Starting",
            "run": run,
            "start_time": look.now,
            "completion_time": None,
            "step": None if checkpoint is None else look.status.step,
            **unheard(look),
        }
    )
    decision = _decision(look, status, claims.starting(look, None), run=run)
    return decision if before is not None else replace(decision, notices=tuple(notices(look.spec)))


def _stop(look: Look, why: Stopping) -> Decision:
    run = look.status.run
    assert run is not None
    stopping = run.model_copy(update={"stopping": why})
    status = progressed(look).model_copy(update={"run": stopping})
    if why == "SpecChange":
        # A changed job starts afresh; one that had succeeded does not go on where it ended.
        checkpoint = status.checkpoint if status.phase != "Succeeded" else None
        status = status.model_copy(update={"phase": "Starting", "restarts": 0, "checkpoint": checkpoint})
    return _decision(look, status, claims.stopping(look, why), stop=_next_to_stop(look, why))


def _next_to_stop(look: Look, why: Stopping) -> tuple[WorkloadView, ...]:
    """Roles first: each leaves with a checkpoint, for which the rest of the job is needed. A failed run has no use of
    one."""
    left = look.seen.workloads
    roles = tuple(workload for workload in left if workload.pool not in FLINKS)
    leaving = bool(roles) or any(pod.pool not in FLINKS for pod in look.seen.pods)
    found = roles if leaving and why != "Restart" else left
    return tuple(workload for workload in found if not workload.deleting)


def _stopping(look: Look) -> Decision:
    run = look.status.run
    assert run is not None
    assert run.stopping is not None
    if look.status.completion_time is None:
        look = replace(look, status=progressed(look))  # the roles' last checkpoint
    if look.seen.workloads or look.seen.pods:
        stop = _next_to_stop(look, run.stopping)
        return _decision(look, look.status, claims.stopping(look, run.stopping), stop=stop)
    if look.spec.suspend:
        return _suspended(look)
    if run.not_before is not None and look.now < run.not_before:
        wait = (run.not_before - look.now).total_seconds()
        return _decision(look, look.status, claims.backing_off(look, wait), look_again=wait)
    return _begin(look)


def _suspended(look: Look) -> Decision:
    status = look.status.model_copy(
        update={"phase": "Suspended", "start_time": None, "flink": None, "generation": None}
    )
    return _decision(look, status, claims.suspended())


def _running(look: Look) -> Decision:
    report, run = look.report, look.status.run
    assert run is not None
    status = progressed(look)
    limit, began = look.spec.active_deadline_seconds, status.start_time or look.now
    if report is not None and report.outcome == "Succeeded":
        return _end(look, status, "Succeeded", claims.succeeded(look))
    if report is not None and report.outcome == "Failed":
        return _failed(look, status)
    if limit is not None and look.now >= began + timedelta(seconds=limit):
        return _end(look, status, "Failed", claims.deadline_exceeded(limit))
    # A replica that has just begun has heard of nobody yet: that is nothing that has happened to a job.
    runs = report.phase in ("Running", "Stopping") if report is not None else status.phase == "Running"
    phase = "Running" if runs else "Starting"
    status = status.model_copy(update={"phase": phase})
    found = claims.running(look) if phase == "Running" else claims.starting(look, report)
    left = (began + timedelta(seconds=limit) - look.now).total_seconds() if limit is not None else None
    return _decision(look, status, found, run=run, look_again=left)


def _failed(look: Look, status: Status) -> Decision:
    restarts, limit = status.restarts, look.spec.backoff_limit or 0
    if restarts >= limit:
        return _end(look, status, "Failed", claims.failed(look))
    pause = min(_FIRST_BACKOFF * 2**restarts, _LONGEST_BACKOFF)
    again = status.model_copy(update={"phase": "Starting", "restarts": restarts + 1})
    run = again.run
    assert run is not None
    stopping = run.model_copy(update={"stopping": "Restart", "not_before": look.now + timedelta(seconds=pause)})
    again = again.model_copy(update={"run": stopping})
    return _decision(look, again, claims.restarting(look, restarts + 1, limit), stop=look.seen.workloads)


def _end(look: Look, status: Status, phase: str, found: claims.Claims) -> Decision:
    status = status.model_copy(update={"phase": phase, "completion_time": look.now})
    return _decision(look, status, found, look_again=0)


def _after_the_end(look: Look) -> Decision:
    """Deletes what ``cleanPodPolicy`` says, and the job itself when its time is over."""
    stop = look.seen.workloads if look.spec.clean_pod_policy != "None" else ()
    limit, ended = look.spec.ttl_seconds_after_finished, look.status.completion_time
    left = None
    if limit is not None and ended is not None:
        left = max((ended + timedelta(seconds=limit) - look.now).total_seconds(), 0)
    found = claims.ended(look.status.conditions)
    return _decision(look, look.status, found, stop=stop, delete_job=left == 0, look_again=left or None)


def _decision(
    look: Look,
    status: Status,
    found: claims.Claims,
    *,
    stop: tuple[WorkloadView, ...] = (),
    run: RunStatus | None = None,
    delete_job: bool = False,
    look_again: float | None = None,
) -> Decision:
    conditions = merge(look.status.conditions, found, look.job.generation, look.now)
    status = status.model_copy(update={"observed_generation": look.job.generation, "conditions": conditions})
    return Decision(status, stop, run, delete_job, look_again)
