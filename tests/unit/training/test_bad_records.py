"""Bad records are set aside one by one, and nothing else with them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flinktf.training.bad_records import BadRecords
from flinktf.training.errors import NullValueError, TrainingError
from flinktf.training.layout import Layout
from flinktf.training.options import DatasetOptions

SCHEMA = pa.schema([("x", pa.float32())])
LAYOUT = Layout(SCHEMA, DatasetOptions(None, None, 8))


def decoded(bad: BadRecords, values: list[float | None], *, known: bool = False) -> list[float]:
    batch = pa.RecordBatch.from_pydict({"x": values}, SCHEMA)
    return [float(x) for parts in bad.decoded(LAYOUT.decode, batch, 100, known=known) for x in np.asarray(parts[0])]


@given(st.lists(st.none() | st.integers(0, 1000), min_size=1, max_size=64))
def test_the_others_keep_their_order(tmp_path_factory: pytest.TempPathFactory, values: list[float | None]) -> None:
    told: list[int] = []
    path = tmp_path_factory.mktemp("bad") / "worker-0.jsonl"
    bad = BadRecords(path, 64, lambda count, _: told.append(count))
    assert decoded(bad, values) == [value for value in values if value is not None]
    nulls = [row for row, value in enumerate(values) if value is None]
    assert told == list(range(1, len(nulls) + 1))
    lines = [json.loads(line) for line in path.read_text().splitlines()] if nulls else []
    assert [line["record"] for line in lines] == [{"x": None}] * len(nulls)
    assert all(f"NULL in row {100 + row} " in line["why"] for row, line in zip(nulls, lines, strict=True))


def test_more_than_allowed_fail_the_role_and_say_where_the_others_are(tmp_path: Path) -> None:
    bad = BadRecords(tmp_path / "b" / "worker-0.jsonl", 1, lambda *_: None)
    with pytest.raises(NullValueError, match="NULL in row 102 ") as raised:
        decoded(bad, [None, 1.0, None])
    assert raised.value.__notes__ == [
        f"1 records had been set aside before, as skip_bad= allows: {tmp_path}/b/worker-0.jsonl"
    ]


def test_a_later_pass_sets_nothing_aside_again(tmp_path: Path) -> None:
    bad = BadRecords(tmp_path / "worker-0.jsonl", 1, lambda *_: None)
    assert decoded(bad, [None, 1.0]) == decoded(bad, [None, 1.0], known=True) == [1.0]
    assert len((tmp_path / "worker-0.jsonl").read_text().splitlines()) == 1


def test_a_file_that_cannot_be_written_fails_the_role(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match="cannot be set aside in"):
        decoded(BadRecords(tmp_path / "file" / "worker-0.jsonl", 1, lambda *_: None), [None])
