"""The Events that tell a job's story: what is different between two statuses. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from flinktf.api.status import Condition, Status
from flinktf_operator.names import FIELD_MANAGER, GROUP, VERSION
from flinktf_operator.observed import JobView

_NOTE_LIMIT: Final = 1024
_WARNINGS: Final = frozenset({"Failed", "Stalled"})


@dataclass(frozen=True, slots=True)
class Transition:
    """Something that happened to a job."""

    type: str
    reason: str
    note: str


def transitions(before: Status, after: Status) -> Iterator[Transition]:
    """In the order in which a person would tell them."""
    old = {condition.type: condition for condition in before.conditions}
    new = {condition.type: condition for condition in after.conditions}
    run, last = after.run, before.run
    if run is not None and (last is None or last.number != run.number):
        restored = f", from {run.restore}" if run.restore else ""
        yield Transition("Normal", "Starting", f"run {run.number} begins{restored}; Flink job {run.job_id}")
    if run is not None and run.stopping and (last is None or last.stopping != run.stopping):
        yield _told("Normal", new.get("Reconciling"))
    if after.phase == "Running" and before.phase != "Running":
        yield _told("Normal", new.get("Ready"))
    elif after.generation and before.generation and after.generation > before.generation and before.run == after.run:
        yield Transition("Normal", "ClusterFormed", f"the TensorFlow cluster is in generation {after.generation}")
    if after.model is not None and after.model != before.model:
        yield Transition("Normal", "ModelSaved", f"a model was saved in {after.model.path}")
    for kind in ("Suspended", "Succeeded", "Failed"):
        if kind in new and kind not in old:
            yield _told("Warning" if kind in _WARNINGS else "Normal", new[kind])
    if "Stalled" in new and "Failed" not in new and _reason(old.get("Stalled")) != new["Stalled"].reason:
        yield _told("Warning", new["Stalled"])
    yield from _failures(before, after)
    yield from _health(old.get("RolesHealthy"), new.get("RolesHealthy"))


def _failures(before: Status, after: Status) -> Iterator[Transition]:
    known = {(role.name, one.index): (one.restarts, one.last_error) for role in before.roles for one in role.instances}
    for role in after.roles:
        for one in role.instances:
            restarts, error = known.get((role.name, one.index), (0, None))
            if one.last_error and (one.last_error != error or one.restarts > restarts):
                yield Transition("Warning", "InstanceFailed", f"{role.name}-{one.index}: {one.last_error}")


def _health(old: Condition | None, new: Condition | None) -> Iterator[Transition]:
    if new is None:
        return
    if new.status == "False" and _reason(old) != new.reason:
        yield _told("Warning", new)
    elif new.status == "True" and old is not None and old.status == "False":
        yield _told("Normal", new)


def _reason(condition: Condition | None) -> str | None:
    return condition.reason if condition is not None else None


def _told(kind: str, condition: Condition | None) -> Transition:
    assert condition is not None
    return Transition(kind, condition.reason, condition.message)


def event(job: JobView, what: Transition, reporter: str, now: datetime) -> dict[str, Any]:
    """The Event object. Its name follows from what it says and when: told twice at once, it is one event."""
    moment = now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    identity = f"{job.uid}/{what.reason}/{what.note}/{moment[:19]}"
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{job.name}.{hashlib.sha256(identity.encode()).hexdigest()[:16]}",
            "namespace": job.namespace,
        },
        "type": what.type,
        "reason": what.reason,
        "note": _cut(what.note),
        "action": what.reason,
        "eventTime": moment,
        "reportingController": f"{GROUP}/{FIELD_MANAGER}",
        "reportingInstance": reporter,
        "regarding": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "FlinkTFJob",
            "namespace": job.namespace,
            "name": job.name,
            "uid": job.uid,
        },
    }


def _cut(note: str) -> str:
    """The API server counts bytes. The beginning says what happened; the condition has all of it."""
    data = note.encode()
    return note if len(data) <= _NOTE_LIMIT else data[: _NOTE_LIMIT - 4].decode(errors="ignore") + " …"
