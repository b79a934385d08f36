"""The clock of one role is off by an hour.

Python's clock of an agent and of its TensorFlow processes, to be exact: a whole machine's is not ours to set, and there
is no namespace for it. What waits below Python, in TensorFlow, measures spans of time.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from faults.counting import counting_job
from faults.running import Running

# Run by Python itself, in each of the run's processes. The agent's mark is inherited by what it starts.
SITECUSTOMIZE = """
import os, time

HOURS = float(os.environ["HOURS"])
if "agent-worker-1.json" in open("/proc/self/cmdline").read():
    os.environ["OFF"] = "1"
if "OFF" in os.environ:
    right, right_ns = time.time, time.time_ns
    time.time = lambda: right() + 3600 * HOURS
    time.time_ns = lambda: right_ns() + int(3600e9 * HOURS)
    open(os.environ["SEEN"], "a").write(f"{time.time() - right():.0f}\\n")
"""


@pytest.mark.long
@pytest.mark.parametrize("hours", [1, -1])
@pytest.mark.parametrize("strategy", ["MultiWorkerMirrored", "Independent"])
def test_a_clock_that_is_off_by_an_hour(tmp_path: Path, strategy: str, hours: int) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITECUSTOMIZE)
    paths = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
    environment = {"PYTHONPATH": paths, "HOURS": str(hours), "SEEN": str(tmp_path / "seen")}
    job = counting_job(tmp_path, strategy)
    with Running(job.folder, environment) as run:
        run.until(lambda status: run.began(status, "worker-1") >= 0, "training")
        run.process("worker-0").send_signal(signal.SIGKILL)
        run.until(lambda status: run.began(status, "worker-0") >= 1, "training goes on")
        assert run.end() == 0, run.output
    assert job.wrong() is None
    assert set((tmp_path / "seen").read_text().split()) == {str(3600 * hours)}
