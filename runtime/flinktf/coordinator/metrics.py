"""The state as Prometheus text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

from flinktf.coordinator.state import Instance, JobState, Phase


def prometheus(state: JobState, now: float) -> str:
    """The exposition format, version 0.0.4."""
    return "".join(f"{line}\n" for line in _lines(state, now))


def _lines(state: JobState, now: float) -> Iterator[str]:
    job = state.shape.job
    yield "# HELP flinktf_job_phase 1 for the phase that the job is in."
    yield "# TYPE flinktf_job_phase gauge"
    for phase in get_args(Phase):
        yield f'flinktf_job_phase{{job="{job}",phase="{phase}"}} {int(phase == state.phase)}'
    yield "# HELP flinktf_job_generation The TensorFlow clusters that this job has formed, the current one included."
    yield "# TYPE flinktf_job_generation gauge"
    yield f'flinktf_job_generation{{job="{job}"}} {state.generation}'
    for metric, kind, text, value in (
        ("step", "gauge", "The training step.", lambda i: i.step),
        ("rows", "gauge", "Rows that the role process has read.", lambda i: i.rows),
        ("memory_bytes", "gauge", "Resident memory of the role's processes.", lambda i: i.rss),
        ("restarts", "counter", "Attempts after the first one.", lambda i: i.restarts),
        ("starvation_ratio", "gauge", "The share of its time that the role waits for records.", _of("starvation")),
        ("steps_per_second", "gauge", "Training steps a second.", _of("rate")),
        ("stuck_seconds", "gauge", "For how long nothing has moved, and it does not wait.", _of("stuck")),
        ("heartbeat_age_seconds", "gauge", "Since the agent was last heard of.", lambda i: round(now - i.seen, 3)),
    ):
        yield f"# HELP flinktf_role_{metric} {text}"
        yield f"# TYPE flinktf_role_{metric} {kind}"
        for (role, index), instance in state.instances.items():
            yield f'flinktf_role_{metric}{{job="{job}",role="{role}",index="{index}"}} {_number(value, instance)}'


def _of(field: str) -> Callable[[Instance], float]:
    return lambda instance: float(getattr(instance.health, field))


def _number(value: object, instance: Instance) -> float:
    assert callable(value)
    return float(value(instance))
