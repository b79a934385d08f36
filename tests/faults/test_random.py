"""A few of the faults at random moments; ``python -m faults.random`` makes as many as one wants."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.random import execute, plan

# Two jobs' time on a machine with other work: a slow moment is no failure.
pytestmark = pytest.mark.timeout(900)


@pytest.mark.long
@pytest.mark.parametrize("seed", [3, 7, 17, 19, 25])
def test_at_random_moments(tmp_path: Path, seed: int) -> None:
    result = execute(plan(seed), tmp_path)
    assert result.wrong is None, f"{plan(seed)}: {result.wrong}"
    assert result.struck, plan(seed)
