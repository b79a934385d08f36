"""TensorFlow.js layers models as its Python converter writes them: from Keras' HDF5, in its order, in shards."""

import json
from pathlib import Path

import h5py
import numpy as np


def save_tfjs(model, folder: Path, *, quantize: str | None = None, shard_bytes: int = 4 << 20, preprocessing=None):
    folder.mkdir(parents=True)
    file = folder / "model.h5"
    model.save(file)
    with h5py.File(file) as h5:
        topology = {name: _text(h5.attrs[name]) for name in ("keras_version", "backend")}
        topology["model_config"] = json.loads(_text(h5.attrs["model_config"]))
        weights = [entry for layer in h5["model_weights"] for entry in _weights(h5["model_weights"][layer])]
    file.unlink()
    data, entries = b"", []
    for name, value in weights:
        stored, quantization = _quantized(value, quantize)
        entries.append({"name": name, "shape": list(value.shape), "dtype": value.dtype.name} | quantization)
        data += stored.tobytes()
    count = -(-len(data) // shard_bytes)
    paths = [f"group1-shard{number + 1}of{count}.bin" for number in range(count)]
    for number, path in enumerate(paths):
        (folder / path).write_bytes(data[number * shard_bytes : (number + 1) * shard_bytes])
    document = {
        "format": "layers-model",
        "generatedBy": f"keras v{topology['keras_version']}",
        "convertedBy": "TensorFlow.js Converter v4.22.0",
        "modelTopology": topology,
        "weightsManifest": [{"paths": paths, "weights": entries}],
    }
    (folder / "model.json").write_text(json.dumps(document))
    if preprocessing is not None:
        (folder / "preprocessing.json").write_text(json.dumps(preprocessing))
    return folder


def _weights(group):
    if "weight_names" in group.attrs:
        return [(_text(name).removesuffix(":0"), np.array(group[name])) for name in group.attrs["weight_names"]]
    return [entry for key in group for entry in _weights(group[key])]


def _quantized(value, dtype):
    if dtype is None:
        return value, {}
    if dtype == "float16":
        return value.astype(dtype), {"quantization": {"dtype": dtype, "original_dtype": value.dtype.name}}
    low, high = float(value.min()), float(value.max())
    scale = (high - low) / np.iinfo(dtype).max or 1.0
    stored = np.round((value - low) / scale).astype(dtype)
    quantization = {"dtype": dtype, "min": low, "scale": scale, "original_dtype": value.dtype.name}
    return stored, {"quantization": quantization}


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)
