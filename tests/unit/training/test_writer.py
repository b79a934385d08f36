import time
from collections import namedtuple

import numpy as np
import pyarrow as pa
import pytest

from flinktf.training.errors import ColumnError
from flinktf.training.writer import Row, RowWriter

SCHEMA = pa.schema([("x", pa.float32()), ("name", pa.string())])


@pytest.fixture
def sent():
    return []


@pytest.fixture
def writer(sent):
    return RowWriter(SCHEMA, lambda payload: sent.append(pa.ipc.read_record_batch(pa.py_buffer(payload), SCHEMA)))


def rows(sent):
    return [tuple(row.values()) for batch in sent for row in batch.to_pylist()]


def test_rows_are_written_in_any_form(writer, sent):
    writer.write(Row(name="a", x=1.0))
    writer.write(Row(2.0, "b"))
    writer.write((3.0, "c"))
    writer.write({"name": "d", "x": np.float32(4)})
    writer.write(namedtuple("R", "x name")(5.0, "e"))
    writer.write(x=6.0, name=None)
    writer.close()
    assert rows(sent) == [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e"), (6, None)]
    assert writer.rows == 6


def test_rows_are_sent_by_count_and_the_rest_on_close(writer, sent):
    for n in range(5000):
        writer.write((float(n) and (float(n), "x")) or (0.0, "x"))
    writer.close()
    assert sum(batch.num_rows for batch in sent) == 5000
    assert max(batch.num_rows for batch in sent) <= 4096


def test_a_lonely_row_is_sent_after_a_while(writer, sent):
    writer.write((1.0, "x"))
    time.sleep(0.4)
    assert rows(sent) == [(1, "x")]


def test_whole_columns_are_written_at_once(writer, sent):
    writer.write_batch({"x": np.arange(3, dtype=np.float32), "name": ["a", "b", "c"]})
    assert rows(sent) == [(0, "a"), (1, "b"), (2, "c")]


def test_a_row_that_does_not_fit_is_told_what_would(writer):
    with pytest.raises(ColumnError, match="2 columns: x, name"):
        writer.write((1.0,))
    with pytest.raises(ColumnError, match=r"\['x', 'name'\]; the row has \['x', 'y'\]"):
        writer.write(x=1.0, y=2)
    writer.write(("one", "x"))
    with pytest.raises(ColumnError, match="output column 'x' is not float"):
        writer.flush()
