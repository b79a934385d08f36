"""Tensors to records: outputs of a signature become the columns that are wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from flinktf.arrow import Array
from flinktf.models.arrow import dtype_of, goes_into, is_array, to_column
from flinktf.models.errors import ConversionError, DtypeError, ShapeError
from flinktf.models.signature import STRING, Signature, TensorSpec


class Decoder(NamedTuple):
    """A bound result: ``tensors`` are the outputs it reads, ``decode`` gives the columns in the order of the schema."""

    tensors: tuple[str, ...]
    decode: Callable[[Mapping[str, Array]], list[pa.Array]]


class Result(Protocol):
    """Makes columns of the outputs of a signature."""

    def bind(self, signature: Signature, schema: pa.Schema) -> Decoder:
        """Raises a :class:`ModelError` when the outputs can never be columns of this schema."""
        ...


@dataclass(frozen=True)
class Outputs:
    """Outputs by the names of the columns; or by their order, when there are as many of the one as of the other.

    ``[batch]`` and ``[batch, 1]`` are scalars, ``[batch, n]`` is an ARRAY; more dimensions are flat in it.
    """

    def bind(self, signature: Signature, schema: pa.Schema) -> Decoder:
        outputs = {spec.name: spec for spec in signature.outputs}
        if set(schema.names) <= outputs.keys():
            specs = [outputs[name] for name in schema.names]
        elif len(schema) == len(signature.outputs):
            specs = list(signature.outputs)
        else:
            raise ConversionError(
                f"{signature.name} gives {', '.join(outputs)}; wanted are the columns {', '.join(schema.names)}. "
                "Name columns as the outputs, or have as many"
            )
        pairs = list(zip(schema, specs, strict=True))
        for wanted, spec in pairs:
            _check(wanted, spec)
        return Decoder(
            tuple(spec.name for spec in specs),
            lambda arrays: [to_column(wanted.name, arrays[spec.name], wanted.type) for wanted, spec in pairs],
        )


@dataclass(frozen=True)
class Label:
    """A STRING column with the name of the class whose value is the largest; other columns are as in :class:`Outputs`.

    ``names`` are in the order of the model's classes. ``tensor`` is the output ``[batch, classes]``, the only one when
    it is not named.
    """

    names: Sequence[str]
    column: str = "label"
    tensor: str | None = None

    def bind(self, signature: Signature, schema: pa.Schema) -> Decoder:
        spec = self._classes(signature)
        position = schema.get_field_index(self.column)
        if position < 0:
            raise ConversionError(f"there is no column {self.column!r} for the label: {', '.join(schema.names)}")
        kind = schema.field(position).type
        if dtype_of(self.column, kind) != STRING or is_array(kind):
            raise DtypeError(f"column {self.column!r} is {kind}; a label is a STRING")
        others = Outputs().bind(signature, schema.remove(position)) if len(schema) > 1 else Decoder((), lambda _: [])
        texts = pa.array(self.names).cast(kind)

        def decode(arrays: Mapping[str, Array]) -> list[pa.Array]:
            columns = others.decode(arrays)
            largest = np.argmax(arrays[spec.name].reshape(-1, len(self.names)), axis=1)
            columns.insert(position, texts.take(pa.array(largest)))
            return columns

        return Decoder(tuple(dict.fromkeys((*others.tensors, spec.name))), decode)

    def _classes(self, signature: Signature) -> TensorSpec:
        found = [spec for spec in signature.outputs if self.tensor in (None, spec.name)]
        if len(found) != 1:
            names = ", ".join(spec.name for spec in signature.outputs)
            raise ConversionError(f"name the output that has the classes: Label(…, tensor=…); there are {names}")
        if found[0].width not in (None, len(self.names)) or found[0].dtype == STRING:
            raise ShapeError(f"{len(self.names)} names are given for the classes of {found[0]}")
        return found[0]


def _check(wanted: pa.Field, spec: TensorSpec) -> None:
    dtype = dtype_of(wanted.name, wanted.type)
    _ = spec.numpy_dtype
    if not goes_into(spec.dtype, dtype):
        raise DtypeError(f"output {spec.name!r} is {spec.dtype}, and column {wanted.name!r} is {wanted.type}")
    if spec.shape == ():
        raise ShapeError(f"output {spec.name!r} is one value for a whole batch; column {wanted.name!r} wants one a row")
    if not is_array(wanted.type) and spec.width not in (None, 1):
        raise ShapeError(f"output {spec.name!r} has {spec.width} values a row; column {wanted.name!r} is no ARRAY")
    if pa.types.is_fixed_size_list(wanted.type) and spec.width not in (None, wanted.type.list_size):
        raise ShapeError(f"output {spec.name!r} has {spec.width} values a row; column {wanted.name!r} is {wanted.type}")
