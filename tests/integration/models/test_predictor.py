"""Batches through a model: a bad record costs itself its result, and the others nothing."""

import numpy as np
import pyarrow as pa
import pytest

from flinktf import models

NUMBERS, ANSWERS = pa.schema([("x", pa.float32())]), pa.schema([("y", pa.float32())])


@pytest.fixture(scope="module")
def roots():
    """Square roots; it raises on a batch with 13 in it. Each call adds to ``calls``."""
    import tensorflow as tf

    calls = tf.Variable(0)

    def call(x):
        unlucky = tf.debugging.Assert(tf.reduce_all(x != 13.0), ["13 is not calculated"])
        with tf.control_dependencies([unlucky, calls.assign_add(1)]):
            return {"y": tf.sqrt(x), "z": tf.math.log(x)}

    model = models.from_function(call, {"x": ("float32", (None,))})
    return model, calls


def numbers(*values):
    return pa.record_batch([pa.array(values, pa.float32())], ["x"])


def test_results_are_in_the_order_of_the_records(roots):
    predictor = models.Predictor(roots[0], NUMBERS, ANSWERS)
    outputs, errors = predictor.predict(numbers(1.0, 4.0, 9.0))
    assert outputs.to_pydict() == {"y": [1.0, 2.0, 3.0]}
    assert errors.null_count == 3
    outputs, errors = predictor.predict(numbers())
    assert (outputs.num_rows, len(errors)) == (0, 0)


@pytest.mark.parametrize(
    ("values", "results", "told"),
    [
        ([1.0, 13.0, 9.0], [1.0, None, 3.0], {1: "13 is not calculated"}),
        ([13.0], [None], {0: "13 is not calculated"}),
        ([13.0, None, 4.0, 13.0], [None, None, 2.0, None], {0: "13 is", 1: "column 'x' is NULL", 3: "13 is"}),
        ([None, None], [None, None], {0: "column 'x' is NULL", 1: "column 'x' is NULL"}),
        ([4.0, -1.0, 1.0], [2.0, None, 1.0], {1: "output 'y' is not finite"}),
        ([-1.0, 13.0, None, 16.0], [None, None, None, 4.0], {0: "not finite", 1: "13 is", 2: "NULL"}),
    ],
)
def test_bad_records_are_rejected_alone(values, results, told, roots):
    predictor = models.Predictor(roots[0], NUMBERS, ANSWERS, not_finite="reject")
    outputs, errors = predictor.predict(numbers(*values))
    assert outputs.to_pydict() == {"y": results}
    assert outputs.schema == ANSWERS
    assert {row for row, error in enumerate(errors.to_pylist()) if error} == told.keys()
    assert all(text in errors[row].as_py() for row, text in told.items())


def test_a_nan_is_let_through_when_it_may(roots):
    outputs, errors = models.Predictor(roots[0], NUMBERS, ANSWERS).predict(numbers(-1.0, 4.0))
    assert np.isnan(outputs["y"][0].as_py())
    assert errors.null_count == 2


def test_only_outputs_that_are_wanted_are_looked_at(roots):
    """log(0) is not finite, and nobody asked for it."""
    outputs, errors = models.Predictor(roots[0], NUMBERS, ANSWERS, not_finite="reject").predict(numbers(0.0))
    assert errors.null_count == 1
    assert outputs["y"].to_pylist() == [0.0]


class Counted:
    """A converter of one's own. It counts its batches: as many as there are calls of the model."""

    def __init__(self):
        self.batches = []

    def bind(self, schema, signature):
        columns, encode = models.Columns().bind(schema, signature)

        def counted(batch):
            self.batches.append(batch.num_rows)
            return encode(batch)

        return models.Encoder(columns, counted)


@pytest.mark.parametrize(
    ("bad", "further"), [([], 0), ([1023], 11), ([0], 20), ([512], 19), ([100, 900], 32), ([6, 7], 18)]
)
def test_a_bad_record_costs_few_calls(bad, further, roots):
    """1,024 records: the way to one of them has ten halvings, each of which costs one or two calls."""
    converter = Counted()
    values = np.ones(1024, np.float32)
    values[bad] = 13.0
    predictor = models.Predictor(roots[0], NUMBERS, ANSWERS, converter=converter)
    _, errors = predictor.predict(pa.record_batch([pa.array(values)], ["x"]))
    assert [row for row, error in enumerate(errors.to_pylist()) if error] == bad
    assert len(converter.batches) - 1 == further


def test_arrays_of_different_lengths_together():
    import tensorflow as tf

    model = models.from_function(lambda x: tf.reduce_sum(x, axis=1), {"x": ("float32", (None, None))})
    schema = pa.schema([("x", pa.list_(pa.float32()))])
    batch = pa.record_batch([pa.array([[1], [2, 3], [4, 5], [6, 7, 8]], schema.field(0).type)], schema=schema)
    assert models.Predictor(model, schema, ANSWERS).predict(batch).outputs.to_pydict() == {"y": [1, 5, 9, 21]}


def test_pictures_that_are_none():
    import tensorflow as tf

    model = models.from_function(lambda x: tf.reduce_mean(x, axis=[1, 2, 3]), {"x": ("float32", (None, 2, 2, 3))})
    schema = pa.schema([("photo", pa.binary())])
    predictor = models.Predictor(model, schema, ANSWERS, converter=models.Images("photo"))
    picture = tf.io.encode_png(np.full((2, 2, 3), 255, np.uint8)).numpy()
    outputs, errors = predictor.predict(pa.record_batch([pa.array([picture, b"none", picture])], schema=schema))
    assert outputs.to_pydict() == {"y": [1.0, None, 1.0]}
    assert "Unknown image file format" in errors[1].as_py()


def test_examples_that_the_model_parses():
    import tensorflow as tf

    def call(example):
        return tf.io.parse_example(example, {"v": tf.io.FixedLenFeature([], tf.float32)})["v"]

    model = models.from_function(call, {"example": ("string", (None,))})
    example = tf.train.Example()
    example.features.feature["v"].float_list.value.append(2.5)
    schema = pa.schema([("record", pa.binary())])
    predictor = models.Predictor(model, schema, ANSWERS, converter=models.Examples("record"))
    predictor.warm_up(None)  # an empty example lacks the feature; that says nothing about the model
    records = [example.SerializeToString(), b"", b"\xff\xff"]
    outputs, errors = predictor.predict(pa.record_batch([pa.array(records)], schema=schema))
    assert outputs.to_pydict() == {"y": [2.5, None, None]}
    assert errors.null_count == 1


@pytest.mark.parametrize(
    ("inputs", "outputs", "options", "error", "text"),
    [
        (
            NUMBERS,
            ANSWERS,
            {"signature": "classify"},
            models.SignatureError,
            "no signature 'classify'; it has: predict",
        ),
        (pa.schema([("x", pa.string())]), ANSWERS, {}, models.DtypeError, "column 'x' is string, and tensor 'x' wants"),
        (pa.schema([("x", pa.list_(pa.float32()))]), ANSWERS, {}, models.ShapeError, "one value a record"),
        (
            NUMBERS,
            pa.schema([("y", pa.int32())]),
            {},
            models.DtypeError,
            "output 'y' is float32, and column 'y' is int32",
        ),
    ],
)
def test_what_cannot_go_well_is_told_before_any_record(inputs, outputs, options, error, text, roots):
    with pytest.raises(error, match=text):
        models.Predictor(roots[0], inputs, outputs, **options)


def test_a_model_for_batches_of_one_size():
    model = models.from_function(lambda x: x, {"x": ("float32", (1, 4))})
    with pytest.raises(models.ShapeError, match="has no batch of any size"):
        models.Predictor(model, pa.schema([("x", pa.list_(pa.float32()))]), ANSWERS)


def test_an_output_that_is_not_one_per_record():
    model = models.from_function(lambda x: {"y": x[:1]}, {"x": ("float32", (None,))})
    outputs, errors = models.Predictor(model, NUMBERS, ANSWERS).predict(numbers(1.0))
    assert errors.null_count == 1
    assert outputs["y"].to_pylist() == [1.0]
    model = models.from_function(lambda x: {"y": x[:0]}, {"x": ("float32", (None,))})
    _, errors = models.Predictor(model, NUMBERS, ANSWERS).predict(numbers(1.0))
    assert errors.to_pylist() == ["output 'y' is [0] for 1 records"]


def test_a_batch_of_other_columns(roots):
    with pytest.raises(models.ConversionError, match="the batch has the columns x double; announced were x float"):
        models.Predictor(roots[0], NUMBERS, ANSWERS).predict(pa.record_batch([pa.array([1.0])], ["x"]))


def test_a_closed_model_is_no_fault_of_the_records():
    predictor = models.Predictor(models.from_function(lambda x: x, {"x": ("float32", (None,))}), NUMBERS, ANSWERS)
    with predictor:
        predictor.predict(numbers(1.0))
    with pytest.raises(models.ClosedError):
        predictor.predict(numbers(1.0))


def test_a_model_that_rejects_what_went_well_before_is_not_fit(roots):
    predictor = models.Predictor(roots[0], NUMBERS, ANSWERS, not_finite="reject")
    predictor.warm_up(numbers(1.0, 13.0))
    with pytest.raises(
        models.UnfitModelError, match="rejects all 2 records of the last batch: output 'y' is not finite"
    ):
        predictor.warm_up(numbers(-1.0, -2.0))


def test_a_model_in_a_function_of_flink(saved, x):
    import pickle

    function = pickle.loads(pickle.dumps(models.ModelAware(saved)))
    with pytest.raises(RuntimeError, match="open_model"):
        _ = function.model
    function.close_model()
    (spec,) = function.open_model().method().signature.inputs
    (scores,) = function.model.predict(**{spec.name: x}).values()
    assert scores.shape == (5, 2)
    assert pickle.loads(pickle.dumps(function)) is not None
    function.close_model()
