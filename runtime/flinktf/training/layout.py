"""From Arrow batches to the parts of a training batch: which columns, in which order, as what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from flinktf.training.columns import ColumnReader, Part, Ragged
from flinktf.training.errors import ColumnError
from flinktf.training.options import DatasetOptions
from flinktf.training.structure import PartSpec, Structure


class Layout:
    """The options of a dataset, checked against the schema of its stream.

    Raises :class:`ColumnError` for a column that the stream lacks or that cannot be what it was asked to be.
    """

    def __init__(self, schema: pa.Schema, options: DatasetOptions) -> None:
        self._schema = schema
        self._options = options
        apart = {name for name in (options.label, options.weight, options.split_by) if name is not None}
        chosen = options.features
        if chosen is None:
            chosen = tuple(name for name in schema.names if name not in apart)
        for name in (*chosen, *apart, *options.fill, *options.lengths):
            self._index(name)
        self._features = [self._reader(name) for name in chosen]
        self._others = [self._reader(name) for name in (options.label, options.weight) if name is not None]
        self.structure = self._structure()

    def decode(self, batch: pa.RecordBatch, first_row: int) -> tuple[Part, ...]:
        """The parts of an Arrow batch, in the order of the structure; row ``i`` of each is row ``i`` of the batch."""
        features = [self._read(reader, batch, first_row) for reader in self._features]
        if self._options.as_matrix:
            features = [_matrix(features, batch.num_rows, self.structure.parts[0].shape[0])]
        return (*features, *(self._read(reader, batch, first_row) for reader in self._others))

    def _read(self, reader: ColumnReader, batch: pa.RecordBatch, first_row: int) -> Part:
        return reader.read(batch.column(self._index(reader.name)), first_row)

    def _index(self, name: str) -> int:
        index = self._schema.get_field_index(name)
        if index < 0:
            raise ColumnError(f"there is no column {name!r}; the stream has {', '.join(map(repr, self._schema.names))}")
        return int(index)

    def _reader(self, name: str) -> ColumnReader:
        kind = self._schema.field(self._index(name)).type
        return ColumnReader(name, kind, self._options.fill.get(name), self._options.lengths.get(name))

    def _structure(self) -> Structure:
        parts = [_part(reader) for reader in (*self._features, *self._others)]
        count = len(self._features)
        if self._options.as_matrix:
            for reader in self._features:
                if reader.is_ragged or reader.dtype == "string":
                    raise ColumnError(
                        f"as_matrix needs numbers: column {reader.name!r} is {reader.kind}"
                        + ("; name its length in lengths=" if reader.is_ragged else "")
                    )
            width = sum(part.shape[0] if part.shape else 1 for part in parts[:count])
            parts[:count] = [PartSpec("features", "float32", (width,))]
            count = 1
        return Structure(
            tuple(parts),
            count,
            self._options.as_matrix,
            label=self._options.label is not None,
            weight=self._options.weight is not None,
        )


def _part(reader: ColumnReader) -> PartSpec:
    shape = (reader.length,) if reader.length is not None else ()
    return PartSpec(reader.name, reader.dtype, shape, reader.is_ragged)


def _matrix(features: Sequence[Part], rows: int, width: int) -> Part:
    matrix = np.empty((rows, width), np.float32)
    at = 0
    for feature in features:
        assert not isinstance(feature, Ragged)
        if feature.ndim == 1:
            matrix[:, at] = feature
            at += 1
        else:
            matrix[:, at : at + feature.shape[1]] = feature
            at += feature.shape[1]
    return matrix
