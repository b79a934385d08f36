"""Faults on one machine: what restarts, and that each record is trained exactly once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faults.counting import counting_job
from faults.running import Running


@pytest.mark.parametrize("strategy", ["MultiWorkerMirrored", "Independent"])
def test_without_a_fault(tmp_path: Path, strategy: str) -> None:
    job = counting_job(tmp_path, strategy, seconds=5)
    with Running(job.folder) as run:
        assert run.end() == 0, run.output
    assert np.array_equal(job.counts(), np.ones(job.records))


@pytest.mark.parametrize("strategy", ["MultiWorkerMirrored", "Independent"])
def test_a_worker_is_killed(tmp_path: Path, strategy: str) -> None:
    job = counting_job(tmp_path, strategy)
    with Running(job.folder) as run:
        run.until(lambda status: any(role["step"] > 20 for role in status["roles"]), "twenty steps")
        run.kill(run.role_process("worker-1"))
        run.until(lambda status: all(role["restarts"] == 1 for role in status["roles"]), "a restart")
        assert run.end() == 0, run.output
    assert np.array_equal(job.counts(), np.ones(job.records))
