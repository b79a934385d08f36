"""flinktf: TensorFlow inside Apache Flink.

What a training script needs is reachable from here. Names are imported when they are first used, so that
``import flinktf`` costs nothing and works where TensorFlow is not installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flinktf.training.context import TFContext
    from flinktf.training.dataset import FlinkDataset
    from flinktf.training.errors import (
        ColumnError,
        NullValueError,
        SpoolError,
        StreamConsumedError,
        StreamLostError,
        TrainingError,
    )
    from flinktf.training.export import export
    from flinktf.training.fit import fit
    from flinktf.training.history import Epoch, History
    from flinktf.training.writer import Row, RowWriter

__version__ = "0.1.0"

__all__ = [
    "ColumnError",
    "Epoch",
    "FlinkDataset",
    "History",
    "NullValueError",
    "Row",
    "RowWriter",
    "SpoolError",
    "StreamConsumedError",
    "StreamLostError",
    "TFContext",
    "TrainingError",
    "export",
    "fit",
]

_HOMES = {
    "ColumnError": "errors",
    "Epoch": "history",
    "FlinkDataset": "dataset",
    "History": "history",
    "NullValueError": "errors",
    "Row": "writer",
    "RowWriter": "writer",
    "SpoolError": "errors",
    "StreamConsumedError": "errors",
    "StreamLostError": "errors",
    "TFContext": "context",
    "TrainingError": "errors",
    "export": "export",
    "fit": "fit",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'flinktf' has no attribute {name!r}")
    return getattr(import_module(f"flinktf.training.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
