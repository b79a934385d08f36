"""TensorFlow.js layers models: ``model.json`` and binary shards, as ``tensorflowjs.converters.save_keras_model`` and
TensorFlow.js' own ``model.save`` write them.

``model.json`` has ``modelTopology``, a Keras configuration (of Keras 2 or 3), and ``weightsManifest``: groups of
weights, whose bytes follow one another, little endian, over the group's shards. A weight with ``quantization`` is kept
as uint8 or uint16, and is ``value * scale + min``, or as float16. With ``preprocessing.json`` beside it the model takes
columns (:mod:`flinktf.models.preprocessing`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from flinktf.arrow import Array
from flinktf.models.errors import UnreadableModelError
from flinktf.models.files import TFJS, check_shards, read_json
from flinktf.models.keras_files import as_graph, library
from flinktf.models.model import Graph
from flinktf.models.preprocessing import FILE, preprocessed, read

_LENGTH: Final = np.dtype("<u4")
_DTYPES: Final = frozenset({"float32", "int32", "bool", "uint8", "uint16", "float16", "complex64"})
_OLD_NAMES: Final = {"BatchNormalizationV1": "BatchNormalization", "UnifiedGRU": "GRU", "UnifiedLSTM": "LSTM"}


def load_tfjs(folder: Path) -> Graph:
    """Raises :class:`HalfWrittenError`, :class:`UnreadableModelError` and :class:`PreprocessingError`."""
    document = read_json(folder / TFJS)
    topology = document.get("modelTopology")
    if document.get("format") == "graph-model" or not isinstance(topology, dict) or "node" in topology:
        raise UnreadableModelError(f"{folder / TFJS} is no layers model; convert the SavedModel it was made from")
    weights = {name: value for group in document["weightsManifest"] for name, value in _weights(folder, group)}
    try:
        model = _rebuilt(topology)
    except Exception as error:  # Keras raises what it likes
        raise UnreadableModelError(f"Keras cannot rebuild the model at {folder}: {error}") from error
    _assign(model, weights, folder)
    file = folder / FILE
    return preprocessed(model, read(file)) if file.exists() else as_graph(model)


def _rebuilt(topology: Mapping[str, Any]) -> Any:
    config = topology.get("model_config", {key: topology[key] for key in ("class_name", "config") if key in topology})
    text = json.dumps(_with_todays_names(config))
    # Models that were converted by hand say nothing of the version; only Keras 3 writes batch_shape.
    version = "3" if '"batch_shape"' in text else str(topology.get("keras_version", "2"))
    keras = library(version)
    if version == "3":  # its HDF5 files, and so the topology, do not say which module the model's class is of
        return getattr(keras, "Sequential" if config["class_name"] == "Sequential" else "Model").from_config(
            json.loads(text)["config"]
        )
    return keras.models.model_from_json(text)


def _with_todays_names(config: Any) -> Any:
    if isinstance(config, dict):
        named = {key: _with_todays_names(value) for key, value in config.items()}
        if config.get("class_name") in _OLD_NAMES:
            named["class_name"] = _OLD_NAMES[config["class_name"]]
        return named
    return [_with_todays_names(item) for item in config] if isinstance(config, list) else config


def _weights(folder: Path, group: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    check_shards(folder, group)
    data = b"".join((folder / name).read_bytes() for name in group["paths"])
    offset = 0
    for weight in group["weights"]:
        try:
            value, offset = _weight(weight, data, offset)
        except (ValueError, TypeError, KeyError) as error:
            raise UnreadableModelError(f"weight {weight.get('name')!r} of {folder / TFJS}: {error}") from None
        yield weight["name"], value


def _weight(weight: Mapping[str, Any], data: bytes, offset: int) -> tuple[Array, int]:
    """The weight at an offset, and where the next one begins."""
    if weight["dtype"] == "string":
        return _strings(data, offset, weight["shape"])
    stored = weight.get("quantization")
    name = (stored or weight)["dtype"]
    if name not in _DTYPES or weight["dtype"] not in _DTYPES:
        raise ValueError(f"its type is {name}, which TensorFlow.js does not write")
    dtype = np.dtype(name).newbyteorder("<")
    count = math.prod(weight["shape"])
    value: Array = np.frombuffer(data, dtype, count, offset).reshape(weight["shape"])
    if stored is not None and dtype.kind == "u":
        value = value * np.float64(stored["scale"]) + np.float64(stored["min"])
        value = np.round(value) if weight["dtype"] == "int32" else value
    return value.astype(weight["dtype"]), offset + count * dtype.itemsize


def _strings(data: bytes, offset: int, shape: list[int]) -> tuple[Array, int]:
    values = []
    for _ in range(math.prod(shape)):
        length = int(np.frombuffer(data, _LENGTH, 1, offset)[0])
        values.append(data[offset + 4 : offset + 4 + length])
        offset += 4 + length
    return np.array(values, object).reshape(shape), offset


def _assign(model: Any, weights: Mapping[str, Array], folder: Path) -> None:
    """By name, as groups are not in the order of the layers. Raises :class:`UnreadableModelError`."""
    left = dict.fromkeys(weights)
    for layer, variable, names in _variables(model):
        name = _called(names, left)
        if name is None:
            raise UnreadableModelError(f"the model at {folder} has no weight {names[0]!r} for its layer {layer!r}")
        if weights[name].shape != tuple(variable.shape):
            raise UnreadableModelError(
                f"weight {name!r} at {folder} is {list(weights[name].shape)}; its layer is {list(variable.shape)}"
            )
        variable.assign(weights[name])
        del left[name]


def _called(names: Iterable[str], weights: Iterable[str]) -> str | None:
    """The weight that has one of the names, or is the only one whose path ends with it."""
    for name in names:
        found = [weight for weight in weights if weight == name] or [w for w in weights if w.endswith(f"/{name}")]
        if len(found) == 1:
            return found[0]
    return None


def _variables(model: Any) -> Iterator[tuple[str, Any, list[str]]]:
    """Each variable with its layer's name and the names its weight may have.

    Keras 2 calls it "dense/kernel:0", with the cell in between in a recurrent layer, which old converters leave out.
    Keras 3 has the path "sequential/dense/kernel", of which a file or a rebuilt model may have only the end, without
    what is around a layer. Conversions of a ``.keras`` file count, by the layer's class: "layers/dense_1/vars/0".
    """
    kinds: dict[str, int] = {}
    for layer in model.layers:
        kind = re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", type(layer).__name__).lower()
        count = kinds[kind] = kinds.get(kind, -1) + 1
        key = kind if count == 0 else f"{kind}_{count}"
        for position, variable in enumerate(layer.weights):
            path = getattr(variable, "path", variable.name).removesuffix(":0")
            parts = path.split("/")
            names = [path, f"{layer.name}/{path}", f"{layer.name}/{parts[-1]}"]
            names += ["/".join(parts[start:]) for start in range(1, len(parts) - 1)]
            names += ["/".join([*parts[:-2], parts[-1]])] if len(parts) > 2 else []
            tops, cells = ("_layer_checkpoint_dependencies", "layers"), ("", "cell/")
            names += [f"{top}/{key}/{cell}vars/{position}" for top in tops for cell in cells]
            yield layer.name, variable, names
