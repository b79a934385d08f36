"""What a person is shown of a running job: frozen values, made from what coordinator and Flink say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Failure:
    """Why the job failed. ``who`` is a role instance or a process; ``detail`` a traceback or the end of a log."""

    who: str
    type: str
    message: str
    detail: str = ""


@dataclass(frozen=True)
class InstanceView:
    """One role instance. ``rows`` are those it has read, or, when it is not ``fed``, those others read for it.

    ``starvation`` is the share of its time that it waits for records, ``gpu`` has the use of its GPUs (a share too) and
    their memory in use (bytes), where it has any.
    """

    name: str
    state: str
    step: int
    rows: int
    metrics: Mapping[str, float]
    rss: int
    timings: Mapping[str, float]
    fed: bool
    activity: str = ""
    starvation: float = 0.0
    gpu: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """One look at the job, ``at`` seconds after the run began; ``flink`` is the Flink job's state.

    ``moments`` has when each type of event happened last, in seconds of the epoch.
    """

    at: float
    phase: str
    flink: str
    generation: int
    instances: tuple[InstanceView, ...]
    models: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    failure: Failure | None = None
    checkpoint_wanted: int = 0
    moments: Mapping[str, float] = field(default_factory=dict)

    @property
    def step(self) -> int:
        return max((instance.step for instance in self.instances), default=0)

    @property
    def rows(self) -> int:
        """Rows that Flink has fed to the roles."""
        return sum(instance.rows for instance in self.instances if instance.fed)

    @property
    def loss(self) -> float | None:
        """The loss of the first instance that tells one: the chief's, or worker 0's."""
        return next((i.metrics["loss"] for i in self.instances if "loss" in i.metrics), None)


def from_status(status: Mapping[str, Any], flink: str, at: float) -> Snapshot:
    """Reads the coordinator's ``GET /v1/status``."""
    failure = status.get("failure")
    return Snapshot(
        at=at,
        phase=status["phase"],
        flink=flink,
        generation=status["generation"],
        instances=tuple(_instance(value) for value in status["roles"]),
        models=tuple(status.get("models", ())),
        notices=tuple(
            f"{event['who']}: {event['message']}" for event in status.get("events", ()) if event["type"] == "Notice"
        ),
        failure=_failure(failure) if failure else None,
        checkpoint_wanted=status["checkpointWanted"],
        moments={event["type"]: event["at"] for event in status.get("events", ())},
    )


def _instance(value: Mapping[str, Any]) -> InstanceView:
    return InstanceView(
        name=f"{value['role']}-{value['index']}",
        state=value["state"],
        step=value["step"],
        rows=value["rows"],
        metrics=value["metrics"],
        rss=value["rss"],
        timings=value["timings"],
        fed=value["mode"] != "source",
        activity=value["activity"],
        starvation=value["starvation"],
        gpu=value["gpu"],
    )


def _failure(value: Mapping[str, Any]) -> Failure:
    return Failure(value["instance"], value["type"], value["message"], value.get("traceback") or "")
