"""Records that cannot become tensors: set aside, up to a limit, where the role would fail otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from flinktf.training.batches import Parts
from flinktf.training.errors import ColumnError, NullValueError, TrainingError

Decode = Callable[[pa.RecordBatch, int], Parts]
REFUSED = (ColumnError, NullValueError)
"""What a record is refused with. What a training step raises comes too late: which record it was, nobody can say."""


class BadRecords:
    """JSON lines at ``path``: each has the record, and why. ``tell`` hears how many there are, and the newest reason.

    A restart brings the records since the last checkpoint again, and with them the bad ones.
    """

    def __init__(self, path: Path, limit: int, tell: Callable[[int, str], None]) -> None:
        self._path = path
        self._limit = limit
        self._tell = tell
        self._count = 0

    def decoded(self, decode: Decode, batch: pa.RecordBatch, first_row: int, *, known: bool) -> Iterator[Parts]:
        """The parts of ``batch`` without its bad records, which are found by halving it.

        ``known``: an earlier pass has set them aside. Raises what a record is refused with when the limit is reached.
        """
        try:
            yield decode(batch, first_row)
            return
        except REFUSED as error:
            if batch.num_rows == 1:
                if not known:
                    self._set_aside(batch, error)
                return
        half = batch.num_rows // 2
        yield from self.decoded(decode, batch.slice(0, half), first_row, known=known)
        yield from self.decoded(decode, batch.slice(half), first_row + half, known=known)

    def _set_aside(self, record: pa.RecordBatch, error: TrainingError) -> None:
        if self._count == self._limit:
            error.add_note(f"{self._limit} records had been set aside before, as skip_bad= allows: {self._path}")
            raise error
        line = json.dumps({"why": str(error), "record": record.to_pylist()[0]}, default=str)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.write(f"{line}\n")
        except OSError as reason:
            raise TrainingError(f"a bad record cannot be set aside in {self._path}: {reason}") from error
        self._count += 1
        self._tell(self._count, f"record set aside in {self._path}: {error}")
