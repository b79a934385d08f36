"""Columns to tensors and back: what goes into what, and what is refused before any record."""

import datetime

import numpy as np
import pyarrow as pa
import pytest

from flinktf import models
from flinktf.models.arrow import goes_into
from flinktf.models.signature import Signature, TensorSpec

FLOATS = pa.list_(pa.float32())


def signature(*inputs, outputs=()):
    return Signature("predict", inputs, tuple(outputs))


def one(dtype, *inner):
    return signature(TensorSpec("x", dtype, (None, *inner)))


def encoded(columns, into, converter=None):
    batch = pa.record_batch(list(columns.values()), list(columns))
    names, encode = (converter or models.Columns()).bind(batch.schema, into)
    assert set(names) <= set(columns)
    return {name: (array.dtype.name, array.tolist()) for name, array in encode(batch).items()}


@pytest.mark.parametrize(
    ("source", "target", "goes"),
    [
        ("int32", "float32", True),
        ("int64", "float32", True),
        ("int32", "int64", True),
        ("float64", "float32", True),
        ("float32", "float16", True),
        ("uint8", "int16", True),
        ("bool", "float32", True),
        ("bool", "int32", True),
        ("string", "string", True),
        ("int64", "int32", False),
        ("int32", "uint32", False),
        ("float32", "int32", False),
        ("string", "float32", False),
        ("float32", "string", False),
        ("int32", "bool", False),
    ],
)
def test_which_type_goes_into_which(source, target, goes):
    assert goes_into(source, target) is goes


@pytest.mark.parametrize(
    ("columns", "into", "tensors"),
    [
        (  # by name; other columns are left out
            {"b": pa.array([1, 2]), "a": pa.array(["u", "v"]), "id": pa.array([None, 7])},
            signature(TensorSpec("a", "string", (None,)), TensorSpec("b", "float32", (None, 1))),
            {"a": ("object", [b"u", b"v"]), "b": ("float32", [[1.0], [2.0]])},
        ),
        (  # side by side, in the order of the columns
            {"b": pa.array([1, 2]), "a": pa.array([0.5, 0.25])},
            one("float32", 2),
            {"x": ("float32", [[1.0, 0.5], [2.0, 0.25]])},
        ),
        (
            {"b": pa.array([1, 2]), "a": pa.array([0.5, 0.25])},
            one("float64", None),
            {"x": ("float64", [[1.0, 0.5], [2.0, 0.25]])},
        ),
        (  # with an ARRAY, whose length is what is left
            {"l": pa.array([[1, 2], [3, 4]], FLOATS), "a": pa.array([9, 8])},
            one("float32", 3),
            {"x": ("float32", [[1.0, 2.0, 9.0], [3.0, 4.0, 8.0]])},
        ),
        (
            {"l": pa.array([[1, 2]], pa.list_(pa.int32(), 2)), "m": pa.array([[3]], pa.list_(pa.int32(), 1))},
            one("int32", 3),
            {"x": ("int32", [[1, 2, 3]])},
        ),
        ({"l": pa.array([[1, 2], [3, 4]], FLOATS)}, one("float32", 2), {"x": ("float32", [[1.0, 2.0], [3.0, 4.0]])}),
        ({"l": pa.array([[1, 2], [3, 4]], FLOATS)}, one("float32", None), {"x": ("float32", [[1.0, 2.0], [3.0, 4.0]])}),
        (
            {"l": pa.array([[1, 2, 3, 4]], FLOATS)},
            one("float32", 2, 2, 1),
            {"x": ("float32", [[[[1.0], [2.0]], [[3.0], [4.0]]]])},
        ),
        ({"l": pa.array([[1, 2, 3, 4]], FLOATS)}, one("float32", 2, None), {"x": ("float32", [[[1, 2], [3, 4]]])}),
        ({"t": pa.array(["a", "ä"])}, one("string"), {"x": ("object", [b"a", "ä".encode()])}),
        ({"d": pa.array([datetime.date(1970, 1, 3)])}, one("int32", 1), {"x": ("int32", [[2]])}),
        ({"b": pa.array([True, False])}, one("float32", 1), {"x": ("float32", [[1.0], [0.0]])}),
        ({"v": pa.array([5, 6]).slice(1)}, one("float32", 1), {"x": ("float32", [[6.0]])}),
        ({"v": pa.array([[5, 6], [7, 8]], FLOATS).slice(1)}, one("float32", 2), {"x": ("float32", [[7.0, 8.0]])}),
    ],
)
def test_columns_become_tensors(columns, into, tensors):
    assert encoded(columns, into) == tensors


def test_columns_that_are_named():
    columns = {"id": pa.array([7]), "b": pa.array([1.0]), "a": pa.array([2.0])}
    assert encoded(columns, one("float32", 2), models.Columns(["a", "b"])) == {"x": ("float32", [[2.0, 1.0]])}


@pytest.mark.parametrize(
    ("schema", "into", "error", "text"),
    [
        (
            {"x": pa.float64()},
            one("int64"),
            models.DtypeError,
            "column 'x' is double, and tensor 'x' wants int64; CAST",
        ),
        ({"x": pa.string()}, one("float32"), models.DtypeError, "column 'x' is string, and tensor 'x' wants float32"),
        ({"x": pa.decimal128(5, 2)}, one("float32"), models.DtypeError, r"decimal128\(5, 2\), which has no tensor"),
        ({"x": pa.float32()}, one("variant"), models.DtypeError, "variant, which numpy does not have"),
        ({"x": pa.float32()}, one("float32", 3), models.ShapeError, "has 1 values a record; tensor 'x' has 3"),
        ({"x": FLOATS}, one("float32"), models.ShapeError, "is an ARRAY; tensor 'x' has one value a record"),
        ({"x": pa.list_(pa.float32(), 2)}, one("float32", 3), models.ShapeError, "has 2 values a record"),
        (
            {"a": pa.float32(), "b": pa.float32()},
            one("float32", 3),
            models.ShapeError,
            r"the columns a, b have 2 values a record, and the input is x: float32\[any, 3\]; name those it takes",
        ),
        ({"a": pa.float32(), "b": pa.float32()}, one("float32"), models.ShapeError, r"side by side are \[batch, width"),
        ({"a": FLOATS, "b": FLOATS}, one("float32", 3), models.ShapeError, "lengths of the ARRAYs a, b are not known"),
        ({"a": FLOATS, "b": pa.float32()}, one("float32", None), models.ShapeError, "lengths of the ARRAYs a are not"),
        (
            {"a": pa.float32()},
            signature(TensorSpec("a", "float32", (None,)), TensorSpec("b", "float32", (None,))),
            models.ConversionError,
            "predict takes a, b; there is no column b",
        ),
    ],
)
def test_columns_that_cannot_be_the_inputs(schema, into, error, text):
    with pytest.raises(error, match=text):
        models.Columns().bind(pa.schema(list(schema.items())), into)


def test_a_column_that_is_named_and_not_there():
    with pytest.raises(models.ConversionError, match="there is no column 'c'; there are a, b"):
        models.Columns(["c"]).bind(pa.schema([("a", pa.int32()), ("b", pa.int32())]), one("float32", 1))


@pytest.mark.parametrize(
    ("column", "into", "text"),
    [
        (pa.array([[1.0, 2.0], [1.0]], FLOATS), one("float32", 2), "tensor 'x' wants 2 items"),
        (pa.array([[1.0, 2.0], [1.0]], FLOATS), one("float32", None), "wants the same number of items in each"),
        (pa.array([[1.0, None]], FLOATS), one("float32", 2), "an item that is NULL"),
        (pa.array([[1.0]], FLOATS), one("float32", None, None), "ARRAYs have one dimension"),
    ],
)
def test_arrays_that_do_not_fit(column, into, text):
    with pytest.raises(models.ConversionError, match=text):
        encoded({"a": column}, into)


def test_csv_lines():
    lines = pa.array(["1.5,2,red", ',4,"a,b"'])
    into = signature(*(TensorSpec(n, d, (None,)) for n, d in [("f", "float32"), ("i", "int64"), ("s", "string")]))
    converter = models.CsvLine("line", {"f": 0.5, "i": int, "s": ""})
    wanted = {"f": ("float32", [1.5, 0.5]), "i": ("int64", [2, 4]), "s": ("object", [b"red", b"a,b"])}
    assert encoded({"line": lines}, into, converter) == wanted
    side_by_side = models.CsvLine("line", {"a": float, "b": float})
    assert encoded({"line": pa.array(["1,2"])}, one("float32", 2), side_by_side) == {"x": ("float32", [[1.0, 2.0]])}


@pytest.mark.parametrize(
    ("line", "text"),
    [("1.5,", "field 'b' of column 'line' is empty"), ("1.5", "Expected 2 columns, got 1"), ("x,1", "invalid value"),
     ("1,2\n3,4", "more than one line"), ("", "Expected 2|is empty")],
)  # fmt: skip
def test_csv_lines_that_cannot_be_read(line, text):
    converter = models.CsvLine("line", {"a": 0.0, "b": float})
    with pytest.raises(Exception, match=text):
        encoded({"line": pa.array([line])}, one("float32", 2), converter)


def test_images():
    import tensorflow as tf

    white, black = np.full((4, 6, 3), 255, np.uint8), np.zeros((3, 3, 3), np.uint8)
    files = [tf.io.encode_png(white).numpy(), tf.io.encode_jpeg(black).numpy()]
    columns = {"photo": pa.array(files, pa.binary())}
    tensors = encoded(columns, one("float32", 2, 2, 3), models.Images("photo"))
    np.testing.assert_allclose(tensors["x"][1], np.stack([np.ones((2, 2, 3)), np.zeros((2, 2, 3))]))
    gray = encoded(columns, one("float32", None, None, 1), models.Images("photo", size=(1, 2), scale=1.0))
    assert gray["x"][1] == [[[[255.0], [255.0]]], [[[0.0], [0.0]]]]


@pytest.mark.parametrize(
    ("converter", "kind", "into", "error", "text"),
    [
        (models.Images("c"), pa.binary(), one("float32", None, None, 3), models.ShapeError, "name one: Images"),
        (models.Images("c"), pa.binary(), one("float32", 4), models.ShapeError, "go into an input of floats"),
        (models.Images("c", size=(2, 2)), pa.binary(), one("float32", 4, 4, 3), models.ShapeError, "2 x 2 do not go"),
        (models.Images("c"), pa.int32(), one("float32", 4, 4, 3), models.DtypeError, "wants string"),
        (models.Examples("c"), pa.binary(), one("float32"), models.DtypeError, r"string\[any\]; predict takes"),
        (models.Examples("d"), pa.binary(), one("string"), models.ConversionError, "no column 'd'"),
        (models.Examples("c"), pa.binary(), signature(), models.ConversionError, "signatures of one input"),
    ],
)
def test_converters_that_do_not_fit(converter, kind, into, error, text):
    with pytest.raises(error, match=text):
        converter.bind(pa.schema([("c", kind)]), into)


def decoded(arrays, schema, result=None):
    specs = [TensorSpec(n, "string" if a.dtype == object else a.dtype.name, (None, *a.shape[1:])) for n, a in arrays]
    schema = pa.schema(list(schema.items()))
    names, decode = (result or models.Outputs()).bind(signature(outputs=specs), schema)
    columns = decode({name: array for name, array in arrays if name in names})
    return pa.RecordBatch.from_arrays(columns, schema=schema).to_pydict()


FLOAT, INT = np.array([1.5, 2.5], np.float32), np.array([3, 4], np.int32)


@pytest.mark.parametrize(
    ("arrays", "schema", "columns"),
    [
        ([("a", FLOAT), ("b", INT)], {"b": pa.int64()}, {"b": [3, 4]}),
        ([("a", FLOAT), ("b", INT)], {"b": pa.float64(), "a": pa.float64()}, {"b": [3.0, 4.0], "a": [1.5, 2.5]}),
        ([("a", FLOAT), ("b", INT)], {"u": pa.float32(), "v": pa.int32()}, {"u": [1.5, 2.5], "v": [3, 4]}),
        ([("a", FLOAT.reshape(2, 1))], {"u": pa.float32()}, {"u": [1.5, 2.5]}),
        ([("a", FLOAT.reshape(2, 1))], {"u": FLOATS}, {"u": [[1.5], [2.5]]}),
        ([("a", FLOAT.reshape(1, 2))], {"u": pa.list_(pa.float64())}, {"u": [[1.5, 2.5]]}),
        ([("a", FLOAT.reshape(1, 2))], {"u": pa.list_(pa.float32(), 2)}, {"u": [[1.5, 2.5]]}),
        ([("a", FLOAT.reshape(1, 2))], {"u": pa.large_list(pa.float32())}, {"u": [[1.5, 2.5]]}),
        ([("a", INT.reshape(1, 1, 2))], {"u": pa.list_(pa.int32())}, {"u": [[3, 4]]}),
        ([("a", np.array([b"x", "ä".encode()], object))], {"u": pa.string()}, {"u": ["x", "ä"]}),
        ([("a", np.array([b"\xff"], object))], {"u": pa.binary()}, {"u": [b"\xff"]}),
        ([("a", np.array([True, False]))], {"u": pa.bool_()}, {"u": [True, False]}),
        ([("a", INT)], {"u": pa.date32()}, {"u": [datetime.date(1970, 1, 4), datetime.date(1970, 1, 5)]}),
    ],
)
def test_tensors_become_columns(arrays, schema, columns):
    assert decoded(arrays, schema) == columns


def test_labels():
    scores = np.array([[0.1, 0.9], [0.8, 0.2]], np.float32)
    label = models.Label(["cat", "dog"])
    assert decoded([("p", scores)], {"label": pa.string()}, label) == {"label": ["dog", "cat"]}
    both = decoded([("p", scores)], {"p": pa.list_(pa.float64()), "label": pa.string()}, label)
    assert both["label"] == ["dog", "cat"]
    assert np.allclose(both["p"], scores)
    named = models.Label(["cat", "dog"], column="animal", tensor="p")
    schema = {"animal": pa.string(), "a": pa.float32()}
    assert decoded([("a", FLOAT), ("p", scores)], schema, named) == {"animal": ["dog", "cat"], "a": [1.5, 2.5]}


@pytest.mark.parametrize(
    ("outputs", "schema", "result", "error", "text"),
    [
        ([("a", "float32", (None,))], {"u": pa.int32()}, None, models.DtypeError, "output 'a' is float32"),
        ([("a", "int64", (None,))], {"u": pa.int32()}, None, models.DtypeError, "output 'a' is int64"),
        ([("a", "float32", (None, 3))], {"u": pa.float32()}, None, models.ShapeError, "3 values a row; .* no ARRAY"),
        ([("a", "float32", ())], {"u": pa.float32()}, None, models.ShapeError, "one value for a whole batch"),
        (
            [("a", "float32", (None, 3))],
            {"u": pa.list_(pa.float32(), 2)},
            None,
            models.ShapeError,
            "has 3 values a row; column 'u' is fixed_size_list",
        ),
        (
            [("a", "float32", (None,)), ("b", "float32", (None,))],
            {"u": pa.float32()},
            None,
            models.ConversionError,
            "gives a, b; wanted are the columns u",
        ),
        ([("a", "float32", (None, 3))], {"label": pa.string()}, models.Label(["x"]), models.ShapeError, "1 names"),
        ([("a", "float32", (None, 1))], {"u": pa.string()}, models.Label(["x"]), models.ConversionError, "no column"),
        ([("a", "float32", (None, 1))], {"label": pa.int32()}, models.Label(["x"]), models.DtypeError, "STRING"),
        ([], {"label": pa.string()}, models.Label(["x"]), models.ConversionError, "name the output"),
    ],
)  # fmt: skip
def test_outputs_that_cannot_be_the_columns(outputs, schema, result, error, text):
    given = signature(outputs=[TensorSpec(*output) for output in outputs])
    with pytest.raises(error, match=text):
        (result or models.Outputs()).bind(given, pa.schema(list(schema.items())))
