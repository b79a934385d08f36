"""Keras models, of Keras 2 (tf_keras) and Keras 3, as graphs; each file says which of the two wrote it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flinktf.models.errors import SignatureError, UnreadableModelError
from flinktf.models.graphs import traced
from flinktf.models.model import Graph


def load_keras(path: Path) -> Graph:
    """A ``.keras`` or ``.h5`` file as the signature "predict". Layers of your own are to be registered with Keras.

    Raises :class:`UnreadableModelError`, and :class:`SignatureError` for a model without declared inputs.
    """
    try:
        version = _version(path)
        model = library(version).models.load_model(str(path), compile=False)
    except Exception as error:  # Keras raises what it likes
        raise UnreadableModelError(f"the Keras model at {path} cannot be loaded: {error}") from error
    return as_graph(model)


def library(version: str) -> Any:
    """The Keras that wrote a version: from 3.0 on it is not TensorFlow's own."""
    if version.partition(".")[0].isdecimal() and int(version.partition(".")[0]) >= 3:
        import keras

        return keras
    import tf_keras

    return tf_keras


def as_graph(model: Any) -> Graph:
    """A Keras model as the signature "predict", called directly, as in inference."""
    inputs = model_inputs(model)

    def call(**tensors: Any) -> Any:
        return named_outputs(model, model(_in_its_form(model, tensors), training=False))

    return traced(call, {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in inputs.items()})


def model_inputs(model: Any) -> dict[str, Any]:
    """Its symbolic inputs by name. Raises :class:`SignatureError` for a model that declares none."""
    form = getattr(model, "input", None)
    if isinstance(form, Mapping):
        return dict(form)
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise SignatureError(
            f"the Keras model {model.name!r} does not say what its inputs are; export it as SavedModel"
        )
    return {tensor.name: tensor for tensor in inputs}


def named_outputs(model: Any, result: Any) -> dict[str, Any]:
    """What a call of the model returns, by name: its own, else those of its output layers."""
    if isinstance(result, Mapping):
        return dict(result)
    tensors = list(result) if isinstance(result, list | tuple) else [result]
    names = getattr(model, "output_names", None) or [model.layers[-1].name]
    if len(set(names)) != len(tensors):
        names = [f"output_{position}" for position in range(len(tensors))]
    return dict(zip(names, tensors, strict=True))


def _in_its_form(model: Any, tensors: Mapping[str, Any]) -> Any:
    if isinstance(getattr(model, "input", None), Mapping):
        return dict(tensors)
    values = list(tensors.values())
    return values[0] if len(values) == 1 else values


def _version(path: Path) -> str:
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return str(json.loads(archive.read("metadata.json"))["keras_version"])
    import h5py

    with h5py.File(path, "r") as file:
        version = file.attrs.get("keras_version", "2")
        return version.decode() if isinstance(version, bytes) else str(version)
