"""The last word on a local run. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flinktf.local.snapshot import Failure, Snapshot


def summary(job: str, last: Snapshot, logs: Path, submitted_at: float | None = None) -> Iterator[str]:
    """The lines after a run, whether it went well or not; ``submitted_at`` in seconds of the epoch."""
    outcome = "failed" if last.failure else "succeeded"
    yield f"{job} {outcome} after {last.at:.1f} s: {last.rows:,} rows fed, {last.step:,} steps"
    for instance in last.instances:
        metrics = ", ".join(f"{name} {value:.4g}" for name, value in instance.metrics.items())
        counts = f"{instance.rows:>10,} rows {instance.step:>8,} steps"
        yield f"  {instance.name:<14} {instance.state:<10} {counts}  {metrics}".rstrip()
    if submitted_at is not None and "FirstStep" in last.moments and last.phase == "Succeeded":
        yield start(last, submitted_at)
    for notice in last.notices:
        yield f"  {notice}"
    for model in last.models:
        yield f"model: {model}"
    yield f"logs:  {logs}"
    if last.failure:
        yield from explanation(last.failure)


def start(last: Snapshot, submitted_at: float) -> str:
    """Where the time went between the submission of the Flink job and the first training step."""
    registered, running, first = (last.moments[name] for name in ("Registered", "Running", "FirstStep"))
    imports = max((i.timings.get("tensorflow_import", 0.0) for i in last.instances), default=0.0)
    waited = max((i.timings.get("tensorflow_import_wait", 0.0) for i in last.instances), default=0.0)
    begun = max((i.timings.get("task_wait", 0.0) for i in last.instances), default=0.0)
    parts = {
        "Flink": registered - submitted_at,
        "flinktf": running - registered + max(begun - waited, 0.0),
        f"the rest of TensorFlow's import ({imports:.1f} s in all)": waited,
        "TensorFlow's first step, and your code before it": first - running - begun,
    }
    told = ", ".join(f"{seconds:.1f} s {name}" for name, seconds in parts.items())
    return f"start: {first - submitted_at:.1f} s from submission to the first step: {told}"


def explanation(failure: Failure) -> Iterator[str]:
    """Why, with the role's own traceback."""
    yield f"error: {failure.who}: {failure.type}: {failure.message}"
    for line in failure.detail.rstrip().splitlines():
        yield f"  {line}"
