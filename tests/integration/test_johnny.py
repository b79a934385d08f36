"""The example johnny, as its README runs it: a model is trained, and then decides who may enter."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest

from integration.harness import EXAMPLES, JobFolder

pytestmark = pytest.mark.long  # `make e2e-short` has it on Kubernetes
GRANTED = {
    ("johnny", "09:00:15"),
    ("olivia", "09:01:01"),
    ("quinn", "09:01:03"),
    ("peggy", "09:01:54"),
    ("sam", "09:05:51"),
}
"""Who, and the time of the last picture of the password."""
DENIED = {
    ("mallory", "09:01:38"),
    ("eve", "09:02:00"),
    ("trent", "09:02:02"),
    ("sam", "09:02:20"),
    ("victor", "09:02:45"),
    ("johnny", "09:07:20"),
}
"""Who, and a minute after the last picture."""


def test_the_password_opens_the_door_and_nothing_else_does(tmp_path: Path) -> None:
    folder = Path(
        shutil.copytree(
            EXAMPLES / "johnny", tmp_path / "johnny", ignore=shutil.ignore_patterns("model", "outcomes", "flinktf-runs")
        )
    )
    trained = JobFolder(folder, "train.yaml").run()
    assert trained.code == 0, trained.output
    accuracy = re.search(r"accuracy on the held-out digits: ([\d.]+)", trained.output)
    assert accuracy is not None, trained.output
    assert float(accuracy[1]) >= 0.95

    run = JobFolder(folder, "johnny.yaml").run()
    assert run.code == 0, run.output
    lines = [line for file in (folder / "outcomes").iterdir() for line in file.read_text().splitlines()]
    heard = {"Access Granted!": set(), "Access Denied!": set()}
    for visitor, moment, outcome in csv.reader(lines):
        heard[outcome].add((visitor, moment.split()[1]))
    assert heard == {"Access Granted!": GRANTED, "Access Denied!": DENIED}
    assert len(lines) == len(GRANTED) + len(DENIED)
