"""The last word on a local run. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flinktf.local.snapshot import Failure, Snapshot


def summary(job: str, last: Snapshot, logs: Path) -> Iterator[str]:
    """The lines after a run, whether it went well or not."""
    outcome = "failed" if last.failure else "succeeded"
    yield f"{job} {outcome} after {last.at:.1f} s: {last.rows:,} rows fed, {last.step:,} steps"
    for instance in last.instances:
        metrics = ", ".join(f"{name} {value:.4g}" for name, value in instance.metrics.items())
        counts = f"{instance.rows:>10,} rows {instance.step:>8,} steps"
        yield f"  {instance.name:<14} {instance.state:<10} {counts}  {metrics}".rstrip()
    for notice in last.notices:
        yield f"  {notice}"
    for model in last.models:
        yield f"model: {model}"
    yield f"logs:  {logs}"
    if last.failure:
        yield from explanation(last.failure)


def explanation(failure: Failure) -> Iterator[str]:
    """Why, with the role's own traceback."""
    yield f"error: {failure.who}: {failure.type}: {failure.message}"
    for line in failure.detail.rstrip().splitlines():
        yield f"  {line}"
