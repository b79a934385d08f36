"""The state as Prometheus text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal, get_args

from flinktf.coordinator.state import Instance, JobState, Phase
from flinktf.exposition import OF_GPUS, family

_OF_INSTANCES: Final[tuple[tuple[str, Literal["counter", "gauge"], str, Callable[[Instance], float]], ...]] = (
    ("step", "gauge", "The training step.", lambda i: i.step),
    ("rows", "gauge", "Rows that the role process has read.", lambda i: i.rows),
    ("memory_bytes", "gauge", "Resident memory of the role's processes.", lambda i: i.rss),
    ("restarts", "counter", "Attempts after the first one.", lambda i: i.restarts),
    (
        "starvation_ratio",
        "gauge",
        "The share of its time that the role waits for records.",
        lambda i: i.health.starvation,
    ),
    ("steps_per_second", "gauge", "Training steps a second.", lambda i: i.health.rate),
    ("stuck_seconds", "gauge", "For how long nothing has moved, and it does not wait.", lambda i: i.health.stuck),
)


def prometheus(state: JobState, now: float) -> str:
    """As Prometheus reads it; ``now`` is on the clock of the state."""
    return "".join(_lines(state, now))


def _lines(state: JobState, now: float) -> Iterator[str]:
    job = state.shape.job
    phases = (({"job": job, "phase": phase}, int(phase == state.phase)) for phase in get_args(Phase))
    yield from family("flinktf_job_phase", "gauge", "1 for the phase that the job is in.", phases)
    formed = "The TensorFlow clusters that this job has formed, the current one included."
    yield from family("flinktf_job_generation", "gauge", formed, [({"job": job}, state.generation)])
    instances = [({"job": job, "role": role, "index": index}, one) for (role, index), one in state.instances.items()]
    for name, kind, text, value in _OF_INSTANCES:
        yield from family(f"flinktf_role_{name}", kind, text, [(labels, value(one)) for labels, one in instances])
    for name, told, text in OF_GPUS:
        having = [(labels, one.gpu[told]) for labels, one in instances if told in one.gpu]
        if having:
            yield from family(f"flinktf_role_{name}", "gauge", text, having)
    ages = ((labels, round(now - one.seen, 3)) for labels, one in instances)
    yield from family("flinktf_role_heartbeat_age_seconds", "gauge", "Since the agent was last heard of.", ages)
