"""A local copy of a stream's records, written in the first pass and memory-mapped for the later ones."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from flinktf.training.errors import SpoolError


class Spool:
    """One Arrow IPC file. It can be read while it still grows; ``count`` batches are in it."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.count = 0
        self.bytes = 0
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = pa.OSFile(str(path), "wb")
            self._writer = pa.ipc.new_stream(self._file, schema)
        except OSError as error:
            raise self._failed(error) from error

    def write(self, batch: pa.RecordBatch) -> None:
        """Raises :class:`SpoolError` when the disk is full or the file cannot be written."""
        try:
            self._writer.write_batch(batch)
        except OSError as error:
            raise self._failed(error) from error
        self.count += 1
        self.bytes += batch.nbytes

    def close(self) -> None:
        """Ends the file. Raises :class:`SpoolError` when its last bytes cannot be written."""
        if self._closed:
            return
        self._closed = True
        try:
            self._writer.close()
            self._file.close()
        except OSError as error:
            raise self._failed(error) from error

    def replay(self, start: int = 0) -> Iterator[pa.RecordBatch]:
        """The batches from number ``start`` to the last one written by now; their memory is the page cache's."""
        stop = self.count
        if start >= stop:
            return
        if not self._closed:
            self._file.flush()
        with pa.memory_map(str(self.path)) as source:
            yield from itertools.islice(pa.ipc.open_stream(source), start, stop)

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _failed(self, error: OSError) -> SpoolError:
        return SpoolError(
            f"the records could not be kept in {self.path} for later epochs after {self.bytes} bytes: "
            f"{error.strerror or error}; give the role more disk, or train with epochs=1"
        )
