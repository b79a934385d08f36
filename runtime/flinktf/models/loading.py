"""``models.load``: whatever form a model is kept in, as a :class:`Model`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flinktf.models import memory
from flinktf.models.errors import SignatureError
from flinktf.models.files import Files, Kind, find
from flinktf.models.graphs import load_frozen, load_saved_model
from flinktf.models.keras_files import load_keras
from flinktf.models.model import Graph, Model
from flinktf.models.tfjs import load_tfjs


def load(
    path: str | Path,
    *,
    kind: Kind | str | None = None,
    signature: str | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Model:
    """The model at a path: a SavedModel's folder, a frozen graph (``.pb``), a Keras file (``.keras``, ``.h5``), or a
    TensorFlow.js layers model (``model.json`` or its folder).

    ``kind`` insists on one of these. ``signature`` is the one that is meant when a call names none. ``inputs`` and
    ``outputs`` name a frozen graph's nodes; without them they are its placeholders, and the nodes nobody consumes.

    Raises a :class:`ModelError`; before TensorFlow reads anything, for files that are missing or too short, and for a
    model that is larger than the memory that is left.
    """
    files = find(path, kind)
    memory.check(files.path, files.size)
    return Model(_graphs(files, inputs, outputs), default=signature)


def _graphs(files: Files, inputs: Sequence[str] | None, outputs: Sequence[str] | None) -> list[Graph]:
    if files.kind is Kind.FROZEN_GRAPH:
        return [load_frozen(files.path, inputs, outputs)]
    if inputs or outputs:
        raise SignatureError(
            f"inputs= and outputs= are for frozen graphs; the {files.kind} at {files.path} has its own"
        )
    if files.kind is Kind.SAVED_MODEL:
        return load_saved_model(files.path)
    return [load_keras(files.path) if files.kind is Kind.KERAS else load_tfjs(files.path)]
