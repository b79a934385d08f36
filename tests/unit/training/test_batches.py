import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flinktf.training.batches import Block, cut
from flinktf.training.columns import Ragged
from flinktf.training.records import Marker

CHUNKS = st.lists(st.one_of(st.integers(0, 40), st.just("marker")), max_size=12)


def chunks_of(plan):
    row = 0
    checkpoint = 0
    for item in plan:
        if item == "marker":
            checkpoint += 1
            yield Marker(checkpoint)
            continue
        rows = np.arange(row, row + item)
        row += item
        lengths = rows % 3
        splits = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        yield (rows, Ragged(np.repeat(rows, lengths), splits))


def batches_of(blocks):
    for block in blocks:
        if isinstance(block, Marker):
            yield block
        else:
            for step in range(block.steps):
                yield block.take(step, 1)


@given(CHUNKS, st.integers(1, 17))
def test_every_row_comes_once_in_order_and_only_the_last_batch_is_smaller(plan, size):
    batches = [b for b in batches_of(cut(chunks_of(plan), size)) if isinstance(b, Block)]
    total = sum(item for item in plan if item != "marker")
    rows = np.concatenate([b.parts[0] for b in batches]) if batches else np.array([])
    assert rows.tolist() == list(range(total))
    assert all(batch.size == size for batch in batches[:-1])
    for batch in batches:
        ragged = batch.parts[1]
        assert np.diff(ragged.row_splits).tolist() == (batch.parts[0] % 3).tolist()
        assert ragged.values.tolist() == np.repeat(batch.parts[0], batch.parts[0] % 3).tolist()


@given(CHUNKS, st.integers(1, 17))
def test_with_flush_all_rows_before_a_marker_come_before_it(plan, size):
    seen = expected = 0
    markers = iter([i for i, item in enumerate(plan) if item == "marker"])
    for item in batches_of(cut(chunks_of(plan), size, flush_at_marker=True)):
        if isinstance(item, Marker):
            expected = sum(rows for rows in plan[: next(markers)] if rows != "marker")
            assert seen == expected
        else:
            seen += item.rows


@given(CHUNKS, st.integers(1, 17))
def test_a_dropped_remainder_leaves_whole_batches(plan, size):
    batches = [b for b in batches_of(cut(chunks_of(plan), size, drop_remainder=True)) if isinstance(b, Block)]
    total = sum(item for item in plan if item != "marker")
    assert [batch.rows for batch in batches] == [size] * (total // size)


def test_whole_batches_of_a_chunk_are_views_of_it():
    chunk = (np.arange(100),)
    (block, rest) = cut([chunk], 32)
    assert (block.steps, block.size, rest.size) == (3, 32, 4)
    assert np.shares_memory(block.parts[0], chunk[0])
