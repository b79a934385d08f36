from pathlib import Path

import pyarrow as pa
import pytest

from flinktf.training.errors import ColumnError, SpoolError, StreamConsumedError
from flinktf.training.recording import Recording
from flinktf.training.records import Marker
from flinktf.training.spool import Spool

SCHEMA = pa.schema([("n", pa.int64()), ("held", pa.bool_())])


class Stream:
    """A reader of batches of ten rows, every fifth of them held out."""

    def __init__(self, batches=4, markers=()):
        self.rows = 0
        self._batches = batches
        self._markers = markers

    def __iter__(self):
        for number in range(self._batches):
            rows = range(number * 10, number * 10 + 10)
            self.rows += 10
            yield pa.record_batch([list(rows), [n % 5 == 0 for n in rows]], schema=SCHEMA)
            if number in self._markers:
                yield Marker(number)


def numbers(items):
    return [n for item in items if not isinstance(item, Marker) for n in item.column(0).to_pylist()]


@pytest.fixture
def recording(tmp_path):
    return Recording(Stream(), SCHEMA, tmp_path / "spool")


def test_a_stream_that_is_not_kept_is_read_once(recording, tmp_path):
    assert numbers(recording.read(None, None, keep=False)) == list(range(40))
    assert recording.rows == 40
    assert not (tmp_path / "spool").exists()
    with pytest.raises(StreamConsumedError, match="read already and not kept"):
        recording.read(None, None, keep=True)


def test_a_kept_stream_is_read_again_from_disk(recording, tmp_path):
    for _ in range(3):
        assert numbers(recording.read(None, None, keep=True)) == list(range(40))
    assert recording.rows == 40
    recording.remove()
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_kept_stream_may_be_looked_into_before(recording):
    first = recording.read(None, None, keep=True)
    assert numbers([next(first)]) == list(range(10))
    second = recording.read(None, None, keep=True)
    assert numbers(second) == list(range(40))
    assert numbers(first) == list(range(10, 40))


def test_a_split_keeps_the_held_out_rows_on_the_way(recording):
    held = [n for n in range(40) if n % 5 == 0]
    rest = [n for n in range(40) if n % 5]
    assert numbers(recording.read(False, "held", keep=True)) == rest
    assert numbers(recording.read(True, "held", keep=True)) == held
    assert numbers(recording.read(False, "held", keep=True)) == rest


def test_held_out_rows_before_the_end_are_those_that_came_by_then(recording):
    training = recording.read(False, "held", keep=False)
    next(training)
    assert numbers(recording.read(True, "held", keep=True)) == [0, 5]
    assert numbers(training) == [n for n in range(10, 40) if n % 5]


def test_held_out_rows_may_be_read_first(recording):
    assert numbers(recording.read(True, "held", keep=True)) == [n for n in range(40) if n % 5 == 0]
    assert numbers(recording.read(False, "held", keep=True)) == [n for n in range(40) if n % 5]


def test_markers_come_in_the_first_pass_only(tmp_path):
    recording = Recording(Stream(markers=(1,)), SCHEMA, tmp_path)
    passes = [[type(i).__name__ for i in recording.read(None, None, keep=True)] for _ in range(2)]
    assert passes == [["RecordBatch", "RecordBatch", "Marker", "RecordBatch", "RecordBatch"], ["RecordBatch"] * 4]


def test_a_split_needs_a_boolean_column(recording):
    with pytest.raises(ColumnError, match="BOOLEAN"):
        recording.read(False, "n", keep=False)


def test_two_different_splits_are_refused(recording):
    numbers(recording.read(False, "held", keep=True))
    with pytest.raises(StreamConsumedError, match="split by 'held'"):
        recording.read(None, None, keep=True)


def test_a_full_disk_is_told_with_path_and_bytes():
    def fill():
        spool = Spool(Path("/dev/full"), SCHEMA)
        for batch in Stream():
            spool.write(batch)
        spool.close()

    with pytest.raises(SpoolError, match=r"/dev/full .*after \d+ bytes: .*epochs=1"):
        fill()
