"""What a model takes and gives: names, types and shapes; and whether an array is what a tensor wants."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from flinktf.arrow import Array
from flinktf.models.errors import DtypeError, InputError, ShapeError, SignatureError

Shape = tuple[int | None, ...]

STRING: Final = "string"
_SERVING: Final = "serving_default"


@dataclass(frozen=True)
class TensorSpec:
    """A tensor: ``dtype`` is TensorFlow's name of it ("float32", "string"); in ``shape``, whose first dimension is the
    batch, None stands for any length. ``shape`` is None when not even the rank is known."""

    name: str
    dtype: str
    shape: Shape | None

    @property
    def inner(self) -> Shape:
        """The shape of one record: all but the batch."""
        return (self.shape or (None,))[1:]

    @property
    def width(self) -> int | None:
        """How many values a record has, or None when that is not fixed."""
        known = [size for size in self.inner if size is not None]
        return None if self.shape is None or len(known) < len(self.inner) else math.prod(known)

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """What its arrays have: object, of bytes, for strings. Raises :class:`DtypeError` where numpy has no such."""
        try:
            return np.dtype(object if self.dtype == STRING else self.dtype)
        except TypeError:
            text = f"tensor {self.name!r} is {self.dtype}, which numpy does not have; cast it in the model"
            raise DtypeError(text) from None

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype}{shape_text(self.shape)}"


@dataclass(frozen=True)
class Signature:
    """One method of a model. The order of ``inputs`` and ``outputs`` is the model's own where it has one."""

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.inputs))}) -> ({', '.join(map(str, self.outputs))})"


def shape_text(shape: Iterable[int | None] | None) -> str:
    return "[?]" if shape is None else f"[{', '.join('any' if size is None else str(size) for size in shape)}]"


def default_signature(names: Collection[str], asked: str | None = None) -> str:
    """The signature that is meant when none is named: ``asked``, "serving_default", or the only one.

    Raises :class:`SignatureError`, which names those that there are.
    """
    have = ", ".join(sorted(names)) or "none"
    if asked is not None:
        if asked not in names:
            raise SignatureError(f"the model has no signature {asked!r}; it has: {have}")
        return asked
    if _SERVING in names:
        return _SERVING
    if len(names) == 1:
        return next(iter(names))
    raise SignatureError(f"name a signature with signature=, the model has no {_SERVING!r}; it has: {have}")


def check_inputs(signature: Signature, given: Mapping[str, Any]) -> dict[str, Array]:
    """The arrays of a call, in the order of the signature. Sequences without a type of their own get the tensor's.

    Raises :class:`InputError`, :class:`DtypeError` or :class:`ShapeError`, naming the tensor, what it wants and what
    it got.
    """
    names = [spec.name for spec in signature.inputs]
    if given.keys() != set(names):
        wrong = [f"{name!r} is missing" for name in names if name not in given]
        wrong += [f"{name!r} is unknown" for name in given if name not in names]
        raise InputError(f"{signature.name} takes {', '.join(names) or 'nothing'}: {', '.join(wrong)}")
    arrays = {spec.name: _checked(spec, given[spec.name]) for spec in signature.inputs}
    rows = {name: len(array) for name, array in arrays.items() if array.ndim}
    if len(set(rows.values())) > 1:
        raise ShapeError(f"the inputs of {signature.name} have different numbers of rows: {rows}")
    return arrays


def _checked(spec: TensorSpec, value: Any) -> Array:
    wanted = spec.numpy_dtype
    if not hasattr(value, "dtype"):
        try:
            value = np.asarray(value, wanted)
        except (TypeError, ValueError) as error:
            raise DtypeError(f"input {spec.name!r} wants {spec.dtype}: {error}") from None
    array = np.asarray(value)
    is_string = spec.dtype == STRING and array.dtype.kind in "OSU"
    if array.dtype != wanted and not is_string:
        raise DtypeError(f"input {spec.name!r} wants {spec.dtype}, and got {array.dtype}")
    if not shape_fits(spec.shape, array.shape):
        raise ShapeError(f"input {spec.name!r} wants {shape_text(spec.shape)}, and got {shape_text(array.shape)}")
    return array


def shape_fits(wanted: Shape | None, shape: tuple[int, ...]) -> bool:
    if wanted is None:
        return True
    return len(wanted) == len(shape) and all(w in (None, s) for w, s in zip(wanted, shape, strict=True))
