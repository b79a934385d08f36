"""Arrow columns without NULLs as arrays, and arrays as Arrow columns; and which types go into which without loss."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from flinktf.arrow import Array, scalar_dtype, scalar_values
from flinktf.models.errors import ConversionError, DtypeError
from flinktf.models.signature import STRING, TensorSpec


def is_array(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def item_type(kind: pa.DataType) -> pa.DataType:
    """Of an ARRAY its items' type, else the type itself."""
    return kind.value_type if is_array(kind) else kind


def dtype_of(column: str, kind: pa.DataType) -> str:
    """The tensor type of a column, or of the items of an ARRAY: dates and times are the integers behind them.

    Raises :class:`DtypeError` for a type that has none.
    """
    dtype = scalar_dtype(item_type(kind))
    if dtype is None:
        raise DtypeError(f"column {column!r} has the type {kind}, which has no tensor; CAST it in the query")
    return dtype


def goes_into(source: str, target: str) -> bool:
    """Whether values of a type may become those of another: whole numbers become floats and longer whole numbers,
    floats become shorter ones too, and nothing else changes."""
    if STRING in (source, target):
        return source == target
    one, other = np.dtype(source), np.dtype(target)
    return bool(np.can_cast(one, other, "safe")) or (one.kind in "iuf" and other.kind == "f")


def check_into(column: str, kind: pa.DataType, spec: TensorSpec) -> None:
    """Raises :class:`DtypeError` when a column's values cannot be the tensor's."""
    source = dtype_of(column, kind)
    _ = spec.numpy_dtype
    if not goes_into(source, spec.dtype):
        raise DtypeError(
            f"column {column!r} is {item_type(kind)}, and tensor {spec.name!r} wants {spec.dtype}; CAST it in the query"
        )


def values_of(column: pa.Array) -> Array:
    """Scalars, or all items of ARRAYs one after another; views of Arrow's memory for numbers, bytes for strings.

    Raises :class:`ConversionError` for a NULL item.
    """
    if is_array(column.type):
        column = column.flatten()
        if column.null_count:
            raise ConversionError("an ARRAY has an item that is NULL")
    return scalar_values(column)


def to_column(name: str, array: Array, kind: pa.DataType) -> pa.Array:
    """``[batch]`` or ``[batch, 1]`` as scalars, ``[batch, n]`` (or more dimensions, flat) as ARRAYs, of type ``kind``.

    Raises :class:`ConversionError` for values that the type does not have.
    """
    rows = len(array)
    try:
        if not is_array(kind):
            return _typed(array.reshape(rows), kind)
        items = _typed(array.reshape(-1), item_type(kind))
        if pa.types.is_fixed_size_list(kind):
            return pa.FixedSizeListArray.from_arrays(items, type=kind)
        width = len(items) // rows if rows else 0
        large = pa.types.is_large_list(kind)
        lists, offsets = (pa.LargeListArray, pa.int64()) if large else (pa.ListArray, pa.int32())
        return lists.from_arrays(pa.array(np.arange(rows + 1) * width, offsets), items).cast(kind)
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise ConversionError(f"the values for column {name!r} are not {kind}: {error}") from None


def _typed(values: Array, kind: pa.DataType) -> pa.Array:
    """Floats are rounded to shorter ones by numpy: Arrow takes only those that lose nothing."""
    if values.dtype == object:
        return pa.array(values, pa.binary()).cast(kind)
    array = pa.array(values.astype(dtype_of("", kind), copy=False))
    return array if array.type == kind else array.cast(kind)
