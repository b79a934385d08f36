"""Faults on one machine: what restarts, and that each record is trained exactly once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from faults.counting import counting_job
from faults.running import Running, restarts

FAULTS: dict[str, Callable[[Running], psutil.Process]] = {
    "worker": lambda run: run.role_process("worker-1"),
    "chief": lambda run: run.role_process("worker-0"),
    "agent": lambda run: run.agent("worker-1"),
    "worker's TaskManager": lambda run: run.task_manager("worker-0"),
    "pipeline's TaskManager": lambda run: run.task_manager("pipeline-0"),
    "coordinator": lambda run: run.find("flinktf.coordinator")[0],
}
SERVERS: dict[str, Callable[[Running], psutil.Process]] = {
    "worker": lambda run: run.role_process("worker-1"),
    "chief": lambda run: run.role_process("chief-0"),
    "parameter server": lambda run: run.role_process("ps-0"),
    "worker's TaskManager": lambda run: run.task_manager("worker-0"),
}


@pytest.mark.parametrize(
    ("strategy", "fault"),
    [
        *(("MultiWorkerMirrored", fault) for fault in FAULTS),
        ("Independent", "worker"),
        *(pytest.param("Independent", fault, marks=pytest.mark.long) for fault in FAULTS if fault != "worker"),
    ],
)
def test_killed(tmp_path: Path, strategy: str, fault: str) -> None:
    job = counting_job(tmp_path, strategy)
    with Running(job.folder) as run:
        run.until(lambda status: any(role["step"] > 20 for role in status["roles"]), "twenty steps")
        run.kill(FAULTS[fault](run))
        assert run.end() == 0, run.output
    assert np.array_equal(job.counts(), np.ones(job.records)), run.output


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=[pytest.mark.long] * (fault != "parameter server")) for fault in SERVERS]
)
def test_killed_with_parameter_servers(tmp_path: Path, fault: str) -> None:
    job = counting_job(tmp_path, "ParameterServer", seconds=20, policy="Gang")
    with Running(job.folder) as run:
        run.until(lambda status: any(role["step"] > 100 for role in status["roles"]), "a hundred steps")
        run.kill(SERVERS[fault](run))
        assert run.end() == 0, run.output
    assert np.array_equal(job.counts(), np.ones(job.records)), run.output


@pytest.mark.long
def test_a_worker_that_restarts_alone_sees_some_records_again(tmp_path: Path) -> None:
    """At least once: the chief goes on with a model that has them already."""
    job = counting_job(tmp_path, "ParameterServer", seconds=20)
    with Running(job.folder) as run:
        run.until(lambda status: any(role["step"] > 100 for role in status["roles"]), "a hundred steps")
        chief = run.role_process("chief-0")
        run.kill(run.role_process("worker-1"))
        run.until(lambda status: restarts(status)["worker-1"] == 1, "a restart")
        assert chief.is_running()
        assert run.end() == 0, run.output
    assert job.counts().min() >= 1, run.output
