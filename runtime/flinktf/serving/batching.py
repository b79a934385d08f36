"""Adaptive batching: what has come while the model was busy becomes one call. Nothing waits for more to come."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, NamedTuple

import pyarrow as pa

_WAITING: Final = 256
"""Batches that may wait; further senders wait themselves, and their sockets with them."""


class Answered(NamedTuple):
    """The model's columns, an error or NULL for each row, and the version of the model that made them."""

    outputs: pa.RecordBatch
    errors: pa.Array
    version: str


class _Waiting(NamedTuple):
    batch: pa.RecordBatch
    future: Future[Answered]


class Batcher:
    """One thread calls ``predict``, with batches of at most ``max_rows`` rows, or with one that has more itself."""

    def __init__(self, predict: Callable[[pa.RecordBatch], Answered], max_rows: int, name: str) -> None:
        self._predict = predict
        self._max_rows = max_rows
        self._waiting: queue.Queue[_Waiting | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, batch: pa.RecordBatch) -> Future[Answered]:
        """Its rows' answers, in their order; what ``predict`` raises is the future's exception."""
        future: Future[Answered] = Future()
        self._waiting.put(_Waiting(batch, future))
        return future

    def close(self) -> None:
        """After the batches that wait already."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        ahead: _Waiting | None = None
        while True:
            first = ahead or self._waiting.get()
            if first is None:
                return
            together, ahead = self._gather(first)
            self._answer(together)

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], _Waiting | None]:
        """What waits, as far as it fits into one call, and the first one that does not."""
        together, rows = [first], first.batch.num_rows
        while rows < self._max_rows:
            try:
                following = self._waiting.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._waiting.put(None)
                break
            if rows + following.batch.num_rows > self._max_rows:
                return together, following
            together.append(following)
            rows += following.batch.num_rows
        return together, None

    def _answer(self, together: Sequence[_Waiting]) -> None:
        try:
            whole = self._predict(_joined([one.batch for one in together]))
        except BaseException as error:
            for one in together:
                one.future.set_exception(error)
            return
        start = 0
        for one in together:
            rows = one.batch.num_rows
            one.future.set_result(
                Answered(whole.outputs.slice(start, rows), whole.errors.slice(start, rows), whole.version)
            )
            start += rows


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    columns = [pa.concat_arrays([batch.column(i) for batch in batches]) for i in range(batches[0].num_columns)]
    return pa.RecordBatch.from_arrays(columns, schema=batches[0].schema)
