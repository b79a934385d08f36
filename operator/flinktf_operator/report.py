"""What a job's coordinator says of its run: ``GET /v1/status`` as frozen values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


class ReportError(ValueError):
    """The answer is not what a coordinator of this version gives; the text names the field."""


@dataclass(frozen=True, slots=True)
class InstanceReport:
    """One role instance. ``pod`` is where Flink has put it; ``heard`` is seconds since its last heartbeat,
    ``rate`` its steps a second, and ``activity`` what its process is busy with. Only metrics show what follows those:
    ``starvation`` is a share of 1, ``memory`` bytes, ``gpu`` its GPUs' ``use`` (a share) and ``memory``,
    ``metrics`` what training tells.
    """

    role: str
    index: int
    state: str
    pod: str
    step: int
    restarts: int
    heard: float
    error: str | None
    activity: str = ""
    rate: float = 0.0
    rows: int = 0
    memory: int = 0
    starvation: float = 0.0
    gpu: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FailureReport:
    """Why the run failed."""

    instance: str
    type: str
    message: str
    traceback: str | None


@dataclass(frozen=True, slots=True)
class CheckpointReport:
    """The last completed checkpoint."""

    id: int
    location: str


@dataclass(frozen=True, slots=True)
class Report:
    """One look at run ``run`` of the job ``uid``; ``version`` is the coordinator's, for its long poll."""

    uid: str
    run: int
    version: int
    phase: str
    generation: int
    outcome: str | None
    failure: FailureReport | None
    missing: tuple[str, ...]
    flink_state: str | None
    flink_restarts: int
    checkpoint: CheckpointReport | None
    models: tuple[str, ...]
    instances: tuple[InstanceReport, ...]

    def says_the_same_as(self, other: Report | None) -> bool:
        """But for the time of heartbeats and of the answer itself, and for what no status shows."""
        return other is not None and self._for_status() == other._for_status()

    def _for_status(self) -> Report:
        unseen: dict[str, Any] = {"heard": 0.0, "rows": 0, "memory": 0, "starvation": 0.0, "gpu": {}, "metrics": {}}
        return replace(self, version=0, instances=tuple(replace(instance, **unseen) for instance in self.instances))

    @property
    def step(self) -> int:
        return max((instance.step for instance in self.instances), default=0)

    @property
    def restarts(self) -> int:
        return sum(instance.restarts for instance in self.instances)


def report(uid: str, run: int, answer: Mapping[str, Any]) -> Report:
    """Reads an answer. Raises :class:`ReportError`."""
    try:
        flink = answer.get("flink") or {}
        checkpoint, failure = flink.get("checkpoint"), answer.get("failure")
        return Report(
            uid=uid,
            run=run,
            version=int(answer["version"]),
            phase=str(answer["phase"]),
            generation=int(answer["generation"]),
            outcome=answer.get("outcome"),
            failure=_failure(failure) if failure else None,
            missing=tuple(map(str, answer.get("missing", ()))),
            flink_state=flink.get("state"),
            flink_restarts=int(flink.get("restarts") or 0),
            checkpoint=CheckpointReport(int(checkpoint["id"]), str(checkpoint["location"])) if checkpoint else None,
            models=tuple(map(str, answer.get("models", ()))),
            instances=tuple(_instance(value) for value in answer["roles"]),
        )
    except KeyError as error:
        raise ReportError(f"the coordinator's status lacks {error}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ReportError(f"the coordinator's status makes no sense: {error}") from None


def _instance(value: Mapping[str, Any]) -> InstanceReport:
    return InstanceReport(
        role=str(value["role"]),
        index=int(value["index"]),
        state=str(value["state"]),
        pod=str(value["taskManager"]),
        step=int(value["step"]),
        restarts=int(value["restarts"]),
        heard=float(value["lastHeartbeat"]),
        error=value.get("lastError"),
        activity=str(value.get("activity", "")),
        rate=float(value.get("rate", 0.0)),
        rows=int(value.get("rows", 0)),
        memory=int(value.get("rss", 0)),
        starvation=float(value.get("starvation", 0.0)),
        gpu=_numbers(value.get("gpu", {})),
        metrics=_numbers(value.get("metrics", {})),
    )


def _numbers(value: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(number) for name, number in value.items()}


def _failure(value: Mapping[str, Any]) -> FailureReport:
    return FailureReport(
        str(value["instance"]), str(value["type"]), str(value["message"]), value.get("traceback") or None
    )
