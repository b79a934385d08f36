"""Rows from a role back into Flink: RESULT frames of Arrow batches (docs/protocol.md)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from flinktf.training.errors import ColumnError

_ROWS = 4096
_BYTES = 1 << 20
_SECONDS = 0.1


class Row:
    """A row with named fields, ``Row(x=1, y=2)``, or positional ones, ``Row(1, 2)``."""

    def __init__(self, *values: Any, **named: Any) -> None:
        if values and named:
            raise ValueError("a Row has either positional or named fields, not both")
        self._values = values
        self._named = named

    def as_dict(self) -> dict[str, Any]:
        return dict(self._named)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values or self._named.values())

    def __repr__(self) -> str:
        fields = [repr(value) for value in self._values] + [f"{k}={v!r}" for k, v in self._named.items()]
        return f"Row({', '.join(fields)})"


class RowWriter:
    """Collects rows and sends them by count, size or age (100 ms), whichever comes first. Safe in threads."""

    def __init__(self, schema: pa.Schema, send: Callable[[memoryview], None]) -> None:
        self.rows = 0
        self._schema = schema
        self._send = send
        self._columns: list[list[Any]] = [[] for _ in schema]
        self._count = 0
        self._bytes = 0
        self._oldest = 0.0
        self._lock = threading.RLock()
        self._closed = False
        self._waiting = threading.Event()

    def write(self, row: Any = None, /, **named: Any) -> None:
        """Writes one row: a Row, a mapping, a sequence in the order of the output columns, or keywords.

        Raises :class:`ColumnError` naming a column that is missing, unknown or of the wrong type.
        """
        values = self._ordered(named if row is None else row)
        with self._lock:
            if self._closed:
                raise ValueError("the writer is closed")
            for column, value in zip(self._columns, values, strict=True):
                column.append(value)
                self._bytes += len(value) if isinstance(value, str | bytes) else getattr(value, "nbytes", 8)
            if self._count == 0:
                self._oldest = time.monotonic()
                self._start_clock()
            self._count += 1
            if self._count >= _ROWS or self._bytes >= _BYTES or time.monotonic() - self._oldest >= _SECONDS:
                self.flush()

    def write_batch(self, columns: Mapping[str, Any]) -> None:
        """Writes many rows at once: an array or tensor ``[rows]`` for each output column."""
        self._check_names(columns)
        arrays = [pa.array(_plain(columns[field.name]), field.type) for field in self._schema]
        with self._lock:
            self.flush()
            batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
            step = max(1, batch.num_rows * _BYTES // max(1, batch.nbytes))
            for start in range(0, batch.num_rows, step):
                self._send_batch(batch.slice(start, step))

    def flush(self) -> None:
        """Sends what is collected."""
        with self._lock:
            if self._count == 0:
                return
            columns, self._columns = self._columns, [[] for _ in self._schema]
            self._count = self._bytes = 0
            arrays = [_array(field, values) for field, values in zip(self._schema, columns, strict=True)]
            self._send_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        with self._lock:
            self.flush()
            self._closed = True

    def _send_batch(self, batch: pa.RecordBatch) -> None:
        self._send(memoryview(batch.serialize()))
        self.rows += batch.num_rows

    def _ordered(self, row: Any) -> Sequence[Any]:
        as_dict = getattr(row, "as_dict", None)
        named = as_dict() if callable(as_dict) and _has_names(row) else row
        if isinstance(named, Mapping):
            self._check_names(named)
            return [_plain(named[name]) for name in self._schema.names]
        values = [_plain(value) for value in named]
        if len(values) != len(self._columns):
            raise ColumnError(
                f"a row of {len(values)} values was written; the output has {len(self._columns)} columns: "
                + ", ".join(self._schema.names)
            )
        return values

    def _check_names(self, named: Mapping[str, Any]) -> None:
        if set(named) != set(self._schema.names):
            raise ColumnError(f"the output's columns are {self._schema.names}; the row has {sorted(named)}")

    def _start_clock(self) -> None:
        """One thread sends rows that nobody follows up, so that the last ones do not wait for close."""
        if self._waiting.is_set():
            return
        self._waiting.set()
        threading.Thread(target=self._tick, name="flinktf-writer", daemon=True).start()

    def _tick(self) -> None:
        while True:
            time.sleep(_SECONDS)
            with self._lock:
                if self._count == 0:
                    self._waiting.clear()
                    return
                if time.monotonic() - self._oldest >= _SECONDS:
                    self.flush()


def _has_names(row: Any) -> bool:
    """A pyflink Row has ``as_dict`` with positional fields too, and raises then."""
    if isinstance(row, Row):
        return bool(row.as_dict())
    return hasattr(row, "_fields")


def _plain(value: Any) -> Any:
    """Tensors and numpy scalars as what Arrow takes."""
    numpy = getattr(value, "numpy", None)
    value = numpy() if callable(numpy) else value
    return value.item() if isinstance(value, np.generic) else value


def _array(field: pa.Field, values: list[Any]) -> pa.Array:
    try:
        return pa.array(values, field.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ColumnError(f"a value for output column {field.name!r} is not {field.type}: {error}") from None
