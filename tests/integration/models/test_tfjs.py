"""TensorFlow.js layers models, and the pre-processing beside them."""

import importlib
import json

import numpy as np
import pytest

from flinktf import models
from integration.models.tfjs_files import save_tfjs

COLUMNS = {
    "columns": [
        {"name": "a", "mean": 2.0, "std": 4.0},
        {"name": "b", "min": 10, "max": 30},
        {"name": "c"},
        {"name": "kind", "vocabulary": ["red", "white"]},
    ]
}


@pytest.mark.parametrize("version", ["keras_2", "keras_3"])
@pytest.mark.parametrize(
    ("options", "tolerance"),
    [({}, 1e-6), ({"shard_bytes": 10}, 1e-6), ({"quantize": "uint8"}, 5e-2), ({"quantize": "uint16"}, 1e-3),
     ({"quantize": "float16"}, 1e-2)],
)  # fmt: skip
def test_weights_are_those_of_the_model(version, options, tolerance, request, tmp_path, x):
    keras_model = request.getfixturevalue(version)
    model = models.load(save_tfjs(keras_model, tmp_path / "m", **options))
    np.testing.assert_allclose(model.predict(features=x)["answer"], keras_model(x).numpy(), atol=tolerance)


@pytest.mark.parametrize("library", ["tf_keras", "keras"])
def test_recurrent_layers(library, tmp_path):
    """Weights have paths, of which Keras 3 has only the end once it has rebuilt the model."""
    keras = importlib.import_module(library)
    layers = keras.layers
    both_ways = [layers.Bidirectional(layers.LSTM(4, return_sequences=True)), layers.Bidirectional(layers.LSTM(4))]
    inputs = keras.Input((3, 2), name="steps")
    keras_model = keras.Sequential([inputs, *both_ways, layers.Dense(1, name="out")])
    given = np.ones((2, 3, 2), np.float32)
    model = models.load(save_tfjs(keras_model, tmp_path / "m"))
    np.testing.assert_allclose(model.predict(steps=given)["out"], keras_model(given).numpy(), atol=1e-6)


@pytest.mark.parametrize("top", ["layers", "_layer_checkpoint_dependencies"])
def test_what_the_converter_makes_of_a_keras_file(top, tmp_path):
    """Weights by the class of the layer and their place in it, and a topology that does not say of which module."""
    import keras

    layers = [keras.layers.Conv2D(2, 3, name="look"), keras.layers.Flatten()]
    layers += [keras.layers.Dense(2, name="hidden"), keras.layers.Dense(2, name="answer")]
    keras_model = keras.Sequential([keras.Input((4, 4, 1), name="picture"), *layers])
    folder = save_tfjs(keras_model, tmp_path / "m")
    document = json.loads((folder / "model.json").read_text())
    places = {"look": "conv2d", "hidden": "dense", "answer": "dense_1"}
    for weight in document["weightsManifest"][0]["weights"]:
        layer, kind = weight["name"].split("/")[-2:]
        weight["name"] = f"{top}/{places[layer]}/vars/{['kernel', 'bias'].index(kind)}"
    document["modelTopology"]["model_config"] = without(document["modelTopology"]["model_config"], "module")
    (folder / "model.json").write_text(json.dumps(document))
    picture = np.random.default_rng(3).normal(size=(2, 4, 4, 1)).astype(np.float32)
    result = models.load(folder).predict(picture=picture)["answer"]
    np.testing.assert_allclose(result, keras_model(picture).numpy(), atol=1e-6)


def without(config, key):
    if isinstance(config, dict):
        return {name: without(value, key) for name, value in config.items() if name != key}
    return [without(item, key) for item in config] if isinstance(config, list) else config


def test_what_tensorflow_js_itself_saves(keras_2, tmp_path, x):
    """It has the class and its configuration right in the topology, and ``./`` before the shards."""
    folder = save_tfjs(keras_2, tmp_path / "m")
    document = json.loads((folder / "model.json").read_text())
    topology = document["modelTopology"]
    document["modelTopology"] = topology["model_config"] | {"keras_version": "tfjs-layers 4.22.0"}
    document["weightsManifest"][0]["paths"] = [f"./{path}" for path in document["weightsManifest"][0]["paths"]]
    (folder / "model.json").write_text(json.dumps(document))
    model = models.load(folder / "model.json", kind="tfjs")
    np.testing.assert_allclose(model.predict(features=x)["answer"], keras_2(x).numpy(), atol=1e-6)


@pytest.mark.parametrize("one_hot", [False, True])
def test_preprocessing_is_part_of_the_model(one_hot, keras_2, tmp_path):
    columns = [dict(column) for column in COLUMNS["columns"]]
    columns[3]["one_hot"] = one_hot
    folder = save_tfjs(keras_2, tmp_path / "m", preprocessing={"columns": columns[one_hot:]})
    model = models.load(folder)
    given = {"a": [6.0, 2.0], "b": [20.0, 10.0], "c": [0.5, 0.25], "kind": ["white", "red"]}
    wanted = np.array([[1, 0.5, 0.5, 1], [0, 0, 0.25, 0]], np.float32)
    if one_hot:
        del given["a"]
        wanted = np.array([[0.5, 0.5, 0, 1], [0, 0.25, 1, 0]], np.float32)
    np.testing.assert_allclose(model.predict(**given)["answer"], keras_2(wanted).numpy(), atol=1e-6)
    with pytest.raises(Exception, match="column kind has a value that is not in its vocabulary"):
        model.predict(**given | {"kind": ["white", "blue"]})


@pytest.mark.parametrize(
    ("preprocessing", "error"),
    [
        ({"columns": []}, "wants"),
        ({"columns": [{"mean": 1}]}, "wants a name"),
        ({"columns": [{"name": "a", "median": 1}]}, "wants a name and some of"),
        ({"columns": [{"name": "a", "mean": 1}]}, "column 'a'.* both mean and std"),
        ({"columns": [{"name": "a", "min": 1, "max": 1}]}, "max is larger"),
        ({"columns": [{"name": "a", "min": 1, "max": 2, "vocabulary": ["x"]}]}, "more than one of"),
        ({"columns": [{"name": "a", "vocabulary": ["x", 1]}]}, "different types"),
        ({"columns": [{"name": "a", "one_hot": True}]}, "needs a vocabulary"),
        ({"columns": COLUMNS["columns"][:3]}, r"makes \[batch, 3\].* features: \[None, 4\]"),
    ],
)
def test_wrong_preprocessing_is_told(preprocessing, error, keras_2, tmp_path):
    folder = save_tfjs(keras_2, tmp_path / "m", preprocessing=preprocessing)
    with pytest.raises(models.PreprocessingError, match=error):
        models.load(folder)
