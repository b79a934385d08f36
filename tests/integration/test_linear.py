"""Linear regression in both of DL on Flink's styles, as examples/linear has it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from integration.harness import JobFolder, Run

pytestmark = pytest.mark.long  # `make e2e-short` has it on Kubernetes
EXAMPLE = Path(__file__).parents[2] / "examples" / "linear"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "linear", ignore=shutil.ignore_patterns("model", "flinktf-runs")))


def run(folder: Path, manifest: str) -> Run:
    shutil.copy(folder / manifest, folder / "job.yaml")
    shutil.rmtree(folder / "flinktf-runs", ignore_errors=True)
    found = JobFolder(folder).run()
    assert found.code == 0, found.output
    return found


def test_a_script_of_its_own(folder: Path) -> None:
    found = re.search(r"y = ([\d.]+) x \+ ([\d.]+)", run(folder, "train.yaml").output)
    assert found is not None
    assert (float(found[1]), float(found[2])) == (pytest.approx(2, abs=0.3), pytest.approx(1, abs=0.3))


def test_an_estimator_and_its_model(folder: Path) -> None:
    run(folder, "estimator.yaml")
    rows = re.findall(r"\| \+I \| +([\d.]+) \| +([\d.]+) \|", run(folder, "apply.yaml").log("driver"))
    assert {float(x): float(y) for x, y in rows} == {x: pytest.approx(2 * x + 1, abs=0.2) for x in (0.0, 0.5, 1.0)}
