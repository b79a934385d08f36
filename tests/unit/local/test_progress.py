import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from flinktf.local.progress import Progress, lines, render
from flinktf.local.snapshot import Failure, InstanceView, Snapshot
from flinktf.local.summary import summary


def _instance(
    name: str = "worker-0", state: str = "Running", step: int = 0, rows: int = 0, **metrics: float
) -> InstanceView:
    return InstanceView(name, state, step, rows, metrics, rss=512 << 20, timings={}, fed=True)


def _look(at: float, *instances: InstanceView, phase: str = "Running", failure: Failure | None = None) -> Snapshot:
    return Snapshot(at, phase, "RUNNING", 1, instances, failure=failure)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (None, _look(1.0), ["[   1.0 s] wine: Running, Flink RUNNING, generation 1"]),
        (_look(1.0), _look(1.5), []),
        (_look(1.0, phase="Forming"), _look(2.0), ["[   2.0 s] wine: Running, Flink RUNNING, generation 1"]),
        (_look(1.0, _instance(state="Waiting")), _look(2.0, _instance()), ["[   2.0 s] wine: worker-0 is Running"]),
        (
            _look(1.0, _instance()),
            _look(2.0, _instance(step=10, rows=320, loss=0.5)),
            ["[   2.0 s] wine: step 10, rows 320 (320 rows/s, 10 steps/s), loss 0.5000"],
        ),
        (_look(1.0, _instance(step=10)), _look(3.0, _instance(step=20)), []),
        (
            _look(1.0, _instance(step=10)),
            _look(6.0, _instance(step=20, rows=1000)),
            ["[   6.0 s] wine: step 20, rows 1,000 (200 rows/s, 2 steps/s)"],
        ),
    ],
)
def test_plain_lines(before: Snapshot | None, now: Snapshot, expected: list[str]) -> None:
    assert list(lines("wine", now, before)) == expected


@pytest.mark.parametrize("terminal", [False, True])
def test_each_notice_is_told_when_it_comes(terminal: bool) -> None:
    first, second = "predictor-0: model version 1 loaded", "predictor-0: model version 2 refused"
    console = Console(width=120, record=True, force_terminal=terminal, file=io.StringIO())
    with Progress(console, "wine") as progress:
        for at, notices in ((1.0, ()), (2.0, (first,)), (3.0, (first, second)), (4.0, (first, second, first))):
            progress.show(replace(_look(at), notices=notices))
    told = console.export_text()
    assert told.count(first) == 2
    for line in (f"[   2.0 s] wine: {first}", f"[   3.0 s] wine: {second}", f"[   4.0 s] wine: {first}"):
        assert told.count(line) == 1


def test_the_live_table_shows_rates_metrics_and_memory() -> None:
    console = Console(width=120, record=True, force_terminal=False)
    before = _look(1.0, _instance(step=10, rows=100))
    now = _look(3.0, _instance(step=30, rows=2100, loss=0.25))
    console.print(render("wine", now, before))
    text = console.export_text()
    assert "loss 0.2500" in text
    (row,) = [line for line in text.splitlines() if line.startswith("worker-0")]
    assert row.split() == ["worker-0", "Running", "30", "10", "2,100", "1,000", "loss", "0.25", "512", "MiB"]


def test_the_summary_of_a_failure_ends_with_the_roles_own_traceback() -> None:
    failure = Failure("worker-1", "ValueError", "too sour", "Traceback\n  line 1\n")
    text = list(summary("wine", _look(9.0, _instance(rows=5), failure=failure), Path("logs")))
    assert text[0] == "wine failed after 9.0 s: 5 rows fed, 0 steps"
    assert text[-3:] == ["error: worker-1: ValueError: too sour", "  Traceback", "    line 1"]


def test_the_loss_is_that_of_the_first_instance_that_has_one() -> None:
    assert _look(1.0, _instance("ps-0"), _instance("worker-0", loss=0.5), _instance("worker-1", loss=0.7)).loss == 0.5
    assert _look(1.0, _instance()).loss is None
