"""Every row of the table: a real job, a real fault, and its records counted."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from faults.counting import counting_job
from faults.running import Ended, Running, restarts
from faults.table import ROWS, AtLeastOnce, Fails, Row
from faults.volume import volume

# Two jobs' time on a machine with other work: a slow moment is no failure.
pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=str(row), marks=[] if row.short else pytest.mark.long) for row in ROWS]
)
def test_row(tmp_path: Path, row: Row) -> None:
    job = counting_job(tmp_path, row.strategy, **row.job)
    with volume(tmp_path / "checkpoints"), Running(job.folder) as run:
        with contextlib.suppress(Ended) if isinstance(row.expects, Fails) else contextlib.nullcontext():
            with row.when(run):
                row.fault.inject(run)
            try:
                row.lasts(run)
            finally:
                row.fault.heal(run)
        code, expects = run.end(), row.expects
        if isinstance(expects, Fails):
            assert code == 1, run.output
            assert all(words in run.output for words in expects.says), run.output
            return
        assert code == 0, run.output
        assert any(expects.event in event["message"] for event in run.last["events"]), run.last["events"]
        found = restarts(run.last)
        assert all(found[instance] >= least for instance, least in expects.restarted.items()), found
        assert all(found[instance] == 0 for instance in expects.undisturbed), found
    if isinstance(expects, AtLeastOnce):
        assert job.counts().min() >= 1, run.output
    else:
        assert job.wrong() is None, f"{job.wrong()}\n{run.output}"
