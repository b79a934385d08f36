"""What the coordinator knows of its job, and what can happen to it. Frozen values, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from flinktf.coordinator.failover import Failure, Spent
from flinktf.coordinator.shape import JobShape

Phase = Literal["Forming", "Running", "Stopping", "Succeeded", "Failed"]
Outcome = Literal["done", "failed", "cancelled"]
Command = Literal["continue", "stop", "abort", "leave", "fail"]
"""To an agent: go on; end training; begin again, as another attempt; leave, as it has asked to; or end for good, for
the job has failed."""
Submission = Literal["Waiting", "Submitting", "Submitted", "Failed"]
Key = tuple[str, int]
"""A role and an index."""

TERMINAL: Final = ("Succeeded", "Failed")
SILENT: Final = "Silent"
UNWELL: Final = ("Unresponsive", "Stopped", SILENT)
"""Activities of a role process that does not go on, and does not say why; of a silent one not even its agent does."""
ENDED: Final = ("Done", "Failed", "Cancelled")
FLINK_ENDED: Final = ("FINISHED", "FAILED", "CANCELED")
"""For good. A SUSPENDED job is not over: another JobManager may go on with it."""


def name(key: Key) -> str:
    """``worker-0``."""
    return f"{key[0]}-{key[1]}"


@dataclass(frozen=True)
class Health:
    """What an agent sees of its role process: what it is busy with, the share of its time that it waits for records,
    its steps a second, and for how many seconds nothing has moved in it."""

    activity: str = ""
    starvation: float = 0.0
    rate: float = 0.0
    stuck: float = 0.0


@dataclass(frozen=True)
class Instance:
    """One role instance; ``address`` is where its peers reach it, ``seen`` when it was last heard of (seconds).

    ``mode`` is its subtask's: a ``source`` has no records, so that its ``rows`` are those that others read for it.
    ``leaving`` is there when its pod is being taken away: the number of its wish for a checkpoint.
    """

    state: str = "Pending"
    attempt: int = -1
    generation: int = 0
    address: str = ""
    task_manager: str = ""
    mode: str = "source"
    seen: float = 0.0
    step: int = 0
    rows: int = 0
    rss: int = 0
    gpu: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    health: Health = Health()
    leaving: int | None = None
    restarts: int = 0
    error: str | None = None
    joins_at: float = 0.0
    """When the attempt after a failure may begin, in the clock of the events."""
    resumed: bool = False
    """Whether it ran already when this coordinator began."""

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclass(frozen=True)
class Checkpoint:
    """A completed checkpoint of the Flink job."""

    id: int
    location: str


@dataclass(frozen=True)
class FlinkJob:
    """The Flink job in its own words; ``exception`` is why it failed.

    ``checkpoint`` is the last one from which another job could begin, ``completed`` the id of the last one wherever it
    is kept, 0 before the first; ``over`` are ids of some that failed, or that Flink has deleted since.
    ``pipeline_over`` says that all has finished but the roles that serve models. ``granted`` is the newest wish for a
    checkpoint for which one was begun and completed.
    """

    state: str
    restarts: int = 0
    exception: str | None = None
    checkpoint: Checkpoint | None = None
    completed: int = 0
    over: tuple[int, ...] = ()
    pipeline_over: bool = False
    granted: int = 0


@dataclass(frozen=True)
class JobState:
    """``forming_since`` is when this generation began to form, in the clock of the events, or will, after a backoff.

    ``stepped`` says whether training has ever made a step. ``spent`` is what each role has used of its failover policy,
    and ``blamed`` the failure for which this generation forms. ``failure`` is why the job has failed. ``flink`` is what
    a driver tells of the Flink job, None where nobody does; ``flink_ended`` is since when it is over.
    """

    shape: JobShape
    forming_since: float
    phase: Phase = "Forming"
    generation: int = 1
    instances: Mapping[Key, Instance] = field(default_factory=dict)
    stepped: bool = False
    spent: Mapping[str, Spent] = field(default_factory=dict)
    blamed: Failure | None = None
    failure: Failure | None = None
    models: tuple[str, ...] = ()
    submission: Submission = "Waiting"
    wishes: int = 0
    flink: FlinkJob | None = None
    flink_ended: float | None = None

    @property
    def outcome(self) -> Literal["Succeeded", "Failed"] | None:
        """How the whole job has ended, roles and Flink; None while it has not."""
        if self.phase == "Failed":
            return "Failed"
        if self.phase != "Succeeded" or self.flink is None or self.flink.state not in FLINK_ENDED:
            return None
        return "Succeeded" if self.flink.state == "FINISHED" else "Failed"

    def present(self, key: Key) -> bool:
        """Whether an instance is one of this generation. Who is in no cluster belongs to every one."""
        instance = self.instances[key]
        if not self.shape.in_cluster(key[0]):
            return instance.generation > 0
        return instance.generation == self.generation

    @property
    def completed(self) -> int:
        """The last completed checkpoint, 0 before the first."""
        return self.flink.completed if self.flink is not None else 0

    def waits_for_checkpoint(self, key: Key) -> bool:
        """Whether an instance that leaves had better wait for a checkpoint: with it, nothing has to be done again."""
        instance, flink = self.instances[key], self.flink
        if instance.leaving is None or instance.ended or not self.shape.checkpoints or flink is None:
            return False
        return self.phase == "Running" and flink.state == "RUNNING" and flink.granted < instance.leaving

    @property
    def checkpoint_wanted(self) -> int:
        """The number of the newest wish for a checkpoint; 0 when nobody waits for one."""
        return self.wishes if any(map(self.waits_for_checkpoint, self.instances)) else 0

    @property
    def missing(self) -> tuple[str, ...]:
        """The instances that this generation still waits for."""
        return tuple(name(key) for key in self.instances if not self.present(key))

    @property
    def cluster(self) -> dict[str, list[str]]:
        """``TF_CONFIG['cluster']`` of this generation: addresses by role, in the order of the indices."""
        found: dict[str, list[str]] = {}
        for (role, _), instance in sorted(self.instances.items()):
            if self.shape.in_cluster(role):
                found.setdefault(role, []).append(instance.address)
        return found


@dataclass(frozen=True)
class Registered:
    """An agent has a subtask, and a port for its TensorFlow process.

    ``generation`` is 0, or the one that its process runs in already: then the coordinator has restarted.
    """

    key: Key
    attempt: int
    address: str
    task_manager: str
    mode: str = "source"
    generation: int = 0


@dataclass(frozen=True)
class Heartbeat:
    """What an agent tells of its role process; ``generation`` is the one that the process runs in."""

    key: Key
    attempt: int
    generation: int
    state: str
    step: int
    rows: int
    rss: int = 0
    gpu: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    health: Health = Health()
    model: str | None = None


@dataclass(frozen=True)
class Preempted:
    """The pod of an instance is being taken away: its agent would leave."""

    key: Key
    attempt: int


@dataclass(frozen=True)
class Exited:
    """A role process has ended, in ``generation``; ``failure`` is there when it failed."""

    key: Key
    attempt: int
    outcome: Outcome
    step: int
    rows: int
    failure: Failure | None = None
    generation: int = 0


@dataclass(frozen=True)
class Submitted:
    """How far the submission of the Flink job has come; ``error`` and ``detail`` are there when it has failed."""

    state: Submission
    error: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class FlinkTold:
    """What the driver has seen of the Flink job."""

    job: FlinkJob


@dataclass(frozen=True)
class Tick:
    """Time goes by. ``late`` is for how long the coordinator itself stood still, and could hear nobody."""

    late: float = 0.0


Event = Registered | Heartbeat | Preempted | Exited | Submitted | FlinkTold | Tick


@dataclass(frozen=True)
class Happened:
    """A transition, for logs and for people."""

    type: str
    who: str
    message: str
