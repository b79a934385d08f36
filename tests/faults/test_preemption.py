"""A pod that is taken away, played by SIGTERM to its agent: a checkpoint first, so that nothing is done twice."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

from faults.counting import counting_job
from faults.running import Running


@pytest.mark.parametrize(
    ("strategy", "instance"),
    [
        ("MultiWorkerMirrored", "worker-1"),
        pytest.param("Independent", "worker-0", marks=pytest.mark.long),
        pytest.param("ParameterServer", "chief-0", marks=pytest.mark.long),
        pytest.param("ParameterServer", "worker-1", marks=pytest.mark.long),
    ],
)
def test_preempted(tmp_path: Path, strategy: str, instance: str) -> None:
    # A checkpoint an hour: the one that the run goes on from was made for the instance that left. And no restart is
    # allowed: this one does not count.
    policy = {"policy": "Gang"} if strategy == "ParameterServer" else {}
    job = counting_job(tmp_path, strategy, seconds=40, interval="1h", maxRestarts=0, **policy)
    with Running(job.folder) as run:
        before = run.until(lambda status: any(role["step"] > 30 for role in status["roles"]), "thirty steps")
        run.process(f"agent-{instance}").send_signal(signal.SIGTERM)
        run.until(lambda status: sum(role["restarts"] for role in status["roles"]) > 0, "a restart")
        assert run.end() == 0, run.output
    reached = max(role["step"] for role in before["roles"])
    assert all(int(step) >= reached for step in run.resumed_at()), run.output
    assert run.resumed_at(), run.output
    assert np.array_equal(job.counts(), np.ones(job.records)), run.output
