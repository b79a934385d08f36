"""Arrow's scalar types as tensor types, and their columns as arrays."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import pyarrow as pa

Array = npt.NDArray[Any]


def scalar_dtype(kind: pa.DataType) -> str | None:
    """The tensor type of an Arrow scalar type (docs/protocol.md, Types), or None when the table has none."""
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_integer(kind):
        return str(kind)
    if pa.types.is_floating(kind):
        return f"float{kind.bit_width}"  # Arrow has other names for these; and its to_pandas_dtype wants pandas
    if pa.types.is_date32(kind) or pa.types.is_time32(kind) or pa.types.is_timestamp(kind):
        return f"int{kind.bit_width}"
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind):
        return "string"
    return None


def scalar_values(column: pa.Array) -> Array:
    """A column without NULLs; a view of Arrow's memory for numbers, objects of ``bytes`` for strings."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = column.cast(pa.binary())
    elif pa.types.is_date32(kind) or pa.types.is_time32(kind):
        column = column.view(pa.int32())
    elif pa.types.is_timestamp(kind):
        column = column.view(pa.int64())
    values: Array = column.to_numpy(zero_copy_only=False)
    return values
