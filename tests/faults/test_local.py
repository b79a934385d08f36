"""Faults on one machine: what restarts, and that each record is trained exactly once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from faults.counting import counting_job
from faults.running import Running


@pytest.mark.parametrize("strategy", ["MultiWorkerMirrored", "Independent"])
def test_without_a_fault(tmp_path: Path, strategy: str) -> None:
    job = counting_job(tmp_path, strategy, seconds=5)
    with Running(job.folder) as run:
        assert run.end() == 0, run.output
    assert np.array_equal(job.counts(), np.ones(job.records))


FAULTS: dict[str, Callable[[Running], psutil.Process]] = {
    "worker": lambda run: run.role_process("worker-1"),
    "chief": lambda run: run.role_process("worker-0"),
    "agent": lambda run: run.agent("worker-1"),
    "worker's TaskManager": lambda run: run.task_manager("worker-0"),
    "pipeline's TaskManager": lambda run: run.task_manager("pipeline-0"),
    "coordinator": lambda run: run.find("flinktf.coordinator")[0],
}


@pytest.mark.parametrize("strategy", ["MultiWorkerMirrored", "Independent"])
@pytest.mark.parametrize("fault", FAULTS)
def test_killed(tmp_path: Path, strategy: str, fault: str) -> None:
    job = counting_job(tmp_path, strategy)
    with Running(job.folder) as run:
        run.until(lambda status: any(role["step"] > 20 for role in status["roles"]), "twenty steps")
        run.kill(FAULTS[fault](run))
        assert run.end() == 0, run.output
    assert np.array_equal(job.counts(), np.ones(job.records)), run.output
