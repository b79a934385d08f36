"""One role's records: read from the stream once, kept in spools where they are wanted again.

A split has two parts, the rows where a BOOLEAN column is false (``part`` False) and those where it is true
(``part`` True); whichever part is read from the stream, the other one goes into its spool on the way.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from flinktf.training.errors import ColumnError, StreamConsumedError
from flinktf.training.records import Item, Marker, RecordReader
from flinktf.training.spool import Spool

Part = bool | None

_NAMES = {None: "records", False: "training", True: "held-out"}


class Recording:
    """The stream of one subtask attempt. A part that is kept can be read often, also before the stream has ended."""

    def __init__(self, reader: RecordReader, schema: pa.Schema, spool_path: Path) -> None:
        self.schema = schema
        self._reader = reader
        self._items: Iterator[Item] = iter(reader)
        self._directory = spool_path
        self._spools: dict[Part, Spool] = {}
        self._split_by: str | None = None
        self._unkept: Part | str = "none"
        self._started = False
        self._ended = False
        self._lock = threading.Lock()

    @property
    def rows(self) -> int:
        """Rows taken out of the stream so far, each counted once."""
        return self._reader.rows

    def read(self, part: Part, split_by: str | None, *, keep: bool) -> Iterator[Item]:
        """The rows of ``part`` from the first one on: what is spooled, then what the stream still brings.

        ``keep`` says whether they will be read again; it counts at the first read. Markers come in the first pass
        only. Raises :class:`StreamConsumedError` when rows are gone.
        """
        with self._lock:
            self._start(part, split_by, keep)
        spool = self._spools.get(part)
        if spool is None:
            return self._read_unkept(part)
        return self._read_kept(part, spool)

    def remove(self) -> None:
        """Deletes the spools."""
        for spool in self._spools.values():
            spool.remove()

    def _start(self, part: Part, split_by: str | None, keep: bool) -> None:
        if not self._started:
            if split_by is not None:
                self._check_split(split_by)
            self._started, self._split_by = True, split_by
            if keep:
                self._open(part)
            else:
                self._unkept = part
            if part is not None:
                self._open(not part)
        elif split_by != self._split_by:
            raise StreamConsumedError(
                f"the records are being read split by {self._split_by!r}; they cannot be read split by {split_by!r} too"
            )
        elif part not in self._spools:
            raise StreamConsumedError(
                "the records of this role were read already and not kept, and a stream can be read once only: ask for "
                "all epochs in one go, to_tf(epochs=…) or fit(…, epochs=…), so that they are kept on disk"
            )

    def _read_unkept(self, part: Part) -> Iterator[Item]:
        while (item := self._pull(part)) is not None:
            yield item

    def _read_kept(self, part: Part, spool: Spool) -> Iterator[Item]:
        position = 0
        while True:
            for batch in spool.replay(position):
                position += 1
                yield batch
            if self._ended or self._unkept != "none":
                return  # rows of the other part would be lost if this part's reader emptied the stream
            with self._lock:
                behind = position < spool.count
            if behind:
                continue
            item = self._pull(part)
            if item is None:
                return
            if not isinstance(item, Marker):
                position += 1
            yield item

    def _pull(self, part: Part) -> Item | None:
        """The stream's next item for ``part``; what is for the other part, or is kept, goes into the spools."""
        with self._lock:
            for item in self._items:
                if isinstance(item, Marker):
                    return item
                batch = self._divide(item, part)
                if batch.num_rows:
                    if part in self._spools:
                        self._spools[part].write(batch)
                    return batch
            if not self._ended:
                self._ended = True
                for spool in self._spools.values():
                    spool.close()
            return None

    def _divide(self, batch: pa.RecordBatch, part: Part) -> pa.RecordBatch:
        if part is None:
            return batch
        mask = batch.column(self.schema.get_field_index(self._split_by))
        if mask.null_count:
            raise ColumnError(
                f"column {self._split_by!r} splits the records and must not be NULL; COALESCE it in the query"
            )
        if not part:
            mask = pc.invert(mask)
        other = batch.filter(pc.invert(mask))
        if other.num_rows:
            self._spools[not part].write(other)
        return batch.filter(mask)

    def _open(self, part: Part) -> None:
        path = self._directory / f"{_NAMES[part]}-{os.getpid()}.arrows"
        self._spools[part] = Spool(path, self.schema)

    def _check_split(self, name: str) -> None:
        index = self.schema.get_field_index(name)
        if index < 0 or not pa.types.is_boolean(self.schema.field(index).type):
            raise ColumnError(f"split(by={name!r}) needs a BOOLEAN column of that name in the stream")
