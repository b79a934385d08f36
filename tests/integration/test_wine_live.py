"""examples/wine-live: a real broker, a job that trains, a job that predicts, and versions that change between them."""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from integration.harness import FLINKTF, processes_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "wine-live"
PATIENCE = 240.0
RATE = 200
ENOUGH = 300
"""Rows that a version answers before something else happens."""
LEARNT = 1000
"""Rows that make a version good enough; the first checkpoint may come before that."""
MISSING = 999

Row = dict[str, Any]


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    return importlib.import_module


@contextmanager
def running(folder: Path, manifest: str) -> Iterator[Path]:
    """A job, until SIGTERM ends it; the file with what it says."""
    log = folder / f"{manifest}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*FLINKTF, "run", manifest],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield log
    finally:
        process.terminate()
        code = process.wait(60)
    assert code == 128 + signal.SIGTERM, log.read_text()
    assert processes_of(folder) == []


def rows_behind(folder: Path, version: int) -> int:
    return int(json.loads((folder / "model" / str(version) / "flinktf.json").read_text())["rows"])


class Feeding(threading.Thread):
    """Bottles without a pause, until :meth:`stop`, which says how many there were."""

    def __init__(self, bottles: Iterator[int]) -> None:
        super().__init__(daemon=True)
        self._bottles = bottles
        self._over = threading.Event()
        self._fed = 0

    def run(self) -> None:
        for number in self._bottles:
            self._fed = number + 1
            if self._over.is_set():
                break
        self._bottles.close()  # type: ignore[attr-defined]

    def stop(self) -> int:
        self._over.set()
        self.join()
        return self._fed


class Answers:
    """All rows of the topic of results, in their order."""

    def __init__(self, rows: Iterator[Row | None], log: Path) -> None:
        self.rows: list[Row] = []
        self.quiet = False
        self._more = rows
        self._log = log

    def until(self, what: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        for row in self._more:
            self.quiet = row is None
            if row is not None:
                self.rows.append(row)
            if what():
                return
            assert time.monotonic() < end, self._log.read_text()

    def of(self, version: int, more: int = ENOUGH) -> None:
        """Until ``version`` has answered so many rows more, and answers now."""
        have = self._count(version)
        self.until(lambda: self._count(version) >= have + more and self.rows[-1]["model_version"] == version)

    def _count(self, version: int) -> int:
        return sum(row["model_version"] == version for row in self.rows)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:(read|open)_text is deprecated:DeprecationWarning")  # in Kafka's client
def test_the_loop_is_closed(tmp_path: Path, scripts: Callable[[str], Any]) -> None:
    broker, feed, announce, watch, cultivars, demo = map(
        scripts, ("broker", "feed", "announce", "watch", "cultivars", "demo")
    )
    with broker.broker() as address:
        copy = demo.stage(tmp_path, address)
        feeding = Feeding(feed.feed(address, RATE))
        feeding.start()
        with running(copy, "train.yaml") as log:
            end = time.monotonic() + PATIENCE
            while len(found := [n for n in announce.versions(copy / "model") if rows_behind(copy, n) >= LEARNT]) < 2:
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.2)
        old, new = found[:2]

        announce.announce(address, old)
        with running(copy, "predict.yaml") as log:
            answers = Answers(watch.results(address), log)
            answers.of(old)
            announce.announce(address, new)
            answers.of(new)
            announce.announce(address, MISSING)
            answers.until(lambda: f"model version {MISSING} refused" in log.read_text())
            answers.of(new)
            announce.announce(address, old)
            answers.of(old)
            fed = feeding.stop()
            answers.until(lambda: len(answers.rows) >= fed and answers.quiet)

    assert sorted(row["id"] for row in answers.rows) == list(range(fed))
    assert [version for version, _ in groupby(row["model_version"] for row in answers.rows)] == [old, new, old]
    bottles = cultivars.wines()
    right = [row["cultivar"] == cultivars.NAMES[bottles[row["id"] % len(bottles)]["cultivar"]] for row in answers.rows]
    for version in (old, new):
        mine = [good for good, row in zip(right, answers.rows, strict=True) if row["model_version"] == version]
        assert sum(mine) / len(mine) >= 0.9, version
