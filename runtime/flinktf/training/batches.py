"""Training batches cut out of Arrow-sized chunks, with numpy slices; rows are copied only where two chunks meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from flinktf.training.columns import Part, Ragged
from flinktf.training.records import Marker

Parts = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """``steps`` batches of ``size`` rows each, one behind the other in the parts' first dimension.

    Ragged parts cannot be cut by TensorFlow at a stride: with one among the parts, ``steps`` is 1.
    """

    parts: Parts
    steps: int
    size: int

    @property
    def rows(self) -> int:
        return self.steps * self.size

    def take(self, first: int, steps: int) -> Block:
        """``steps`` batches from batch ``first`` on."""
        if first == 0 and steps == self.steps:
            return self
        rows = slice_parts(self.parts, first * self.size, (first + steps) * self.size)
        return Block(rows, steps, self.size)


def row_count(parts: Parts) -> int:
    first = parts[0]
    return len(first.row_splits) - 1 if isinstance(first, Ragged) else len(first)


def slice_parts(parts: Parts, start: int, stop: int) -> Parts:
    """Rows ``start`` to ``stop`` (exclusive), as views."""
    return tuple(_slice(part, start, stop) for part in parts)


def concat_parts(pieces: Sequence[Parts]) -> Parts:
    if len(pieces) == 1:
        return pieces[0]
    return tuple(_concat(column) for column in zip(*pieces, strict=True))


def cut(
    chunks: Iterable[Parts | Marker], size: int, *, drop_remainder: bool = False, flush_at_marker: bool = False
) -> Iterator[Block | Marker]:
    """Cuts chunks into blocks of batches of ``size`` rows; the last batch may be smaller, unless it is dropped.

    With ``flush_at_marker`` a marker comes behind a batch of all the rows before it, however few, so that a model
    saved there has seen them all. With ``drop_remainder`` no batch is ever smaller: such rows wait for the next ones.
    """
    held: list[Parts] = []
    held_rows = 0
    for chunk in chunks:
        if isinstance(chunk, Marker):
            if held_rows and flush_at_marker and not drop_remainder:
                yield Block(concat_parts(held), 1, held_rows)
                held, held_rows = [], 0
            yield chunk
            continue
        rows = row_count(chunk)
        start = 0
        if held_rows:
            start = min(size - held_rows, rows)
            held.append(slice_parts(chunk, 0, start))
            held_rows += start
            if held_rows < size:
                continue
            yield Block(concat_parts(held), 1, size)
            held, held_rows = [], 0
        yield from _whole(chunk, start, (rows - start) // size, size)
        held_rows = (rows - start) % size
        if held_rows:
            held = [slice_parts(chunk, rows - held_rows, rows)]
    if held_rows and not drop_remainder:
        yield Block(concat_parts(held), 1, held_rows)


def _whole(chunk: Parts, start: int, steps: int, size: int) -> Iterator[Block]:
    if steps == 0:
        return
    if any(isinstance(part, Ragged) for part in chunk):
        for at in range(start, start + steps * size, size):
            yield Block(slice_parts(chunk, at, at + size), 1, size)
    else:
        yield Block(slice_parts(chunk, start, start + steps * size), steps, size)


def _slice(part: Part, start: int, stop: int) -> Part:
    if isinstance(part, Ragged):
        first, last = part.row_splits[start], part.row_splits[stop]
        return Ragged(part.values[first:last], part.row_splits[start : stop + 1] - first)
    return part[start:stop]


def _concat(column: Sequence[Part]) -> Part:
    ragged = [part for part in column if isinstance(part, Ragged)]
    if not ragged:
        return np.concatenate([part for part in column if not isinstance(part, Ragged)])
    lengths = np.concatenate([np.diff(part.row_splits) for part in ragged])
    row_splits = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=row_splits[1:])
    return Ragged(np.concatenate([part.values for part in ragged]), row_splits)
