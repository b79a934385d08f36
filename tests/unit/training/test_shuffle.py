import pyarrow as pa

from flinktf.training.records import Marker
from flinktf.training.shuffle import shuffled

SCHEMA = pa.schema([("n", pa.int64())])


def stream():
    for start in range(0, 100, 10):
        yield pa.record_batch([list(range(start, start + 10))], schema=SCHEMA)
        if start == 40:
            yield Marker(1)


def numbers(items):
    return [
        "|" if isinstance(i, Marker) else n
        for i in items
        for n in ([0] if isinstance(i, Marker) else i.column(0).to_pylist())
    ]


def test_rows_are_permuted_within_windows_and_do_not_cross_a_marker():
    result = numbers(shuffled(stream(), 30, (0, 0)))
    marker = result.index("|")
    assert sorted(result[:30]) == list(range(30))
    assert result[:30] != list(range(30))
    assert sorted(result[:marker]) == list(range(50))
    assert sorted(result[marker + 1 :]) == list(range(50, 100))


def test_the_seed_and_the_epoch_decide_the_order():
    def order(seed, epoch):
        return numbers(shuffled(stream(), 1000, (seed, epoch)))

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)
