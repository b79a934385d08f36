import csv
import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flinktf.training.errors import ColumnError
from flinktf.training.rows import check_csv, csv_lines

TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\x00"), max_size=8)


@given(st.lists(st.tuples(TEXT, st.one_of(st.none(), st.integers(-5, 5))), min_size=1, max_size=8))
def test_a_csv_reader_gets_back_what_was_written(rows):
    batch = pa.record_batch([pa.array([r[0] for r in rows]), pa.array([r[1] for r in rows], pa.int32())], ["s", "n"])
    for line, (text, number) in zip(csv_lines(batch).to_pylist(), rows, strict=True):
        (fields,) = csv.reader([line], strict=True) if "\n" not in line else csv.reader([line])
        assert fields == [text, "" if number is None else str(number)]


def test_numbers_are_written_as_the_tensors_they_are():
    batch = pa.record_batch(
        [
            pa.array([True]),
            pa.array([0.1], pa.float32()),
            pa.array([datetime.date(1970, 1, 2)]),
            pa.array([datetime.datetime(1970, 1, 1)], pa.timestamp("us")),
        ],
        ["b", "f", "d", "t"],
    )
    assert csv_lines(batch).to_pylist() == ["1,0.1,1,0"]


def test_a_list_has_no_place_in_a_line():
    with pytest.raises(ColumnError, match="column 'l'"):
        check_csv(pa.schema([("l", pa.list_(pa.int32()))]))
