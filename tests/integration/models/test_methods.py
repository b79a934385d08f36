"""Signatures as methods: which one is meant, and what a call is refused for."""

import threading

import numpy as np
import pytest

from flinktf import models
from flinktf.models.signature import default_signature


@pytest.mark.parametrize(
    ("names", "asked", "chosen"),
    [
        (["serving_default", "serve"], None, "serving_default"),
        (["serve"], None, "serve"),
        (["a", "b"], "b", "b"),
        (["a", "serving_default"], "a", "a"),
        (["a", "b"], None, "name a signature .* it has: a, b"),
        (["a"], "c", "no signature 'c'; it has: a"),
        ([], None, "it has: none"),
    ],
)
def test_which_signature_is_meant(names, asked, chosen):
    if chosen in names:
        assert default_signature(names, asked) == chosen
    else:
        with pytest.raises(models.SignatureError, match=chosen):
            default_signature(names, asked)


def test_each_signature_is_a_method(methods):
    with models.load(methods) as model:
        assert str(model.signatures["measure"]) == "measure(text: string[any], n: int64[any]) -> (length: int64[any])"
        assert model.measure(text=["a", "bcd"], n=[1, 2])["length"].tolist() == [1, 6]
        assert model.method("classify")(x=np.zeros((1, 2), np.float32))["scores"].tolist() == [[0.5, 0.5]]
        assert {"classify", "measure", "predict"} <= set(dir(model))
        with pytest.raises(AttributeError, match="name a signature"):
            _ = model.predict
        with pytest.raises(AttributeError, match="no signature 'regress'; it has: classify, measure"):
            _ = model.regress
    with models.load(methods, signature="classify") as model:
        assert model.predict(x=[[1.0, 1.0]])["scores"].tolist() == [[0.5, 0.5]]
    with pytest.raises(models.SignatureError, match="no signature 'regress'"):
        models.load(methods, signature="regress")


@pytest.mark.parametrize(
    ("inputs", "error", "text"),
    [
        ({}, models.InputError, "takes text, n: 'text' is missing, 'n' is missing"),
        ({"text": ["a"], "n": [1], "m": [1]}, models.InputError, "'m' is unknown"),
        ({"text": [["a"]], "n": [1]}, models.ShapeError, r"input 'text' wants \[any\], and got \[1, 1\]"),
        ({"text": ["a"], "n": np.ones(1, np.int32)}, models.DtypeError, "input 'n' wants int64, and got int32"),
        ({"text": np.ones(1), "n": [1]}, models.DtypeError, "input 'text' wants string, and got float64"),
        ({"text": ["a"], "n": ["one"]}, models.DtypeError, "input 'n' wants int64"),
        ({"text": ["a", "b"], "n": [1]}, models.ShapeError, "different numbers of rows: {'text': 2, 'n': 1}"),
    ],
)
def test_calls_that_do_not_fit(inputs, error, text, methods):
    model = models.load(methods)
    with pytest.raises(error, match=text):
        model.measure(**inputs)


def test_nothing_is_traced_again(saved):
    import tensorflow as tf

    traced = []

    def call(x):
        traced.append(x)
        return tf.reduce_sum(x, axis=1)

    model = models.from_function(call, {"x": ("float32", (None, None))})
    for rows in range(1, 20):
        model.predict(x=np.ones((rows, rows), np.float32))
    assert len(traced) == 1


def test_calls_from_many_threads(methods):
    model = models.load(methods)
    wrong = []

    def call(number):
        for _ in range(100):
            length = model.measure(text=["a" * number] * number, n=[2] * number)["length"]
            if length.tolist() != [2 * number] * number:
                wrong.append(number)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_closed_model_is_not_called(methods):
    model = models.load(methods)
    measure = model.measure
    model.close()
    with pytest.raises(models.ClosedError):
        measure(text=["a"], n=[1])
