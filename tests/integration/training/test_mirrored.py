"""MultiWorkerMirrored: synchronous workers with different numbers of records."""

import numpy as np
import pyarrow as pa
import pytest

from flinktf.protocol.frames import FrameType
from integration.training.jvm import cluster, make_task

SCHEMA = pa.schema([("x1", pa.float32()), ("x2", pa.float32()), ("y", pa.float32())])

TRAIN = """
import os
import numpy as np
import tensorflow as tf
import flinktf
keras = tf.keras
if os.environ["TF_USE_LEGACY_KERAS"] == "0":
    import keras

def main(context):
    dataset = context.dataset(["x1", "x2"], "y", context.parameters["batch"], as_matrix=True)
    with context.strategy.scope():
        model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
        model.compile(keras.optimizers.SGD(0.05), "mse", metrics=["mae"])
    history = flinktf.fit(model, dataset, epochs=3)
    name = os.path.join(context.checkpoint_path, f"result-{context.replicas}-{context.index}.npz")
    np.savez(name, *map(np.asarray, model.get_weights()), rows=history.last.rows, loss=history.last.loss,
             steps=int(tf.convert_to_tensor(model.optimizer.iterations)))
    context.export(model)
"""


def data(rows, seed):
    random = np.random.default_rng(seed)
    x1, x2 = random.normal(size=(2, rows))
    return np.stack([x1, x2, 2 * x1 - x2 + random.normal(size=rows) / 10], 1).astype(np.float32)


def batches(array, rows=50):
    return [
        pa.record_batch([pa.array(column) for column in array[at : at + rows].T], schema=SCHEMA)
        for at in range(0, len(array), rows)
    ]


@pytest.fixture
def train(start, script, tmp_path):
    script(TRAIN)
    (tmp_path / "checkpoints").mkdir()

    def run(shares, batch, legacy="1"):
        addresses = cluster(worker=len(shares))
        roles = [
            start(
                make_task(
                    tmp_path,
                    index=index,
                    replicas=len(shares),
                    cluster=addresses,
                    strategy="MultiWorkerMirrored",
                    parameters={"batch": batch},
                    spool_path=str(tmp_path / f"spool-{len(shares)}-{index}"),
                ),
                share,
                schema=SCHEMA,
                environment={"TF_USE_LEGACY_KERAS": legacy},
            )
            for index, share in enumerate(shares)
        ]
        done = [role.succeed() for role in roles]
        results = [np.load(tmp_path / "checkpoints" / f"result-{len(shares)}-{i}.npz") for i in range(len(shares))]
        return roles, done, results

    return run


@pytest.mark.parametrize("legacy", ["1", "0"])
def test_ten_and_ninety_percent_end_with_the_same_model(train, legacy):
    small, large = data(100, 0), data(907, 1)
    _, done, (a, b) = train([batches(small), batches(large)], 16, legacy)
    assert [value["rows"] for value in done] == [100, 907]
    assert all(np.array_equal(a[name], b[name]) for name in a.files)
    assert (int(a["rows"]), int(a["steps"])) == (1007, done[0]["steps"])
    assert a["arr_0"].ravel() == pytest.approx([2, -1], abs=0.1)


def test_two_workers_train_what_one_would_on_the_same_batches(train):
    """Uneven batches too: a step's gradient is the mean over its rows, whoever has them."""
    first, second = data(96, 2), data(40, 3)
    _, _, (two, _) = train([batches(first), batches(second)], 16)
    union, at = [], 0
    while at < len(first):
        union.append(np.concatenate([first[at : at + 16], second[at : at + 16]]))
        at += 16
    steps = [16 + len(second[at : at + 16]) for at in range(0, 96, 16)]
    assert [len(part) for part in union] == steps
    weights, bias = np.ones((2, 1)), np.zeros(1)
    for _ in range(3):
        for part in union:
            x, y = part[:, :2], part[:, 2:]
            error = x @ weights + bias - y
            weights = weights - 0.05 * 2 * x.T @ error / len(part)
            bias = bias - 0.05 * 2 * error.mean(0)
    np.testing.assert_allclose(two["arr_0"], weights, atol=1e-4)
    np.testing.assert_allclose(two["arr_1"], bias, atol=1e-4)
    assert int(two["steps"]) == 18


def test_a_checkpoint_waits_for_all_and_names_one_model(train, tmp_path):
    one, two = batches(data(100, 0)), batches(data(400, 1))
    roles, _, _ = train([[one[0], 5, *one[1:]], [*two[:6], 5, *two[6:], 6]], 16)
    location = (tmp_path / "checkpoints" / "model" / "2f" / "5.npz").as_uri()
    assert roles[0].of(FrameType.SAVED) == [{"checkpointId": 5, "location": location, "error": None}]
    assert [saved["checkpointId"] for saved in roles[1].of(FrameType.SAVED)] == [5, 6]
    assert roles[1].of(FrameType.SAVED)[0]["location"] == location


def test_a_worker_without_any_record_takes_part(train):
    _, done, (a, b) = train([[], batches(data(50, 1))], 16)
    assert [value["rows"] for value in done] == [0, 50]
    assert np.array_equal(a["arr_0"], b["arr_0"])


SEEDS = """
import json, os
import tensorflow as tf
from flinktf import TFContext

def main(context):
    tf_context = TFContext(context)
    cluster = tf_context.get_tf_cluster_config()
    os.environ['TF_CONFIG'] = json.dumps({
        'cluster': cluster,
        'task': {'type': tf_context.get_node_type(),
                 'index': tf_context.get_index()}
    })

    strategy = tf.distribute.experimental.MultiWorkerMirroredStrategy()
    with strategy.scope():
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))])
        model.compile(tf.keras.optimizers.SGD(0.05), "mse")

    def parse_csv(value):
        x1, x2, y = tf.io.decode_csv(value, record_defaults=[[0.], [0.], [0.]])
        return tf.stack([x1, x2]), y

    dataset = tf_context.get_tfdataset_from_flink().map(parse_csv).batch(32)

    history = model.fit(dataset, epochs=10, verbose=2)
    assert len(history.history["loss"]) == 10 and history.history["loss"][-1] < 0.1, history.history
"""


@pytest.mark.parametrize("shares", [(320, 320), (64, 640)])
def test_a_script_of_dl_on_flink_runs_as_it_is(start, script, tmp_path, shares):
    script(SEEDS)
    addresses = cluster(worker=2)
    roles = [
        start(
            make_task(
                tmp_path,
                index=index,
                replicas=2,
                cluster=addresses,
                strategy="MultiWorkerMirrored",
                spool_path=str(tmp_path / f"spool-{index}"),
            ),
            batches(data(rows, index)),
            schema=SCHEMA,
        )
        for index, rows in enumerate(shares)
    ]
    assert [role.succeed()["rows"] for role in roles] == list(shares)
