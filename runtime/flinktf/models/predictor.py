"""Batches of records through a model: checked once beforehand, and a bad record costs only itself its result."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, Self

import numpy as np
import pyarrow as pa

from flinktf.arrow import Array
from flinktf.models.converters import Columns, Converter
from flinktf.models.errors import ClosedError, ConversionError, ShapeError, UnfitModelError
from flinktf.models.model import Model
from flinktf.models.results import Outputs, Result
from flinktf.models.signature import Signature, shape_text

_LONGEST: Final = 500
_WHERE: Final = ("Graph execution error", "Detected at node", "File ", "<stack", "[[")
_COUNTS: Final = ("successful operations.", "derived errors ignored.")


class Prediction(NamedTuple):
    """``outputs`` has a row for each record, of NULLs where it was rejected; ``errors`` says why, or is NULL."""

    outputs: pa.RecordBatch
    errors: pa.Array


class _Piece(NamedTuple):
    """Records that follow one another: their columns, or why the only one was rejected."""

    rows: int
    columns: list[pa.Array] | None
    error: str | None = None


class Predictor:
    """A model with the columns it is given and those that are wanted of it. Safe in threads.

    ``converter`` makes tensors of records, ``result`` records of tensors. With ``not_finite="reject"`` a record whose
    result has a NaN or an infinity is rejected. Raises a :class:`ModelError` at once when signature, types or shapes do
    not fit. Closing it closes the model.
    """

    def __init__(
        self,
        model: Model,
        inputs: pa.Schema,
        outputs: pa.Schema,
        *,
        signature: str | None = None,
        converter: Converter | None = None,
        result: Result | None = None,
        not_finite: Literal["allow", "reject"] = "allow",
    ) -> None:
        self.model = model
        self.last: pa.RecordBatch | None = None
        self._method = model.method(signature)
        _check_batches(self._method.signature)
        self._inputs = inputs
        self._outputs = outputs
        self._encoder = (converter or Columns()).bind(inputs, self._method.signature)
        self._read = [(name, inputs.get_field_index(name)) for name in self._encoder.columns]
        self._decoder = (result or Outputs()).bind(self._method.signature, outputs)
        self._reject = not_finite == "reject"

    def predict(self, batch: pa.RecordBatch) -> Prediction:
        """The results of a batch's records, in their order.

        A record with a NULL that the model reads is rejected. So is one that the model, or a conversion, raises on: it
        is found by halving the batch, in about log2(rows) further calls. Raises :class:`ConversionError` for a batch
        of other columns, and :class:`ClosedError`.
        """
        self._check(batch)
        errors = self._nulls(batch)
        well = batch if errors is None else batch.filter(pa.array(errors == None))  # noqa: E711 - of each item
        pieces, _ = _in_pieces(well, self._run)
        prediction = self._joined(pieces, errors, batch.num_rows)
        if prediction.errors.null_count:  # a batch that went at least partly well
            self.last = batch
        return prediction

    def warm_up(self, sample: pa.RecordBatch | None) -> None:
        """One call with zeros, and one with ``sample``, so that the first batch waits for nothing.

        Raises :class:`UnfitModelError` when all records of the sample are rejected, and what TensorFlow raises for a
        model that cannot run here. That zeros are refused as values says nothing.
        """
        import tensorflow as tf

        zeros = {spec.name: _zeros(spec.numpy_dtype, spec.shape) for spec in self._method.signature.inputs}
        with contextlib.suppress(tf.errors.InvalidArgumentError):
            self._method.call(zeros, self._decoder.tensors)
        if sample is not None and sample.num_rows:
            errors = self.predict(sample).errors
            if not errors.null_count:
                raise UnfitModelError(f"it rejects all {len(errors)} records of the last batch: {errors[0]}")

    def close(self) -> None:
        self.last = None
        self.model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, batch: pa.RecordBatch) -> None:
        schema = batch.schema
        known = self._inputs
        if not schema.equals(known) and (schema.names != known.names or schema.types != known.types):
            raise ConversionError(f"the batch has the columns {_text(schema)}; announced were {_text(self._inputs)}")

    def _nulls(self, batch: pa.RecordBatch) -> Array | None:
        """An error for each record with a NULL in a column that is read, None for others; None when there is none."""
        found = [(name, position) for name, position in self._read if batch.column(position).null_count]
        if not found:
            return None
        errors = np.full(batch.num_rows, None, object)
        for name, position in reversed(found):  # the first one is told
            errors[batch.column(position).is_null().to_numpy(zero_copy_only=False)] = f"column {name!r} is NULL"
        return errors

    def _run(self, batch: pa.RecordBatch) -> list[_Piece]:
        """The whole batch in one call; raises what the model does. Only results that are not finite are sorted out."""
        arrays = self._method.call(self._encoder.encode(batch), self._decoder.tensors)
        for name, array in arrays.items():
            if array.ndim == 0 or len(array) != batch.num_rows:
                raise ShapeError(f"output {name!r} is {shape_text(array.shape)} for {batch.num_rows} records")
        columns = self._decoder.decode(arrays)
        infinite = self._not_finite(arrays) if self._reject else {}
        if not infinite:
            return [_Piece(batch.num_rows, columns)]
        pieces, start = [], 0
        for row, name in sorted(infinite.items()):
            pieces.append(_Piece(row - start, [column.slice(start, row - start) for column in columns]))
            pieces.append(_Piece(1, None, f"output {name!r} is not finite"))
            start = row + 1
        return [*pieces, _Piece(batch.num_rows - start, [column.slice(start) for column in columns])]

    def _not_finite(self, arrays: dict[str, Array]) -> dict[int, str]:
        """Rows by their number, each with an output that is not finite."""
        rows: dict[int, str] = {}
        for name, array in arrays.items():
            if array.dtype.kind not in "fc":
                continue
            finite = np.isfinite(array)
            if not finite.all():
                bad = ~finite.reshape(len(array), -1).all(axis=1)
                rows |= {int(row): name for row in np.flatnonzero(bad)}
        return rows

    def _joined(self, pieces: list[_Piece], errors: Array | None, rows: int) -> Prediction:
        """``errors`` of records that are in none of the pieces."""
        if errors is None and len(pieces) == 1 and pieces[0].columns is not None:
            return self._prediction(pieces[0].columns, pa.nulls(rows, pa.string()))
        errors = np.full(rows, None, object) if errors is None else errors
        places, start = np.flatnonzero(errors == None), 0  # noqa: E711 - of each item
        for piece in pieces:
            if piece.columns is None:
                errors[places[start]] = piece.error
            start += piece.rows
        rejected = np.array([error is not None for error in errors], bool)
        positions = pa.array(np.cumsum(~rejected) - 1, mask=rejected)
        parts = [piece.columns for piece in pieces if piece.columns is not None]
        results = [
            pa.concat_arrays([pa.nulls(0, field.type), *(columns[number] for columns in parts)]).take(positions)
            for number, field in enumerate(self._outputs)
        ]
        return self._prediction(results, pa.array(errors, pa.string()))

    def _prediction(self, columns: list[pa.Array], errors: pa.Array) -> Prediction:
        return Prediction(pa.RecordBatch.from_arrays(columns, schema=self._outputs), errors)


def _in_pieces(
    batch: pa.RecordBatch, run: Callable[[pa.RecordBatch], list[_Piece]], failed: bool = False
) -> tuple[list[_Piece], bool]:
    """The batch as it went, halved where it raised, and whether it did. ``failed`` says that it surely will.

    A record alone is always tried: that a batch fails may be because of what its records have together.
    """
    if batch.num_rows == 0:
        return [], False
    if not failed or batch.num_rows == 1:
        try:
            return run(batch), False
        except ClosedError:
            raise
        except Exception as error:  # whatever a conversion or the model makes of a record
            if batch.num_rows == 1:
                return [_Piece(1, None, _reason(error))], True
    middle = batch.num_rows // 2
    first, first_failed = _in_pieces(batch.slice(0, middle), run)
    second, _ = _in_pieces(batch.slice(middle), run, failed=not first_failed)
    return first + second, True


def _reason(error: Exception) -> str:
    """On one line: TensorFlow tells first where in the graph it was, and then what was wrong."""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    lines = [line.strip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith(_WHERE) and not line.endswith(_COUNTS)]
    return str(told[-1] if told else text)[:_LONGEST]


def _check_batches(signature: Signature) -> None:
    """Raises :class:`ShapeError` for a signature that does not take any number of records."""
    for spec in signature.inputs:
        if spec.shape is not None and (not spec.shape or spec.shape[0] is not None):
            raise ShapeError(f"input {spec} has no batch of any size; export the model with None as first dimension")


def _zeros(dtype: np.dtype[Any], shape: tuple[int | None, ...] | None) -> Array:
    """One record: zeros, or empty strings; one where any length is taken."""
    return np.full([size or 1 for size in shape or (None,)], b"" if dtype.kind == "O" else 0, dtype)


def _text(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
