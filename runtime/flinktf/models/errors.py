"""What can be wrong with a model, with a record for it, or with where it comes from; each text says what to do."""

from __future__ import annotations

from typing import ClassVar


class ModelError(Exception):
    """The base of what ``flinktf.models`` raises. ``passing`` errors may be gone by themselves: a try again is due."""

    passing: ClassVar[bool] = False


class ModelNotFoundError(ModelError, FileNotFoundError):
    """There is no file or folder at the path."""


class EmptyModelError(ModelError):
    """A folder without anything in it."""

    passing = True


class HalfWrittenError(ModelError):
    """Files of the model are missing or too short: it is being written, or its writer was stopped."""

    passing = True


class UnreadableModelError(ModelError):
    """The files are there, and are no model that can be read."""


class NotEnoughMemoryError(ModelError, MemoryError):
    """The model is larger than the memory that is left."""

    passing = True


class PreprocessingError(ModelError, ValueError):
    """``preprocessing.json`` is wrong, or does not fit the model beside it."""


class SignatureError(ModelError, ValueError):
    """No signature of that name, or no way to say which one is meant."""


class InputError(ModelError, ValueError):
    """A call names an input that the signature does not have, or leaves one out."""


class DtypeError(ModelError, TypeError):
    """A tensor or column whose type the other side does not take."""


class ShapeError(ModelError, ValueError):
    """A tensor or column whose shape the other side does not take."""


class ConversionError(ModelError, ValueError):
    """Records that cannot become tensors, or tensors that cannot become records."""


class UnfitModelError(ModelError):
    """A model that loads, and rejects records that its predecessor took."""


class ClosedError(ModelError, RuntimeError):
    """The model was closed before the call."""


class SourceError(ModelError):
    """Where versions are announced could not be asked, or gave an answer that is none."""

    passing = True


class NoModelError(ModelError, TimeoutError):
    """No version was ready in time."""
