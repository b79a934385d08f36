"""What one batch looks like as tensors: the flat list that travels, and the ``(x, y, w)`` that a model takes.

Plain values without Arrow or a stream behind them, so that a ParameterServer chief, which has no records, can hold
the structure of what its workers read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from flinktf.arrow import Array
from flinktf.training.columns import Part, Ragged


@dataclass(frozen=True)
class PartSpec:
    """One column, or the matrix of several: ``[batch, *shape]`` of ``dtype``, or ragged ``[batch, (n)]``."""

    name: str
    dtype: str
    shape: tuple[int, ...] = ()
    ragged: bool = False


@dataclass(frozen=True)
class Structure:
    """``features`` parts first (named, or one unnamed matrix), then the label and the weight where there are any."""

    parts: tuple[PartSpec, ...]
    features: int
    matrix: bool
    label: bool
    weight: bool

    @property
    def ragged(self) -> bool:
        return any(part.ragged for part in self.parts)

    @property
    def row_bytes(self) -> int:
        """About how many bytes a row has; strings and ragged lists are taken for 64 items."""
        sizes = (
            (1 if part.dtype == "string" else np.dtype(part.dtype).itemsize)
            * math.prod(part.shape)
            * (64 if part.ragged or part.dtype == "string" else 1)
            for part in self.parts
        )
        return max(1, sum(sizes))

    def component_specs(self) -> list[tuple[str, tuple[int | None, ...]]]:
        """dtype and shape of the flat tensors; a ragged part is two of them, values and row splits."""
        specs: list[tuple[str, tuple[int | None, ...]]] = []
        for part in self.parts:
            specs.append((part.dtype, (None, *part.shape)))
            if part.ragged:
                specs.append(("int64", (None,)))
        return specs

    def pack(self, components: Sequence[Any]) -> Any:
        """The flat tensors as ``x``, ``(x, y)`` or ``(x, y, w)``."""
        import tensorflow as tf

        tensors = []
        flat = iter(components)
        for part in self.parts:
            values = next(flat)
            if part.ragged:
                values = tf.RaggedTensor.from_row_splits(values, next(flat), validate=False)
            tensors.append(values)
        named = zip(self.parts, tensors, strict=True)
        x = tensors[0] if self.matrix else {part.name: t for part, t in list(named)[: self.features]}
        rest = tensors[self.features :]
        return (x, *rest) if rest else x

    def zeros(self, rows: int) -> list[Array]:
        """Components of a batch that is all zeros and empty strings, to build a model with."""
        arrays: list[Array] = []
        for part in self.parts:
            count = 0 if part.ragged else rows
            if part.dtype == "string":
                arrays.append(np.full((count, *part.shape), b"", object))
            else:
                arrays.append(np.zeros((count, *part.shape), part.dtype))
            if part.ragged:
                arrays.append(np.zeros(rows + 1, np.int64))
        return arrays

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(value: dict[str, Any]) -> Structure:
        parts = tuple(PartSpec(p["name"], p["dtype"], tuple(p["shape"]), p["ragged"]) for p in value["parts"])
        return Structure(parts, value["features"], value["matrix"], value["label"], value["weight"])


def components(parts: Sequence[Part]) -> list[Array]:
    """The flat arrays of a batch's parts."""
    arrays: list[Array] = []
    for part in parts:
        if isinstance(part, Ragged):
            arrays += [part.values, part.row_splits]
        else:
            arrays.append(part)
    return arrays
