"""Which of the checkpoints in a job's folder is the newest."""

from __future__ import annotations

import pytest

from flinktf.flink.recovery import newest


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], None),
        (["shared", "taskowned"], None),
        (["chk-9", "shared", "chk-10"], "chk-10"),
        (["chk-2", "chk-3.part", "chk-", "my-chk-7"], "chk-2"),
    ],
)
def test_newest(names: list[str], expected: str | None) -> None:
    assert newest(names) == expected
