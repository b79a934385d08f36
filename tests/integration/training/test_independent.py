"""One role process with real TensorFlow: records, failures, results."""

import json
import zlib

import numpy as np
import pyarrow as pa
import pytest

from flinktf.protocol.frames import FrameType
from integration.training.jvm import flink_schema, make_task

MIXED = pa.schema(
    [
        ("id", pa.int64()),
        ("flag", pa.bool_()),
        ("small", pa.int16()),
        ("value", pa.float32()),
        ("name", pa.string()),
        ("items", pa.list_(pa.float64())),
        ("day", pa.date32()),
    ]
)


def mixed(rows, seed=0):
    random = np.random.default_rng(seed)
    start = 0
    while start < rows:
        count = int(min(random.integers(1, 4000), rows - start))
        ids = np.arange(start, start + count)
        yield pa.record_batch(
            [
                pa.array(ids),
                pa.array(ids % 3 == 0),
                pa.array((ids % 1000).astype(np.int16)),
                pa.array(random.normal(size=count).astype(np.float32)),
                pa.array([f"n{i}" for i in ids]),
                pa.ListArray.from_arrays(
                    np.concatenate([[0], np.cumsum(ids % 4)]).astype(np.int32), np.arange(float((ids % 4).sum()))
                ),
                pa.array((ids % 100).astype(np.int32), pa.int32()).cast(pa.date32()),
            ],
            schema=MIXED,
        )
        start += count


def test_every_row_of_every_type_arrives_once(start, script, tmp_path):
    script("""
import json, zlib
import numpy as np
def main(context):
    rows = check = 0; sizes = []
    for x in context.dataset(batch_size=100).to_tf():
        rows += int(x["id"].shape[0]); sizes.append(int(x["id"].shape[0]))
        check += int(x["id"].numpy().sum()) + int(x["small"].numpy().sum()) + int(x["flag"].numpy().sum())
        check += int(x["day"].numpy().sum()) + int(x["items"].row_lengths().numpy().sum())
        check += sum(zlib.crc32(name) for name in x["name"].numpy().tolist())
    assert set(sizes[:-1]) == {100}, set(sizes)
    context.notice(json.dumps({"rows": rows, "check": check, "last": sizes[-1]}))
""")
    rows = 20_037
    role = start(make_task(tmp_path), mixed(rows), schema=MIXED)
    assert role.succeed()["rows"] == rows
    result = json.loads(role.event("notice")[0]["message"])
    ids = np.arange(rows)
    check = int(ids.sum() + (ids % 1000).sum() + (ids % 3 == 0).sum() + (ids % 100).sum() + (ids % 4).sum())
    check += sum(zlib.crc32(b"n%d" % i) for i in ids)
    assert result == {"rows": rows, "check": check, "last": 37}


TRAIN = """
import os
import numpy as np
import tensorflow as tf
import flinktf
keras = tf.keras
if os.environ["TF_USE_LEGACY_KERAS"] == "0":
    import keras

def main(context):
    train, held_out = context.dataset(["x1", "x2"], "y", 16).split(by="held")
    with context.strategy.scope():
        inputs = {name: keras.Input((1,), name=name) for name in ("x1", "x2")}
        output = keras.layers.Dense(1)(keras.layers.Concatenate()(list(inputs.values())))
        model = keras.Model(inputs, output)
        model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    history = flinktf.fit(model, train, epochs=3, validation=held_out)
    assert [epoch.rows for epoch in history.epochs] == [400] * 3, history
    assert history.history["val_loss"][-1] < 1e-2, history
    context.export(model)
"""

LINEAR = pa.schema([("x1", pa.float32()), ("x2", pa.float64()), ("y", pa.float32()), ("held", pa.bool_())])


def linear(rows, seed=0):
    random = np.random.default_rng(seed)
    x1, x2 = random.normal(size=(2, rows))
    columns = [pa.array(x1, pa.float32()), pa.array(x2), pa.array(2 * x1 - x2 + 1, pa.float32())]
    batch = pa.record_batch([*columns, pa.array(np.arange(rows) % 5 == 0)], schema=LINEAR)
    return [batch.slice(at, 70) for at in range(0, rows, 70)]


@pytest.mark.parametrize("legacy", ["1", "0"])
def test_a_model_is_trained_evaluated_saved_and_exported(start, script, tmp_path, legacy):
    script(TRAIN)
    first, *rest = linear(500)
    environment = {"TF_USE_LEGACY_KERAS": legacy}
    role = start(make_task(tmp_path), [first, 11, *rest], schema=LINEAR, environment=environment)
    assert role.succeed() == {"rows": 500, "steps": 76}  # the barrier cuts a batch in two
    (saved,) = role.of(FrameType.SAVED)
    assert saved["checkpointId"] == 11
    assert saved["location"].startswith("file:///")
    assert role.event("model") == [{"event": "model", "path": str(tmp_path / "model")}]
    assert (tmp_path / "model" / "saved_model.pb").exists()
    assert not list((tmp_path / "spool").glob("*.arrows"))


def test_summaries_for_tensorboard(start, script, tmp_path):
    """Keras' own callback, and ``tf.summary`` beside it."""
    script("""
import tensorflow as tf
import flinktf

def main(context):
    folder = context.parameters["logs"]
    model = tf.keras.Sequential([tf.keras.layers.Input((2,)), tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    rows = context.dataset(["x1", "x2"], "y", as_matrix=True)
    flinktf.fit(model, rows, epochs=2, callbacks=[tf.keras.callbacks.TensorBoard(folder)])
    with tf.summary.create_file_writer(folder).as_default():
        tf.summary.scalar("mine", 7.0, step=1)
    found = set()
    for file in tf.io.gfile.glob(folder + "/**/events*") + tf.io.gfile.glob(folder + "/events*"):
        for event in tf.compat.v1.train.summary_iterator(file):
            found |= {value.tag for value in event.summary.value}
    context.notice(" ".join(sorted(found)))
""")
    role = start(make_task(tmp_path, parameters={"logs": str(tmp_path / "logs")}), linear(500), schema=LINEAR)
    role.succeed()
    assert {"epoch_loss", "mine"} <= set(role.event("notice")[0]["message"].split())


def test_barriers_are_answered_without_fit_too(start, script, tmp_path):
    script("def main(context):\n    for batch in context.dataset(batch_size=8).to_tf(epochs=2): pass\n")
    first, *rest = linear(500)
    role = start(make_task(tmp_path), [1, first, 2, *rest, 3], schema=LINEAR)
    role.succeed()
    assert role.of(FrameType.SAVED) == [{"checkpointId": n, "location": None, "error": None} for n in (1, 2, 3)]


def test_rows_go_back_into_flink(start, script, tmp_path):
    script("""
from flinktf import Row, TFContext
import tensorflow as tf
def main(context):
    tf_context = TFContext(context)
    dataset = tf_context.get_tfdataset_from_flink().map(
        lambda line: tf.io.decode_csv(line, record_defaults=[[0.0], [0.0], [0.0], [0]])).batch(10)
    writer = tf_context.get_row_writer_to_flink()
    for x1, x2, y, held in dataset:
        for value in x1.numpy():
            writer.write(Row(twice=2 * value))
""")
    output = pa.schema([("twice", pa.float64())])
    batches = linear(200)
    role = start(make_task(tmp_path, output_schema=flink_schema(output)), batches, schema=LINEAR)
    role.succeed()
    results = [pa.ipc.read_record_batch(pa.py_buffer(r), output) for r in role.of(FrameType.RESULT)]
    got = np.concatenate([batch.column(0).to_numpy() for batch in results])
    expected = 2 * np.concatenate([batch.column(0).to_numpy() for batch in batches])
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("def main(context):\n    raise KeyError('gone')\n", "KeyError", 'train.py", line 2, in main'),
        ("import sys\ndef main(context):\n    sys.exit(4)\n", "SystemExit", "sys.exit(4)"),
        ("import no_such_module\n", "ModuleNotFoundError", 'train.py", line 1, in <module>'),
        ("def man(context): pass\n", "EntrypointError", "no function 'main'"),
        (
            "def main(context):\n    next(iter(context.dataset(['x3'], batch_size=8)))\n",
            "ColumnError",
            "no column 'x3'; the stream has 'x1', 'x2', 'y', 'held'",
        ),
    ],
)
def test_what_the_script_does_wrong_is_told_with_its_line(start, script, tmp_path, *, code, kind, text):
    script(code)
    role = start(make_task(tmp_path), linear(100), schema=LINEAR)
    failure = role.fail()
    assert failure["type"] == kind
    assert text in failure["message"] + failure["traceback"]
    assert "flinktf/training/process.py" not in failure["traceback"]
    assert role.event("failed")[0]["message"] == failure["message"]


def test_a_null_fails_the_role_with_column_and_row(start, script, tmp_path):
    script("def main(context):\n    for batch in context.dataset(batch_size=8).to_tf(): pass\n")
    schema = pa.schema([("x", pa.float32())])
    role = start(
        make_task(tmp_path), [pa.record_batch([pa.array([1.0, None], pa.float32())], schema=schema)], schema=schema
    )
    assert "column 'x' is NULL in row 1" in role.fail()["message"]


def test_a_model_path_that_cannot_be_written_is_told_before_training(start, script, tmp_path):
    script(TRAIN)
    (tmp_path / "file").write_text("")
    role = start(make_task(tmp_path, model_path=str(tmp_path / "file" / "model")), linear(100), schema=LINEAR)
    failure = role.fail()
    assert str(tmp_path / "file") in failure["message"]
    assert role.event("progress") == []


def test_a_role_without_records_answers_barriers_and_hears_stop(start, script, tmp_path):
    script("""
import time
def main(context):
    while not context.should_stop:
        time.sleep(0.05)
""")
    role = start(make_task(tmp_path), [1, 2], end=False)
    role.until(lambda: len(role.of(FrameType.SAVED)) == 2, "both barriers are answered")
    role.stop()
    role.succeed()
