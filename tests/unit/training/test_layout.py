import numpy as np
import pyarrow as pa
import pytest

from flinktf.training.errors import ColumnError
from flinktf.training.layout import Layout
from flinktf.training.options import DatasetOptions
from flinktf.training.structure import Structure

SCHEMA = pa.schema(
    [
        ("a", pa.float32()),
        ("b", pa.int32()),
        ("pixels", pa.list_(pa.float32())),
        ("name", pa.string()),
        ("y", pa.int64()),
        ("held", pa.bool_()),
    ]
)
BATCH = pa.record_batch([[1.0, 2.0], [3, 4], [[5, 6], [7, 8]], ["u", "v"], [0, 1], [False, True]], schema=SCHEMA)


def layout(**options):
    return Layout(SCHEMA, DatasetOptions(**{"features": None, "label": None, "batch_size": 2, **options}))


def test_without_names_all_columns_but_label_and_split_are_features():
    structure = layout(label="y", split_by="held").structure
    assert [part.name for part in structure.parts] == ["a", "b", "pixels", "name", "y"]
    assert (structure.features, structure.label) == (4, True)


def test_a_matrix_joins_numbers_and_arrays():
    matrix, y = layout(features=("b", "pixels"), label="y", as_matrix=True, lengths={"pixels": 2}).decode(BATCH, 0)
    assert matrix.dtype == np.float32
    assert matrix.tolist() == [[3, 5, 6], [4, 7, 8]]
    assert y.tolist() == [0, 1]


def test_an_unknown_column_is_answered_with_those_that_there_are():
    with pytest.raises(ColumnError, match="no column 'x1'; the stream has 'a', 'b', 'pixels', 'name', 'y', 'held'"):
        layout(features=("x1",))
    with pytest.raises(ColumnError, match="no column 'z'"):
        layout(fill={"z": 0})


@pytest.mark.parametrize(("column", "hint"), [("name", "string"), ("pixels", "lengths=")])
def test_a_matrix_takes_numbers_only(column, hint):
    with pytest.raises(ColumnError, match=hint):
        layout(features=("a", column), as_matrix=True)


def test_a_structure_travels_as_json():
    structure = layout(label="y").structure
    assert Structure.from_json(structure.to_json()) == structure
    assert [array.shape for array in structure.zeros(3)] == [(3,), (3,), (0,), (4,), (3,), (3,), (3,)]


def test_options_travel_as_json():
    options = DatasetOptions(("a",), "y", 8, fill={"a": 0.5}, lengths={"pixels": 2}, part=True, split_by="held")
    assert DatasetOptions.from_json(options.to_json()) == options


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"shuffle": 0}, {"features": ()}])
def test_options_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        layout(**wrong)
