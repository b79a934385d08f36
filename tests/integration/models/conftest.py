"""Models that the tests share: made once, as importing TensorFlow and saving take most of the time."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def x():
    return np.random.default_rng(7).normal(size=(5, 4)).astype(np.float32)


@pytest.fixture(scope="session")
def keras_3():
    import keras

    keras.utils.set_random_seed(3)
    layers = [keras.layers.Dense(3, activation="relu", name="hidden"), keras.layers.Dense(2, name="answer")]
    return keras.Sequential([keras.Input((4,), name="features"), *layers])


@pytest.fixture(scope="session")
def keras_2():
    import tf_keras

    tf_keras.utils.set_random_seed(2)
    # HDF5 has layers by the alphabet: the second one comes first there.
    layers = [tf_keras.layers.Dense(3, activation="relu", name="hidden"), tf_keras.layers.Dense(2, name="answer")]
    return tf_keras.Sequential([tf_keras.layers.Input((4,), name="features"), *layers])


@pytest.fixture(scope="session")
def saved(tmp_path_factory, keras_3):
    """A SavedModel of Keras 3."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    keras_3.export(str(folder), verbose=False)
    return folder


@pytest.fixture(scope="session")
def frozen(tmp_path_factory):
    """A TensorFlow 1 graph of x · 2 + 1 and the sum of each row, after it was frozen."""
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        given = tf.compat.v1.placeholder(tf.float32, [None, 4], name="given")
        two = tf.compat.v1.get_variable("two", initializer=2.0)
        tf.add(given * two, 1.0, name="line")
        tf.reduce_sum(given, axis=1, name="total")
        session.run(tf.compat.v1.global_variables_initializer())
        constants = tf.compat.v1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["line", "total"]
        )
    path = tmp_path_factory.mktemp("frozen") / "graph.pb"
    path.write_bytes(constants.SerializeToString())
    return path


@pytest.fixture(scope="session")
def methods(tmp_path_factory):
    """A SavedModel with two signatures of its own, and none by TensorFlow Serving's name."""
    import tensorflow as tf

    class Methods(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
        def classify(self, x):
            return {"scores": tf.nn.softmax(x)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text"), tf.TensorSpec([None], tf.int64, "n")])
        def measure(self, text, n):
            return {"length": tf.cast(tf.strings.length(text), tf.int64) * n}

    folder, module = tmp_path_factory.mktemp("methods") / "model", Methods()
    tf.saved_model.save(module, str(folder), {"classify": module.classify, "measure": module.measure})
    return folder
