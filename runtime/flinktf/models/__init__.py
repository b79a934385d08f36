"""Trained models and batches of records: load, call, convert, follow versions. TensorFlow is imported when a model is.

docs/models.md says how they are used.
"""

from flinktf.models.aware import ModelAware
from flinktf.models.converters import Columns, Converter, CsvLine, Encoder, Examples, Images
from flinktf.models.errors import (
    ClosedError,
    ConversionError,
    DtypeError,
    EmptyModelError,
    HalfWrittenError,
    InputError,
    ModelError,
    ModelNotFoundError,
    NoModelError,
    NotEnoughMemoryError,
    PreprocessingError,
    ShapeError,
    SignatureError,
    SourceError,
    UnfitModelError,
    UnreadableModelError,
)
from flinktf.models.files import Kind
from flinktf.models.graphs import from_function
from flinktf.models.live import Current, Event, LiveModel
from flinktf.models.loading import load
from flinktf.models.model import Method, Model
from flinktf.models.predictor import Prediction, Predictor
from flinktf.models.results import Decoder, Label, Outputs, Result
from flinktf.models.signature import Signature, TensorSpec
from flinktf.models.sources import Announcements, HttpEndpoint, Source, Version, VersionedDirectory

__all__ = [
    "Announcements",
    "ClosedError",
    "Columns",
    "ConversionError",
    "Converter",
    "CsvLine",
    "Current",
    "Decoder",
    "DtypeError",
    "EmptyModelError",
    "Encoder",
    "Event",
    "Examples",
    "HalfWrittenError",
    "HttpEndpoint",
    "Images",
    "InputError",
    "Kind",
    "Label",
    "LiveModel",
    "Method",
    "Model",
    "ModelAware",
    "ModelError",
    "ModelNotFoundError",
    "NoModelError",
    "NotEnoughMemoryError",
    "Outputs",
    "Prediction",
    "Predictor",
    "PreprocessingError",
    "Result",
    "ShapeError",
    "Signature",
    "SignatureError",
    "Source",
    "SourceError",
    "TensorSpec",
    "UnfitModelError",
    "UnreadableModelError",
    "Version",
    "VersionedDirectory",
    "from_function",
    "load",
]
