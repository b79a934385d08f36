"""TensorFlow.js layers models, and the pre-processing beside them."""

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


def test_recurrent_layers(tmp_path):
    import tf_keras

    keras_model = tf_keras.Sequential(
        [tf_keras.layers.Input((3, 2), name="steps"), tf_keras.layers.LSTM(4, name="out")]
    )
    given = np.ones((2, 3, 2), np.float32)
    model = models.load(save_tfjs(keras_model, tmp_path / "m"))
    np.testing.assert_allclose(model.predict(steps=given)["out"], keras_model(given).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: f"_layer_checkpoint_dependencies/{name}",  # the converter, from a .keras file
        lambda name: f"layers/{name}",
    ],
)
def test_weights_by_their_place(rename, keras_3, tmp_path, x):
    folder = save_tfjs(keras_3, tmp_path / "m")
    document = json.loads((folder / "model.json").read_text())
    places = {"hidden": "dense", "answer": "dense_1"}
    for weight in document["weightsManifest"][0]["weights"]:
        layer, kind = weight["name"].split("/")[-2:]
        weight["name"] = rename(f"{places[layer]}/vars/{['kernel', 'bias'].index(kind)}")
    (folder / "model.json").write_text(json.dumps(document))
    np.testing.assert_allclose(models.load(folder).predict(features=x)["answer"], keras_3(x).numpy(), atol=1e-6)


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
