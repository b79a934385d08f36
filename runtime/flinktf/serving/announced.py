"""Versions of models that are announced in the role's own stream: what a query inserts into the role, from Kafka, say.

A row has a ``version`` and a ``path``, and the ``model`` that it is one of, where there are several. What was announced
last goes into each checkpoint of the job, so that a role which restarts knows it.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

import pyarrow as pa

from flinktf import models
from flinktf.training.errors import ColumnError

_PREFIX: Final = "data:application/json,"


class Announced:
    """Hears announcements, and gives them to those who follow a model. Safe in threads."""

    def __init__(self, storage: str, restored: str | None) -> None:
        self._storage = Path(storage)
        self._last: dict[str, tuple[str, str]] = _read(restored)
        self._sources: dict[str, WeakSet[models.Announcements]] = {}
        self._lock = threading.Lock()

    def source(self, model: str) -> models.Announcements:
        """Announcements of ``model``, the last one before included."""
        source = models.Announcements()
        with self._lock:
            self._sources.setdefault(model, WeakSet()).add(source)
            if model in self._last:
                source.announce(*self._last[model])
        return source

    def hear(self, batch: pa.RecordBatch) -> None:
        """Rows of the role's stream. Raises :class:`flinktf.ColumnError` for a stream of something else."""
        for row in batch.to_pylist():
            model, version, path = row.get("model") or "", row["version"], row["path"]
            if version is None or path is None:
                raise ColumnError("an announcement of a model has a NULL as its version or its path")
            found = str(version), str(self._storage / path)
            with self._lock:
                self._last[model] = found
                for source in self._sources.get(model, ()):
                    source.announce(*found)

    def location(self) -> str:
        """All that a checkpoint has to have of this."""
        with self._lock:
            return _PREFIX + json.dumps(self._last)


def check(schema: pa.Schema) -> None:
    """Raises :class:`flinktf.ColumnError` for a stream whose rows announce nothing."""
    for name in ("version", "path"):
        if schema.get_field_index(name) < 0:
            raise ColumnError(
                f"the role's stream has no column {name!r}: rows for a role that serves models announce versions, with "
                "the columns version and path, and model where there are several"
            )


def _read(location: str | None) -> dict[str, tuple[str, str]]:
    if location is None or not location.startswith(_PREFIX):
        return {}
    value: dict[str, Any] = json.loads(location.removeprefix(_PREFIX))
    return {model: (str(version), str(path)) for model, (version, path) in value.items()}
