import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from flinktf.training.columns import ColumnReader, Ragged
from flinktf.training.errors import ColumnError, NullValueError


def read(array, **options):
    return ColumnReader("c", array.type, **options).read(array, 100)


@pytest.mark.parametrize(
    ("kind", "values", "dtype"),
    [
        (pa.bool_(), [True, False, True], "bool"),
        (pa.int8(), [1, -2, 3], "int8"),
        (pa.int16(), [1, -2, 3], "int16"),
        (pa.int32(), [1, -2, 3], "int32"),
        (pa.int64(), [1, -2, 1 << 60], "int64"),
        (pa.float32(), [0.5, -1.5, 2.0], "float32"),
        (pa.float64(), [0.1, -1.5, 2.0], "float64"),
    ],
)
def test_numbers_are_read_as_they_are(kind, values, dtype):
    result = read(pa.array(values, kind))
    assert result.dtype == dtype
    assert result.tolist() == values


def test_times_are_counts_since_their_origin():
    assert read(pa.array([datetime.date(1970, 1, 3)], pa.date32())).tolist() == [2]
    assert read(pa.array([datetime.time(0, 0, 1)], pa.time32("ms"))).tolist() == [1000]
    stamp = read(pa.array([datetime.datetime(1970, 1, 1, 0, 0, 1)], pa.timestamp("us")))
    assert stamp.dtype == np.int64
    assert stamp.tolist() == [1_000_000]


@pytest.mark.parametrize(("kind", "value"), [(pa.string(), "ä"), (pa.binary(), "ä".encode())])
def test_text_and_bytes_are_bytes(kind, value):
    assert read(pa.array([value, value[:0]], kind)).tolist() == ["ä".encode(), b""]


def test_numbers_are_views_of_arrows_memory():
    array = pa.array(np.arange(10, dtype=np.float32))
    assert read(array).ctypes.data == array.buffers()[1].address


def test_a_null_names_its_column_and_row():
    with pytest.raises(NullValueError, match=r"column 'c' is NULL in row 102 .*fill=\{'c'"):
        read(pa.array([1, 2, None]))


def test_a_fill_value_stands_for_null():
    assert read(pa.array([1.0, None], pa.float32()), fill=-1).tolist() == [1.0, -1.0]
    assert read(pa.array(["a", None]), fill="none").tolist() == [b"a", b"none"]


def test_a_fill_value_of_another_type_is_refused():
    with pytest.raises(ColumnError, match="fill value 'x' does not fit column 'c'"):
        read(pa.array([1, None]), fill="x")


def test_lists_are_ragged():
    result = read(pa.array([[1.0], [], [2.0, 3.0]], pa.list_(pa.float32())))
    assert isinstance(result, Ragged)
    assert result.values.tolist() == [1, 2, 3]
    assert result.row_splits.tolist() == [0, 1, 1, 3]


def test_lists_of_a_slice_begin_at_its_first_row():
    array = pa.array([[9.0], [1.0], [2.0, 3.0]], pa.list_(pa.float32())).slice(1)
    result = read(array)
    assert (result.values.tolist(), result.row_splits.tolist()) == ([1, 2, 3], [0, 1, 3])
    assert read(array.slice(1), length=2).tolist() == [[2, 3]]


def test_a_wrong_length_names_its_row():
    with pytest.raises(ColumnError, match=r"column 'c' has 1 items in row 101 .* not 2"):
        read(pa.array([[1, 2], [3]], pa.list_(pa.int32())), length=2)


def test_a_null_within_a_list_names_the_row_of_the_list():
    with pytest.raises(NullValueError, match="NULL in row 101"):
        read(pa.array([[1, 2], [3, None]], pa.list_(pa.int32())), length=2)


def test_null_lists_are_filled():
    array = pa.array([[1, 2], None, [3, None]], pa.list_(pa.int32()))
    assert read(array, fill=7, length=2).tolist() == [[1, 2], [7, 7], [3, 7]]
    assert read(array, fill=7).row_splits.tolist() == [0, 2, 2, 4]


def test_a_type_without_a_tensor_is_refused():
    with pytest.raises(ColumnError, match="CAST"):
        ColumnReader("c", pa.array([Decimal("1.5")]).type)
    with pytest.raises(ColumnError, match="no ARRAY"):
        ColumnReader("c", pa.int32(), length=2)
