"""Records to tensors. A converter is bound once to the columns and the signature, and then called for each batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from flinktf.arrow import Array
from flinktf.models.arrow import check_into, is_array, values_of
from flinktf.models.errors import ConversionError, DtypeError, ShapeError
from flinktf.models.signature import STRING, Signature, TensorSpec, shape_text

_BLOCK_BYTES: Final = 256 * 1024


class Encoder(NamedTuple):
    """A bound converter. It is given batches without a NULL in ``columns``, and may raise for records that it cannot
    read: they are found and rejected one by one."""

    columns: tuple[str, ...]
    encode: Callable[[pa.RecordBatch], Mapping[str, Array]]


class Converter(Protocol):
    """Makes the inputs of a signature from columns."""

    def bind(self, schema: pa.Schema, signature: Signature) -> Encoder:
        """Raises a :class:`ModelError` when no batch of this schema could become the signature's inputs."""
        ...


@dataclass(frozen=True)
class Columns:
    """Columns by the names of the inputs; or, for a signature of one input, all columns side by side, in their order.

    ``names`` are the columns that count, all of them when there are none. A scalar column is ``[batch]`` or
    ``[batch, 1]``; an ARRAY is ``[batch, n]``, or whatever shape of so many values the input has.
    """

    names: Sequence[str] = ()

    def bind(self, schema: pa.Schema, signature: Signature) -> Encoder:
        for name in self.names:
            field_of(schema, name)
        names = tuple(self.names or schema.names)
        inputs = {spec.name: spec for spec in signature.inputs}
        if inputs.keys() <= set(names):
            for name, spec in inputs.items():
                kind = schema.field(name).type
                check_into(name, kind, spec)
                _check_shape(name, kind, spec)
            return Encoder(
                tuple(inputs),
                lambda batch: {name: _one(batch.column(name), spec) for name, spec in inputs.items()},
            )
        if len(inputs) == 1:
            return _side_by_side({name: schema.field(name).type for name in names}, signature.inputs[0])
        raise ConversionError(
            f"{signature.name} takes {', '.join(inputs)}; there is no column "
            f"{', '.join(sorted(set(inputs) - set(names)))}. Name the columns as the inputs, in the query"
        )


@dataclass(frozen=True)
class CsvLine:
    """A column of CSV lines. ``fields`` has, in the order of a line, the names and what an empty field becomes; or a
    type (float, int, str) where a field must not be empty. They are then columns, as for :class:`Columns`."""

    column: str
    fields: Mapping[str, float | int | str | type]

    def bind(self, schema: pa.Schema, signature: Signature) -> Encoder:
        from pyarrow import csv

        _check_kind(schema, self.column, STRING)
        types = {float: pa.float64(), int: pa.int64(), str: pa.string()}
        defaults = {name: given for name, given in self.fields.items() if not isinstance(given, type)}
        kinds = {name: types[given if isinstance(given, type) else type(given)] for name, given in self.fields.items()}
        inner = Columns().bind(pa.schema(list(kinds.items())), signature)
        reading = csv.ReadOptions(column_names=list(kinds), use_threads=False)
        parsing = csv.ParseOptions(ignore_empty_lines=False)
        converting = csv.ConvertOptions(column_types=kinds, strings_can_be_null=True, null_values=[""])

        def encode(batch: pa.RecordBatch) -> Mapping[str, Array]:
            lines = b"\n".join(values_of(batch.column(self.column))) + b"\n"
            table = csv.read_csv(pa.BufferReader(lines), reading, parsing, converting)
            if table.num_rows != batch.num_rows:
                raise ConversionError(f"a record of column {self.column!r} has more than one line")
            for position, name in enumerate(table.column_names):
                if not table.column(name).null_count:
                    continue
                if name not in defaults:
                    raise ConversionError(f"field {name!r} of column {self.column!r} is empty")
                filled = table.column(name).fill_null(pa.scalar(defaults[name], kinds[name]))
                table = table.set_column(position, name, filled)
            return inner.encode(table.combine_chunks().to_batches()[0])

        return Encoder((self.column,), encode)


@dataclass(frozen=True)
class Examples:
    """A column of serialized ``tf.train.Example``, for a model that parses them itself."""

    column: str

    def bind(self, schema: pa.Schema, signature: Signature) -> Encoder:
        _check_kind(schema, self.column, STRING)
        spec = only_input(signature, "Examples")
        if spec.dtype != STRING or spec.inner:
            raise DtypeError(f"Examples go into one input of string[any]; {signature.name} takes {spec}")
        return Encoder((self.column,), lambda batch: {spec.name: values_of(batch.column(self.column))})


@dataclass(frozen=True)
class Images:
    """A column of JPEG, PNG, GIF or BMP files as ``[batch, height, width, channels]`` of floats, times ``scale``.

    ``size`` is height and width in pixels; the signature's own when it has them. Channels are the signature's.
    """

    column: str
    size: tuple[int, int] | None = None
    scale: float = 1 / 255

    def bind(self, schema: pa.Schema, signature: Signature) -> Encoder:
        import tensorflow as tf

        _check_kind(schema, self.column, STRING)
        spec = only_input(signature, "Images")
        height, width, channels = self._pixels(spec)

        def decoded(data: Any) -> Any:
            image = tf.io.decode_image(data, channels=channels, expand_animations=False)
            return tf.ensure_shape(tf.image.resize(image, (height, width)), (height, width, channels)) * self.scale

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])  # type: ignore[untyped-decorator]
        def decode(data: Any) -> Any:
            return tf.cast(tf.map_fn(decoded, data, fn_output_signature=tf.float32), spec.dtype)

        def encode(batch: pa.RecordBatch) -> Mapping[str, Array]:
            return {spec.name: decode(tf.constant(values_of(batch.column(self.column)), tf.string)).numpy()}

        return Encoder((self.column,), encode)

    def _pixels(self, spec: TensorSpec) -> tuple[int, int, int]:
        if np.dtype(spec.numpy_dtype).kind != "f" or spec.shape is None or len(spec.shape) != 4:
            raise ShapeError(f"Images go into an input of floats [any, height, width, channels]; there is {spec}")
        height, width = self.size or (spec.inner[0], spec.inner[1])
        if height is None or width is None:
            raise ShapeError(f"{spec} has any size of image; name one: Images({self.column!r}, size=(height, width))")
        if spec.inner[0] not in (None, height) or spec.inner[1] not in (None, width):
            raise ShapeError(f"images of {height} x {width} do not go into {spec}")
        return height, width, spec.inner[2] or 3


def field_of(schema: pa.Schema, name: str) -> pa.Field:
    """Raises :class:`ConversionError` for a column that is not there."""
    if name not in schema.names:
        raise ConversionError(f"there is no column {name!r}; there are {', '.join(schema.names)}")
    return schema.field(name)


def only_input(signature: Signature, converter: str) -> TensorSpec:
    """Raises :class:`ConversionError` for a signature of several inputs, or none."""
    if len(signature.inputs) != 1:
        raise ConversionError(f"{converter} is for signatures of one input; this is {signature}")
    return signature.inputs[0]


def _check_kind(schema: pa.Schema, name: str, dtype: str) -> None:
    check_into(name, field_of(schema, name).type, TensorSpec(name, dtype, (None,)))


def _check_shape(name: str, kind: pa.DataType, spec: TensorSpec) -> None:
    """Whether a column alone can be the tensor: of an ARRAY only a fixed length is known before its records."""
    width = (kind.list_size if pa.types.is_fixed_size_list(kind) else None) if is_array(kind) else 1
    if width is not None and spec.width not in (None, width):
        raise ShapeError(f"column {name!r} has {width} values a record; tensor {spec.name!r} has {spec.width}: {spec}")
    if is_array(kind) and spec.shape is not None and len(spec.shape) < 2:
        raise ShapeError(f"column {name!r} is an ARRAY; tensor {spec.name!r} has one value a record")


def _one(column: pa.Array, spec: TensorSpec) -> Array:
    """A column as a tensor. Raises :class:`ConversionError` for ARRAYs of other lengths."""
    values = values_of(column).astype(spec.numpy_dtype, copy=False)
    if not is_array(column.type):
        return values if spec.shape is None else values.reshape(len(column), *(1 for _ in spec.inner))
    return _even(column, values, spec)


def _even(column: pa.Array, values: Array, spec: TensorSpec) -> Array:
    rows = len(column)
    inner = spec.inner if spec.shape is not None else (None,)
    width = len(values) // rows if rows else 0
    if not pa.types.is_fixed_size_list(column.type):
        lengths = np.diff(column.offsets.to_numpy())
        if not (lengths == (spec.width or width)).all():
            wanted = "the same number of items in each" if spec.width is None else f"{spec.width} items"
            raise ConversionError(f"an ARRAY has {lengths.max()} items; tensor {spec.name!r} wants {wanted}")
    if inner.count(None) > 1:
        raise ConversionError(f"ARRAYs have one dimension; tensor {spec.name!r} is {shape_text(spec.shape)}")
    sizes = [size for size in inner if size is not None]
    free = width // math.prod(sizes) if sizes else width
    return values.reshape(rows, *(free if size is None else size for size in inner))


def _side_by_side(kinds: Mapping[str, pa.DataType], spec: TensorSpec) -> Encoder:
    """All columns as ``[batch, width]`` of one input. At most one ARRAY may have a length that only records tell."""
    names = tuple(kinds)
    for name, kind in kinds.items():
        check_into(name, kind, spec)
    if len(names) == 1:
        _check_shape(names[0], kinds[names[0]], spec)
        return Encoder(names, lambda batch: {spec.name: _one(batch.column(names[0]), spec)})
    if spec.shape is not None and len(spec.shape) != 2:
        raise ShapeError(f"the columns {', '.join(names)} side by side are [batch, width], and the input is {spec}")
    widths = {name: _width(kind) for name, kind in kinds.items()}
    known = sum(width for width in widths.values() if width is not None)
    loose = [name for name, width in widths.items() if width is None]
    if len(loose) == 1 and spec.width is not None:
        widths[loose[0]] = spec.width - known
    elif loose:
        raise ShapeError(
            f"the lengths of the ARRAYs {', '.join(loose)} are not known; name one column as {spec.name!r}"
        )
    total = sum(width or 0 for width in widths.values())
    if spec.width not in (None, total) or (loose and (widths[loose[0]] or 0) < 1):
        raise ShapeError(
            f"the columns {', '.join(names)} have {total} values a record, and the input is {spec}; "
            "name those it takes: Columns(['a', 'b'])"
        )
    parts = [
        (name, None if not is_array(kinds[name]) else TensorSpec(spec.name, spec.dtype, (None, widths[name])))
        for name in names
    ]
    return Encoder(names, lambda batch: {spec.name: _stacked(batch, parts, total, spec.numpy_dtype)})


def _width(kind: pa.DataType) -> int | None:
    if pa.types.is_fixed_size_list(kind):
        return int(kind.list_size)
    return None if is_array(kind) else 1


def _stacked(
    batch: pa.RecordBatch, parts: list[tuple[str, TensorSpec | None]], width: int, dtype: np.dtype[Any]
) -> Array:
    """In blocks that stay in the cache: a whole column at a time would touch each line of it again and again."""
    rows = batch.num_rows
    columns = [(batch.column(name), part) for name, part in parts]
    arrays = [values_of(column) if part is None else _even(column, values_of(column), part) for column, part in columns]
    arrays = [array[:, np.newaxis] if array.ndim == 1 else array for array in arrays]
    result = np.empty((rows, width), dtype)
    block = max(1, _BLOCK_BYTES // max(1, width * dtype.itemsize))
    for start in range(0, rows, block):
        np.concatenate([array[start : start + block] for array in arrays], axis=1, out=result[start : start + block])
    return result
