"""One Arrow column as numpy, without touching a row in Python, and without copying where Arrow allows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flinktf.arrow import Array, scalar_dtype, scalar_values
from flinktf.training.errors import ColumnError, NullValueError


class Ragged(NamedTuple):
    """Lists of different lengths: row ``i`` is ``values[row_splits[i]:row_splits[i + 1]]``."""

    values: Array
    row_splits: Array


Part = Array | Ragged


@dataclass(frozen=True)
class ColumnReader:
    """How one column is read: ``fill`` replaces NULL, ``length`` makes an ARRAY column dense ``[batch, length]``."""

    name: str
    kind: pa.DataType
    fill: Any = None
    length: int | None = None

    def __post_init__(self) -> None:
        if self.dtype_or_none is None:
            raise ColumnError(
                f"column {self.name!r} has the type {self.kind}, which has no tensor; CAST it in the query"
            )
        if self.length is not None and not self.is_list:
            raise ColumnError(f"a length is given for column {self.name!r}, which is no ARRAY but {self.kind}")

    @property
    def is_list(self) -> bool:
        return bool(pa.types.is_list(self.kind))

    @property
    def is_ragged(self) -> bool:
        return self.is_list and self.length is None

    @property
    def dtype_or_none(self) -> str | None:
        return scalar_dtype(self.kind.value_type if self.is_list else self.kind)

    @property
    def dtype(self) -> str:
        dtype = self.dtype_or_none
        assert dtype is not None
        return dtype

    def read(self, column: pa.Array, first_row: int) -> Part:
        """The column of a batch whose first row is row ``first_row`` of the stream; errors name the row."""
        if self.is_list:
            return self._read_lists(column, first_row)
        return scalar_values(self._filled(column, first_row, None))

    def _read_lists(self, column: pa.Array, first_row: int) -> Part:
        if column.null_count and self.fill is None:
            self._refuse_null(first_row + _first_null(column))
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        row_splits = np.zeros(len(column) + 1, np.int64)
        np.cumsum(lengths, out=row_splits[1:])
        items = self._filled(column.flatten(), first_row, row_splits)
        values = scalar_values(items)
        if self.length is None:
            return Ragged(values, row_splits)
        wrong = lengths != self.length
        if column.null_count:
            return self._with_filled_rows(values, lengths, wrong, column, first_row)
        if wrong.any():
            self._refuse_length(int(np.argmax(wrong)), lengths, first_row)
        return values.reshape(len(column), self.length)

    def _with_filled_rows(self, values: Array, lengths: Array, wrong: Array, column: pa.Array, first_row: int) -> Array:
        """Dense rows where a NULL list becomes a row of the fill value."""
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        if (wrong & valid).any():
            self._refuse_length(int(np.argmax(wrong & valid)), lengths, first_row)
        rows = np.full((len(column), self.length or 0), self.fill, values.dtype)
        rows[valid] = values.reshape(-1, self.length or 0)
        return rows

    def _filled(self, array: pa.Array, first_row: int, row_splits: Array | None) -> pa.Array:
        if not array.null_count:
            return array
        if self.fill is None:
            position = _first_null(array)
            if row_splits is not None:
                position = int(np.searchsorted(row_splits, position, side="right")) - 1
            self._refuse_null(first_row + position)
        try:
            return pc.fill_null(array, pa.scalar(self.fill, array.type))
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise ColumnError(f"the fill value {self.fill!r} does not fit column {self.name!r}: {error}") from None

    def _refuse_null(self, row: int) -> None:
        raise NullValueError(
            f"column {self.name!r} is NULL in row {row} of this role's records (counted from 0); "
            f"filter it in the query, or give a value: fill={{{self.name!r}: …}}"
        )

    def _refuse_length(self, position: int, lengths: Array, first_row: int) -> None:
        raise ColumnError(
            f"column {self.name!r} has {lengths[position]} items in row {first_row + position} of this role's records "
            f"(counted from 0), not {self.length} as lengths= says"
        )


def _first_null(array: pa.Array) -> int:
    return int(np.argmax(array.is_null().to_numpy(zero_copy_only=False)))
