"""What ``flinktf status`` shows."""

from __future__ import annotations

import io
from typing import Any

import pytest
import yaml
from rich.console import Console

from flinktf.cli.cluster import Told
from flinktf.cli.status import view

JOB = yaml.safe_load("""
metadata: {name: wine}
status:
  phase: Starting
  step: 1200
  restarts: 1
  run: {number: 2, jobId: abcd, spec: f}
  flink: {state: RUNNING}
  checkpoint: {id: 12, location: "file:///data/12"}
  model: {path: /data/model}
  conditions:
    - {type: Ready, status: "False", reason: Unschedulable, message: x, lastTransitionTime: 2026-01-01T00:00:00Z}
    - type: RolesHealthy
      status: "False"
      reason: Unschedulable
      message: no GPU
      lastTransitionTime: 2026-01-01T00:00:00Z
  roles:
    - name: worker
      desired: 2
      ready: 1
      instances: [{index: 0, pod: wine-worker-x, node: gpu-1, state: training, step: 1200, lastError: "ValueError: x"}]
    - {name: ps, desired: 1, ready: 0}
""")


def shown(job: dict[str, Any], events: list[Told]) -> str:
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(view(job, events))
    return console.export_text()


@pytest.mark.parametrize(
    "part",
    [
        "wine  Starting  step 1,200  1 restarts",
        "Unschedulable: no GPU",
        "run 2: Flink job abcd, RUNNING",
        "checkpoint 12: file:///data/12",
        "model: /data/model",
        "0/1 ready",
        "12:00:00  Starting: run 2 begins",
    ],
)
def test_shown(part: str) -> None:
    event = Told("2026-01-01 12:00:00+00:00", "Normal", "Starting", "run 2 begins\nand more")
    assert part in shown(JOB, [event])


def test_an_instance_is_a_line() -> None:
    (line,) = [line for line in shown(JOB, []).splitlines() if line.startswith("worker-0")]
    assert line.split()[:6] == ["worker-0", "training", "1,200", "0", "wine-worker-x", "gpu-1"]


@pytest.mark.parametrize("error", ["[/data/x] is missing", "[tensorflow] lost"])
def test_an_error_is_shown_as_it_is(error: str) -> None:
    instance = {"index": 0, "state": "failed", "lastError": error}
    status = {"roles": [{"name": "worker", "desired": 1, "ready": 0, "instances": [instance]}]}
    assert error in shown({"metadata": {"name": "wine"}, "status": status}, [])


def test_an_event_may_say_nothing() -> None:
    assert "12:00:00  Odd:" in shown(JOB, [Told("2026-01-01 12:00:00+00:00", "Normal", "Odd", "")])


def test_a_job_that_nobody_has_seen_yet() -> None:
    assert shown({"metadata": {"name": "new"}}, []).startswith("new  Pending")
