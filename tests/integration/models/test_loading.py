"""Each form a model is kept in gives what the model itself gives."""

import subprocess
import sys

import numpy as np
import pytest

from flinktf import models


def outputs(model, x):
    """Of the only input to the only output."""
    (name,) = [spec.name for spec in model.method().signature.inputs]
    (result,) = model.predict(**{name: x}).values()
    return result


@pytest.mark.parametrize("form", ["saved_model", "keras", "h5", "file in a folder"])
@pytest.mark.parametrize("version", ["keras_2", "keras_3"])
def test_keras_in_all_its_forms(form, version, request, tmp_path, x):
    keras_model = request.getfixturevalue(version)
    path = tmp_path / {"keras": "m.keras", "h5": "m.h5", "file in a folder": "7/m.keras"}.get(form, "m")
    path.parent.mkdir(exist_ok=True)
    if form == "saved_model" and version == "keras_3":
        keras_model.export(str(path), verbose=False)
    else:
        keras_model.save(str(path), **({"save_format": "tf"} if form == "saved_model" else {}))
    with models.load(path.parent if form == "file in a folder" else path) as model:
        np.testing.assert_allclose(outputs(model, x), keras_model(x).numpy(), atol=1e-6)
        (spec,) = model.method().signature.inputs
        assert (spec.dtype, spec.shape) == ("float32", (None, 4))


@pytest.mark.parametrize("version", ["keras_2", "keras_3"])
def test_several_inputs_and_outputs(version, tmp_path):
    library = pytest.importorskip({"keras_2": "tf_keras", "keras_3": "keras"}[version])
    one, other = library.Input((2,), name="one"), library.Input((3,), name="other")
    both = library.layers.Concatenate()([one, other])
    heads = [library.layers.Dense(1, name="price")(both), library.layers.Dense(2, name="kind")(both)]
    keras_model = library.Model([one, other], heads)
    keras_model.save(tmp_path / "m.keras")
    model = models.load(tmp_path / "m.keras")
    given = {"one": np.ones((3, 2), np.float32), "other": np.ones((3, 3), np.float32)}
    result = model.predict(**given)
    price, kind = keras_model(list(given.values()))
    np.testing.assert_allclose(result["price"], price.numpy(), atol=1e-6)
    np.testing.assert_allclose(result["kind"], kind.numpy(), atol=1e-6)


def test_a_saved_model_of_tensorflow_1(tmp_path):
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        given = tf.compat.v1.placeholder(tf.float32, [None], name="given")
        three = tf.compat.v1.get_variable("three", initializer=3.0)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "m"), {"a": given}, {"b": given * three})
    model = models.load(tmp_path / "m")
    assert model.predict(a=[1.0, 2.0])["b"].tolist() == [3.0, 6.0]


def test_a_frozen_graphs_ends_are_found(frozen, x):
    model = models.load(frozen)
    signature = model.signatures["predict"]
    assert [str(spec) for spec in signature.inputs] == ["given: float32[any, 4]"]
    assert [str(spec) for spec in signature.outputs] == ["line: float32[any, 4]", "total: float32[any]"]
    result = model.predict(given=x)
    np.testing.assert_allclose(result["line"], x * 2 + 1, atol=1e-6)
    np.testing.assert_allclose(result["total"], x.sum(axis=1), atol=1e-5)


def test_a_frozen_graphs_ends_are_named(frozen, x):
    model = models.load(frozen, inputs=["given:0"], outputs=["total"])
    assert model.predict(given=x).keys() == {"total"}
    with pytest.raises(models.SignatureError, match="no node 'logits'"):
        models.load(frozen, outputs=["logits"])
    with pytest.raises(models.SignatureError, match=r"does not lead from \['two'\] to \['total'\]"):
        models.load(frozen, inputs=["two"], outputs=["total"])


def test_ends_are_for_frozen_graphs(saved):
    with pytest.raises(models.SignatureError, match="for frozen graphs"):
        models.load(saved, outputs=["total"])


def test_a_function():
    import tensorflow as tf

    def doubled():
        weight = tf.Variable(2.0)  # nobody but the model has it
        return lambda **given: given["a-b"] * weight + tf.cast(given["n"], tf.float32)

    model = models.from_function(doubled(), {"a-b": tf.TensorSpec([None], tf.float32), "n": ("int64", (None,))})
    assert model.predict(**{"a-b": [1.0, 2.0], "n": [1, 2]})["output"].tolist() == [3.0, 6.0]
    with pytest.raises(models.ModelError, match="cannot be made a graph: TypeError"):
        models.from_function(lambda x: {"y": "no tensor at all" + x}, {"x": ("float32", (None,))})


def test_the_package_comes_without_tensorflow():
    code = "import sys, flinktf.models; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
