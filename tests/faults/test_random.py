"""A few of the faults at random moments; ``python -m faults.random`` makes as many as one wants."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.random import execute, plan


@pytest.mark.long
@pytest.mark.parametrize("seed", [3, 7, 17, 19, 25])
def test_at_random_moments(tmp_path: Path, seed: int) -> None:
    result = execute(plan(seed), tmp_path)
    assert result.wrong is None, f"{plan(seed)}: {result.wrong}"
    assert result.struck, plan(seed)
