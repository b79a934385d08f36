"""What the kernel's counters tell of a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from flinktf.agent.memory import oom_kills

V2 = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n"
V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"


@pytest.mark.parametrize("text", [V2, V1])
def test_the_kills_are_counted(tmp_path: Path, text: str) -> None:
    file = tmp_path / "counter"
    file.write_text(text)
    assert oom_kills((tmp_path / "absent", file)) == 2


def test_nobody_counts(tmp_path: Path) -> None:
    assert oom_kills((tmp_path / "absent",)) == 0
