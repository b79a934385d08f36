"""Rows in another order, a window at a time, without touching a row in Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from flinktf.training.records import Item, Marker

_PIECE_BYTES = 1 << 20


def shuffled(items: Iterable[Item], window: int, seed: Sequence[int]) -> Iterator[Item]:
    """Collects at least ``window`` rows, permutes them, and goes on with the next ones.

    A window ends at a marker, so that no row crosses a checkpoint. The same seed gives the same order.
    """
    random = np.random.default_rng(list(seed))
    held: list[pa.RecordBatch] = []
    rows = 0
    for item in items:
        if isinstance(item, Marker):
            yield from _permuted(held, random)
            held, rows = [], 0
            yield item
            continue
        held.append(item)
        rows += item.num_rows
        if rows >= window:
            yield from _permuted(held, random)
            held, rows = [], 0
    yield from _permuted(held, random)


def _permuted(batches: list[pa.RecordBatch], random: np.random.Generator) -> Iterator[pa.RecordBatch]:
    if not batches:
        return
    table = pa.Table.from_batches(batches).combine_chunks()
    order = random.permutation(table.num_rows)
    step = max(1, table.num_rows * _PIECE_BYTES // max(1, table.nbytes))
    for start in range(0, len(order), step):
        yield from table.take(pa.array(order[start : start + step])).combine_chunks().to_batches()
