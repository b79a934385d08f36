"""Rows as lines of CSV, as DL on Flink gave them to ``tf.io.decode_csv``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from flinktf.arrow import scalar_dtype
from flinktf.training.errors import ColumnError
from flinktf.training.records import Item, Marker
from flinktf.training.tfdata import unsharded

if TYPE_CHECKING:
    import tensorflow as tf


def check_csv(schema: pa.Schema) -> None:
    """Raises :class:`ColumnError` for a column that a line of CSV cannot hold."""
    for field in schema:
        if scalar_dtype(field.type) is None or pa.types.is_binary(field.type):
            raise ColumnError(
                f"column {field.name!r} is {field.type}, which has no place in a line of CSV; "
                "read it with context.dataset(…)"
            )


def csv_lines(batch: pa.RecordBatch) -> pa.Array:
    """One line for each row; NULL is an empty field, text is quoted where it has to be."""
    fields = [_texts(column) for column in batch.columns]
    if len(fields) == 1:
        return fields[0]
    return pc.binary_join_element_wise(*fields, ",")


def line_dataset(
    schema: pa.Schema, read: Callable[[], Iterator[Item]], answer: Callable[[int], None]
) -> tf.data.Dataset:
    """A dataset of scalar strings; ``read`` is called for each iteration over it, ``answer`` for each barrier."""
    import tensorflow as tf

    check_csv(schema)

    def generate() -> Iterator[Any]:
        for item in read():
            if isinstance(item, Marker):
                answer(item.checkpoint_id)
            else:
                yield csv_lines(item).cast(pa.binary()).to_numpy(zero_copy_only=False)

    lines = tf.data.Dataset.from_generator(generate, output_signature=tf.TensorSpec((None,), tf.string))
    return unsharded(lines.flat_map(tf.data.Dataset.from_tensor_slices).prefetch(1024))


def _texts(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_date32(kind) or pa.types.is_time32(kind):
        column = column.view(pa.int32())
    elif pa.types.is_timestamp(kind):
        column = column.view(pa.int64())
    if not pa.types.is_string(kind):
        return pc.fill_null(column.cast(pa.string()), "")
    special = pc.match_substring_regex(column, '[",\r\n]')
    if pc.any(special).as_py():
        quoted = pc.binary_join_element_wise('"', pc.replace_substring(column, '"', '""'), '"', "")
        column = pc.if_else(special, quoted, column)
    return pc.fill_null(column, "")
