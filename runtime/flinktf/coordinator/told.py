"""A job's state as others are told of it: ``GET /v1/status``. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flinktf.coordinator.events import EventLog
from flinktf.coordinator.failover import Failure
from flinktf.coordinator.state import JobState


def essence(state: JobState) -> object:
    """What a listener wants to hear of at once: everything but the progress of training."""
    instances = [(i.state, i.health.activity, i.attempt, i.address, i.restarts) for i in state.instances.values()]
    return (
        state.phase,
        state.generation,
        state.failure,
        state.models,
        state.submission,
        state.flink,
        state.wishes,
        instances,
    )


def status(state: JobState, events: EventLog, now: float) -> dict[str, Any]:
    """The whole story, for ``GET /v1/status``; times are seconds ago."""
    return {
        "job": state.shape.job,
        "phase": state.phase,
        "generation": state.generation,
        "cluster": state.cluster if state.phase in ("Running", "Stopping") else {},
        "outcome": state.outcome,
        "missing": state.missing if state.phase == "Forming" else (),
        "failure": failure_json(state.failure),
        "models": state.models,
        "submission": state.submission,
        "checkpointWanted": state.checkpoint_wanted,
        "flink": asdict(state.flink) if state.flink is not None else None,
        "roles": [
            {
                "role": role,
                "index": index,
                "state": instance.state,
                "attempt": instance.attempt,
                "address": instance.address,
                "taskManager": instance.task_manager,
                "mode": instance.mode,
                "step": instance.step,
                "rows": instance.rows,
                "rss": instance.rss,
                "gpu": instance.gpu,
                "metrics": instance.metrics,
                "timings": instance.timings,
                **asdict(instance.health),
                "restarts": instance.restarts,
                "lastError": instance.error,
                "lastHeartbeat": round(now - instance.seen, 3),
            }
            for (role, index), instance in state.instances.items()
        ],
        "events": events.newest(),
    }


def failure_json(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {
        "instance": failure.instance,
        "type": failure.type,
        "message": failure.message,
        "traceback": failure.traceback,
    }
